//! Locks the members of several rooms together.

use std::sync::{Arc, MutexGuard};

use smallvec::SmallVec;

use crate::members::Members;
use crate::rooms::Room;

/// Mostly there is one room.
pub(crate) type FewRooms = SmallVec<[Arc<Room>; 1]>;

/// Rooms whose members are locked.
pub(crate) struct LockedRooms<'a> {
    rooms: &'a [Arc<Room>],
    members: SmallVec<[MutexGuard<'a, Members>; 1]>,
}

impl LockedRooms<'_> {
    pub(crate) fn has(&self, room: &Arc<Room>) -> bool {
        contains(self.rooms, room)
    }

    /// The members of a room that is locked.
    pub(crate) fn of(&mut self, room: &Arc<Room>) -> &mut Members {
        let place = self.rooms.iter().position(|locked| Arc::ptr_eq(locked, room));
        &mut self.members[place.expect("all rooms of the effects are locked")]
    }
}

/// Calls `then` with rooms whose members are locked: those that are `needed`, which can change until they are.
pub(crate) fn with_locked_rooms<R>(
    needed: impl Fn() -> FewRooms,
    are_enough: impl Fn(&LockedRooms<'_>) -> bool,
    then: impl FnOnce(LockedRooms<'_>) -> R,
) -> R {
    loop {
        let mut rooms = needed();
        if rooms.len() > 1 {
            // In one fixed order, so that two commits with the same rooms cannot deadlock. A room that was left and
            // entered again has the same name, but is another room.
            rooms.sort_unstable_by(|one, other| {
                let names = one.key().cmp(other.key());
                names.then_with(|| Arc::as_ptr(one).cmp(&Arc::as_ptr(other)))
            });
            rooms.dedup_by(|one, other| Arc::ptr_eq(one, other));
        }
        let members = rooms.iter().map(|room| room.members()).collect();
        let locked = LockedRooms { rooms: &rooms, members };
        if are_enough(&locked) {
            return then(locked);
        }
    }
}

pub(crate) fn contains(rooms: &[Arc<Room>], room: &Arc<Room>) -> bool {
    rooms.iter().any(|known| Arc::ptr_eq(known, room))
}
