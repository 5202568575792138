//! `roomFromPath(ws, param)`: a parameter of a connection's route.

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::budget::OverBudget;
use crate::effect::PeerIndex;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::view::{Peer, View};

impl<V: View> EventState<V> {
    fn peer(&mut self, ws: i64) -> Result<Option<(PeerIndex, V::Peer)>, OverBudget> {
        Ok(self.address(ws)?.map(|addressed| (addressed.index, addressed.peer.clone())))
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "room_from_path",
        |mut caller: Caller<'_, HostData<V>>,
         ws: i64,
         parameter: i32,
         parameter_len: i32,
         ptr: i32,
         cap: i32| {
            let parameter = Span::new(parameter, parameter_len);
            let Some((index, peer)) = caller.data_mut().peer(ws)? else {
                return wasmtime::Result::Ok(-1);
            };
            // Names are UTF-8, so other bytes are no parameter and need no conversion.
            let value = guest_memory::with_bytes(&mut caller, parameter, |state, name| {
                let name = std::str::from_utf8(name).ok()?;
                let value = peer.parameter(name);
                if let Some(given) = &mut state.given {
                    given.parameter(index, name, value);
                }
                value
            })?;
            let Some(value) = value.map(str::as_bytes) else { return Ok(-1) };
            let len = i32::try_from(value.len()).expect("the size of a head limits a path");
            let keep = || Bytes::copy_from_slice(value);
            answer::offer(&mut caller, Span::new(ptr, cap), value, keep)?;
            Ok(len)
        },
    )?;
    Ok(())
}
