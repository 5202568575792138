//! What an event did, as plain values: collected while it runs, committed when it returns.

use std::sync::Arc;

use crate::auto_response::AutoResponse;
use crate::connection::Connection;
use crate::connection_id::{ById, ConnectionId};
use crate::frame::Frame;
use crate::outbox::Close;
use crate::value::Value;

/// One thing an event did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Queue a frame.
    Send { to: ConnectionId, frame: Frame },
    /// Close gracefully, behind what was sent before.
    Close { connection: ConnectionId, close: Close },
    /// Keep a value with a connection.
    SetAttachment { connection: ConnectionId, value: Value },
    /// Answer a message without JavaScript; `None` clears.
    SetAutoResponse { connection: ConnectionId, pair: Option<AutoResponse> },
}

/// The effects of one event in the order they happened, and what later calls of the same event
/// must see of them.
#[derive(Default)]
pub(crate) struct Effects {
    list: Vec<Effect>,
    touched: ById<Touched>,
    /// Payload bytes held; they count against the event's memory budget.
    bytes: usize,
}

/// A connection an event has addressed.
pub(crate) struct Touched {
    pub(crate) connection: Arc<Connection>,
    /// Payload bytes this event has sent it.
    pub(crate) sent: usize,
    /// Whether this event has closed it.
    pub(crate) is_closed: bool,
    /// The attachment this event has written.
    pub(crate) attachment: Option<Value>,
}

/// What an effect costs besides its payload: the entry itself and a share of the tables.
const ENTRY_BYTES: usize = 128;

impl Effects {
    /// The record of a connection this event addresses, looked up once.
    pub(crate) fn touch(
        &mut self,
        id: ConnectionId,
        find: impl FnOnce() -> Option<Arc<Connection>>,
    ) -> Option<&mut Touched> {
        use std::collections::hash_map::Entry;
        match self.touched.entry(id) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) => find().map(|connection| {
                entry.insert(Touched { connection, sent: 0, is_closed: false, attachment: None })
            }),
        }
    }

    /// Adds one; the caller has updated what [`Effects::touch`] gave it.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.bytes += ENTRY_BYTES
            + match &effect {
                Effect::Send { frame, .. } => frame.payload().len(),
                Effect::SetAttachment { value, .. } => value.bytes().len(),
                Effect::Close { .. } | Effect::SetAutoResponse { .. } => 0,
            };
        self.list.push(effect);
    }

    /// Whether this event has closed the connection.
    pub(crate) fn has_closed(&self, id: ConnectionId) -> bool {
        self.touched.get(&id).is_some_and(|touched| touched.is_closed)
    }

    /// The last frame sent, so that a broadcast can share its bytes.
    pub(crate) fn last_sent(&self) -> Option<&Frame> {
        match self.list.last() {
            Some(Effect::Send { frame, .. }) => Some(frame),
            _ => None,
        }
    }

    /// Bytes of memory the effects hold.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The effects, for whoever only looks.
    pub(crate) fn list(&self) -> &[Effect] {
        &self.list
    }

    /// The effects and the connections they name.
    pub(crate) fn into_parts(self) -> (Vec<Effect>, ById<Touched>) {
        (self.list, self.touched)
    }
}
