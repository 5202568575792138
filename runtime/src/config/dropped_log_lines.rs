//! Lines that the log of the program has dropped.

use std::sync::atomic::AtomicU64;

/// Lines that the log of this process has dropped. The program that writes the log counts them: this crate
/// only passes lines to [`tracing`].
#[derive(Debug, Default)]
pub struct DroppedLogLines {
    /// Over the rate of one callsite.
    pub repeated: AtomicU64,
    /// Could not be written: too many waited, the disk was full, or the reader had closed the pipe.
    pub unwritten: AtomicU64,
}
