//! What comes out of a sandbox: how an event ended, what it wants to happen, and what it took.

use crate::event::Response;
use crate::event_state::EventState;
use crate::failure::Failure;
use crate::view::View;

/// One event after it has run. Nothing has happened yet: the effects of its state are what would.
pub struct Ran<V: View> {
    pub outcome: Outcome,
    /// Boxed: it is handed on several times an event.
    pub state: Box<EventState<V>>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The handler has returned, with a response if it was asked for one.
    Returned(Option<Response>),
    /// Nothing of it takes effect.
    Failed(Failure),
    /// All that the handler can still do waits for something outside. What it has collected is dropped:
    /// it runs again from the start when that has come.
    Waiting(Wait),
}

/// What a handler waits for outside of its server. There is nothing of the kind yet.
#[derive(Debug)]
pub enum Wait {}
