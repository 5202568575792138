//! `getWebSockets(room)`: every open connection of a room.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::connection_id::ConnectionId;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};

/// Members whose ids are gathered without an allocation.
const FEW: usize = 16;

impl EventState {
    /// Ids of the room's members that are not closing, as `f64`s in the order they opened. A
    /// connection in its own `onOpen` finds itself, and one this event has closed is not there.
    fn get_web_sockets(&mut self, room: &str) -> Bytes {
        // Mostly it is the event's own, which need not be looked up among all.
        let own = self.event.connection().map(|own| &own.room).filter(|own| own.key() == room);
        let found = own.map(Arc::clone).or_else(|| self.hub.rooms.get(room));
        let mut ids: SmallVec<[ConnectionId; FEW]> = match found {
            Some(room) => {
                let members = room.members();
                let open = members.values().filter(|member| member.outbox.is_open());
                open.map(|member| member.id).collect()
            }
            None => SmallVec::new(),
        };
        // Others may have opened since its id was given out: keep the order.
        if let Some(own) = self.opens_into(room)
            && own.outbox.is_open()
            && let Err(place) = ids.binary_search(&own.id)
        {
            ids.insert(place, own.id);
        }
        let mut answer = BytesMut::with_capacity(ids.len() * size_of::<f64>());
        for id in ids {
            if !self.effects.has_closed(id) {
                answer.extend_from_slice(&(id.number() as f64).to_le_bytes());
            }
        }
        answer.freeze()
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "get_web_sockets",
        |mut caller: Caller<'_, HostData>, room: i32, room_len: i32, ptr: i32, cap: i32| {
            let room = Span::new(room, room_len);
            let ids = guest_memory::with_string(&mut caller, room, EventState::get_web_sockets)?;
            let count = i32::try_from(ids.len() / size_of::<f64>())
                .expect("connections are bounded far below 2^31");
            guest_memory::answer(&mut caller, Span::new(ptr, cap), ids)?;
            wasmtime::Result::Ok(count)
        },
    )?;
    Ok(())
}
