//! Lines that are missing in the log.

use std::sync::atomic::AtomicU64;

/// Lines that the log of this process has dropped, counted by whoever writes it: this crate knows only what
/// it hands to [`tracing`].
#[derive(Debug, Default)]
pub struct DroppedLogLines {
    /// Over the rate of one place that logs.
    pub repeated: AtomicU64,
    /// Nobody took them: too many waited, or the disk was full, or the reader had gone.
    pub unwritten: AtomicU64,
}
