//! Writes the transactions of one group, in their order, inside one transaction of the database.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use zigttp_abi::state::{ENTRY_BYTES, Usage};

use crate::state::database::rows::{self, RoomRow};
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::live_rooms::LiveRooms;
use crate::state::table::{Table, replace};
use crate::state::transaction::Transaction;

/// The entries of a room with more are removed bit by bit after it was cleared.
const CLEARED_AT_ONCE: u64 = 1000;

/// A group that is being written.
pub(crate) struct Group<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) live: &'a LiveRooms,
    pub(crate) limits: &'a StateLimits,
    /// Why no room may grow.
    pub(crate) no_space: Option<CommitStateError>,
    /// The rooms that the group has changed so far. Those in memory are as before it.
    pub(crate) changed: HashMap<Arc<str>, Option<RoomRow>>,
    /// The last number that was given to a room.
    pub(crate) last_room: i64,
    /// What all rooms take with what the group has written so far.
    pub(crate) all_bytes: u64,
    pub(crate) rooms: u64,
    /// When the first of the entries that were written expires.
    pub(crate) first_expiry: u64,
    /// Whether a large room was cleared.
    pub(crate) has_cleared: bool,
}

/// A room before a transaction.
struct Known {
    row: Option<RoomRow>,
    /// Its entries, if they are in memory.
    table: Option<Arc<Table>>,
}

impl Group<'_> {
    /// Writes a transaction. Returns the row of its room after it.
    ///
    /// # Errors
    /// When the database cannot be written: then the group cannot be committed. Any other error is the
    /// transaction's alone, and nothing of it is written.
    pub(crate) fn write(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Option<i64>, CommitStateError> {
        let Some(room) = transaction.changed_room() else { return Ok(None) };
        let changes = &transaction.changes;
        let known = self.known(room)?;
        let before = known.row.map_or_else(Usage::default, |row| row.usage);
        let mut after = if changes.clears { Usage::default() } else { before };
        let mut had = Vec::with_capacity(changes.entries.len());
        for (key, entry) in &changes.entries {
            let old = if changes.clears { None } else { self.bytes_of(&known, key)? };
            replace(&mut after, old, entry.as_ref().map(|entry| entry.bytes(key)));
            had.push(old.is_some());
        }
        let all_bytes = (self.all_bytes + after.bytes).saturating_sub(before.bytes);
        self.limits.allow(room, before, after, all_bytes)?;
        if let Some(no_space) = self.no_space.as_ref().filter(|_| after.bytes > before.bytes) {
            return Err(no_space.clone());
        }

        let mut old = known.row;
        drop(known);
        if changes.clears
            && let Some(row) = old
        {
            if before.keys > CLEARED_AT_ONCE {
                rows::insert_cleared(self.connection, row.id)?;
                rows::delete_room(self.connection, row.id)?;
                self.has_cleared = true;
                self.rooms -= 1;
                old = None;
            } else {
                rows::delete_entries(self.connection, row.id)?;
            }
        }
        let id = old.map_or(self.last_room + 1, |row| row.id);
        for ((key, entry), had) in changes.entries.iter().zip(had) {
            match entry {
                Some(entry) => {
                    rows::put(self.connection, id, key, entry)?;
                    self.first_expiry = self.first_expiry.min(entry.expires.unwrap_or(u64::MAX));
                }
                None if had => rows::delete(self.connection, id, key)?,
                None => {}
            }
        }
        let row = RoomRow { id, usage: after };
        let now = transaction.now;
        match (old.is_some(), after.keys > 0) {
            (true, true) => rows::update_room(self.connection, row, Some(now))?,
            (true, false) => {
                rows::delete_room(self.connection, id)?;
                self.rooms -= 1;
            }
            (false, true) => {
                rows::insert_room(self.connection, row, room, now)?;
                self.last_room = id;
                self.rooms += 1;
            }
            (false, false) => {}
        }
        self.all_bytes = all_bytes;
        let row = (after.keys > 0).then_some(row);
        self.changed.insert(Arc::clone(room), row);
        Ok(row.map(|row| row.id))
    }

    fn known(&self, room: &str) -> Result<Known, CommitStateError> {
        if let Some(row) = self.changed.get(room) {
            return Ok(Known { row: *row, table: None });
        }
        if let Some((table, id)) = self.live.table_and_id(room) {
            let row = id.map(|id| RoomRow { id, usage: table.usage() });
            return Ok(Known { row, table: Some(table) });
        }
        Ok(Known { row: rows::room(self.connection, room)?, table: None })
    }

    /// What an entry counts, if there is one.
    fn bytes_of(&self, known: &Known, key: &str) -> Result<Option<u64>, CommitStateError> {
        match (known.row, &known.table) {
            (None, _) => Ok(None),
            (_, Some(table)) => Ok(table.get(key).map(|entry| entry.bytes(key))),
            (Some(row), None) => {
                let value = rows::value_bytes(self.connection, row.id, key)?;
                Ok(value.map(|bytes| key.len() as u64 + bytes + ENTRY_BYTES))
            }
        }
    }
}
