//! `join(ws, room)`, `leave(ws, room)` and `move(ws, room)` change the rooms of a connection, `getRooms(ws)` lists
//! them.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::guest::rooms::HEAD_BYTES;

use crate::budget::OverBudget;
use crate::effect::{Effect, PeerIndex};
use crate::event::Call;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::Span;
use crate::host::answer;
use crate::host::range_error::{RangeError, result_of};
use crate::host::room_argument::{quoted, room_name};
use crate::rooms::RoomsOf;
use crate::shared_text::SharedText;
use crate::view::View;

impl<V: View> EventState<V> {
    /// A connection whose rooms can change; `None` when it has closed or is closing.
    fn movable(&mut self, ws: i64) -> Result<Option<PeerIndex>, OverBudget> {
        let addressed = self.address_writable(ws)?.filter(|it| !it.is_closed);
        let connection = addressed.map(|addressed| addressed.index);
        Ok(connection.filter(|connection| self.queued_bytes(*connection).is_some()))
    }

    fn join(&mut self, ws: i64, room: SharedText) -> Result<Result<(), RangeError>, OverBudget> {
        let max_joins = self.view.limits().max_joins;
        let Some(connection) = self.movable(ws)? else { return Ok(Ok(())) };
        let rooms = self.rooms_of(connection);
        if rooms.contains(&room) {
            return Ok(Ok(()));
        }
        if rooms.joined.len() >= max_joins {
            return Ok(Err(format!(
                "the connection has joined {max_joins} rooms already, which is the limit (--max-joins)"
            )));
        }
        rooms.joined.push(room.clone());
        self.push(Effect::Join { connection, room }).map(Ok)
    }

    fn leave(&mut self, ws: i64, room: SharedText) -> Result<Result<(), RangeError>, OverBudget> {
        let Some(connection) = self.movable(ws)? else { return Ok(Ok(())) };
        let rooms = self.rooms_of(connection);
        if rooms.own == room {
            return Ok(Err(format!(
                "{} is the connection's own room: move it to another one, or close it",
                quoted(&room)
            )));
        }
        if !rooms.has_joined(&room) {
            return Ok(Ok(()));
        }
        rooms.joined.retain(|joined| *joined != room);
        self.push(Effect::Leave { connection, room }).map(Ok)
    }

    fn move_to(&mut self, ws: i64, to: SharedText) -> Result<Result<(), RangeError>, OverBudget> {
        if self.closes(ws)? {
            return Ok(Err("the connection is closing".to_owned()));
        }
        let Some(connection) = self.movable(ws)? else { return Ok(Ok(())) };
        let rooms = self.rooms_of(connection);
        if rooms.own == to {
            return Ok(Err(format!("{} is the connection's own room already", quoted(&to))));
        }
        rooms.joined.retain(|joined| *joined != to);
        let from = std::mem::replace(&mut rooms.own, to.clone());
        self.push(Effect::Move { connection, from, to }).map(Ok)
    }

    /// Whether this event has closed a connection, or is its `onClose`.
    fn closes(&mut self, ws: i64) -> Result<bool, OverBudget> {
        let own = self.event.connection.filter(|_| matches!(self.event.call, Call::Close { .. }));
        if own.is_some_and(|own| u64::try_from(ws) == Ok(own.number())) {
            return Ok(true);
        }
        Ok(self.address(ws)?.is_some_and(|addressed| addressed.is_closed))
    }

    /// The rooms of a connection, its own first; none when it has closed.
    fn get_rooms(&mut self, ws: i64) -> Result<Vec<SharedText>, OverBudget> {
        let Some(addressed) = self.address(ws)? else { return Ok(Vec::new()) };
        let (index, rooms) = (addressed.index, addressed.rooms.as_deref().cloned());
        let RoomsOf { own, mut joined } = rooms.unwrap_or_else(|| self.committed_rooms(index));
        joined.insert(0, own);
        Ok(joined)
    }
}

/// Adds a room to a list (see [`zigttp_abi::guest::rooms`]).
pub(super) fn encode(room: &str, members: usize, to: &mut Vec<u8>) {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let head: [[u8; 4]; 2] = [number(members), number(room.len())];
    const { assert!(size_of::<[[u8; 4]; 2]>() == HEAD_BYTES) };
    to.extend_from_slice(head.as_flattened());
    to.extend_from_slice(room.as_bytes());
}

/// Offers a list of rooms to the guest. Returns its length in bytes.
pub(super) fn offer_list<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    to: Span,
    list: Vec<u8>,
) -> wasmtime::Result<i32> {
    let len = i32::try_from(list.len()).expect("1,000 names of rooms have less than 2 GiB");
    if list.len() > to.len() {
        caller.data_mut().keep(list.into())?;
    } else {
        answer::offer(caller, to, &list, bytes::Bytes::new)?;
    }
    Ok(len)
}

type Change<V> =
    fn(&mut EventState<V>, i64, SharedText) -> Result<Result<(), RangeError>, OverBudget>;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    let changes: [(&str, Change<V>); 3] = [
        ("join", EventState::join),
        ("leave", EventState::leave),
        ("move_to", EventState::move_to),
    ];
    for (import, change) in changes {
        linker.func_wrap(
            IMPORT_MODULE,
            import,
            move |mut caller: Caller<'_, HostData<V>>, ws: i64, room: i32, room_len: i32| {
                let room = room_name(&mut caller, Span::new(room, room_len))?;
                let changed = change(caller.data_mut(), ws, SharedText::from(&*room))?;
                result_of(&mut caller, changed.map(|()| 0))
            },
        )?;
    }
    linker.func_wrap(
        IMPORT_MODULE,
        "get_rooms",
        |mut caller: Caller<'_, HostData<V>>, ws: i64, ptr: i32, cap: i32| {
            let rooms = caller.data_mut().get_rooms(ws)?;
            let mut list = Vec::new();
            for room in rooms {
                encode(&room, 0, &mut list);
            }
            offer_list(&mut caller, Span::new(ptr, cap), list)
        },
    )?;
    Ok(())
}
