//! Events: calls of the handler, with their arguments.

use std::sync::Arc;

use bytes::Bytes;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::MAX_INPUTS;
use zigttp_abi::value::Value;

use crate::shared_text::SharedText;
use crate::signal::Signal;
use crate::stream::StreamPiece;

/// One call of the handler.
pub struct Event {
    /// The connection that it is about; of an upgrade, that which there would be.
    pub connection: Option<ConnectionId>,
    /// The room in whose turn it runs; a request may belong to none.
    pub room: Option<SharedText>,
    pub call: Call,
}

/// The function that an event calls, with its arguments. Large arguments are boxed, because most events are
/// small.
pub enum Call {
    /// A request or an upgrade asks for its room, before and outside of any turn. Its effects are dropped.
    RoomOf(Box<Request>),
    /// A client asks for a connection, and may have left a value.
    Upgrade {
        request: Box<Request>,
        resumable: Option<Value>,
    },
    /// A connection has opened this path and query.
    Open {
        url: Arc<str>,
    },
    Message {
        data: Value,
    },
    Close {
        code: u16,
        reason: Box<str>,
    },
    Request(Box<Request>),
    /// A signal has come to a room, or a timer of it is due.
    Signal(Box<Signal>),
    /// A piece of a stream has come to the room that has opened it.
    Stream(Arc<StreamPiece>),
}

/// The function that an event calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    RoomOf,
    Upgrade,
    Open,
    Message,
    Close,
    Request,
    Signal,
    Stream,
}

impl EventKind {
    pub const ALL: [EventKind; 8] = [
        EventKind::RoomOf,
        EventKind::Upgrade,
        EventKind::Open,
        EventKind::Message,
        EventKind::Close,
        EventKind::Request,
        EventKind::Signal,
        EventKind::Stream,
    ];

    /// The word in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::RoomOf => "room_of",
            EventKind::Upgrade => "upgrade",
            EventKind::Open => "open",
            EventKind::Message => "message",
            EventKind::Close => "close",
            EventKind::Request => "request",
            EventKind::Signal => "signal",
            EventKind::Stream => "stream",
        }
    }
}

/// An HTTP request, as `handler(req)` and `onUpgrade(req)` see it.
pub struct Request {
    pub method: String,
    /// Three lines: `http://host`, the path, and the query with its `?`.
    pub target: String,
    /// `name: value` lines.
    pub headers: String,
    pub body: Bytes,
}

/// A response of `handler(req)`, or of an `onUpgrade(req)` that refuses, as the guest gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// `name: value` lines.
    pub headers: String,
    pub body: Bytes,
}

impl Request {
    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.method.len() + self.target.len() + self.headers.len() + self.body.len()
    }
}

impl Event {
    /// An event of a connection.
    pub fn of(connection: ConnectionId, room: SharedText, call: Call) -> Event {
        Event { connection: Some(connection), room: Some(room), call }
    }

    /// The question which room a request belongs to.
    pub fn room_of(request: Request) -> Event {
        Event { connection: None, room: None, call: Call::RoomOf(Box::new(request)) }
    }

    /// A request, of a room or of none.
    pub fn request(request: Request, room: Option<SharedText>) -> Event {
        Event { connection: None, room, call: Call::Request(Box::new(request)) }
    }

    /// A signal that has come to a room.
    pub fn signal(room: SharedText, signal: Signal) -> Event {
        Event { connection: None, room: Some(room), call: Call::Signal(Box::new(signal)) }
    }

    /// A piece of a stream that has come to its room.
    pub fn stream(room: SharedText, piece: Arc<StreamPiece>) -> Event {
        Event { connection: None, room: Some(room), call: Call::Stream(piece) }
    }

    /// How many bytes its inputs are.
    pub fn bytes(&self) -> usize {
        self.inputs().iter().map(|input| input.len()).sum()
    }

    pub fn kind(&self) -> EventKind {
        match self.call {
            Call::RoomOf(_) => EventKind::RoomOf,
            Call::Upgrade { .. } => EventKind::Upgrade,
            Call::Open { .. } => EventKind::Open,
            Call::Message { .. } => EventKind::Message,
            Call::Close { .. } => EventKind::Close,
            Call::Request(_) => EventKind::Request,
            Call::Signal(_) => EventKind::Signal,
            Call::Stream(_) => EventKind::Stream,
        }
    }

    /// The open connection of this event; `None` also for `onUpgrade`, which only has a candidate.
    pub fn open_connection(&self) -> Option<ConnectionId> {
        self.connection.filter(|_| !matches!(self.call, Call::Upgrade { .. }))
    }

    /// The inputs of the guest (see [`zigttp_abi::guest`]).
    pub(crate) fn inputs(&self) -> [&[u8]; MAX_INPUTS] {
        let room = self.room.as_ref().map_or(&b""[..], |room| room.as_bytes());
        match &self.call {
            Call::Open { url } => [url.as_bytes(), room, b"", b"", b""],
            Call::Message { data } => [data.bytes(), room, b"", b"", b""],
            Call::Close { reason, .. } => [reason.as_bytes(), room, b"", b"", b""],
            Call::Signal(signal) => {
                let info = signal.json.as_bytes();
                [room, signal.name.as_bytes(), signal.data_bytes(), info, b""]
            }
            Call::Stream(piece) => [room, piece.name.as_bytes(), piece.json(), piece.binary(), b""],
            Call::RoomOf(request) | Call::Request(request) | Call::Upgrade { request, .. } => [
                request.method.as_bytes(),
                request.target.as_bytes(),
                request.headers.as_bytes(),
                &request.body,
                room,
            ],
        }
    }

    /// The lengths of the inputs.
    pub(crate) fn input_lens(&self) -> [i32; MAX_INPUTS] {
        self.inputs().map(|input| {
            i32::try_from(input.len()).expect("the configuration limits inputs far below 2 GiB")
        })
    }
}
