//! The signals of one room that are in memory.

use std::collections::BTreeSet;

use super::place::{BEHIND_ALL, Place};

/// What waits in one room, and what of it runs.
pub(super) struct RoomSignals {
    pub(super) waiting: BTreeSet<Place>,
    /// What these take.
    pub(super) bytes: u64,
    /// Those behind this place are on disk alone, until they are read.
    pub(super) covered: Place,
    /// The one that is taken.
    pub(super) taken: Option<u64>,
    /// None of them runs before: one was given back.
    pub(super) not_before: u64,
    /// Those that are taken and wait for the outside, with their names.
    pub(super) suspended: Vec<(u64, Box<str>)>,
    /// Its place among the firsts of all rooms.
    pub(super) listed: Option<Place>,
}

impl Default for RoomSignals {
    fn default() -> RoomSignals {
        RoomSignals {
            waiting: BTreeSet::new(),
            bytes: 0,
            covered: BEHIND_ALL,
            taken: None,
            not_before: 0,
            suspended: Vec::new(),
            listed: None,
        }
    }
}

impl RoomSignals {
    /// Adds a signal that waits.
    pub(super) fn put(&mut self, place: Place, bytes: u64) {
        if self.waiting.insert(place) {
            self.bytes += bytes;
        }
    }

    /// Removes one.
    pub(super) fn pull(&mut self, place: Place, bytes: u64) {
        if self.waiting.remove(&place) {
            self.bytes -= bytes;
        }
    }

    /// When its first signal may run, if none is taken. Those with the name of one that waits for the outside come
    /// after that.
    pub(super) fn first(&self, has_name: impl Fn(u64, &str) -> bool) -> Option<Place> {
        if self.taken.is_some() {
            return None;
        }
        let is_behind = |id| self.suspended.iter().any(|(_, name)| has_name(id, name));
        let (due, id) = self.waiting.iter().find(|(_due, id)| !is_behind(*id))?;
        Some(((*due).max(self.not_before), *id))
    }

    /// One that was taken is no longer.
    pub(super) fn end(&mut self, id: u64) {
        self.suspended.retain(|(suspended, _name)| *suspended != id);
        if self.taken == Some(id) {
            self.taken = None;
        }
    }
}
