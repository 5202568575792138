//! Reads the states of rooms for an operator, with or without a server that uses the directory.
//!
//! Each function reads one committed state, and no transaction is open between two calls: so an operator
//! who reads slowly keeps nobody from emptying the log.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use zigttp_abi::state::{Entry, KeyRange, ListLimits};

use crate::dir;
use crate::state::database::file::DatabaseFile;
use crate::state::database::{rows, signal_rows};
use crate::state::error::{OpenStateError, ReadError};
use crate::state::signals::StoredSignal;

pub use crate::state::database::surveyed_rooms::{SurveyedRoom, SurveyedRooms};

/// The states of rooms of a durable directory.
pub struct Survey(Connection);

/// A room with all that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportedRoom {
    pub entries: Vec<(Box<str>, Entry)>,
    /// Its timers and the signals for it, in the order in which they were stored, but for runs of schedules.
    pub signals: Vec<StoredSignal>,
    /// When an event of it last wrote, in milliseconds since 1970. 0 if there are only signals for it.
    pub written: u64,
}

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// It does not exist, or belongs to another user.
    #[error("cannot read the directory")]
    Directory(#[source] io::Error),
    /// No event has stored anything.
    #[error("no server has stored the state of rooms in it")]
    Empty,
    #[error(transparent)]
    Database(#[from] OpenStateError),
}

impl Survey {
    /// Opens the database of a durable directory for reading.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(durable: &Path) -> Result<Survey, SurveyError> {
        let folder = dir::look_into(durable).map_err(SurveyError::Directory)?;
        let file = DatabaseFile::existing(&folder)?.ok_or(SurveyError::Empty)?;
        Ok(Survey(file.reader().map_err(OpenStateError::Database)?))
    }

    /// The rooms that have state, timers or signals, in the order of the bytes of their names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rooms(&self) -> Result<SurveyedRooms<'_>, ReadError> {
        SurveyedRooms::new(&self.0)
    }

    /// Signals and timers with numbers behind this one, in the order of their numbers, in which they were stored: those
    /// that are for one room, or all; of these those that are parked, or all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn signals(
        &self,
        room: Option<&str>,
        only_parked: bool,
        after: u64,
        most: usize,
    ) -> Result<Vec<StoredSignal>, ReadError> {
        let is_parked = only_parked.then_some(true);
        whole(signal_rows::stored(&self.0, room, is_parked, after, most)?)
    }

    /// The value under a key, if it is there at this time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn get(&self, room: &str, key: &str, now: u64) -> Result<Option<Entry>, ReadError> {
        self.in_one_state(|connection| {
            let Some(room) = rows::room(connection, room)? else { return Ok(None) };
            let entry = rows::entry(connection, room.id, key)?;
            Ok(entry.filter(|entry| entry.is_there_at(now)))
        })
    }

    /// The entries of a range of keys that are there at this time. Ends with the first that exceeds a limit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(
        &self,
        room: &str,
        range: &KeyRange,
        limits: ListLimits,
        now: u64,
    ) -> Result<Vec<(Box<str>, Entry)>, ReadError> {
        self.in_one_state(|connection| {
            let Some(room) = rows::room(connection, room)? else { return Ok(Vec::new()) };
            rows::list(connection, room.id, range, |_| false, limits, now)
        })
    }

    /// A room with all entries that are there at this time, its timers, and all signals for it. `None` if it has
    /// nothing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn export(&self, name: &str, now: u64) -> Result<Option<ExportedRoom>, ReadError> {
        self.in_one_state(|connection| {
            let mut exported = ExportedRoom {
                signals: whole(signal_rows::stored(connection, Some(name), None, 0, usize::MAX)?)?,
                ..ExportedRoom::default()
            };
            // The server that serves the handler plans them.
            exported.signals.retain(|stored| !stored.signal.is_planned());
            if let Some(row) = rows::room(connection, name)? {
                let table = rows::table(connection, row.id)?;
                let entries = table.iter().filter(|(_key, entry)| entry.is_there_at(now));
                exported.entries = entries.cloned().collect();
                exported.written = rows::written(connection, row.id)?;
            } else if exported.signals.is_empty() {
                return Ok(None);
            }
            Ok(Some(exported))
        })
    }

    fn in_one_state<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        rows::begin_read(&self.0)?;
        let result = read(&self.0);
        rows::roll_back(&self.0);
        result
    }
}

/// Signals that were read, none of which is damaged.
fn whole(read: Vec<Result<StoredSignal, u64>>) -> Result<Vec<StoredSignal>, ReadError> {
    read.into_iter().map(|stored| stored.map_err(|id| ReadError::DamagedSignal { id })).collect()
}
