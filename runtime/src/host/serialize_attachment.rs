//! `serializeAttachment(ws, value)`: keeps a value with a connection.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::budget::OverBudget;
use crate::effects::Effect;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::value::Value;

impl EventState {
    /// Collects a write; nothing for a connection that is gone.
    fn serialize_attachment(&mut self, ws: i64, value: Value) -> Result<(), OverBudget> {
        let Some(touched) = self.touch_writable(ws) else { return Ok(()) };
        touched.attachment = Some(value.clone());
        let connection = touched.place;
        self.push(Effect::SetAttachment { connection, value })
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "serialize_attachment",
        |mut caller: Caller<'_, HostData>, ws: i64, kind: i32, ptr: i32, len: i32| {
            let span = Span::new(ptr, len);
            let limit = caller.data().hub.config.max_attachment_size;
            if span.len() > limit {
                return wasmtime::Result::Ok(i32::try_from(limit).unwrap_or(i32::MAX));
            }
            let value = guest_memory::read_value(&mut caller, kind, span)?;
            caller.data_mut().serialize_attachment(ws, value)?;
            Ok(0)
        },
    )?;
    Ok(())
}
