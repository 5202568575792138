//! Events: what a handler is called with.

use std::sync::Arc;

use bytes::Bytes;
use zigttp_abi::guest::MAX_INPUTS;
use zigttp_abi::value::Value;

use crate::connection::Connection;

/// One call of the handler. What is large is boxed: events of connections are many and small.
pub(crate) enum Event {
    /// Somebody asks for a connection, which this would be.
    Upgrade {
        connection: Arc<Connection>,
        request: Box<Request>,
    },
    Open {
        connection: Arc<Connection>,
    },
    Message {
        connection: Arc<Connection>,
        data: Value,
    },
    Close {
        connection: Arc<Connection>,
        code: u16,
        reason: Box<str>,
    },
    Request(Box<Request>),
}

/// What of the handler an event calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Upgrade,
    Open,
    Message,
    Close,
    Request,
}

impl EventKind {
    pub(crate) const ALL: [EventKind; 5] = [
        EventKind::Upgrade,
        EventKind::Open,
        EventKind::Message,
        EventKind::Close,
        EventKind::Request,
    ];

    /// The word in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            EventKind::Upgrade => "upgrade",
            EventKind::Open => "open",
            EventKind::Message => "message",
            EventKind::Close => "close",
            EventKind::Request => "request",
        }
    }
}

/// An HTTP request, as `handler(req)` and `onUpgrade(req)` see it.
pub(crate) struct Request {
    pub(crate) method: String,
    /// A line each: `http://host`, the path, and the query with its `?`.
    pub(crate) target: String,
    /// `name: value` lines.
    pub(crate) headers: String,
    pub(crate) body: Bytes,
}

/// A response of `handler(req)`, or of an `onUpgrade(req)` that refuses, as the guest gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `name: value` lines.
    pub(crate) headers: String,
    pub(crate) body: Bytes,
}

impl Event {
    pub(crate) fn kind(&self) -> EventKind {
        match self {
            Event::Upgrade { .. } => EventKind::Upgrade,
            Event::Open { .. } => EventKind::Open,
            Event::Message { .. } => EventKind::Message,
            Event::Close { .. } => EventKind::Close,
            Event::Request(_) => EventKind::Request,
        }
    }

    /// The connection it is an event of, which there is.
    pub(crate) fn connection(&self) -> Option<&Arc<Connection>> {
        match self {
            Event::Open { connection }
            | Event::Message { connection, .. }
            | Event::Close { connection, .. } => Some(connection),
            Event::Upgrade { .. } | Event::Request(_) => None,
        }
    }

    /// What the guest is given (see [`zigttp_abi::guest`]).
    pub(crate) fn inputs(&self) -> [&[u8]; MAX_INPUTS] {
        match self {
            Event::Open { connection } => [connection.url.as_bytes(), b"", b"", b""],
            Event::Message { connection, data } => {
                [data.bytes(), connection.room.key().as_bytes(), b"", b""]
            }
            Event::Close { reason, .. } => [reason.as_bytes(), b"", b"", b""],
            Event::Request(request) | Event::Upgrade { request, .. } => [
                request.method.as_bytes(),
                request.target.as_bytes(),
                request.headers.as_bytes(),
                &request.body,
            ],
        }
    }

    /// Their lengths.
    pub(crate) fn input_lens(&self) -> [i32; MAX_INPUTS] {
        self.inputs().map(|input| {
            i32::try_from(input.len())
                .expect("inputs are bounded far below 2 GiB by the configuration")
        })
    }
}
