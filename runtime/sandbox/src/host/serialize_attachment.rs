//! `serializeAttachment(ws, value)`: stores a value with a connection.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::Value;

use crate::budget::OverBudget;
use crate::effect::Effect;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::view::View;

impl<V: View> EventState<V> {
    /// Adds a write; does nothing for a connection that has closed.
    fn serialize_attachment(&mut self, ws: i64, value: Value) -> Result<(), OverBudget> {
        let Some(addressed) = self.address_writable(ws)? else { return Ok(()) };
        addressed.attachment = Some(value.clone());
        let connection = addressed.index;
        self.push(Effect::SetAttachment { connection, value })
    }
}

/// Copies an attachment out of the guest. Returns the limit as an error if the value is over it, before or
/// after its conversion to UTF-8, which can make it three times as long (lone surrogates, other bytes).
pub(super) fn read_attachment<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    kind: i32,
    span: Span,
) -> wasmtime::Result<Result<Value, i32>> {
    let limit = caller.data().view.limits().max_attachment;
    let over = i32::try_from(limit).unwrap_or(i32::MAX);
    if span.len() > limit {
        return Ok(Err(over));
    }
    let value = guest_memory::read_value(caller, kind, span)?;
    Ok(if value.bytes().len() > limit { Err(over) } else { Ok(value) })
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "serialize_attachment",
        |mut caller: Caller<'_, HostData<V>>, ws: i64, kind: i32, ptr: i32, len: i32| {
            match read_attachment(&mut caller, kind, Span::new(ptr, len))? {
                Ok(value) => caller.data_mut().serialize_attachment(ws, value)?,
                Err(limit) => return Ok(limit),
            }
            wasmtime::Result::Ok(0)
        },
    )?;
    Ok(())
}
