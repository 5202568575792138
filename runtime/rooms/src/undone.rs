//! Why an event has no effect.

use zigttp_sandbox::failure::Failure;

/// Why an event has no effect.
#[derive(Debug)]
pub enum Undone {
    /// It has failed, which was logged.
    Failed(Failure),
    /// It has not run to its end: an operator has paused its room, and the server stops.
    GivenUp,
    /// Nobody wants it any more: what it waited for came too late.
    Unwanted,
}
