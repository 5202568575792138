//! How events are kept apart, and what becomes of a connection whose event failed.

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

/// What becomes of a connection whose event threw. Nothing of the event takes effect either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It goes on.
    Keep,
    /// It is closed with 1011.
    Close,
}
