//! How an event changes the rooms of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zigttp_sandbox::effect::Effect;
use zigttp_sandbox::effects::AllAddressed;
use zigttp_sandbox::shared_text::SharedText;

use crate::hub::Hub;
use crate::locked_rooms::{FewRooms, LockedRooms};
use crate::members::Member;
use crate::membership::{Change, Moved};
use crate::room_change::RoomChange;
use crate::rooms::Room;
use crate::world::LocalPeer;

/// The changes among the effects of an event.
pub(crate) fn of(effects: &[Effect], addressed: &AllAddressed<LocalPeer>) -> Vec<RoomChange> {
    let change = |effect: &Effect| {
        let (connection, what, room) = match effect {
            Effect::Join { connection, room } => (connection, Change::Join, room),
            Effect::Leave { connection, room } => (connection, Change::Leave, room),
            Effect::Move { connection, to, .. } => (connection, Change::Move, to),
            _ => return None,
        };
        let connection = Arc::clone(&addressed[*connection].peer);
        Some(RoomChange { connection, what, room: room.clone() })
    };
    effects.iter().filter_map(change).collect()
}

/// Changes with their rooms, which exist as long as the connections may come into them.
pub(crate) struct EnteredChanges<'a> {
    changes: &'a [RoomChange],
    /// At the same index; `None` for a room that is left and does not exist any more.
    rooms: Vec<Option<Arc<Room>>>,
}

impl EnteredChanges<'_> {
    /// Enters the rooms for the connections that come into them. [`EnteredChanges::apply`] says which are left again.
    pub(crate) fn enter<'a>(hub: &Hub, changes: &'a [RoomChange]) -> EnteredChanges<'a> {
        let room = |RoomChange { what, room, .. }: &RoomChange| match what {
            Change::Join | Change::Move => Some(hub.rooms.enter(room.clone())),
            Change::Leave => hub.rooms.get(room),
        };
        EnteredChanges { changes, rooms: changes.iter().map(room).collect() }
    }

    fn each(&self) -> impl Iterator<Item = (&RoomChange, &Arc<Room>)> {
        let rooms = self.changes.iter().zip(&self.rooms);
        rooms.filter_map(|(change, room)| Some((change, room.as_ref()?)))
    }

    /// Adds the rooms whose members change.
    pub(crate) fn add_rooms(&self, rooms: &mut FewRooms) {
        for (change, room) in self.each() {
            rooms.push(Arc::clone(room));
            if change.what == Change::Move {
                rooms.push(change.connection.rooms.own());
            }
        }
    }

    /// Whether the rooms are locked whose members change.
    pub(crate) fn are_within(&self, locked: &LockedRooms<'_>) -> bool {
        self.each().all(|(change, _)| {
            change.what != Change::Move || change.connection.rooms.with_own(|own| locked.has(own))
        })
    }

    /// Changes the members of the rooms, and the rooms of the connections. Returns the rooms that connections are in
    /// no longer, each to be left as often as it is in the list.
    pub(crate) fn apply(
        &self,
        joins: &AtomicUsize,
        locked: &mut LockedRooms<'_>,
    ) -> Vec<SharedText> {
        let mut left = Vec::new();
        let joins_one_less = || joins.fetch_sub(1, Ordering::Relaxed);
        for (RoomChange { connection, what, room: name }, room) in self.each() {
            match what {
                Change::Join => match connection.rooms.join(room) {
                    true => {
                        joins.fetch_add(1, Ordering::Relaxed);
                        locked.of(room).insert(connection.id, Arc::clone(connection) as Member);
                    }
                    // It has closed, or another event was faster.
                    false => left.push(name.clone()),
                },
                Change::Leave => {
                    if connection.rooms.leave(room) {
                        joins_one_less();
                        locked.of(room).remove(connection.id);
                        left.push(name.clone());
                    }
                }
                Change::Move => match connection.rooms.move_to(room) {
                    Some(Moved { from, had_joined }) => {
                        locked.of(&from).remove(connection.id);
                        locked.of(room).insert(connection.id, Arc::clone(connection) as Member);
                        left.push(from.shared_key().clone());
                        if had_joined {
                            joins_one_less();
                            left.push(name.clone());
                        }
                    }
                    None => left.push(name.clone()),
                },
            }
        }
        left
    }
}
