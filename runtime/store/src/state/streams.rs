//! Streams: requests whose responses come to a room in pieces. Stored is the request, from the commit of the event
//! that has made it to that of the event that takes its last piece. The pieces are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use zigttp_abi::state::ENTRY_BYTES;

/// A stream as it is stored, without its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Greater than those of all streams and signals that were stored before, and never given twice.
    pub id: u64,
    /// The room that has made the request, and gets the pieces.
    pub room: Arc<str>,
    pub name: Box<str>,
    /// When the event was that has made it, in milliseconds since 1970.
    pub opened: u64,
    /// What it counts in its room's bytes.
    pub bytes: u64,
}

/// The request of a stream, in the caller's form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamRequest {
    /// A text, so that every tool can show it.
    pub head: Box<str>,
    pub body: Option<Bytes>,
}

impl StreamRequest {
    fn bytes(&self) -> u64 {
        (self.head.len() + self.body.as_ref().map_or(0, Bytes::len)) as u64
    }

    /// What a stream of this name counts in its room's bytes.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        name.len() as u64 + self.bytes() + ENTRY_BYTES
    }
}

/// What one event changes of streams.
#[derive(Debug, Default)]
pub struct StreamChanges {
    /// Whether all streams of the room that were there before the event are cancelled.
    pub cancels_all: bool,
    /// The stream that each name has after the event; the one before it is cancelled. `None` cancels alone.
    pub names: BTreeMap<Box<str>, Option<StreamRequest>>,
    /// The stream whose last piece the event has taken: it goes.
    pub ended: Option<u64>,
    /// One that an operator cancels.
    pub cancelled: Option<u64>,
}

impl StreamChanges {
    pub(crate) fn is_empty(&self) -> bool {
        let StreamChanges { cancels_all, names, ended, cancelled } = self;
        !cancels_all && names.is_empty() && ended.is_none() && cancelled.is_none()
    }

    /// About how many bytes they write.
    pub(crate) fn bytes(&self) -> u64 {
        let requests = self.names.values().flatten();
        requests.map(StreamRequest::bytes).sum()
    }
}

/// A stream whose turn it is: to be requested, or to be told its end.
#[derive(Debug)]
pub struct TakenStream {
    pub stream: Arc<Stream>,
    /// Whether a server before this one has had it: it may have made the request, so this one does not.
    pub is_interrupted: bool,
    /// Becomes true when it is cancelled.
    pub cancelled: watch::Receiver<bool>,
}

/// Where a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It waits for a place.
    Waiting,
    Open,
    /// Its room is yet to be told.
    Cancelled,
}
