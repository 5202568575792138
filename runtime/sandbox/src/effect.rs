//! The effects of an event, and the connections that it has addressed.

use std::cell::Cell;

use zigttp_abi::value::Value;
use zigttp_protocol::close::Close;
use zigttp_protocol::frame::Frame;

use crate::auto_response::AutoResponse;
use crate::rooms::RoomsOf;
use crate::shared_text::SharedText;

/// One effect of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Queue a frame.
    Send { to: PeerIndex, frame: Frame },
    /// Close gracefully, after the frames that were sent before.
    Close { connection: PeerIndex, close: Close },
    /// Store a value with a connection.
    SetAttachment { connection: PeerIndex, value: Value },
    /// List a connection in a room.
    Join { connection: PeerIndex, room: SharedText },
    /// List a connection in a room that it has joined no longer.
    Leave { connection: PeerIndex, room: SharedText },
    /// Make a room the connection's own, instead of the one that this event sees.
    Move { connection: PeerIndex, from: SharedText, to: SharedText },
    /// Set the auto-response of a connection; `None` clears it.
    SetAutoResponse { connection: PeerIndex, pair: Option<AutoResponse> },
}

/// The index of a connection among those that an event has addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIndex(pub(crate) usize);

/// A connection that an event has addressed.
pub struct Addressed<P> {
    pub index: PeerIndex,
    pub peer: P,
    /// The frames of this event, as the connection's queue counts them.
    pub(crate) sent: usize,
    /// Whether this event has closed it.
    pub(crate) is_closed: bool,
    /// The attachment this event has written.
    pub attachment: Option<Value>,
    /// Whether this event has read the committed attachment.
    pub is_read: bool,
    /// The rooms that it is in after this event, if that changes them.
    pub rooms: Option<Box<RoomsOf>>,
}

/// The empty lists of an event that has ended, for the next event of the thread.
pub type Spare<P> = Cell<(Vec<Effect>, Vec<Addressed<P>>)>;
