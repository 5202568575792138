//! One event, from what the handler is called with to its effects.
//!
//! It waits for its room's turn and for an instance, runs in a fresh sandbox, and commits what it
//! collected if it returned. If it threw, trapped or ran over a budget, nothing of it happens; after
//! anything but a throw (and after that too, if so configured) its connection is closed with 1011, or
//! 1013 where others have used up what events may hold together.

use std::sync::Arc;
use std::time::Instant;

use zigttp_abi::close_code;
use zigttp_protocol::close::Close;

use crate::app::App;
use crate::budget::OverBudget;
use crate::commit::commit;
use crate::connection::Connection;
use crate::event::{Event, Response};
use crate::event_state::EventState;
use crate::failure::Failure;
use crate::failure_log;
use crate::http::NoAnswer;
use crate::limits::OnError;
use crate::sandbox::Slot;
use crate::server::Server;
use crate::unwritten::Unwritten;
use zigttp_store::failpoint;

/// What is left of an event that has returned.
struct Committed {
    /// That of the handler, if it has given one.
    response: Option<Response>,
    unwritten: Option<Unwritten>,
}

impl Server {
    /// Runs an event of a connection to its end. What it and others have queued is written when the
    /// caller drops the answer.
    pub(crate) async fn dispatch(
        &self,
        connection: &Arc<Connection>,
        event: Event,
    ) -> Result<Option<Unwritten>, Failure> {
        let _turn = connection.room.turn().await;
        let is_opening = matches!(event, Event::Open { .. });
        let result = self.run(event).await;
        if let Err(failure) = &result
            && (self.hub.config.on_error == OnError::Close || !matches!(failure, Failure::Threw(_)))
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

    /// Runs an event of no connection, if there is a slot: whoever asks is better told at once than
    /// kept waiting. The response is that of the handler; `None` where it has given none.
    pub(crate) async fn dispatch_unbound(
        &self,
        event: Event,
    ) -> Result<Option<Response>, NoAnswer> {
        let app = self.app();
        if !app.handles(&event) {
            return Ok(None);
        }
        let slot = self.sandbox.request_slot().ok_or(NoAnswer::Busy)?;
        let state = self.begin(event);
        let committed = self.run_state(slot, &app, state).await.map_err(NoAnswer::Failed)?;
        Ok(committed.response)
    }

    async fn run(&self, event: Event) -> Result<Option<Unwritten>, Failure> {
        let app = self.app();
        if !app.handles(&event) {
            return Ok(None);
        }
        let slot = self.sandbox.slot().await;
        let state = self.begin(event);
        Ok(self.run_state(slot, &app, state).await?.unwritten)
    }

    /// Lets what an event has collected take effect.
    async fn commit(&self, state: &mut EventState) -> Result<Committed, Failure> {
        if self.hub.attachments.files().is_some() && state.effects.writes_attachments() {
            // The disk may be slow, and others may run meanwhile.
            let counted = state.memory_budget.count_all(&self.hub.event_memory);
            counted.map_err(Failure::OverBudget)?;
        }
        match commit(&self.hub, &mut state.effects).await {
            Ok(unwritten) => Ok(Committed { response: state.response.take(), unwritten }),
            Err(error) => Err(Failure::NotCommitted(format!("{error}: {}", error.source))),
        }
    }

    fn begin(&self, event: Event) -> Box<EventState> {
        failpoint::panics("event");
        EventState::new(self.hub.clone(), event, Instant::now())
    }

    async fn run_state(
        &self,
        slot: Slot<'_>,
        app: &Arc<App>,
        state: Box<EventState>,
    ) -> Result<Committed, Failure> {
        let (kind, began) = (state.event.kind(), state.cpu.began);
        let observer = self.inspector.as_ref().map(|inspector| &inspector.observer);
        let mut record = observer.and_then(|observer| observer.begin(&state.event, began));
        let times = record.as_mut().map(|record| &mut record.times);
        let (mut state, result) = self.sandbox.run(&app.program, state, times).await;
        drop(slot);
        if let (Some(record), Ok(())) = (&mut record, &result) {
            record.returned(&state.effects, state.response.as_ref());
        }
        let result = match result {
            Ok(()) => self.commit(&mut state).await,
            Err(failure) => Err(failure),
        };
        let counters = &self.hub.counters;
        let took = began.elapsed();
        counters.events[kind as usize].record(took);
        if let (Some(observer), Some(record)) = (observer, record) {
            observer.add(record.ended(took, result.as_ref().err(), &app.source_maps));
        }
        self.judge(app, result.is_err());
        result.inspect_err(|failure| {
            counters.failures[failure.kind() as usize].add_one();
            failure_log::log(failure, &state.event, &app.source_maps, &self.hub);
        })
    }
}
