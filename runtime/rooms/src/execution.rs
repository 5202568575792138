//! One event whose turn it is: its runs, and its commit.

use std::sync::Arc;
use std::time::Duration;

use zigttp_recording::kept::Kept;
use zigttp_sandbox::event::{Call, Event};
use zigttp_sandbox::event_state::EventState;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::journal::Journal;
use zigttp_sandbox::ran::{Outcome, Ran};
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::used::Used;
use zigttp_store::failpoint;
use zigttp_store::state::signals::Done;

use crate::attachments::Inheritance;
use crate::commit::{Queued, commit};
use crate::connection::Connection;
use crate::dispatcher::Dispatcher;
use crate::event_of::{Committed, EventOf};
use crate::failure_log;
use crate::handlers::Handler;
use crate::held::Held;
use crate::observer::EventRecord;
use crate::room_use::EventUse;
use crate::rooms::Room;
use crate::run_times::RunTimes;
use crate::spans::Work;
use crate::stored::Handled;
use crate::traced::Traced;
use crate::undone::Undone;
use crate::waiting::Waiting;
use crate::world::{self, World};

/// An event over all of its runs.
struct Execution<'a> {
    handler: &'a Arc<Handler>,
    observed: Option<Box<EventRecord>>,
    /// When it began, in milliseconds since 1970, if somebody runs it again.
    began_at: Option<u64>,
    is_recorded: bool,
    runs: u32,
    times: RunTimes,
}

impl Dispatcher {
    /// Runs the handler in a sandbox, again from the start after each wait, and commits the effects if it returns.
    pub(crate) async fn execute<'a>(
        self: &'a Arc<Self>,
        held: &mut Held<'a>,
        handler: &Arc<Handler>,
        event: Event,
        of: &mut EventOf<'_>,
    ) -> Result<Committed, Undone> {
        failpoint::panics("event");
        let mut slot = held.take_slot(&self.slots).await;
        let began = self.hub.clock.now();
        let observed = self.observer.as_ref().and_then(|it| it.begin(&event, began));
        let spans = self.spans.as_ref();
        of.traced = spans.and_then(|_| Traced::begin(&event, spans, self.hub.clock));
        let mut execution = Execution {
            handler,
            observed,
            began_at: None,
            is_recorded: false,
            runs: 0,
            times: RunTimes::begin(began),
        };
        let room = held.room().map(Arc::clone);
        let world = World::new(Arc::clone(self.hubs.own()), of.connection.cloned(), room);
        let is_observed = execution.observed.is_some();
        let recorder = self.recorder.as_ref();
        execution.is_recorded = recorder.is_some_and(|it| it.takes(event.room.as_deref()));
        let runs_again = execution.is_recorded || is_observed || self.shadow.is_some();
        execution.began_at = runs_again.then(|| self.hub.clock.unix_millis());
        let journal = self.witness.as_ref().and_then(|it| it.begins(&event));
        let journal = journal.unwrap_or_else(|| Journal::begin(world::seed()));
        let mut state = self.sandbox.prepare(event, world, journal, is_observed);
        let mut run_began = began;
        // Boxed, because most events do not wait.
        let mut waiting: Option<Box<Waiting>> = None;
        loop {
            state.given = execution.began_at.map(|_| Box::default());
            let ran = self.sandbox.run(&handler.app.program, state, run_began).await;
            drop(slot);
            execution.runs += 1;
            let wait = match ran.outcome {
                Outcome::Waiting(wait) if !matches!(ran.state.event.call, Call::RoomOf(_)) => wait,
                _ => return self.end(held, &mut execution, of, ran, waiting).await,
            };
            execution.times.wait(self.hub.clock.now(), ran.state.used.cpu);
            self.hub.counters.count_used(&ran.state.used);
            let (mut event, mut journal, mut world) = (*ran.state).into_next();
            if execution.runs == 1 && of.traced.is_none() {
                // Nobody records it, but what it asks belongs to the trace of its request.
                of.traced = Traced::begin(&event, None, self.hub.clock);
            }
            let waits = waiting.get_or_insert_with(|| Waiting::begin(self, began, of.depth));
            let done = Box::pin(waits.wait(self, held, &mut event, &mut journal, wait, of)).await;
            world.move_to(held.room().map(Arc::clone));
            if let Err(undone) = done {
                if let Undone::Failed(failure) = &undone {
                    self.report_unrun(execution, &event, failure, of.traced.take());
                }
                return Err(undone);
            }
            state = self.sandbox.prepare(event, world, journal, is_observed);
            slot = held.take_slot(&self.slots).await;
            run_began = execution.times.run_again(self.hub.clock.now());
        }
    }

    /// Ends an event that does not wait: commits its effects if it has returned, and reports it.
    async fn end(
        self: &Arc<Self>,
        held: &Held<'_>,
        execution: &mut Execution<'_>,
        of: &mut EventOf<'_>,
        ran: Ran<World>,
        waiting: Option<Box<Waiting>>,
    ) -> Result<Committed, Undone> {
        if let Some(at) = execution.began_at {
            self.record(execution, at, &ran);
        }
        let Execution { handler, observed, runs, times, .. } = execution;
        let Ran { outcome, mut state } = ran;
        let room = held.room();
        let is_signal = matches!(state.event.call, Call::Signal(_));
        let handled = handled_by(&state.event);
        // Its wait for the disk is no CPU time.
        let waits = self.hub.durable_dir.is_some() && (state.effects.stores() || handled.is_some());
        let ended = waits.then(|| self.hub.clock.now());
        let mut sent_bytes = 0;
        let mut returned = None;
        let result = match outcome {
            // It reads alone: what an artifact has nevertheless done is dropped.
            Outcome::Returned(response) if matches!(state.event.call, Call::RoomOf(_)) => {
                let named_room = state.reported.take().and_then(|reported| reported.named_room);
                let named_room = named_room.map(|room| SharedText::from(&*room));
                if let Some(observed) = observed {
                    observed.named(named_room.as_ref(), response.as_ref());
                }
                Ok(Committed { response, named_room, member: None, unwritten: None })
            }
            Outcome::Returned(response) => {
                returned = self.witness.as_ref().map(|it| it.returned(&state, response.as_ref()));
                if let Some(observed) = observed {
                    observed.returned(&state.effects, response.as_ref());
                }
                // A connection that is refused inherits nothing.
                let inheritance = of.inheritance.take().filter(|_| response.is_none());
                let closed = match state.event.call {
                    Call::Close { .. } => of.connection.filter(|own| own.leaves_nothing()).cloned(),
                    _ => None,
                };
                let member = state.reported.take().and_then(|reported| reported.member);
                let commit = of.traced.as_ref().filter(|_| waits).map(|it| Box::new(it.child()));
                let committed = self.commit(&mut state, room, inheritance, closed).await;
                if let Some(commit) = commit {
                    let failure = committed.as_ref().err();
                    commit.ended(Work::Commit, failure.map(|failure| failure.kind().name()));
                }
                committed.map(|queued| {
                    sent_bytes = queued.bytes;
                    Committed { response, named_room: None, member, unwritten: queued.unwritten }
                })
            }
            Outcome::Failed(failure) => Err(failure),
            Outcome::Waiting(_) => {
                Err(Failure::Trapped("it waits in an event that cannot wait".to_owned()))
            }
        };
        let now = self.hub.clock.now();
        let took = times.took(now);
        if let Some(room) = room {
            let cpu = times.cpu(ended.unwrap_or(now), state.used.cpu);
            room.usage().add(EventUse { cpu, sent_bytes, is_signal });
        }
        self.log_lines(&state);
        let failure = result.as_ref().err();
        if let (Some(observer), Some(observed)) = (&self.observer, observed.take()) {
            let (reads, maps) = (state.read_log.as_deref(), &handler.app.source_maps);
            observer.add(observed.ended(took, &state.used, reads, failure, maps));
        }
        if let Some(witness) = &self.witness {
            witness.ended(returned, &state.event, &state.lines, failure, &handler.app.source_maps);
        }
        self.hub.counters.count_used(&state.used);
        self.count(&state.event, took, failure);
        let failed = failure.map(|failure| failure.kind().name());
        if self.handlers.judge(handler, failure.is_some()) {
            self.hub.counters.rollbacks.add_one();
        }
        if let Some(failure) = failure {
            failure_log::log(failure, &state.event, &handler.app.source_maps, &self.hub);
        }
        if let Some(waiting) = waiting {
            waiting.end();
            failure_log::log_repeated(&state.journal, &state.event, handler, &self.hub);
        }
        if result.is_ok() {
            let room = room.map(|room| room.shared_key());
            self.send_unawaited(&mut state.journal, room, of.depth, of.traced.as_deref());
        }
        if let Some(traced) = of.traced.take() {
            let response = result.as_ref().ok().and_then(|committed| committed.response.as_ref());
            let elapsed = now - times.began();
            traced.ended(elapsed, *runs, response.map(|response| response.status), failed);
        }
        result.map_err(Undone::Failed)
    }

    /// Hands an event to whoever runs it again. Before its commit, which takes the effects.
    fn record(&self, execution: &mut Execution<'_>, at: u64, ran: &Ran<World>) {
        let Execution { handler, observed, is_recorded, .. } = execution;
        let artifact = &handler.app.hash;
        if let (Some(observer), Some(observed)) = (&self.observer, observed) {
            observed.kept = Kept::of(&observer.limits, artifact, at, ran, &handler.app.source_maps);
        }
        if let Some(recorder) = self.recorder.as_ref().filter(|_| *is_recorded) {
            recorder.add(artifact, at, ran);
        }
        if let Some(shadow) = &self.shadow {
            shadow.add(artifact, at, ran);
        }
    }

    /// Reports an event that failed while it waited.
    fn report_unrun(
        &self,
        execution: Execution<'_>,
        event: &Event,
        failure: &Failure,
        traced: Option<Box<Traced>>,
    ) {
        let Execution { handler, observed, runs, times, .. } = execution;
        let now = self.hub.clock.now();
        let took = times.took(now);
        self.count(event, took, Some(failure));
        if let Some(traced) = traced {
            traced.ended(now - times.began(), runs, None, Some(failure.kind().name()));
        }
        if let (Some(observer), Some(observed)) = (&self.observer, observed) {
            let maps = &handler.app.source_maps;
            observer.add(observed.ended(took, &Used::default(), None, Some(failure), maps));
        }
        if let Some(witness) = &self.witness {
            witness.ended(None, event, &[], Some(failure), &handler.app.source_maps);
        }
        if self.handlers.judge(handler, true) {
            self.hub.counters.rollbacks.add_one();
        }
        failure_log::log(failure, event, &handler.app.source_maps, &self.hub);
    }

    /// Commits the effects of an event.
    async fn commit(
        &self,
        state: &mut EventState<World>,
        room: Option<&Arc<Room>>,
        inheritance: Option<Box<Inheritance>>,
        closed: Option<Arc<Connection>>,
    ) -> Result<Queued, Failure> {
        let EventState { event, effects, reads, memory_budget, .. } = state;
        let handled = handled_by(event);
        if self.hub.durable_dir.is_some() && (effects.stores() || handled.is_some()) {
            // The disk may be slow, and other events run meanwhile: all memory of this one counts.
            let counted = memory_budget.count_all(&self.hub.limits.event_memory);
            counted.map_err(Failure::OverBudget)?;
        }
        commit(&self.hub, room, effects, reads, inheritance, closed, handled)
            .await
            .map_err(Failure::NotCommitted)
    }

    /// Logs the lines of `console` of an event's last run.
    fn log_lines(&self, state: &EventState<World>) {
        for (level, line) in &state.lines {
            self.hub.handler_log.line(&state.event, *level, line);
        }
    }

    fn count(&self, event: &Event, took: Duration, failure: Option<&Failure>) {
        let counters = &self.hub.counters;
        counters.events[event.kind() as usize].record(took);
        if let Some(failure) = failure {
            counters.failures[failure.kind() as usize].add_one();
        }
    }
}

/// What is stored until this event has committed.
fn handled_by(event: &Event) -> Option<Handled> {
    match &event.call {
        Call::Signal(signal) => {
            Some(Handled::Signal(Done { id: signal.info.id, again: signal.next }))
        }
        Call::Stream(piece) => piece.is_end().then_some(Handled::Stream(piece.id)),
        _ => None,
    }
}
