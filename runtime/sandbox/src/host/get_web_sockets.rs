//! `getWebSockets(room)`: every open connection of a room.

use bytes::Bytes;
use smallvec::SmallVec;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::well_formed;

use crate::budget::OverBudget;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::view::{FEW_MEMBERS, Members, View};

impl<V: View> EventState<V> {
    /// The room's members in the order in which they became members, without those that this event has
    /// closed.
    fn get_web_sockets(&mut self, room: &[u8]) -> Result<Members, OverBudget> {
        let own = self.event.room.as_ref().filter(|own| own.as_bytes() == room);
        let mut ids = match own {
            Some(own) => {
                self.reads.own_members();
                self.view.members(own)
            }
            // Longer than any room: converting it to UTF-8, where it could grow, would be useless.
            None if room.len() > self.view.limits().max_room => Members::new(),
            None => {
                let room = well_formed(room);
                self.has_read_members(&room)?;
                self.view.members(&room)
            }
        };
        ids.retain(|id| !self.effects.has_closed(*id));
        Ok(ids)
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "get_web_sockets",
        |mut caller: Caller<'_, HostData<V>>, room: i32, room_len: i32, ptr: i32, cap: i32| {
            let room = Span::new(room, room_len);
            let ids = guest_memory::with_bytes(&mut caller, room, |state, room| {
                state.get_web_sockets(room)
            })??;
            let count =
                i32::try_from(ids.len()).expect("there are far fewer connections than 2^31");
            // As JavaScript numbers.
            let numbers: SmallVec<[[u8; size_of::<f64>()]; FEW_MEMBERS]> =
                ids.iter().map(|id| (id.number() as f64).to_le_bytes()).collect();
            let bytes = numbers.as_flattened();
            let keep = || Bytes::copy_from_slice(bytes);
            answer::offer(&mut caller, Span::new(ptr, cap), bytes, keep)?;
            wasmtime::Result::Ok(count)
        },
    )?;
    Ok(())
}
