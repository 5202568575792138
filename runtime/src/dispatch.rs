//! One event, from what the handler is called with to its effects.
//!
//! It waits for its room's turn and for an instance, runs in a fresh sandbox, and commits what it
//! collected if it returned. If it threw, trapped or ran over a budget, nothing of it happens; after
//! anything but a throw (and after that too, if so configured) its connection is closed with 1011.

use std::sync::Arc;
use std::time::Instant;

use zigttp_abi::close_code;

use crate::app::App;
use crate::commit::commit;
use crate::config::OnError;
use crate::event::{Event, Response};
use crate::event_state::EventState;
use crate::failpoint;
use crate::failure::Failure;
use crate::http::NoAnswer;
use crate::outbox::Close;
use crate::sandbox::Slot;
use crate::server::Server;

impl Server {
    /// Runs an event of a connection to its end.
    pub(crate) async fn dispatch(&self, event: Event) -> Result<Option<Response>, Failure> {
        let connection = event.connection().cloned();
        let _turn = match &connection {
            Some(connection) => Some(connection.room.turn().await),
            None => None,
        };
        let opening = match &event {
            Event::Open { connection, .. } => Some(connection.clone()),
            _ => None,
        };
        let result = self.run(event).await;
        if let (Some(connection), Err(failure)) = (&connection, &result)
            && (self.config.on_error == OnError::Close || !matches!(failure, Failure::Threw(_)))
        {
            connection.outbox.close(Close::new(close_code::INTERNAL_ERROR, ""));
        }
        if let Some(connection) = opening {
            // Still in its room's turn: the next event of the room finds it listed.
            self.hub.join(&connection);
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
        self.run_in(slot, &app, event).await.map_err(NoAnswer::Failed)
    }

    async fn run(&self, event: Event) -> Result<Option<Response>, Failure> {
        let app = self.app();
        if !app.handles(&event) {
            return Ok(None);
        }
        let slot = self.sandbox.slot().await;
        self.run_in(slot, &app, event).await
    }

    async fn run_in(
        &self,
        slot: Slot<'_>,
        app: &Arc<App>,
        event: Event,
    ) -> Result<Option<Response>, Failure> {
        failpoint::panics("event");
        let own = event.connection().map(|connection| connection.id);
        let kind = event.kind();
        let began = Instant::now();
        let observer = self.inspector.as_ref().map(|inspector| &inspector.observer);
        let mut record = observer.and_then(|observer| observer.begin(&event, began));
        let state = EventState::new(self.hub.clone(), self.config.clone(), event, began);
        let times = record.as_mut().map(|record| &mut record.times);
        let (state, result) = self.sandbox.run(&app.program, state, times).await;
        drop(slot);
        let EventState { event, effects, response, .. } = *state;
        if let (Some(record), Ok(())) = (&mut record, &result) {
            record.returned(&effects, response.as_ref());
        }
        let result = match result {
            Ok(()) => match commit(&self.hub, effects, own).await {
                Ok(()) => Ok(response),
                Err(error) => Err(Failure::NotCommitted(format!("{error}: {}", error.source))),
            },
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
            // What is the operator's business is logged however much the handler has to say.
            let is_operators = matches!(failure, Failure::NotRestored | Failure::NotCommitted(_));
            if is_operators || self.hub.handler_log.permits(&counters.dropped_log_lines) {
                failure.log(&event, &app.source_maps);
            }
        })
    }
}
