//! What a sandbox returns: how an event ended, its effects, and the resources it has used.

use crate::event::Response;
use crate::event_state::EventState;
use crate::failure::Failure;
use crate::view::View;
use crate::wait::Wait;

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
