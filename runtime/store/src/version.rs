//! The order of commits.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a commit; a later one has a larger number. Not kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

/// Numbers commits.
#[derive(Default)]
pub struct Versions(AtomicU64);

impl Versions {
    /// The number of the next commit; the first is greater than the default.
    pub fn next(&self) -> Version {
        // What orders two commits is their room's turn, or the thread that carries them out.
        Version(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
