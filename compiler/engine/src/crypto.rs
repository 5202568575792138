//! What `crypto` asks of the host, and comparing bytes in a time that does not tell where they differ.

use rquickjs::qjs::{self, JSValue};
use rquickjs::{Ctx, Error, Exception, Result, TypedArray, Value};
use zigttp_abi::guest::COMPUTED_LATER;

use crate::engine::engine;
use crate::imports;
use crate::thrown::Thrown;
use crate::value::{self, Block, SMALL, Scratch};

const HEAD: usize = size_of::<u32>();

/// Asks the host for an operation, whose words and fields are those of `zigttp-crypto`. Returns an ArrayBuffer; a
/// string that says why there is none, as JSON; or null if a later run of the event gets it.
pub(crate) fn ask<'js>(
    ctx: Ctx<'js>,
    words: String,
    fields: Vec<TypedArray<'js, u8>>,
) -> Result<Value<'js>> {
    if engine().is_building() {
        return Err(Exception::throw_message(
            &ctx,
            "crypto.subtle cannot be used at the top level, which runs when the handler is built: \
             the server computes it, so use it in an event",
        ));
    }
    let mut parts = vec![words.as_bytes()];
    for field in &fields {
        parts.push(
            field.as_bytes().ok_or_else(|| Exception::throw_type(&ctx, "detached ArrayBuffer"))?,
        );
    }
    let value = ask_host(&ctx, &parts).map_err(|_pending| Error::Exception)?;
    // SAFETY: the value is of this context, and nothing else owns this reference.
    Ok(unsafe { Value::from_raw(ctx, value) })
}

fn ask_host(ctx: &Ctx<'_>, parts: &[&[u8]]) -> std::result::Result<JSValue, Thrown> {
    let context = ctx.as_raw().as_ptr();
    let len = parts.iter().map(|part| HEAD + part.len()).sum();
    let request = Block::filled(context, len, |mut to| {
        for part in parts {
            // SAFETY: the block has room for all of the parts, each behind its length.
            unsafe {
                to.copy_from_nonoverlapping((part.len() as u32).to_le_bytes().as_ptr(), HEAD);
                to.add(HEAD).copy_from_nonoverlapping(part.as_ptr(), part.len());
                to = to.add(HEAD + part.len());
            }
        }
    })?;
    let mut scratch = Scratch::new();
    // SAFETY: request and scratch are alive during the call.
    let result =
        unsafe { imports::crypto(request.as_ptr(), request.len(), scratch.start(), SMALL) };
    if result == COMPUTED_LATER {
        return Ok(qjs::JS_NULL);
    }
    let len = result.unsigned_abs() as usize;
    let answer = Block::filled(context, len, |to| {
        // SAFETY: the host has written the answer, or keeps it; the block has its length.
        unsafe {
            if len <= SMALL {
                to.copy_from_nonoverlapping(scratch.written(len).as_ptr(), len);
            } else {
                imports::take(to);
            }
        }
    })?;
    if result < 0 { value::string(context, &answer) } else { answer.into_array_buffer() }
}

/// Whether two arrays of one length are equal. Looks at all of them.
pub(crate) fn is_equal<'js>(
    ctx: Ctx<'js>,
    one: TypedArray<'js, u8>,
    other: TypedArray<'js, u8>,
) -> Result<bool> {
    let (Some(one), Some(other)) = (one.as_bytes(), other.as_bytes()) else {
        return Err(Exception::throw_type(&ctx, "detached ArrayBuffer"));
    };
    let difference = one.iter().zip(other).fold(0, |difference, (a, b)| {
        // So that no compiler finds an end before the last byte.
        std::hint::black_box(difference | (a ^ b))
    });
    Ok(one.len() == other.len() && difference == 0)
}
