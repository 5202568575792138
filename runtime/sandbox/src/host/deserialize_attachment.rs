//! `deserializeAttachment(ws)`: the value that is stored with a connection.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::Value;

use crate::budget::OverBudget;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::Span;
use crate::host::answer;
use crate::view::{Peer, View};

impl<V: View> EventState<V> {
    /// The value that this event has written, else the committed one.
    fn deserialize_attachment(&mut self, ws: i64) -> Result<Option<Value>, OverBudget> {
        self.used.attachment_reads += 1;
        let Some(addressed) = self.address(ws)? else { return Ok(None) };
        if let Some(written) = &addressed.attachment {
            return Ok(Some(written.clone()));
        }
        let committed = addressed.peer.attachment();
        let is_first = !std::mem::replace(&mut addressed.is_read, true);
        let (id, index) = (addressed.peer.id(), addressed.index);
        if let Some(given) = &mut self.given {
            given.attachment(index, committed.as_ref().map(|(value, _)| value));
        }
        if is_first {
            self.reads.attachment(id, committed.as_ref().map(|(_, version)| *version));
        }
        Ok(committed.map(|(value, _)| value))
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "deserialize_attachment",
        |mut caller: Caller<'_, HostData<V>>, ws: i64, ptr: i32, cap: i32| {
            let value = caller.data_mut().deserialize_attachment(ws)?;
            answer::offer_value(&mut caller, Span::new(ptr, cap), value)
        },
    )?;
    Ok(())
}
