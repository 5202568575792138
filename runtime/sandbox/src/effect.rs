//! One thing an event did, and the connections that it has addressed.

use std::cell::Cell;

use zigttp_abi::value::Value;
use zigttp_protocol::close::Close;
use zigttp_protocol::frame::Frame;

use crate::auto_response::AutoResponse;

/// One thing an event did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Queue a frame.
    Send { to: PeerIndex, frame: Frame },
    /// Close gracefully, behind what was sent before.
    Close { connection: PeerIndex, close: Close },
    /// Keep a value with a connection.
    SetAttachment { connection: PeerIndex, value: Value },
    /// Answer a message without JavaScript; `None` clears.
    SetAutoResponse { connection: PeerIndex, pair: Option<AutoResponse> },
}

/// A connection, by its index among those that an event has addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIndex(pub(crate) usize);

/// A connection an event has addressed.
pub struct Addressed<P> {
    pub index: PeerIndex,
    pub peer: P,
    /// What this event has sent it counts in its queue.
    pub(crate) sent: usize,
    /// Whether this event has closed it.
    pub(crate) is_closed: bool,
    /// The attachment this event has written.
    pub attachment: Option<Value>,
    /// Whether this event has read the committed attachment.
    pub is_read: bool,
}

/// The lists of an event that has ended, empty, for the next one of its thread.
pub type Spare<P> = Cell<(Vec<Effect>, Vec<Addressed<P>>)>;
