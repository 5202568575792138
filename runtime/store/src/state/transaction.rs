//! What one event commits.

use std::sync::Arc;

use zigttp_abi::state::Changes;

/// What one event commits, all of it or nothing.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The event's room. An event that belongs to none changes no state.
    pub room: Option<Arc<str>>,
    pub changes: Changes,
    /// The event's time, in milliseconds since 1970.
    pub now: u64,
}

impl Transaction {
    /// The room whose state it changes.
    pub(crate) fn changed_room(&self) -> Option<&Arc<str>> {
        self.room.as_ref().filter(|_| !self.changes.is_empty())
    }

    /// About how many bytes it writes.
    pub(crate) fn bytes(&self) -> u64 {
        let entries = self.changes.entries.iter();
        entries.map(|(key, entry)| entry.as_ref().map_or(0, |entry| entry.bytes(key))).sum()
    }
}
