//! Why an HTTP request got no response from the handler.

use zigttp_sandbox::failure::Failure;

use crate::undone::Undone;

/// Why an HTTP request got no response from the handler.
pub enum NoAnswer {
    /// The limit of running events is reached.
    Busy,
    /// Its room had no turn for it in time.
    RoomBusy,
    /// An operator has paused its room.
    RoomPaused,
    /// The server stops.
    Draining,
    /// Its client has gone before its turn.
    Abandoned,
    /// The event has failed, which was logged.
    Failed(Failure),
    /// A bug in the server has ended the event.
    Panicked,
}

impl From<Undone> for NoAnswer {
    fn from(undone: Undone) -> NoAnswer {
        match undone {
            Undone::Failed(failure) => NoAnswer::Failed(failure),
            Undone::GivenUp | Undone::Unwanted => NoAnswer::Draining,
        }
    }
}

impl NoAnswer {
    pub fn is_busy(&self) -> bool {
        matches!(self, NoAnswer::Busy)
    }
}
