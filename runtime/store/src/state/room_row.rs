//! What is known of a room besides its entries and signals: how much they take.

use zigttp_abi::state::Usage;

use crate::state::signals::SignalUsage;

/// What the state of a room takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoomUsage {
    pub(crate) entries: Usage,
    pub(crate) signals: SignalUsage,
}

/// The row of a room that has state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoomRow {
    pub(crate) id: i64,
    pub(crate) usage: RoomUsage,
}

impl RoomUsage {
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.bytes + self.signals.bytes
    }

    /// As the room's own events see it.
    pub(crate) fn of_room(&self) -> Usage {
        Usage { keys: self.entries.keys, bytes: self.bytes() }
    }

    /// Whether the room has no state: then it has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.keys == 0 && self.signals.bytes == 0
    }
}
