//! Events: what a handler is called with.

use std::sync::Arc;

use bytes::Bytes;

use crate::connection::Connection;
use crate::value::Value;

/// One call of the handler.
pub(crate) enum Event {
    Open { connection: Arc<Connection> },
    Message { connection: Arc<Connection>, data: Value },
    Close { connection: Arc<Connection>, code: u16, reason: Box<str> },
    Request(Request),
}

/// An HTTP request, as `handler(req)` sees it.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Absolute, as far as the request tells: `http://host/path?query`.
    pub(crate) url: String,
    /// `name: value` lines.
    pub(crate) headers: String,
    pub(crate) body: Bytes,
}

/// The answer of `handler(req)`, as the guest gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `name: value` lines.
    pub(crate) headers: String,
    pub(crate) body: Bytes,
}

impl Event {
    /// The word in logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Open { .. } => "open",
            Event::Message { .. } => "message",
            Event::Close { .. } => "close",
            Event::Request(_) => "request",
        }
    }

    /// The connection it is an event of.
    pub(crate) fn connection(&self) -> Option<&Arc<Connection>> {
        match self {
            Event::Open { connection }
            | Event::Message { connection, .. }
            | Event::Close { connection, .. } => Some(connection),
            Event::Request(_) => None,
        }
    }

    /// The bytes the guest asks for by index (see [`zigttp_abi::guest`]).
    pub(crate) fn input(&self, index: u32) -> Option<&[u8]> {
        Some(match (self, index) {
            (Event::Open { connection }, 0) => connection.url.as_bytes(),
            (Event::Message { data, .. }, 0) => data.bytes(),
            (Event::Message { connection, .. }, 1) => connection.room.key().as_bytes(),
            (Event::Close { reason, .. }, 0) => reason.as_bytes(),
            (Event::Request(request), 0) => request.method.as_bytes(),
            (Event::Request(request), 1) => request.url.as_bytes(),
            (Event::Request(request), 2) => request.headers.as_bytes(),
            (Event::Request(request), 3) => &request.body,
            _ => return None,
        })
    }

    /// Length of an input that exists.
    pub(crate) fn input_len(&self, index: u32) -> i32 {
        let len = self.input(index).map_or(0, <[u8]>::len);
        i32::try_from(len).expect("inputs are bounded far below 2 GiB by the configuration")
    }
}
