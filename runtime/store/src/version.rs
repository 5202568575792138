//! Numbers commits.

use std::sync::atomic::{AtomicU64, Ordering};

use zigttp_abi::version::Version;

/// Hands out the numbers of commits.
#[derive(Default)]
pub struct Versions(AtomicU64);

impl Versions {
    /// The number of the next commit; the first is greater than the default.
    pub fn next(&self) -> Version {
        // What orders two commits is their room's turn, or the thread that carries them out.
        Version::from_number(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
