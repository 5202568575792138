//! The resources that an event has used.

use std::time::Duration;

/// The resources that an event has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// The CPU time of its slices, if it was suspended. Otherwise it ran in one go, and its time is that of the clock.
    pub cpu: Option<Duration>,
    /// The time to make an instance, if none was idle.
    pub instantiate: Option<Duration>,
    /// The time to restore it, if that was measured.
    pub restore: Option<Duration>,
    /// How many bytes were copied to restore it.
    pub restored_bytes: usize,
    /// Whether the restored instance differed from the image.
    pub has_mismatched: bool,
    /// How many attachments the handler has read.
    pub attachment_reads: usize,
    /// How many times the state of a room was read.
    pub state_reads: usize,
    /// How many keys of the state of its room were written.
    pub state_writes: usize,
    /// How many volatile frames were dropped because older ones waited.
    pub dropped_volatile: usize,
    /// How many frames were refused because their queues were over the limit.
    pub refused_frames: usize,
}
