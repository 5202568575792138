//! One event, from the call of the handler to its effects.
//!
//! It waits for its room's turn and for a slot, runs in a fresh sandbox, and commits its effects if it
//! returns. If it throws, traps or exceeds a limit, it has no effect. After any failure but a throw (and
//! after a throw with `--on-error close`) its connection is closed with 1011, or with 1013 if the memory of
//! all events together was used up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;
use zigttp_abi::close_code;
use zigttp_protocol::close::Close;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::event::{Call, Event, Request, Response};
use zigttp_sandbox::event_state::EventState;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::ran::{Outcome, Ran};
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_store::failpoint;
use zigttp_store::state::signals::Done;
use zigttp_store::state::transaction::Transaction;

use crate::attachments::{Changes, Inheritance};
use crate::commit::{Queued, commit};
use crate::connection::Connection;
use crate::failure_log;
use crate::handlers::{Handler, Handlers};
use crate::hub::Hub;
use crate::limits::OnError;
use crate::no_answer::NoAnswer;
use crate::observer::Observer;
use crate::reservation::Reservation;
use crate::room_use::EventUse;
use crate::rooms::{Room, TurnLimits};
use crate::slots::{Slot, Slots};
use crate::turn::{Asker, NoTurn, TurnGuard};
use crate::unwritten::Unwritten;
use crate::world::World;

/// The results of an event that has returned.
struct Committed {
    /// The response of the handler, if there is one.
    response: Option<Response>,
    /// The room that `roomOf` has named.
    named_room: Option<SharedText>,
    unwritten: Option<Unwritten>,
}

/// What `roomOf` has said about a request.
pub enum NamedRoom {
    /// It belongs to this room.
    Named(SharedText),
    /// Nothing: it belongs to the room of its route.
    OfRoute,
    /// It gets this response, and takes no turn.
    Answered(Response),
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
    pub turn_limits: TurnLimits,
}

/// What has come of a client that asks for a connection.
pub enum Opened {
    /// `onUpgrade` refuses it with this response.
    Refused(Response),
    /// It is a member of its room, and its `onOpen` has ended. What that has queued is written when this is
    /// dropped.
    Member(Option<Unwritten>),
}

/// Why an event of a connection has no effect.
#[derive(Debug)]
pub enum Undone {
    /// It has failed, which was logged.
    Failed(Failure),
    /// It has not run: an operator has paused its room, and the server stops.
    GivenUp,
}

/// What has come of a signal.
pub enum SignalRun {
    Handled,
    /// There is no event for it any more, or the handler has no function for it.
    Unwanted,
    /// An operator has paused its room.
    Paused,
}

/// A room's turn, and a slot for its first event.
pub struct Turn<'a> {
    _turn: TurnGuard<'a>,
    slot: Slot<'a>,
}

/// Whose event it is.
struct EventOf<'a> {
    connection: Option<Arc<Connection>>,
    /// The room whose turn it is.
    room: Option<&'a Arc<Room>>,
}

/// A room that is there as long as a request waits for it or runs in it.
pub(crate) struct Entered<'a> {
    hub: &'a Hub,
    pub(crate) room: Arc<Room>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.hub.rooms.leave(self.room.key());
    }
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

    /// Keeps a room, which need not have a connection, for as long as what is returned.
    pub(crate) fn enter(&self, room: &SharedText) -> Entered<'_> {
        Entered { hub: &self.hub, room: self.hub.rooms.enter(room.clone()) }
    }

    /// Waits for a room's turn and then for a slot, within the limits of both together, with so many bytes in hand.
    ///
    /// # Errors
    /// When they do not come in time, too much waits already, or the room is paused.
    pub async fn take_turn<'a>(
        &'a self,
        room: &'a Room,
        bytes: usize,
    ) -> Result<Turn<'a>, NoAnswer> {
        let TurnLimits { time, max_waits } = self.turn_limits;
        let taken = timeout(time, async {
            let turn = room.turn(Asker::Client { max_waits }, bytes).await?;
            Ok(Turn { _turn: turn, slot: self.slots.wait_for_request_slot().await })
        });
        match taken.await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(NoTurn::Paused | NoTurn::Stopped)) => Err(NoAnswer::RoomPaused),
            Ok(Err(NoTurn::Busy)) | Err(_) => {
                self.hub.counters.refused_turns.add_one();
                Err(NoAnswer::RoomBusy)
            }
        }
    }

    /// Opens a connection in its room's turn: asks the handler (`onUpgrade`) the `question`, makes
    /// the connection a member of its room with what its client has left, and runs `onOpen`. All of that is one
    /// turn, so what was decided about a seat holds. Nothing here waits for a socket: what is sent to the
    /// connection waits in its outbox.
    ///
    /// # Errors
    /// When the server stops, or `onUpgrade` failed; then there is no connection.
    pub async fn open(
        &self,
        Turn { _turn, slot }: Turn<'_>,
        connection: &Arc<Connection>,
        question: Option<impl FnOnce() -> Box<Request>>,
        reservation: Option<Reservation>,
    ) -> Result<Opened, NoAnswer> {
        if self.hub.is_draining.load(Ordering::SeqCst) {
            return Err(NoAnswer::Draining);
        }
        let handler = self.handlers.current();
        let inheritance = reservation.as_ref().and_then(|it| it.inheritance(connection));
        let room = &connection.rooms.own();
        let mut slot = Some(slot);
        let mut is_inherited = true;
        if let Some(question) = question
            && handler.app.asks_before_upgrades()
            && let Some(slot) = slot.take()
        {
            let resumable = reservation.as_ref().and_then(Reservation::value);
            let event = connection.event(room, Call::Upgrade { request: question(), resumable });
            let of = EventOf { connection: Some(Arc::clone(connection)), room: Some(room) };
            let admitted = self.execute(slot, &handler, event, of, inheritance).await;
            if let Some(refusal) = admitted.map_err(NoAnswer::Failed)?.response {
                return Ok(Opened::Refused(refusal));
            }
        } else if let Some(inheritance) = inheritance {
            is_inherited = self.inherit(inheritance).await;
        }
        self.hub.admit(connection);
        self.hub.join(connection);
        self.hub.arrived(connection);
        if let Some(reservation) = reservation
            && is_inherited
        {
            self.hub.counters.resumed.add_one();
            self.hub.join_again(connection, reservation.joined());
            reservation.settle();
        }
        let event = connection.event(room, Call::Open { url: Arc::clone(&connection.url) });
        let opened = self.handle(connection, room, event, slot).await;
        if let Err(failure) = &opened {
            self.close_failed(connection, failure);
        }
        // A failure has been logged; the connection is there, and closing if it must.
        Ok(Opened::Member(opened.ok().flatten().and_then(|committed| committed.unwritten)))
    }

    /// Gives a connection what its client has left where no `onUpgrade` decides about it. Returns whether
    /// that has succeeded; if not, it opens without.
    async fn inherit(&self, inheritance: Box<Inheritance>) -> bool {
        let conn = inheritance.heir.id;
        let changes = Changes { inheritance: Some(inheritance), ..Changes::default() };
        let attachments = &self.hub.attachments;
        let (states, clock) = (&self.hub.states.storage, self.hub.clock);
        let inherited =
            attachments.commit(states, Transaction::default(), changes, clock, || {}).await;
        inherited.inspect_err(|error| tracing::error!(%conn, %error, "cannot resume")).is_ok()
    }

    /// Handles an event of a connection in its room's turn; while it waits for that, the connection holds so many
    /// bytes. What the event and others have queued is written when the caller drops what this returns.
    ///
    /// # Errors
    /// See [`Undone`].
    pub async fn dispatch(
        &self,
        connection: &Arc<Connection>,
        call: Call,
        bytes: usize,
    ) -> Result<Option<Unwritten>, Undone> {
        // Only a server that stops refuses a connection.
        let given_up = |_stopped| Undone::GivenUp;
        let mut room = connection.rooms.own();
        let mut turn = room.turn(Asker::Connection, bytes).await.map_err(given_up)?;
        // An event of another connection may have moved it while it waited.
        while !connection.rooms.is_own(&room) {
            drop(turn);
            room = connection.rooms.own();
            turn = room.turn(Asker::Connection, bytes).await.map_err(given_up)?;
        }
        if matches!(call, Call::Close { .. }) {
            // Listed until now: no event of another has run since it was last seen.
            self.hub.part(connection);
        }
        let result = self.handle(connection, &room, connection.event(&room, call), None).await;
        if let Err(failure) = &result {
            self.close_failed(connection, failure);
        }
        Ok(result.map_err(Undone::Failed)?.and_then(|committed| committed.unwritten))
    }

    /// Closes the connection of an event that failed, if it must.
    fn close_failed(&self, connection: &Connection, failure: &Failure) {
        if self.on_error == OnError::Close || !matches!(failure, Failure::Threw(_)) {
            let code = match failure {
                // Not its own fault, perhaps.
                Failure::OverBudget(OverBudget::EventMemory) => close_code::TRY_AGAIN_LATER,
                _ => close_code::INTERNAL_ERROR,
            };
            connection.outbox.close(Close::new(code, ""));
        }
    }

    /// Handles an HTTP request in the turn of a room, which need not have a connection. Returns the
    /// handler's response. A client that has `gone` before the turn has begun leaves nothing behind.
    ///
    /// # Errors
    /// When the room has no turn in time, its client has gone, or the event failed.
    pub async fn dispatch_in_room(
        &self,
        room: &SharedText,
        request: Request,
        gone: impl Future<Output = ()>,
    ) -> Result<Option<Response>, NoAnswer> {
        let entered = self.enter(room);
        let Turn { _turn, slot } = tokio::select! {
            turn = self.take_turn(&entered.room, request.bytes()) => turn?,
            () = gone => return Err(NoAnswer::Abandoned),
        };
        let event = Event::request(request, Some(room.clone()));
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let of = EventOf { connection: None, room: Some(&entered.room) };
        let committed = self.execute(slot, &handler, event, of, None).await;
        Ok(committed.map_err(NoAnswer::Failed)?.response)
    }

    /// Handles a signal in the turn of its room, which need not have a connection. The event is made when the turn
    /// has come; until then the signal has so many bytes of data.
    ///
    /// # Errors
    /// When the event failed.
    pub async fn dispatch_signal(
        &self,
        room: &SharedText,
        bytes: usize,
        event: impl FnOnce() -> Option<Event>,
    ) -> Result<SignalRun, Failure> {
        let entered = self.enter(room);
        let Ok(turn) = entered.room.turn(Asker::Signal, bytes).await else {
            return Ok(SignalRun::Paused);
        };
        let Some(event) = event() else { return Ok(SignalRun::Unwanted) };
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(SignalRun::Unwanted);
        }
        let slot = self.slots.slot().await;
        let of = EventOf { connection: None, room: Some(&entered.room) };
        let committed = self.execute(slot, &handler, event, of, None).await;
        // No turn waits for a write.
        drop(turn);
        committed.map(|_written_when_dropped| SignalRun::Handled)
    }

    /// Handles a request that belongs to no room, if there is a slot: a client is better refused at once
    /// than kept waiting. Returns the handler's response.
    ///
    /// # Errors
    /// When there is no slot, or the event failed.
    pub async fn dispatch_unbound(&self, request: Request) -> Result<Option<Response>, NoAnswer> {
        let event = Event::request(request, None);
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let slot = self.slots.request_slot().ok_or(NoAnswer::Busy)?;
        let of = EventOf { connection: None, room: None };
        let committed = self.execute(slot, &handler, event, of, None).await;
        Ok(committed.map_err(NoAnswer::Failed)?.response)
    }

    /// Asks the handler (`roomOf`) which room a request belongs to, if there is a slot: before and outside of
    /// any turn. Nothing that this event does takes effect.
    ///
    /// # Errors
    /// When there is no slot, or the event failed.
    pub async fn name_room(&self, request: Request) -> Result<NamedRoom, NoAnswer> {
        let event = Event::room_of(request);
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(NamedRoom::OfRoute);
        }
        let slot = self.slots.request_slot().ok_or(NoAnswer::Busy)?;
        let of = EventOf { connection: None, room: None };
        let returned = self.execute(slot, &handler, event, of, None).await;
        let Committed { response, named_room, .. } = returned.map_err(NoAnswer::Failed)?;
        Ok(match (response, named_room) {
            (Some(response), _) => NamedRoom::Answered(response),
            (None, Some(room)) => NamedRoom::Named(room),
            (None, None) => NamedRoom::OfRoute,
        })
    }

    /// Handles an event whose turn it is, in its `slot` or once there is one. `None` where the handler has no
    /// function for it.
    async fn handle(
        &self,
        connection: &Arc<Connection>,
        room: &Arc<Room>,
        event: Event,
        slot: Option<Slot<'_>>,
    ) -> Result<Option<Committed>, Failure> {
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let slot = match slot {
            Some(slot) => slot,
            None => self.slots.slot().await,
        };
        let of = EventOf { connection: Some(Arc::clone(connection)), room: Some(room) };
        Ok(Some(self.execute(slot, &handler, event, of, None).await?))
    }

    /// Runs the handler in a sandbox, and commits the effects if it returns.
    async fn execute(
        &self,
        slot: Slot<'_>,
        handler: &Arc<Handler>,
        event: Event,
        of: EventOf<'_>,
        inheritance: Option<Box<Inheritance>>,
    ) -> Result<Committed, Failure> {
        let EventOf { connection, room } = of;
        failpoint::panics("event");
        let began = self.hub.clock.now();
        let observer = self.observer.as_ref();
        let mut observed = observer.and_then(|observer| observer.begin(&event, began));
        let closed = match event.call {
            Call::Close { .. } => connection.clone().filter(|own| own.leaves_nothing()),
            _ => None,
        };
        let settings = self.hub.settings.current();
        let world = World::new(Arc::clone(&self.hub), connection, room.map(Arc::clone), settings);
        let program = &handler.app.program;
        let ran = self.sandbox.run(program, event, world, began, observed.is_some()).await;
        drop(slot);
        let Ran { outcome, mut state } = ran;
        let is_signal = matches!(state.event.call, Call::Signal(_));
        // Its wait for the disk is no CPU time.
        let waits = self.hub.durable_dir.is_some() && (state.effects.stores() || is_signal);
        let ended = waits.then(|| self.hub.clock.now());
        let mut sent_bytes = 0;
        let result = match outcome {
            // It reads alone: what an artifact has nevertheless done is dropped.
            Outcome::Returned(response) if matches!(state.event.call, Call::RoomOf(_)) => {
                let named_room = state.named_room.take().map(|room| SharedText::from(&*room));
                if let Some(observed) = &mut observed {
                    observed.named(named_room.as_ref(), response.as_ref());
                }
                Ok(Committed { response, named_room, unwritten: None })
            }
            Outcome::Returned(response) => {
                if let Some(observed) = &mut observed {
                    observed.returned(&state.effects, response.as_ref());
                }
                // A connection that is refused inherits nothing.
                let inheritance = inheritance.filter(|_| response.is_none());
                let committed = self.commit(&mut state, room, inheritance, closed).await;
                committed.map(|queued| {
                    sent_bytes = queued.bytes;
                    Committed { response, named_room: None, unwritten: queued.unwritten }
                })
            }
            Outcome::Failed(failure) => Err(failure),
            Outcome::Waiting(nothing) => match nothing {},
        };
        let now = self.hub.clock.now();
        let took = now - began;
        if let Some(room) = room {
            let cpu = state.used.cpu.unwrap_or_else(|| ended.unwrap_or(now) - began);
            room.usage().add(EventUse { cpu, sent_bytes, is_signal });
        }
        let failure = result.as_ref().err();
        if let (Some(observer), Some(observed)) = (observer, observed) {
            let (reads, maps) = (state.read_log.as_deref(), &handler.app.source_maps);
            observer.add(observed.ended(took, &state.used, reads, failure, maps));
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
    async fn commit(
        &self,
        state: &mut EventState<World>,
        room: Option<&Arc<Room>>,
        inheritance: Option<Box<Inheritance>>,
        closed: Option<Arc<Connection>>,
    ) -> Result<Queued, Failure> {
        let EventState { event, effects, reads, memory_budget, .. } = state;
        let handled = match &event.call {
            Call::Signal(signal) => Some(Done { id: signal.info.id, again: signal.next }),
            _ => None,
        };
        if self.hub.durable_dir.is_some() && (effects.stores() || handled.is_some()) {
            // The disk may be slow, and other events run meanwhile: all memory of this one counts.
            let counted = memory_budget.count_all(&self.hub.limits.event_memory);
            counted.map_err(Failure::OverBudget)?;
        }
        commit(&self.hub, room, effects, reads, inheritance, closed, handled)
            .await
            .map_err(Failure::NotCommitted)
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
