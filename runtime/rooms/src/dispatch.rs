//! One event, from what the handler is called with to its effects.
//!
//! It waits for its room's turn and for an instance, runs in a fresh sandbox, and commits what it
//! collected if it returned. If it threw, trapped or ran over a budget, nothing of it happens; after
//! anything but a throw (and after that too, if so configured) its connection is closed with 1011, or
//! 1013 where others have used up what events may hold together.

use std::sync::Arc;
use std::time::Duration;

use zigttp_abi::close_code;
use zigttp_protocol::close::Close;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::event::{Event, EventKind, Response};
use zigttp_sandbox::event_state::EventState;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::ran::{Outcome, Ran};
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_store::failpoint;

use crate::commit::commit;
use crate::connection::Connection;
use crate::failure_log;
use crate::handlers::{Handler, Handlers};
use crate::hub::Hub;
use crate::limits::OnError;
use crate::no_answer::NoAnswer;
use crate::observer::Observer;
use crate::slots::{Slot, Slots};
use crate::unwritten::Unwritten;
use crate::world::World;

/// What is left of an event that has returned.
struct Committed {
    /// That of the handler, if it has given one.
    response: Option<Response>,
    unwritten: Option<Unwritten>,
}

/// What it takes to run events: a sandbox, a handler, and the connections that they act on.
pub struct Dispatcher {
    pub sandbox: Sandbox<World>,
    pub handlers: Handlers,
    pub slots: Slots,
    pub hub: Arc<Hub>,
    /// What becomes of a connection whose event threw.
    pub on_error: OnError,
    /// What is told of events, where an inspector may look.
    pub observer: Option<Observer>,
}

impl Dispatcher {
    /// Compiles an artifact and serves further events with it; no connection closes.
    ///
    /// # Errors
    /// When the artifact is refused; the present one goes on.
    pub fn swap(&self, artifact: &[u8]) -> Result<(), LoadError> {
        self.handlers.swap(&self.sandbox, artifact)?;
        self.hub.counters.swaps.add_one();
        Ok(())
    }

    /// Handles an event of a connection in its room's turn. What it and others have queued is written when
    /// the caller drops what this returns.
    pub async fn dispatch(
        &self,
        connection: &Arc<Connection>,
        event: Event,
    ) -> Result<Option<Unwritten>, Failure> {
        let _turn = connection.room.turn().await;
        let is_opening = event.kind() == EventKind::Open;
        let result = self.handle(connection, event).await;
        if let Err(failure) = &result
            && (self.on_error == OnError::Close || !matches!(failure, Failure::Threw(_)))
        {
            let code = match failure {
                // Not its own fault, perhaps.
                Failure::OverBudget(OverBudget::EventMemory) => close_code::TRY_AGAIN_LATER,
                _ => close_code::INTERNAL_ERROR,
            };
            connection.outbox.close(Close::new(code, ""));
        }
        if is_opening {
            // Still in its room's turn: the next event of the room finds it listed.
            self.hub.join(connection);
        }
        result
    }

    /// Handles an event that has no turn to wait for, if there is a slot: a client is better refused at
    /// once than kept waiting. `own` is the connection that it asks for. Returns the handler's response;
    /// `None` where it has given none.
    pub async fn dispatch_unbound(
        &self,
        event: Event,
        own: Option<Arc<Connection>>,
    ) -> Result<Option<Response>, NoAnswer> {
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let slot = self.slots.request_slot().ok_or(NoAnswer::Busy)?;
        let committed = self.execute(slot, &handler, event, own).await;
        Ok(committed.map_err(NoAnswer::Failed)?.response)
    }

    /// Handles an event whose turn it is, once there is a slot.
    async fn handle(
        &self,
        connection: &Arc<Connection>,
        event: Event,
    ) -> Result<Option<Unwritten>, Failure> {
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let slot = self.slots.slot().await;
        let own = Some(Arc::clone(connection));
        Ok(self.execute(slot, &handler, event, own).await?.unwritten)
    }

    /// Runs the handler in a sandbox, and commits the effects if it returns.
    async fn execute(
        &self,
        slot: Slot<'_>,
        handler: &Arc<Handler>,
        event: Event,
        own: Option<Arc<Connection>>,
    ) -> Result<Committed, Failure> {
        failpoint::panics("event");
        let began = self.hub.clock.now();
        let observer = self.observer.as_ref();
        let mut observed = observer.and_then(|observer| observer.begin(&event, began));
        let world = World::new(Arc::clone(&self.hub), own);
        let program = &handler.app.program;
        let ran = self.sandbox.run(program, event, world, began, observed.is_some()).await;
        drop(slot);
        let Ran { outcome, mut state } = ran;
        let result = match outcome {
            Outcome::Returned(response) => {
                if let Some(observed) = &mut observed {
                    observed.returned(&state.effects, response.as_ref());
                }
                let unwritten = self.commit(&mut state).await;
                unwritten.map(|unwritten| Committed { response, unwritten })
            }
            Outcome::Failed(failure) => Err(failure),
            Outcome::Waiting(nothing) => match nothing {},
        };
        let took = self.hub.clock.now() - began;
        let failure = result.as_ref().err();
        if let (Some(observer), Some(observed)) = (observer, observed) {
            observer.add(observed.ended(took, &state.used, failure, &handler.app.source_maps));
        }
        self.count(&state, took, failure);
        if self.handlers.judge(handler, failure.is_some()) {
            self.hub.counters.rollbacks.add_one();
        }
        if let Some(failure) = failure {
            failure_log::log(failure, &state.event, &handler.app.source_maps, &self.hub);
        }
        result
    }

    /// Lets the effects of an event happen.
    async fn commit(&self, state: &mut EventState<World>) -> Result<Option<Unwritten>, Failure> {
        let EventState { effects, memory_budget, .. } = state;
        if self.hub.attachments.files().is_some() && effects.writes_attachments() {
            // The disk may be slow, and others may run meanwhile.
            let counted = memory_budget.count_all(&self.hub.limits.event_memory);
            counted.map_err(Failure::OverBudget)?;
        }
        commit(&self.hub, effects).await.map_err(|error| Failure::NotCommitted(error.into()))
    }

    fn count(&self, state: &EventState<World>, took: Duration, failure: Option<&Failure>) {
        let counters = &self.hub.counters;
        counters.events[state.event.kind() as usize].record(took);
        counters.count_used(&state.used);
        if let Some(failure) = failure {
            counters.failures[failure.kind() as usize].add_one();
        }
    }
}
