//! `deserializeAttachment(ws)`: the value kept with a connection.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::Value;

use crate::budget::OverBudget;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};

impl EventState {
    /// What this event has written, else what is committed.
    fn deserialize_attachment(&mut self, ws: i64) -> Result<Option<Value>, OverBudget> {
        self.hub.counters.attachment_reads.add_one();
        let Some(touched) = self.touch(ws)? else { return Ok(None) };
        Ok(touched.attachment.clone().or_else(|| touched.connection.attachment()))
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "deserialize_attachment",
        |mut caller: Caller<'_, HostData>, ws: i64, ptr: i32, cap: i32| {
            let Some(value) = caller.data_mut().deserialize_attachment(ws)? else {
                return wasmtime::Result::Ok(-1);
            };
            let len = value.bytes().len() as i64;
            let kind = i64::from(value.kind().number());
            let bytes = value.bytes();
            guest_memory::answer(&mut caller, Span::new(ptr, cap), bytes, || bytes.clone())?;
            Ok(kind << 32 | len)
        },
    )?;
    Ok(())
}
