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
}

impl Default for RoomSignals {
    fn default() -> RoomSignals {
        RoomSignals {
            waiting: BTreeSet::new(),
            bytes: 0,
            covered: BEHIND_ALL,
            taken: None,
            not_before: 0,
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

    /// When its first signal may run, if none is taken.
    pub(super) fn first(&self) -> Option<Place> {
        let (due, id) = self.waiting.first()?;
        self.taken.is_none().then_some(((*due).max(self.not_before), *id))
    }
}
