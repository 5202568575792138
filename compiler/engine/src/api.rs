//! The functions of `zigttp:websocket`: check the arguments, and ask the host.
//!
//! They are bare functions of QuickJS's C interface, which costs 72 ns a `send` where rquickjs's
//! wrappers cost 147. What they do is told in [`zigttp_abi::api`], whose table they are found by;
//! names in messages come from there.

use std::ffi::{CString, c_int};

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::api::{self, ApiFunction, MAX_AUTO_RESPONSE_BYTES, Parameter};
use zigttp_abi::close_code;
use zigttp_abi::value::{ValueKind, well_formed};

use crate::engine::engine;
use crate::imports;
use crate::json;
use crate::storable::{Storable, Unstorable};
use crate::thrown::{self, ThrowFunction, Thrown};
use crate::value::{self, Block, Data, Refusal, SMALL, Scratch, Text};

/// The type of a native function.
type Native = unsafe extern "C" fn(*mut JSContext, JSValue, c_int, *mut JSValue) -> JSValue;

/// The JavaScript function of a row of the table.
pub(crate) fn function(context: *mut JSContext, row: &ApiFunction) -> JSValue {
    let native: Native = match row.name {
        "send" => send,
        "close" => close,
        "serializeAttachment" => serialize_attachment,
        "deserializeAttachment" => deserialize_attachment,
        "getWebSockets" => get_web_sockets,
        "roomFromPath" => room_from_path,
        "setAutoResponse" => set_auto_response,
        name => unreachable!("`{name}` is in the API table and not in the engine"),
    };
    let name = CString::new(row.name).expect("names have no zero byte");
    // SAFETY: the context is alive, and QuickJS copies the name. With this length, an argument that
    // is left out is `undefined` in `argv`.
    unsafe {
        qjs::JS_NewCFunction2(
            context,
            Some(native),
            name.as_ptr(),
            row.parameters.len() as c_int,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        )
    }
}

/// One call from JavaScript.
struct Call {
    context: *mut JSContext,
    /// As many as the function has parameters.
    arguments: *const JSValue,
    name: &'static str,
}

/// Answers a call with what `body` makes of it.
fn answer(
    context: *mut JSContext,
    arguments: *mut JSValue,
    name: &'static str,
    body: impl FnOnce(&Call) -> Result<JSValue, Thrown>,
) -> JSValue {
    let call = Call { context, arguments, name };
    if engine().is_building() {
        call.throw(
            qjs::JS_ThrowPlainError,
            &format!(
                "{name} cannot be called at the top level: there is no connection while building"
            ),
        );
        return qjs::JS_EXCEPTION;
    }
    body(&call).unwrap_or(qjs::JS_EXCEPTION)
}

impl Call {
    fn argument(&self, index: usize) -> JSValue {
        // SAFETY: callers ask for parameters of the function, see `function`.
        unsafe { *self.arguments.add(index) }
    }

    /// The table's row of a parameter, for messages.
    fn parameter(&self, index: usize) -> &'static Parameter {
        &api::find(self.name).expect("natives are found by their row").parameters[index]
    }

    fn throw(&self, class: ThrowFunction, message: &str) -> Thrown {
        thrown::throw(self.context, class, message)
    }

    fn type_error(&self, index: usize, complaint: &str) -> Thrown {
        let parameter = self.parameter(index).name;
        self.throw(qjs::JS_ThrowTypeError, &format!("{}: {parameter} {complaint}", self.name))
    }

    fn range_error(&self, complaint: &str) -> Thrown {
        self.throw(qjs::JS_ThrowRangeError, &format!("{}: {complaint}", self.name))
    }

    /// The first argument of most functions.
    fn connection(&self) -> Result<i64, Thrown> {
        value::safe_integer(self.argument(0))
            .ok_or_else(|| self.type_error(0, "must be a WebSocket"))
    }

    fn text(&self, index: usize) -> Result<Text, Thrown> {
        let argument = self.argument(index);
        // SAFETY: only the tag is read.
        if unsafe { qjs::JS_IsString(argument) } {
            Text::new(self.context, argument)
        } else {
            Err(self.type_error(index, "must be a string"))
        }
    }

    fn storable(&self, index: usize) -> Result<Storable, Thrown> {
        Storable::new(self.context, self.argument(index)).map_err(|unstorable| match unstorable {
            Unstorable::Misfit(misfit) => {
                self.type_error(index, &format!("cannot be stored: {misfit}"))
            }
            Unstorable::Detached => self.type_error(index, "has a detached ArrayBuffer"),
            Unstorable::Thrown => Thrown,
        })
    }

    fn data(&self, index: usize) -> Result<Data, Thrown> {
        Data::new(self.context, self.argument(index)).map_err(|refusal| match refusal {
            Refusal::Kind => {
                self.type_error(index, "must be a string, an ArrayBuffer or a typed array")
            }
            Refusal::Detached => self.type_error(index, "has a detached ArrayBuffer"),
            Refusal::Thrown => Thrown,
        })
    }
}

unsafe extern "C" fn send(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "send", |call| {
        let ws = call.connection()?;
        let data = call.data(1)?;
        let bytes = data.bytes();
        // SAFETY: the bytes are alive during the call.
        let queued =
            unsafe { imports::send(ws, data.kind().number().into(), bytes.as_ptr(), bytes.len()) };
        Ok(if queued == 1 { qjs::JS_TRUE } else { qjs::JS_FALSE })
    })
}

unsafe extern "C" fn close(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "close", |call| {
        let ws = call.connection()?;
        let code = call.argument(1);
        // SAFETY: only tags are read.
        let (default_code, no_reason) =
            unsafe { (qjs::JS_IsUndefined(code), qjs::JS_IsUndefined(call.argument(2))) };
        let code = if default_code {
            i64::from(close_code::NORMAL)
        } else {
            value::safe_integer(code).ok_or_else(|| call.type_error(1, "must be an integer"))?
        };
        let Some(code) = u16::try_from(code).ok().filter(|&code| close_code::may_be_sent(code))
        else {
            return Err(call.range_error(&format!("code {code} may not be sent (RFC 6455, 7.4)")));
        };
        let reason = if no_reason { None } else { Some(call.text(2)?) };
        // A lone surrogate becomes U+FFFD, which is as many bytes, so the host's lossy conversion
        // cannot make the reason longer than was checked.
        let reason = reason.map(|reason| well_formed(&reason).into_owned()).unwrap_or_default();
        if reason.len() > close_code::MAX_REASON_BYTES {
            return Err(call.range_error(&format!(
                "the reason has {} bytes of UTF-8, a close frame holds {} (RFC 6455, 5.5)",
                reason.len(),
                close_code::MAX_REASON_BYTES,
            )));
        }
        // SAFETY: the reason is alive during the call.
        unsafe { imports::close(ws, code.into(), reason.as_ptr(), reason.len()) };
        Ok(qjs::JS_UNDEFINED)
    })
}

unsafe extern "C" fn serialize_attachment(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "serializeAttachment", |call| {
        let ws = call.connection()?;
        let value = call.storable(1)?;
        let bytes = value.bytes();
        // SAFETY: the bytes are alive during the call.
        let limit = unsafe {
            imports::serialize_attachment(
                ws,
                value.kind().number().into(),
                bytes.as_ptr(),
                bytes.len(),
            )
        };
        if limit == 0 {
            Ok(qjs::JS_UNDEFINED)
        } else {
            let len = bytes.len();
            Err(call.range_error(&format!("the value has {len} bytes, the limit is {limit}")))
        }
    })
}

unsafe extern "C" fn deserialize_attachment(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "deserializeAttachment", |call| {
        let ws = call.connection()?;
        let mut scratch = Scratch::new();
        // SAFETY: the scratch has this much room.
        let packed = unsafe { imports::deserialize_attachment(ws, scratch.start(), SMALL) };
        received_value(call.context, &mut scratch, packed)
    })
}

/// The value that the client of `onUpgrade` has left.
pub(crate) fn resumable(context: *mut JSContext) -> Result<JSValue, Thrown> {
    let mut scratch = Scratch::new();
    // SAFETY: the scratch has this much room.
    let packed = unsafe { imports::resumable(scratch.start(), SMALL) };
    received_value(context, &mut scratch, packed)
}

/// The value of which the host has returned kind and length, or `undefined`.
fn received_value(
    context: *mut JSContext,
    scratch: &mut Scratch,
    packed: i64,
) -> Result<JSValue, Thrown> {
    if packed < 0 {
        return Ok(qjs::JS_UNDEFINED);
    }
    let kind = ValueKind::from_number((packed >> 32) as u32)
        .expect("the host answers with a kind of the table");
    let len = packed as u32 as usize;
    if kind == ValueKind::Json {
        return received_json(context, scratch, len);
    }
    received(context, scratch, len, |bytes| value::of_kind(context, kind, bytes))
}

/// Makes a value of an answer: from the scratch when it fitted, else from what `take` copies.
fn received(
    context: *mut JSContext,
    scratch: &Scratch,
    len: usize,
    make: impl FnOnce(&[u8]) -> Result<JSValue, Thrown>,
) -> Result<JSValue, Thrown> {
    if len <= SMALL {
        // SAFETY: the host writes answers that fit.
        make(unsafe { scratch.written(len) })
    } else {
        // SAFETY: the block has the length that the host has just told.
        make(&Block::filled(context, len, |to| unsafe { imports::take(to) })?)
    }
}

/// The same of JSON, behind which QuickJS wants a zero byte.
fn received_json(
    context: *mut JSContext,
    scratch: &mut Scratch,
    len: usize,
) -> Result<JSValue, Thrown> {
    if len < SMALL {
        // SAFETY: the host has written what fits, and there is room for one byte more.
        let terminated = unsafe {
            scratch.start().add(len).write(0);
            scratch.written(len + 1)
        };
        return json::read(context, terminated);
    }
    let start = scratch.start().cast_const();
    // SAFETY: the block has room for the length that the host has just told, and for the zero byte.
    let terminated = Block::filled(context, len + 1, |to| unsafe {
        if len == SMALL {
            to.copy_from_nonoverlapping(start, len)
        } else {
            imports::take(to)
        }
        to.add(len).write(0);
    })?;
    json::read(context, &terminated)
}

unsafe extern "C" fn get_web_sockets(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "getWebSockets", |call| {
        let room = call.text(0)?;
        let mut scratch = Scratch::new();
        // SAFETY: the room is alive during the call, and the scratch has this much room.
        let count =
            unsafe { imports::get_web_sockets(room.as_ptr(), room.len(), scratch.start(), SMALL) };
        let count = usize::try_from(count).expect("the host answers with a count");
        // SAFETY: in both cases these are `count` numbers that the host has written, aligned as
        // numbers are, and nothing else looks at them.
        unsafe {
            if count * size_of::<f64>() <= SMALL {
                ids_to_array(call.context, scratch.start().cast(), count)
            } else {
                let len = count * size_of::<f64>();
                let block = Block::filled(call.context, len, |to| imports::take(to))?;
                ids_to_array(call.context, block.as_ptr().cast_mut().cast(), count)
            }
        }
    })
}

/// An array of ids, which become values in place: 2.8 us for 1,000 of them, where a copy takes 19.
///
/// # Safety
/// `ids` points to `count` numbers that nothing else looks at.
unsafe fn ids_to_array(
    context: *mut JSContext,
    ids: *mut f64,
    count: usize,
) -> Result<JSValue, Thrown> {
    const { assert!(size_of::<JSValue>() == size_of::<f64>(), "values are NaN-boxed on wasm32") };
    let values = ids.cast::<JSValue>();
    for index in 0..count {
        // SAFETY: inside of the caller's numbers, each read before it is overwritten.
        unsafe { values.add(index).write(qjs::JS_NewFloat64(ids.add(index).read())) };
    }
    // SAFETY: the context is alive; the values are `count` numbers now.
    value::checked(unsafe { qjs::JS_NewArrayFrom(context, count as c_int, values) })
}

unsafe extern "C" fn room_from_path(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "roomFromPath", |call| {
        let ws = call.connection()?;
        let param = call.text(1)?;
        let mut scratch = Scratch::new();
        // SAFETY: the name is alive during the call, and the scratch has this much room.
        let len = unsafe {
            imports::room_from_path(ws, param.as_ptr(), param.len(), scratch.start(), SMALL)
        };
        let Ok(len) = usize::try_from(len) else {
            return Err(call.range_error(&format!(
                "the connection is gone, or its route has no parameter \":{}\"",
                String::from_utf8_lossy(&param),
            )));
        };
        received(call.context, &scratch, len, |bytes| value::string(call.context, bytes))
    })
}

unsafe extern "C" fn set_auto_response(
    context: *mut JSContext,
    _: JSValue,
    _: c_int,
    arguments: *mut JSValue,
) -> JSValue {
    answer(context, arguments, "setAutoResponse", |call| {
        let ws = call.connection()?;
        let (request, response) = (call.data(1)?, call.data(2)?);
        for (index, data) in [(1, &request), (2, &response)] {
            let len = data.bytes().len();
            if len > MAX_AUTO_RESPONSE_BYTES {
                let name = call.parameter(index).name;
                return Err(call.range_error(&format!(
                    "the {name} has {len} bytes, the limit is {MAX_AUTO_RESPONSE_BYTES}",
                )));
            }
        }
        let (request, response) = (request.bytes(), response.bytes());
        // SAFETY: both are alive during the call.
        unsafe {
            imports::set_auto_response(
                ws,
                request.as_ptr(),
                request.len(),
                response.as_ptr(),
                response.len(),
            );
        }
        Ok(qjs::JS_UNDEFINED)
    })
}
