//! A socket that is not read because too much waits for the turn of its room.

use std::sync::Arc;
use std::task::Waker;

use crate::rooms::Room;

/// Kept by the reader of a socket for as long as it must not read.
pub struct Unread {
    room: Arc<Room>,
    /// Those who have waited longer are woken first.
    ticket: u64,
}

impl Unread {
    /// Stops reading a socket of this room.
    pub fn begin(room: &Arc<Room>) -> Unread {
        Unread { room: Arc::clone(room), ticket: room.turns().begin_unread() }
    }

    /// Whether the socket may be read again. If not, the waker is called when it may.
    pub fn has_ended(&self, waker: &Waker) -> bool {
        self.room.turns().is_readable(self.ticket, waker)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.room.turns().end_unread(self.ticket);
    }
}
