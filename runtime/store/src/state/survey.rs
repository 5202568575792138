//! Reads the states of rooms for an operator, with or without a server that uses the directory.
//!
//! Each function reads one committed state, and no transaction is open between two calls: so an operator
//! who reads slowly keeps nobody from emptying the log.

use std::io;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};

use crate::dir;
use crate::state::database::file::{DatabaseFile, signed, unsigned};
use crate::state::database::rows;
use crate::state::error::{OpenStateError, ReadError};

/// The states of rooms of a durable directory.
pub struct Survey(Connection);

/// What the state of one room takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedRoom {
    pub name: String,
    pub usage: Usage,
    /// When an event of it last wrote, in milliseconds since 1970.
    pub written: u64,
}

/// A room and its entries.
pub type ExportedRoom = (SurveyedRoom, Vec<(Box<str>, Entry)>);

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

    /// The first rooms after one, in the order of the bytes of their names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rooms(&self, after: Option<&str>, most: usize) -> Result<Vec<SurveyedRoom>, ReadError> {
        let sql = "SELECT name, keys, bytes + signal_bytes, written FROM room WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params![after, signed(most as u64)], surveyed)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One room, if it has state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn room(&self, name: &str) -> Result<Option<SurveyedRoom>, ReadError> {
        let sql = "SELECT name, keys, bytes + signal_bytes, written FROM room WHERE name = ?";
        Ok(self.0.prepare_cached(sql)?.query_row([name], surveyed).optional()?)
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

    /// A room with all entries that are there at this time, if it has state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn export(&self, name: &str, now: u64) -> Result<Option<ExportedRoom>, ReadError> {
        self.in_one_state(|connection| {
            let Some(room) = self.room(name)? else { return Ok(None) };
            let Some(row) = rows::room(connection, name)? else { return Ok(None) };
            let table = rows::table(connection, row.id)?;
            let entries = table.iter().filter(|(_key, entry)| entry.is_there_at(now));
            Ok(Some((room, entries.cloned().collect())))
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

fn surveyed(row: &Row<'_>) -> rusqlite::Result<SurveyedRoom> {
    Ok(SurveyedRoom {
        name: row.get(0)?,
        usage: Usage { keys: unsigned(row.get(1)?), bytes: unsigned(row.get(2)?) },
        written: unsigned(row.get(3)?),
    })
}
