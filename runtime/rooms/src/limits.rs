//! What becomes of a connection whose event failed.

/// What becomes of a connection whose event threw. Nothing of the event takes effect either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It goes on.
    Keep,
    /// It is closed with 1011.
    Close,
}
