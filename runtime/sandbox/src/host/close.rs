//! `close(ws, code, reason)`: begins a graceful close.

use wasmtime::{Caller, Linker};
use zigttp_abi::close_code;
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_protocol::close::Close;

use crate::budget::OverBudget;
use crate::effect::Effect;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::view::View;

impl<V: View> EventState<V> {
    /// Adds a close; does nothing for a connection that has closed or is closing.
    fn close(&mut self, ws: i64, close: Close) -> Result<(), OverBudget> {
        let Some(addressed) = self.address_writable(ws)? else { return Ok(()) };
        let (connection, is_closed) = (addressed.index, addressed.is_closed);
        if is_closed || self.queued_bytes(connection).is_none() {
            return Ok(());
        }
        self.effects.at(connection).is_closed = true;
        self.push(Effect::Close { connection, close })
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "close",
        |mut caller: Caller<'_, HostData<V>>, ws: i64, code: i32, reason: i32, len: i32| {
            let code = u16::try_from(code)
                .ok()
                .filter(|code| close_code::may_be_sent(*code))
                .ok_or(GuestFault("a close code that may not be sent"))?;
            let reason = Span::new(reason, len);
            // Checked before it is copied, and again after its conversion to UTF-8.
            let is_short = |len| len <= close_code::MAX_REASON_BYTES;
            let reason = match is_short(reason.len()) {
                true => Some(guest_memory::read_string(&mut caller, reason)?),
                false => None,
            };
            let reason = reason
                .filter(|reason| is_short(reason.len()))
                .ok_or(GuestFault("a close reason over 123 bytes"))?;
            caller.data_mut().close(ws, Close::new(code, reason))?;
            wasmtime::Result::Ok(())
        },
    )?;
    Ok(())
}
