//! `setAutoResponse(ws, request, response)`: the response to a message without running JavaScript.

use wasmtime::{Caller, Linker};
use zigttp_abi::api::MAX_AUTO_RESPONSE_BYTES;
use zigttp_abi::guest::IMPORT_MODULE;

use crate::auto_response::AutoResponse;
use crate::budget::OverBudget;
use crate::effect::Effect;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::view::View;

impl<V: View> EventState<V> {
    /// Adds a pair; an empty one clears. Does nothing for a connection that has closed.
    fn set_auto_response(&mut self, ws: i64, pair: AutoResponse) -> Result<(), OverBudget> {
        let Some(addressed) = self.address_writable(ws)? else { return Ok(()) };
        let connection = addressed.index;
        let is_empty = pair.request.is_empty() && pair.response.is_empty();
        self.push(Effect::SetAutoResponse { connection, pair: (!is_empty).then_some(pair) })
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "set_auto_response",
        |mut caller: Caller<'_, HostData<V>>,
         ws: i64,
         request: i32,
         request_len: i32,
         response: i32,
         response_len: i32| {
            let (request, response) =
                (Span::new(request, request_len), Span::new(response, response_len));
            if request.len().max(response.len()) > MAX_AUTO_RESPONSE_BYTES {
                return Err(GuestFault("an auto-response over its limit").into());
            }
            let pair = AutoResponse {
                request: guest_memory::read_bytes(&mut caller, request)?,
                response: guest_memory::read_bytes(&mut caller, response)?,
            };
            caller.data_mut().set_auto_response(ws, pair)?;
            wasmtime::Result::Ok(())
        },
    )?;
    Ok(())
}
