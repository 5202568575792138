//! `webSocketById(id)` and `bufferedAmount(ws)`: what there is to know of a connection.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::budget::OverBudget;
use crate::event_state::{EventState, HostData};
use crate::view::View;

impl<V: View> EventState<V> {
    /// How many bytes are queued for a connection, with those that this event has sent.
    fn buffered_amount(&mut self, ws: i64) -> Result<usize, OverBudget> {
        let Some(addressed) = self.address(ws)? else { return Ok(0) };
        let (index, sent) = (addressed.index, addressed.sent);
        Ok(self.queued_bytes(index).map_or(0, |queued| queued + sent))
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "is_open",
        |mut caller: Caller<'_, HostData<V>>, ws: i64| {
            wasmtime::Result::Ok(i32::from(caller.data_mut().address(ws)?.is_some()))
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "buffered_amount",
        |mut caller: Caller<'_, HostData<V>>, ws: i64| {
            wasmtime::Result::Ok(caller.data_mut().buffered_amount(ws)? as f64)
        },
    )?;
    Ok(())
}
