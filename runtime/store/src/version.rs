//! Numbers commits.

use std::sync::atomic::{AtomicU64, Ordering};

use zigttp_abi::version::Version;

/// Gives out the numbers of commits.
#[derive(Default)]
pub struct Versions(AtomicU64);

impl Versions {
    /// The number of the next commit; the first is greater than the default.
    pub fn next(&self) -> Version {
        // Two commits are ordered by their room's lock, or by the thread that writes them.
        Version::from_number(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
