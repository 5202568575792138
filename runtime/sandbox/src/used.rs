//! What running an event took.

use std::time::Duration;

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Making an instance, where there was none to be had.
    pub instantiate: Option<Duration>,
    /// Restoring it afterwards, where that was measured.
    pub restore: Option<Duration>,
    /// Bytes that were copied to restore it.
    pub restored_bytes: usize,
    /// A restored instance was not what it should be.
    pub has_mismatched: bool,
    /// Attachments that the handler has asked for.
    pub attachment_reads: usize,
    /// Frames that were refused because their queues were full.
    pub refused_frames: usize,
}
