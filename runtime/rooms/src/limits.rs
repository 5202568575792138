//! What happens to a connection when one of its events throws.

/// What happens to a connection when one of its events throws. The event has no effect in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It stays open.
    Keep,
    /// It is closed with 1011.
    Close,
}
