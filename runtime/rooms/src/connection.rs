//! The record of one connection: all that stays in memory while it is idle, besides its socket.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::auto_response::AutoResponse;
use zigttp_sandbox::event::{Call, Event};
use zigttp_sandbox::route::{Opening, Parameters};

use crate::browser::Browser;
use crate::clock::Clock;
use crate::outbox::Outbox;
use crate::rooms::Room;

/// One WebSocket connection, from before its `onOpen` until after its `onClose`.
pub struct Connection {
    pub id: ConnectionId,
    pub room: Arc<Room<Arc<Connection>>>,
    /// Path and query that it opened on.
    pub url: Arc<str>,
    /// The browser it was opened from, where connections are resumed.
    pub browser: Option<Browser>,
    /// Parameters of the route it opened under.
    pub parameters: Parameters,
    /// Of the compressed frames that it is sent; `None` without permessage-deflate.
    pub window: Option<WindowBits>,
    /// When it asked to open.
    pub opened: Instant,
    /// What is to be written to it; written by commits, drained by its own task.
    pub outbox: Outbox,
    /// A [`State`], for whoever counts.
    state: AtomicU8,
    /// What the handler keeps with it; written by commits.
    kept: Mutex<Kept>,
}

/// What a handshake says of its client.
#[derive(Clone, Copy, Default)]
pub struct Client {
    /// The browser it is, where connections are resumed.
    pub browser: Option<Browser>,
    /// Of the compressed frames that it wants to be sent.
    pub window: Option<WindowBits>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// An event of it runs, or waits for its turn.
    Live,
    /// Between events.
    Parked,
    /// Parked past the idle threshold, its buffers given up.
    Dormant,
}

#[derive(Default)]
struct Kept {
    attachment: Option<Value>,
    /// Of the commit that wrote it.
    version: Version,
    /// Its file is gone for good, and none is to be written.
    has_ended_attachment: bool,
    auto_response: Option<Box<AutoResponse>>,
}

impl Connection {
    pub fn new(
        id: ConnectionId,
        room: Arc<Room<Arc<Connection>>>,
        Opening { url, parameters }: Opening,
        Client { browser, window }: Client,
        max_queue: usize,
        clock: Clock,
    ) -> Connection {
        Connection {
            id,
            room,
            url,
            browser,
            parameters,
            window,
            opened: clock.now(),
            outbox: Outbox::new(max_queue, clock),
            state: AtomicU8::new(State::Parked as u8),
            kept: Mutex::default(),
        }
    }

    /// An event of this connection.
    pub fn event(&self, call: Call) -> Event {
        Event::of(self.id, self.room.shared_key().clone(), call)
    }

    pub fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            number if number == State::Live as u8 => State::Live,
            number if number == State::Parked as u8 => State::Parked,
            _ => State::Dormant,
        }
    }

    /// Set by the connection's own task alone.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// The value of a route parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| &**known == name).map(|(_, value)| &**value)
    }

    /// The committed attachment.
    pub fn attachment(&self) -> Option<Value> {
        self.kept().attachment.clone()
    }

    /// The same with the commit that it is of.
    pub fn versioned_attachment(&self) -> Option<(Value, Version)> {
        let kept = self.kept();
        Some((kept.attachment.clone()?, kept.version))
    }

    /// Bytes of the committed attachment, if there is one.
    pub fn attachment_bytes(&self) -> Option<usize> {
        self.kept().attachment.as_ref().map(|attachment| attachment.bytes().len())
    }

    /// Takes the value of a commit, unless it has that of a later one.
    pub fn set_attachment(&self, value: Value, version: Version) {
        let mut kept = self.kept();
        if version > kept.version {
            (kept.attachment, kept.version) = (Some(value), version);
        }
    }

    /// No file is to be written for it any more.
    pub fn end_attachment(&self) {
        self.kept().has_ended_attachment = true;
    }

    pub fn has_ended_attachment(&self) -> bool {
        self.kept().has_ended_attachment
    }

    /// `None` clears it.
    pub fn set_auto_response(&self, pair: Option<AutoResponse>) {
        self.kept().auto_response = pair.map(Box::new);
    }

    /// The pair that is set, for whoever only looks.
    pub fn auto_response(&self) -> Option<AutoResponse> {
        self.kept().auto_response.as_deref().cloned()
    }

    /// The answer to a message of exactly these bytes, if the handler has set one.
    pub fn auto_response_to(&self, message: &Value) -> Option<Value> {
        self.kept().auto_response.as_ref()?.answer(message)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No change panics half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The word in metrics.
    pub fn name(self) -> &'static str {
        match self {
            State::Live => "live",
            State::Parked => "parked",
            State::Dormant => "dormant",
        }
    }
}
