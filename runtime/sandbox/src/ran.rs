//! What a sandbox returns: how an event ended, its effects, and the resources it has used.

use crate::event::Response;
use crate::event_state::EventState;
use crate::failure::Failure;
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
    /// The handler waits for something outside of the server. Its effects are dropped: the event runs
    /// again from the start when that has arrived.
    Waiting(Wait),
}

/// What a handler can wait for outside of the server: nothing yet.
#[derive(Debug)]
pub enum Wait {}
