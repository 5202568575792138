//! One event, from the call of the handler to its effects.
//!
//! It waits for its room's turn and for a slot, runs in a fresh sandbox, and commits its effects if it
//! returns. If it throws, traps or exceeds a limit, it has no effect. After any failure but a throw (and
//! after a throw with `--on-error close`) its connection is closed with 1011, or with 1013 if the memory of
//! all events together was used up.

use std::sync::Arc;
use std::time::Duration;

use zigttp_abi::close_code;
use zigttp_protocol::close::Close;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::event::{Call, Event, EventKind, Response};
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

/// The results of an event that has returned.
struct Committed {
    /// The response of the handler, if there is one.
    response: Option<Response>,
    unwritten: Option<Unwritten>,
}

/// All that running events needs: a sandbox, a handler, and the connections.
pub struct Dispatcher {
    pub sandbox: Sandbox<World>,
    pub handlers: Handlers,
    pub slots: Slots,
    pub hub: Arc<Hub>,
    /// What happens to a connection when one of its events throws.
    pub on_error: OnError,
    /// Records events for the inspector, if there is one.
    pub observer: Option<Observer>,
}

impl Dispatcher {
    /// Compiles an artifact and runs new events on it; no connection closes.
    ///
    /// # Errors
    /// When the artifact cannot be loaded; the old handler stays in use.
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
        call: Call,
    ) -> Result<Option<Unwritten>, Failure> {
        let _turn = connection.room.turn().await;
        let event = connection.event(call);
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

    /// Commits the effects of an event.
    async fn commit(&self, state: &mut EventState<World>) -> Result<Option<Unwritten>, Failure> {
        let EventState { effects, memory_budget, .. } = state;
        if self.hub.attachments.files().is_some() && effects.writes_attachments() {
            // The disk may be slow, and other events run meanwhile: all memory of this one counts.
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
