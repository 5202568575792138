//! One event, from the call of the handler to its effects.
//!
//! It waits for its room's turn and for a slot, runs in a fresh sandbox, and commits its effects if it
//! returns (`execution`). If it waits for the outside, it gives back turn and slot, and runs again later
//! (`waiting`). If it throws, traps or exceeds a limit, it has no effect. After any failure but a throw (and
//! after a throw with `--on-error close`) its connection is closed with 1011, or with 1013 if the memory of
//! all events together was used up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;
use zigttp_abi::close_code;
use zigttp_protocol::close::Close;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::event::{Call, Event, Request, Response};
use zigttp_sandbox::event_state::NewMember;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_store::state::transaction::Transaction;

use crate::attachments::{Changes, Inheritance};
use crate::connection::Connection;
use crate::dispatcher::Dispatcher;
use crate::event_of::{Committed, EventOf, Sender};
use crate::held::{Held, RoomTurn};
use crate::hub::Hub;
use crate::limits::OnError;
use crate::no_answer::NoAnswer;
use crate::registration::Registered;
use crate::requested::Requested;
use crate::reservation::Reservation;
use crate::rooms::{Room, TurnLimits};
use crate::turn::{Asker, NoTurn};
use crate::undone::Undone;
use crate::unwritten::Unwritten;

/// What `roomOf` has said about a request.
pub enum NamedRoom {
    /// It belongs to this room.
    Named(SharedText),
    /// Nothing: it belongs to the room of its route.
    OfRoute,
    /// It gets this response, and takes no turn.
    Answered(Response),
}

/// What has come of a client that asks for a connection.
pub enum Opened {
    /// `onUpgrade` refuses it with this response.
    Refused(Response),
    /// It is a member of its room, and its `onOpen` has ended. What that has queued is written when this is
    /// dropped.
    Member(Option<Unwritten>),
}

/// What has come of a signal.
pub enum SignalRun {
    Handled,
    /// There is no event for it any more, or the handler has no function for it.
    Unwanted,
    /// An operator has paused its room.
    Paused,
}

/// What has come of a piece of a stream.
pub enum StreamRun {
    Handled,
    /// The handler has no function for it.
    Unwanted,
    /// The stream was cancelled while the event waited.
    Stale,
    /// It has not run to its end: the server stops.
    GivenUp,
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
        room: &Arc<Room>,
        bytes: usize,
    ) -> Result<Held<'a>, NoAnswer> {
        let TurnLimits { time, max_waits } = self.turn_limits;
        let taken = timeout(time, async {
            let turn = RoomTurn::take(Arc::clone(room), Asker::Client { max_waits }, bytes).await?;
            let slot = self.slots.wait_for_request_slot().await;
            Ok(Held { turn: Some(turn), slot: Some(slot) })
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
    pub async fn open<'a>(
        self: &'a Arc<Self>,
        mut held: Held<'a>,
        connection: &Arc<Connection>,
        question: Option<impl FnOnce() -> Box<Request>>,
        reservation: Option<Reservation>,
    ) -> Result<Opened, NoAnswer> {
        if self.hub.is_draining.load(Ordering::SeqCst) {
            return Err(NoAnswer::Draining);
        }
        let handler = self.handlers.current();
        let inheritance = reservation.as_ref().and_then(|it| it.inheritance(connection));
        let mut is_inherited = true;
        if let Some(question) = question
            && handler.app.asks_before_upgrades()
        {
            let resumable = reservation.as_ref().and_then(Reservation::value);
            let room = &connection.rooms.own();
            let event = connection.event(room, Call::Upgrade { request: question(), resumable });
            let mut of = EventOf { inheritance, ..EventOf::connection(connection) };
            let admitted = self.execute(&mut held, &handler, event, &mut of).await;
            if let Some(refusal) = admitted?.response {
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
        Ok(Opened::Member(self.run_on_open(&mut held, connection).await))
    }

    /// Runs the `onOpen` of a connection that is a member. A failure is logged; the connection is there, and closing if
    /// it must. Returns what that has queued.
    async fn run_on_open<'a>(
        self: &'a Arc<Self>,
        held: &mut Held<'a>,
        connection: &Arc<Connection>,
    ) -> Option<Unwritten> {
        let room = &connection.rooms.own();
        let event = connection.event(room, Call::Open { url: Arc::clone(&connection.url) });
        let mut of = EventOf::connection(connection);
        let opened = self.handle(held, event, &mut of).await;
        if let Err(Undone::Failed(failure)) = &opened {
            self.close_failed(connection, failure);
        }
        opened.ok().flatten().and_then(|committed| committed.unwritten)
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
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        call: Call,
        bytes: usize,
    ) -> Result<Option<Unwritten>, Undone> {
        let turn = RoomTurn::of_connection(connection, bytes).await?;
        let parted = match call {
            // Listed until now: no event of another has run since it was last seen.
            Call::Close { .. } => self.hub.part(connection),
            _ => Vec::new(),
        };
        let event = connection.event(turn.room(), call);
        let mut held = Held { turn: Some(turn), slot: None };
        let mut of = EventOf { parted, ..EventOf::connection(connection) };
        let result = self.handle(&mut held, event, &mut of).await;
        if let Err(Undone::Failed(failure)) = &result {
            self.close_failed(connection, failure);
        }
        Ok(result?.and_then(|committed| committed.unwritten))
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
    /// handler's response. A client that has `gone` before the turn has begun leaves nothing behind. One that the handler
    /// makes a member gets the connection that `prepare` returns, and its `onOpen` runs in the same turn.
    ///
    /// # Errors
    /// When the room has no turn in time, its client has gone, the event failed, or there is no connection for a member.
    pub async fn dispatch_in_room(
        self: &Arc<Self>,
        room: &SharedText,
        request: Request,
        depth: u8,
        gone: impl Future<Output = ()>,
        prepare: Option<impl FnOnce() -> Option<Registered>>,
    ) -> Result<Option<Requested>, NoAnswer> {
        let entered = self.enter(room);
        let mut held = tokio::select! {
            held = self.take_turn(&entered.room, request.bytes()) => held?,
            () = gone => return Err(NoAnswer::Abandoned),
        };
        let event = Event::request(request, Some(room.clone()));
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let mut of = EventOf { depth, ..EventOf::default() };
        let Committed { response, member, .. } =
            self.execute(&mut held, &handler, event, &mut of).await?;
        let Some(response) = response else { return Ok(None) };
        let Some(member) = member else { return Ok(Some(Requested::Answered(response))) };
        let Some(prepare) = prepare else { return Ok(Some(Requested::NoClient)) };
        if self.hub.is_draining.load(Ordering::SeqCst) {
            return Err(NoAnswer::Draining);
        }
        let registered = prepare().ok_or(NoAnswer::Busy)?;
        let unwritten = self.open_member(&mut held, &registered.connection, member).await?;
        Ok(Some(Requested::Member(response, registered, unwritten)))
    }

    /// Makes the client of a request a member of the room whose turn it is, and runs `onOpen`.
    async fn open_member<'a>(
        self: &'a Arc<Self>,
        held: &mut Held<'a>,
        connection: &Arc<Connection>,
        NewMember { attachment }: NewMember,
    ) -> Result<Option<Unwritten>, NoAnswer> {
        if let Some(value) = attachment {
            let values = vec![(Arc::clone(connection), value)];
            let changes = Changes { values, ..Changes::default() };
            let (states, clock) = (&self.hub.states.storage, self.hub.clock);
            let attachments = &self.hub.attachments;
            attachments
                .commit(states, Transaction::default(), changes, clock, || {})
                .await
                .inspect_err(|error| tracing::error!(conn = %connection.id, %error, "cannot store the attachment"))
                .map_err(|error| NoAnswer::Failed(Failure::NotCommitted(Box::new(error))))?;
        }
        self.hub.admit(connection);
        self.hub.join(connection);
        self.hub.arrived(connection);
        Ok(self.run_on_open(held, connection).await)
    }

    /// Handles a signal in the turn of its room, which need not have a connection. The event is made when the turn
    /// has come; until then the signal has so many bytes of data.
    ///
    /// # Errors
    /// When the event failed.
    pub async fn dispatch_signal(
        self: &Arc<Self>,
        room: &SharedText,
        bytes: usize,
        sender: &Sender<'_>,
        event: impl FnOnce() -> Event,
    ) -> Result<SignalRun, Failure> {
        let entered = self.enter(room);
        let room = Arc::clone(&entered.room);
        let Ok(turn) = RoomTurn::take(room, Asker::Signal, bytes).await else {
            return Ok(SignalRun::Paused);
        };
        let handler = self.handlers.current();
        if !(sender.is_wanted)() {
            return Ok(SignalRun::Unwanted);
        }
        let event = event();
        if !handler.app.handles(&event) {
            return Ok(SignalRun::Unwanted);
        }
        let mut held = Held { turn: Some(turn), slot: None };
        let mut of = EventOf { sender: Some(sender), ..EventOf::default() };
        let committed = self.execute(&mut held, &handler, event, &mut of).await;
        // No turn waits for a write.
        drop(held);
        match committed {
            Ok(_written_when_dropped) => Ok(SignalRun::Handled),
            Err(Undone::Failed(failure)) => Err(failure),
            Err(Undone::GivenUp) => Ok(SignalRun::Paused),
            Err(Undone::Unwanted) => Ok(SignalRun::Unwanted),
        }
    }

    /// Hands a piece of a stream to its room, in the turn of it. The piece is taken when the turn has come; until then
    /// so many bytes wait.
    ///
    /// # Errors
    /// When the event failed.
    pub async fn dispatch_stream(
        self: &Arc<Self>,
        room: &SharedText,
        bytes: usize,
        sender: &Sender<'_>,
        event: impl FnOnce() -> Option<Event>,
    ) -> Result<StreamRun, Failure> {
        let entered = self.enter(room);
        let room = Arc::clone(&entered.room);
        let Ok(turn) = RoomTurn::take(room, Asker::Stream, bytes).await else {
            return Ok(StreamRun::GivenUp);
        };
        let Some(event) = event() else { return Ok(StreamRun::Stale) };
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(StreamRun::Unwanted);
        }
        let mut held = Held { turn: Some(turn), slot: None };
        let mut of = EventOf { sender: Some(sender), ..EventOf::default() };
        let committed = self.execute(&mut held, &handler, event, &mut of).await;
        // No turn waits for a write.
        drop(held);
        match committed {
            Ok(_written_when_dropped) => Ok(StreamRun::Handled),
            Err(Undone::Failed(failure)) => Err(failure),
            Err(Undone::GivenUp) => Ok(StreamRun::GivenUp),
            Err(Undone::Unwanted) => Ok(StreamRun::Stale),
        }
    }

    /// Handles a request that belongs to no room, if there is a slot: a client is better refused at once
    /// than kept waiting. Returns the handler's response.
    ///
    /// # Errors
    /// When there is no slot, or the event failed.
    pub async fn dispatch_unbound(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<Option<Response>, NoAnswer> {
        let event = Event::request(request, None);
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        let slot = self.slots.request_slot().ok_or(NoAnswer::Busy)?;
        let mut held = Held { turn: None, slot: Some(slot) };
        let mut of = EventOf::default();
        Ok(self.execute(&mut held, &handler, event, &mut of).await?.response)
    }

    /// Asks the handler (`roomOf`) which room a request belongs to, if there is a slot: before and outside of
    /// any turn. Nothing that this event does takes effect.
    ///
    /// # Errors
    /// When there is no slot, or the event failed.
    pub async fn name_room(self: &Arc<Self>, request: Request) -> Result<NamedRoom, NoAnswer> {
        let event = Event::room_of(request);
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(NamedRoom::OfRoute);
        }
        let slot = self.slots.request_slot().ok_or(NoAnswer::Busy)?;
        let mut held = Held { turn: None, slot: Some(slot) };
        let mut of = EventOf::default();
        let returned = self.execute(&mut held, &handler, event, &mut of).await?;
        let Committed { response, named_room, .. } = returned;
        Ok(match (response, named_room) {
            (Some(response), _) => NamedRoom::Answered(response),
            (None, Some(room)) => NamedRoom::Named(room),
            (None, None) => NamedRoom::OfRoute,
        })
    }

    /// Handles an event whose turn it is. `None` where the handler has no function for it.
    async fn handle<'a>(
        self: &'a Arc<Self>,
        held: &mut Held<'a>,
        event: Event,
        of: &mut EventOf<'_>,
    ) -> Result<Option<Committed>, Undone> {
        let handler = self.handlers.current();
        if !handler.app.handles(&event) {
            return Ok(None);
        }
        Ok(Some(self.execute(held, &handler, event, of).await?))
    }
}
