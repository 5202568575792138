//! What the file of a connection says once all is done that was sent to the disk.
//!
//! The values in memory change when the disk has taken them, and the rooms of a connection after that. A file that is
//! written meanwhile for another reason must hold both.

use std::sync::Arc;

use zigttp_abi::value::Value;
use zigttp_sandbox::rooms::RoomsOf;
use zigttp_sandbox::shared_text::SharedText;

use crate::membership::Change;

/// What a file says: a value, and the rooms of its connection.
pub(crate) struct Ordered {
    pub(crate) value: Option<Value>,
    pub(crate) own: Arc<str>,
    pub(crate) joined: Vec<Arc<str>>,
}

impl Ordered {
    /// What is in memory.
    pub(crate) fn of(value: Option<Value>, rooms: &RoomsOf) -> Ordered {
        Ordered {
            value,
            own: rooms.own.to_arc(),
            joined: rooms.joined.iter().map(|room| room.to_arc()).collect(),
        }
    }

    /// Changes the rooms as a commit does.
    pub(crate) fn change(&mut self, what: Change, room: &SharedText) {
        let is_it = |known: &Arc<str>| **known == **room;
        if what == Change::Join && (is_it(&self.own) || self.joined.iter().any(is_it)) {
            return;
        }
        self.joined.retain(|joined| !is_it(joined));
        match what {
            Change::Join => self.joined.push(room.to_arc()),
            Change::Move => self.own = room.to_arc(),
            Change::Leave => {}
        }
    }
}
