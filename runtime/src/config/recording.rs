//! Which events a server records, and where.

use std::path::PathBuf;

use zigttp_recording::pattern::Pattern;
use zigttp_recording::redaction::Rule;

/// Options of recording.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The folder of the recordings.
    pub folder: PathBuf,
    /// Rooms whose events are recorded; none means all, and events without a room.
    pub rooms: Vec<Pattern>,
    /// Most bytes of the recordings; over it the oldest are removed.
    pub max_bytes: u64,
    /// What is replaced before it reaches the disk, besides what is by default.
    pub redact: Vec<Rule>,
}

impl RecordOptions {
    /// The default of `max_bytes`.
    pub const DEFAULT_MAX_BYTES: usize = 1 << 30;
}
