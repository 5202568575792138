//! How much the states of rooms may take.

use std::sync::Arc;

use crate::state::error::CommitStateError;
use crate::state::room_row::RoomUsage;

/// The largest room that is held in memory whole. Of a larger one in the database, entries are read by key.
pub const WHOLE_ROOM_BYTES: u64 = 1 << 20;

/// How long an entry that has expired stays in the database, in milliseconds.
pub(crate) const EXPIRED_MS: u64 = 60_000;

/// How much the states of rooms may take. What only deletes is always committed.
#[derive(Clone, Copy, Debug)]
pub struct StateLimits {
    /// Bytes of one room.
    pub room_bytes: u64,
    /// Signals that a room has sent and that are not taken yet.
    pub room_signals: u64,
    /// Streams of all rooms together that have not ended.
    pub streams: u64,
    /// Bytes of all rooms together.
    pub all_bytes: u64,
    /// Bytes of the rooms that are held in memory, if there is a database.
    pub live_bytes: u64,
    /// Reads of the database that are made at the same time. Each has a connection and a thread; more wait.
    pub reads: usize,
    /// Bytes of the database's file.
    pub file_bytes: Option<u64>,
    /// Bytes that must stay free where the database is.
    pub free_bytes: u64,
}

impl StateLimits {
    /// What holds unless an operator has said otherwise.
    pub const fn of_memory() -> StateLimits {
        StateLimits { all_bytes: 1 << 30, ..StateLimits::of_database() }
    }

    /// What holds unless an operator has said otherwise.
    pub const fn of_database() -> StateLimits {
        StateLimits {
            room_bytes: 64 << 20,
            room_signals: 10_000,
            streams: 10_000,
            all_bytes: 16 << 30,
            live_bytes: 256 << 20,
            reads: 8,
            file_bytes: None,
            free_bytes: 64 << 20,
        }
    }

    /// Refuses an event whose room would grow beyond a limit.
    pub(crate) fn allow_room(
        &self,
        room: &Arc<str>,
        before: RoomUsage,
        after: RoomUsage,
    ) -> Result<(), CommitStateError> {
        if after.signals.sent > before.signals.sent && after.signals.sent > self.room_signals {
            let (room, signals, most) = (Arc::clone(room), after.signals.sent, self.room_signals);
            return Err(CommitStateError::TooManySignals { room, signals, most });
        }
        let (before, after) = (before.bytes(), after.bytes());
        if after > before && after > self.room_bytes {
            let (room, bytes, most) = (Arc::clone(room), after, self.room_bytes);
            return Err(CommitStateError::RoomFull { room, bytes, most });
        }
        Ok(())
    }

    /// Refuses an event after which all rooms together would exceed their limit.
    pub(crate) fn allow_all(&self, before: u64, after: u64) -> Result<(), CommitStateError> {
        if after > before && after > self.all_bytes {
            return Err(CommitStateError::Full { bytes: after, most: self.all_bytes });
        }
        Ok(())
    }
}
