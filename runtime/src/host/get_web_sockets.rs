//! `getWebSockets(room)`: every open connection of a room.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;
use wasmtime::{Caller, Linker};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::well_formed;

use crate::connection::Connection;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::rooms::Room;

/// Members whose ids are gathered without an allocation.
const FEW: usize = 16;

impl EventState {
    /// The room's members that are not closing, in the order they opened. A connection in its own
    /// `onOpen` finds itself, and one this event has closed is not there.
    fn get_web_sockets(&self, room: &[u8]) -> SmallVec<[ConnectionId; FEW]> {
        let is_there =
            |member: &Connection| member.outbox.is_open() && !self.effects.has_closed(member.id);
        let ids_of = |room: &Room| {
            let members = room.members();
            members.values().filter(|member| is_there(member)).map(|member| member.id).collect()
        };
        // Mostly it is the event's own, which need not be looked up among all.
        let is_asked_for = |own: &&Arc<Room>| own.key().as_bytes() == room;
        let own = self.event.connection().map(|own| &own.room).filter(is_asked_for);
        let mut ids: SmallVec<[ConnectionId; FEW]> = match own {
            Some(own) => ids_of(own),
            None => {
                // Longer than any key; what is no UTF-8 would be converted, and grow, for nothing.
                let may_be_one = room.len() <= self.hub.config.max_url;
                let room = may_be_one.then(|| self.hub.rooms.get(&well_formed(room))).flatten();
                room.map_or_else(SmallVec::new, |room| ids_of(&room))
            }
        };
        // Others may have opened since its id was given out: keep the order.
        if let Some(own) = self.opens_into(room)
            && is_there(own)
            && let Err(place) = ids.binary_search(&own.id)
        {
            ids.insert(place, own.id);
        }
        ids
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "get_web_sockets",
        |mut caller: Caller<'_, HostData>, room: i32, room_len: i32, ptr: i32, cap: i32| {
            let room = Span::new(room, room_len);
            let ids = guest_memory::with_bytes(&mut caller, room, |state, room| {
                state.get_web_sockets(room)
            })?;
            let count = i32::try_from(ids.len()).expect("connections are bounded far below 2^31");
            // Numbers of JavaScript.
            let numbers: SmallVec<[[u8; size_of::<f64>()]; FEW]> =
                ids.iter().map(|id| (id.number() as f64).to_le_bytes()).collect();
            let bytes = numbers.as_flattened();
            let keep = || Bytes::copy_from_slice(bytes);
            guest_memory::answer(&mut caller, Span::new(ptr, cap), bytes, keep)?;
            wasmtime::Result::Ok(count)
        },
    )?;
    Ok(())
}
