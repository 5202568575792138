//! What a sandbox returns: how an event ended, its effects, and the resources it has used.

use std::time::Duration;

use crate::event::Response;
use crate::event_state::EventState;
use crate::failure::Failure;
use crate::journal::EntryId;
use crate::view::View;

/// One event after it has run. Its effects, in its state, have not happened yet.
pub struct Ran<V: View> {
    pub outcome: Outcome,
    /// Boxed, because it is moved several times.
    pub state: Box<EventState<V>>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The handler has returned, with a response if the event is a request.
    Returned(Option<Response>),
    /// The event has no effect.
    Failed(Failure),
    /// The handler waits for the outside. Its effects are dropped: the event runs again from the start when what
    /// it waits for has come.
    Waiting(Wait),
}

/// What a run waits for.
#[derive(Debug)]
pub struct Wait {
    /// The questions that have no answer yet: those of the journal.
    pub questions: Vec<EntryId>,
    /// When the earliest timer is due, since the event began.
    pub timer: Option<Duration>,
}
