//! How much the states of rooms may take.

use std::sync::Arc;

use zigttp_abi::state::Usage;

use crate::state::error::CommitStateError;

/// The largest room that is held in memory whole. Of a larger one in the database, entries are read by key.
pub const WHOLE_ROOM_BYTES: u64 = 1 << 20;

/// How long an entry that has expired stays in the database, in milliseconds.
pub(crate) const EXPIRED_MS: u64 = 60_000;

/// How much the states of rooms may take. What only deletes is always committed.
#[derive(Clone, Copy, Debug)]
pub struct StateLimits {
    /// Bytes of one room.
    pub room_bytes: u64,
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
            all_bytes: 16 << 30,
            live_bytes: 256 << 20,
            reads: 8,
            file_bytes: None,
            free_bytes: 64 << 20,
        }
    }

    /// Refuses an event whose room, or all rooms together, would grow beyond a limit.
    pub(crate) fn allow(
        &self,
        room: &Arc<str>,
        before: Usage,
        after: Usage,
        all_after: u64,
    ) -> Result<(), CommitStateError> {
        if after.bytes <= before.bytes {
            return Ok(());
        }
        if after.bytes > self.room_bytes {
            let (room, bytes, most) = (Arc::clone(room), after.bytes, self.room_bytes);
            return Err(CommitStateError::RoomFull { room, bytes, most });
        }
        if all_after > self.all_bytes {
            return Err(CommitStateError::Full { bytes: all_after, most: self.all_bytes });
        }
        Ok(())
    }
}
