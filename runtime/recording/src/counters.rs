//! What a recorder and a shadow count.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::ended::Part;

/// Counts since the recorder was made.
#[derive(Default)]
pub struct RecordCounters {
    /// Events whose record is on disk.
    pub recorded: Count,
    /// Those that are not, because more waited to be written than fits.
    pub dropped: Count,
    /// Those that are not, because the disk could not take them.
    pub failed: Count,
    /// Bytes that were written, compressed.
    pub bytes: Count,
    /// Whether the last attempt to write has failed.
    pub(crate) is_stopped: AtomicBool,
}

/// Counts since the shadow was made.
#[derive(Default)]
pub struct ShadowCounters {
    /// Events that ran on the new handler too.
    pub events: Count,
    /// Those that did not, because more waited than fits.
    pub skipped: Count,
    /// Those that differ, for each [`Part`].
    pub differences: [Count; Part::ALL.len()],
}

/// A number that only grows.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl RecordCounters {
    /// Whether the last attempt to write has failed.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }
}
