//! The limits of a sandbox, and how it isolates events.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// The limits of a [`Sandbox`](crate::sandbox::Sandbox).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most events that run at the same time.
    pub max_events: usize,
    /// Memory of one event in bytes: its linear memory, and all that the host holds for it.
    pub memory: usize,
    /// CPU time of one event.
    pub cpu: Duration,
    /// How an event gets a fresh sandbox.
    pub isolation: Isolation,
    /// Compares the whole sandbox with the artifact's image after every Nth event that restored one.
    /// `None`: never.
    pub verify_restore: Option<NonZeroU32>,
    /// The folder where compiled modules are cached. Every user who can write there can run code as the
    /// server.
    pub cache_dir: Option<PathBuf>,
}

/// How an event gets a fresh sandbox: one whose memory, globals and tables are those of the artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Undo what the last event has written. An artifact for which that cannot be done exactly is served
    /// as with [`Isolation::Instantiate`].
    #[default]
    Restore,
    /// Make a new instance for each event, and drop it afterwards.
    Instantiate,
}
