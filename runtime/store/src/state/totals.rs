//! What an operator sees of the states of rooms.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the states of rooms take, and what was done with them since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rooms that have state.
    pub rooms: u64,
    /// Bytes of the states of all rooms.
    pub bytes: u64,
    /// Events that were committed.
    pub commits: u64,
    /// Groups of events that were committed together.
    pub groups: u64,
    /// Events that could not be committed.
    pub failures: u64,
    /// Entries that were removed after they had expired.
    pub expired: u64,
    /// Bytes of the database's log.
    pub log_bytes: u64,
    /// Rooms that are held in memory, and what they take.
    pub live_rooms: u64,
    pub live_bytes: u64,
    /// Rooms that were read into memory, and those that had to leave it.
    pub loads: u64,
    pub evictions: u64,
}

/// How many bytes the database and its log took before and after free space was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    pub before: u64,
    pub after: u64,
}

/// What the thread that writes counts. Only that thread changes it.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) rooms: Count,
    pub(crate) bytes: Count,
    pub(crate) commits: Count,
    pub(crate) groups: Count,
    pub(crate) failures: Count,
    pub(crate) expired: Count,
    pub(crate) signals: Count,
    pub(crate) parked: Count,
}

/// A number that one thread changes and others read.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, number: usize) {
        self.set(self.get() + number as u64);
    }
}
