//! The rooms of one connection: its own, in whose turn its events run, and those that it has joined.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_sandbox::rooms::RoomsOf;
use zigttp_sandbox::shared_text::SharedText;

use crate::rooms::Room;

/// The rooms of a connection. Most never join another room or move, and have no more than the first.
pub struct Membership {
    /// The room that it has opened in.
    first: Arc<Room>,
    /// Whether its own room may be another one. Set with `changed` locked.
    has_moved: AtomicBool,
    changed: Mutex<Changed>,
}

#[derive(Default)]
struct Changed {
    rooms: Option<Box<Rooms>>,
    /// Its `onClose` has begun, or it has never opened: it is in no list any more, and comes in none.
    has_ended: bool,
}

/// The rooms of a connection that has joined one or moved.
struct Rooms {
    own: Arc<Room>,
    joined: Vec<Arc<Room>>,
}

impl Membership {
    pub(crate) fn new(first: Arc<Room>) -> Membership {
        Membership { first, has_moved: AtomicBool::new(false), changed: Mutex::default() }
    }

    /// The room that it has opened in.
    pub fn first(&self) -> &Arc<Room> {
        &self.first
    }

    /// Calls `look` with its own room.
    pub fn with_own<R>(&self, look: impl FnOnce(&Arc<Room>) -> R) -> R {
        if !self.has_moved.load(Ordering::Acquire) {
            return look(&self.first);
        }
        let changed = self.lock();
        look(changed.rooms.as_ref().map_or(&self.first, |rooms| &rooms.own))
    }

    /// Its own room.
    pub fn own(&self) -> Arc<Room> {
        self.with_own(Arc::clone)
    }

    pub(crate) fn is_own(&self, room: &Arc<Room>) -> bool {
        self.with_own(|own| Arc::ptr_eq(own, room))
    }

    /// The rooms that it has joined.
    pub fn joined(&self) -> Vec<Arc<Room>> {
        self.lock().rooms.as_ref().map_or_else(Vec::new, |rooms| rooms.joined.clone())
    }

    /// The names of all of its rooms.
    pub fn names(&self) -> RoomsOf {
        let changed = self.lock();
        let name = |room: &Arc<Room>| -> SharedText { room.shared_key().clone() };
        match &changed.rooms {
            None => RoomsOf { own: name(&self.first), joined: Vec::new() },
            Some(rooms) => {
                RoomsOf { own: name(&rooms.own), joined: rooms.joined.iter().map(name).collect() }
            }
        }
    }

    /// Joins a room. Returns whether it is in one more then. The caller has entered the room for it, and holds the
    /// lock of its members.
    pub(crate) fn join(&self, room: &Arc<Room>) -> bool {
        let mut changed = self.lock();
        if changed.has_ended {
            return false;
        }
        let rooms = changed.rooms_or(&self.first);
        let is_in = |known: &Arc<Room>| Arc::ptr_eq(known, room);
        if is_in(&rooms.own) || rooms.joined.iter().any(is_in) {
            return false;
        }
        rooms.joined.push(Arc::clone(room));
        true
    }

    /// Leaves a room. Returns whether it had joined it. The caller holds the lock of its members.
    pub(crate) fn leave(&self, room: &Arc<Room>) -> bool {
        self.lock().rooms.as_mut().is_some_and(|rooms| rooms.remove_joined(room))
    }

    /// Makes a room its own. The caller has entered the room for it, and holds the locks of the members of both.
    pub(crate) fn move_to(&self, room: &Arc<Room>) -> Option<Moved> {
        let mut changed = self.lock();
        if changed.has_ended {
            return None;
        }
        let rooms = changed.rooms_or(&self.first);
        if Arc::ptr_eq(&rooms.own, room) {
            return None;
        }
        let had_joined = rooms.remove_joined(room);
        let from = std::mem::replace(&mut rooms.own, Arc::clone(room));
        self.has_moved.store(true, Ordering::Release);
        Some(Moved { from, had_joined })
    }

    /// It comes in no list any more. Returns the rooms that it is in.
    pub(crate) fn end(&self) -> Vec<Arc<Room>> {
        let mut changed = self.lock();
        changed.has_ended = true;
        match &changed.rooms {
            None => vec![Arc::clone(&self.first)],
            Some(rooms) => {
                std::iter::once(&rooms.own).chain(&rooms.joined).map(Arc::clone).collect()
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Changed> {
        // No change can panic in the middle.
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the rooms of a connection change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Join,
    Leave,
    /// The room becomes its own.
    Move,
}

/// What a connection that has moved is in no longer.
pub(crate) struct Moved {
    pub(crate) from: Arc<Room>,
    /// Whether it has joined the new room before, and so has entered it twice.
    pub(crate) had_joined: bool,
}

impl Changed {
    fn rooms_or(&mut self, first: &Arc<Room>) -> &mut Rooms {
        self.rooms
            .get_or_insert_with(|| Box::new(Rooms { own: Arc::clone(first), joined: Vec::new() }))
    }
}

impl Rooms {
    fn remove_joined(&mut self, room: &Arc<Room>) -> bool {
        let place = self.joined.iter().position(|joined| Arc::ptr_eq(joined, room));
        place.map(|place| self.joined.remove(place)).is_some()
    }
}
