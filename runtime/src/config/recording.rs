//! Which events a server records, and on which handler it runs them as well.

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

/// The bytes of an artifact that events run on as well.
#[derive(Clone)]
pub struct ShadowArtifact(pub Vec<u8>);

impl std::fmt::Debug for ShadowArtifact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ShadowArtifact({} bytes)", self.0.len())
    }
}
