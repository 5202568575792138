//! One committed state of a room, as an event sees it.

use std::sync::Arc;

use rusqlite::Connection;
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};

use crate::state::database::readers::{Readers, Snapshot};
use crate::state::database::{rows, signal_rows};
use crate::state::error::ReadError;
use crate::state::room_row::RoomRow;
use crate::state::table::Table;

/// One committed state of a room. Cloning is cheap.
#[derive(Clone)]
pub enum RoomState {
    /// All its entries. Later commits do not change them.
    Whole(Arc<Table>),
    /// A large room, whose entries are read by key.
    OnDisk(OnDisk),
}

/// A large room.
#[derive(Clone)]
pub struct OnDisk {
    name: Arc<str>,
    row: RoomRow,
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// The room of the event that reads: nobody else changes it.
    Latest(Arc<Readers>),
    /// Another room.
    Snapshot(Arc<Snapshot>),
}

impl RoomState {
    /// All entries, if they are in memory.
    pub fn whole(&self) -> Option<&Table> {
        match self {
            RoomState::Whole(table) => Some(table),
            RoomState::OnDisk(_) => None,
        }
    }

    /// What all entries take, also those that have expired and are not swept yet, and all signals.
    pub fn usage(&self) -> Usage {
        match self {
            RoomState::Whole(table) => table.usage(),
            RoomState::OnDisk(room) => room.row.usage.of_room(),
        }
    }

    /// An entry, also one that has expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, ReadError> {
        match self {
            RoomState::Whole(table) => Ok(table.get(key).cloned()),
            RoomState::OnDisk(room) => {
                let (id, key) = (room.row.id, key.to_owned());
                room.read(move |connection| rows::entry(connection, id, &key)).await
            }
        }
    }

    /// When the timer of this name was to run, if there is one. One that is due and waits is still there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn timer(&self, name: &str) -> Result<Option<u64>, ReadError> {
        let timer = match self {
            RoomState::Whole(table) => table.timer(name),
            RoomState::OnDisk(room) => {
                let (room_name, name) = (Arc::clone(&room.name), name.to_owned());
                let read = move |connection: &Connection| {
                    Ok(signal_rows::timer(connection, &room_name, &name)?)
                };
                room.read(read).await?
            }
        };
        Ok(timer.map(|timer| timer.scheduled))
    }

    /// How many timers there are.
    pub fn timers(&self) -> usize {
        match self {
            RoomState::Whole(table) => table.timers().len(),
            RoomState::OnDisk(room) => {
                usize::try_from(room.row.usage.signals.timers).unwrap_or(usize::MAX)
            }
        }
    }

    /// The entries in a range that are there at this time, without those that are hidden, until one exceeds a
    /// limit: that is the last one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        range: KeyRange,
        mut hidden: Vec<Box<str>>,
        most: ListLimits,
        now: u64,
    ) -> Result<Vec<(Box<str>, Entry)>, ReadError> {
        hidden.sort_unstable();
        let is_hidden =
            move |key: &str| hidden.binary_search_by(|other| (**other).cmp(key)).is_ok();
        match self {
            RoomState::Whole(table) => Ok(table.list(&range, is_hidden, most, now)),
            RoomState::OnDisk(room) => {
                let id = room.row.id;
                let list = move |connection: &Connection| {
                    rows::list(connection, id, &range, is_hidden, most, now)
                };
                room.read(list).await
            }
        }
    }
}

impl OnDisk {
    pub(crate) fn latest(name: Arc<str>, row: RoomRow, readers: Arc<Readers>) -> OnDisk {
        OnDisk { name, row, source: Source::Latest(readers) }
    }

    pub(crate) fn snapshot(name: Arc<str>, row: RoomRow, snapshot: Arc<Snapshot>) -> OnDisk {
        OnDisk { name, row, source: Source::Snapshot(snapshot) }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        match &self.source {
            Source::Latest(readers) => readers.read(read).await,
            Source::Snapshot(snapshot) => snapshot.read(read).await,
        }
    }
}
