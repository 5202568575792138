//! `req.resumable`: the value that the client of `onUpgrade` has left.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::Value;

use crate::event::Call;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::Span;
use crate::host::answer;
use crate::view::View;

impl<V: View> EventState<V> {
    fn resumable(&self) -> Option<Value> {
        match &self.event.call {
            Call::Upgrade { resumable, .. } => resumable.clone(),
            _ => None,
        }
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "resumable",
        |mut caller: Caller<'_, HostData<V>>, ptr: i32, cap: i32| {
            let value = caller.data().resumable();
            answer::offer_value(&mut caller, Span::new(ptr, cap), value)
        },
    )?;
    Ok(())
}
