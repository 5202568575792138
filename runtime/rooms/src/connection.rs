//! The record of one connection: all that is in memory while it is idle, besides its socket.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::auto_response::AutoResponse;
use zigttp_sandbox::event::{Call, Event};
use zigttp_sandbox::route::Parameters;

use crate::browser::Browser;
use crate::clock::Clock;
use crate::membership::Membership;
use crate::ordered::Ordered;
use crate::outbox::Outbox;
use crate::rooms::Room;
use crate::transport::Transport;

/// One connection, from before its `onOpen` until after its `onClose`.
pub struct Connection {
    pub id: ConnectionId,
    pub rooms: Membership,
    /// The path and query that it opened.
    pub url: Arc<str>,
    /// The browser that opened it, where connections are resumed.
    pub browser: Option<Browser>,
    /// The parameters of its route.
    pub parameters: Parameters,
    /// The window of compressed frames for its client; `None` without permessage-deflate.
    pub window: Option<WindowBits>,
    pub transport: Transport,
    /// When its handshake arrived.
    pub opened: Instant,
    /// The frames that wait to be written. Commits add them; one task writes them.
    pub outbox: Outbox,
    /// A [`State`], for counting.
    state: AtomicU8,
    /// What the handler has stored with it. Written by commits.
    stored: Mutex<Stored>,
    /// What its file will say, if that may differ from what is in memory. Only with a durable folder.
    ordered: Mutex<Option<Box<Ordered>>>,
}

/// What a handshake says about its client.
#[derive(Clone, Copy, Default)]
pub struct Client {
    /// The browser, where connections are resumed.
    pub browser: Option<Browser>,
    /// The window of compressed frames that it wants to receive.
    pub window: Option<WindowBits>,
    pub transport: Transport,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// One of its events runs, or waits for its turn.
    Live,
    /// Between events.
    Parked,
    /// Parked for longer than `dormant_after`; its buffers are freed.
    Dormant,
    /// One of its events waits for the outside.
    Waiting,
}

/// What the handler has stored with a connection.
#[derive(Default)]
struct Stored {
    attachment: Option<Value>,
    /// The commit that wrote it.
    version: Version,
    /// Its file is removed or belongs to another connection, and must not be written again.
    has_ended_attachment: bool,
    /// What it has stored is removed when it has closed.
    leaves_nothing: bool,
    auto_response: Option<Box<AutoResponse>>,
}

impl Connection {
    pub fn new(
        id: ConnectionId,
        room: Arc<Room>,
        url: Arc<str>,
        parameters: Parameters,
        Client { browser, window, transport }: Client,
        max_queue: usize,
        clock: Clock,
    ) -> Connection {
        Connection {
            id,
            rooms: Membership::new(room),
            url,
            browser,
            parameters,
            window,
            transport,
            opened: clock.now(),
            outbox: Outbox::new(transport, max_queue, clock),
            state: AtomicU8::new(State::Parked as u8),
            stored: Mutex::default(),
            ordered: Mutex::default(),
        }
    }

    /// An event of this connection, in the turn of this room.
    pub fn event(&self, room: &Room, call: Call) -> Event {
        Event::of(self.id, room.shared_key().clone(), call)
    }

    pub fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            number if number == State::Live as u8 => State::Live,
            number if number == State::Parked as u8 => State::Parked,
            number if number == State::Waiting as u8 => State::Waiting,
            _ => State::Dormant,
        }
    }

    /// Sets the state. Only the connection's own task calls this.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// The value of a route parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| &**known == name).map(|(_, value)| &**value)
    }

    /// The committed attachment.
    pub fn attachment(&self) -> Option<Value> {
        self.stored().attachment.clone()
    }

    /// The committed attachment, and the commit that wrote it.
    pub fn versioned_attachment(&self) -> Option<(Value, Version)> {
        let stored = self.stored();
        Some((stored.attachment.clone()?, stored.version))
    }

    /// Bytes of the committed attachment, if there is one.
    pub fn attachment_bytes(&self) -> Option<usize> {
        self.stored().attachment.as_ref().map(|attachment| attachment.bytes().len())
    }

    /// Sets the value of a commit, unless a later commit has set one.
    pub fn set_attachment(&self, value: Value, version: Version) {
        let mut stored = self.stored();
        if version > stored.version {
            (stored.attachment, stored.version) = (Some(value), version);
        }
    }

    /// Its file must not be written any more.
    pub fn end_attachment(&self) {
        self.stored().has_ended_attachment = true;
    }

    pub fn has_ended_attachment(&self) -> bool {
        self.stored().has_ended_attachment
    }

    /// It closes, and what it has stored is removed then: with the commit of its `onClose`, if that stores anything.
    pub fn leave_nothing(&self) {
        self.stored().leaves_nothing = true;
    }

    /// Whether it has stored something that is removed when it has closed.
    pub fn leaves_nothing(&self) -> bool {
        let stored = self.stored();
        stored.leaves_nothing && stored.attachment.is_some()
    }

    /// Sets the auto-response; `None` clears it.
    pub fn set_auto_response(&self, pair: Option<AutoResponse>) {
        self.stored().auto_response = pair.map(Box::new);
    }

    /// The auto-response that the handler has set.
    pub fn auto_response(&self) -> Option<AutoResponse> {
        self.stored().auto_response.as_deref().cloned()
    }

    /// The auto-response to a message of exactly these bytes, if the handler has set one.
    pub fn auto_response_to(&self, message: &Value) -> Option<Value> {
        self.stored().auto_response.as_ref()?.answer(message)
    }

    /// Calls `change` with what its file says once all is done that was sent to the disk.
    pub(crate) fn order<R>(&self, change: impl FnOnce(&mut Ordered) -> R) -> R {
        let mut ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        change(
            ordered.get_or_insert_with(|| {
                Box::new(Ordered::of(self.attachment(), &self.rooms.names()))
            }),
        )
    }

    /// What was sent to the disk has failed: its file says what is in memory.
    pub(crate) fn reset_order(&self) {
        *self.ordered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        // No change can panic in the middle.
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The label value in metrics.
    pub fn name(self) -> &'static str {
        match self {
            State::Live | State::Waiting => "live",
            State::Parked => "parked",
            State::Dormant => "dormant",
        }
    }
}
