//! The bounds of a sandbox, and how events are kept apart in it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// What everything that runs in one [`Sandbox`](crate::sandbox::Sandbox) may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Events that may run at the same time.
    pub max_events: usize,
    /// Linear memory of one event plus all that the host holds for it, in bytes.
    pub memory: usize,
    /// CPU time of one event.
    pub cpu: Duration,
    /// How an event gets a fresh sandbox.
    pub isolation: Isolation,
    /// Compares the whole sandbox with the artifact's image after every so many events that were
    /// restored. Never without it.
    pub verify_restore: Option<NonZeroU32>,
    /// Where compiled modules are cached. Whoever can write there can run code.
    pub cache_dir: Option<PathBuf>,
}

/// How an event gets a sandbox whose memory, globals and tables are those of the artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// What an event has written is undone after it. An artifact for which that cannot be done
    /// exactly is served as by [`Isolation::Instantiate`].
    #[default]
    Restore,
    /// Each event has a new instance, dropped after it.
    Instantiate,
}
