//! The statements: rows in, rows out. Each is prepared once for a connection.

use std::ops::Bound;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::{Value, ValueKind};

use crate::state::database::file::{signed, unsigned};
use crate::state::error::ReadError;
use crate::state::table::{Listing, Table};

/// The row of a room that has state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoomRow {
    pub(crate) id: i64,
    pub(crate) usage: Usage,
}

pub(crate) fn begin(connection: &Connection) -> Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(|_| ())
}

/// Begins to read one committed state.
pub(crate) fn begin_read(connection: &Connection) -> Result<()> {
    connection.prepare_cached("BEGIN DEFERRED")?.execute([]).map(|_| ())
}

pub(crate) fn commit(connection: &Connection) -> Result<()> {
    connection.prepare_cached("COMMIT")?.execute([]).map(|_| ())
}

/// Ends a transaction, if SQLite has not ended it on an error.
pub(crate) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "cannot roll a transaction back");
    }
}

pub(crate) fn room(connection: &Connection, name: &str) -> Result<Option<RoomRow>> {
    let mut statement =
        connection.prepare_cached("SELECT id, keys, bytes FROM room WHERE name = ?")?;
    statement
        .query_row([name], |row| {
            let usage = Usage { keys: unsigned(row.get(1)?), bytes: unsigned(row.get(2)?) };
            Ok(RoomRow { id: row.get(0)?, usage })
        })
        .optional()
}

/// The name of a room and its row.
pub(crate) fn room_of(connection: &Connection, id: i64) -> Result<Option<(String, RoomRow)>> {
    let mut statement =
        connection.prepare_cached("SELECT name, keys, bytes FROM room WHERE id = ?")?;
    statement
        .query_row([id], |row| {
            let usage = Usage { keys: unsigned(row.get(1)?), bytes: unsigned(row.get(2)?) };
            Ok((row.get(0)?, RoomRow { id, usage }))
        })
        .optional()
}

/// How many rooms have state, and what they take together.
pub(crate) fn all_rooms(connection: &Connection) -> Result<(u64, u64)> {
    connection.query_row("SELECT count(*), coalesce(sum(bytes), 0) FROM room", [], |row| {
        Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
    })
}

/// The greatest number that a room has or had whose entries are not removed yet.
pub(crate) fn last_room(connection: &Connection) -> Result<i64> {
    connection.query_row(
        "SELECT max(coalesce((SELECT max(id) FROM room), 0), coalesce((SELECT max(room) FROM cleared), 0))",
        [],
        |row| row.get(0),
    )
}

pub(crate) fn insert_room(
    connection: &Connection,
    RoomRow { id, usage }: RoomRow,
    name: &str,
    now: u64,
) -> Result<()> {
    let sql = "INSERT INTO room (id, name, keys, bytes, written) VALUES (?, ?, ?, ?, ?)";
    let values = params![id, name, signed(usage.keys), signed(usage.bytes), signed(now)];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

/// Changes what a room takes, and with a time when it was written.
pub(crate) fn update_room(
    connection: &Connection,
    RoomRow { id, usage }: RoomRow,
    now: Option<u64>,
) -> Result<()> {
    let sql = "UPDATE room SET keys = ?, bytes = ?, written = coalesce(?, written) WHERE id = ?";
    let values = params![signed(usage.keys), signed(usage.bytes), now.map(signed), id];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

pub(crate) fn delete_room(connection: &Connection, id: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM room WHERE id = ?")?.execute([id]).map(|_| ())
}

pub(crate) fn delete_entries(connection: &Connection, room: i64) -> Result<()> {
    connection.prepare_cached("DELETE FROM entry WHERE room = ?")?.execute([room]).map(|_| ())
}

/// Has the entries of a room removed later.
pub(crate) fn insert_cleared(connection: &Connection, room: i64) -> Result<()> {
    connection.prepare_cached("INSERT INTO cleared (room) VALUES (?)")?.execute([room]).map(|_| ())
}

/// A room whose entries are to be removed.
pub(crate) fn first_cleared(connection: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT min(room) FROM cleared";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Removes some entries of a room that was cleared. Returns whether it was all of them.
pub(crate) fn delete_cleared(connection: &Connection, room: i64, most: usize) -> Result<bool> {
    let sql = "DELETE FROM entry WHERE room = ?1 AND key IN (SELECT key FROM entry WHERE room = ?1 LIMIT ?2)";
    let removed = connection.prepare_cached(sql)?.execute(params![room, most as i64])?;
    if removed == most {
        return Ok(false);
    }
    connection.prepare_cached("DELETE FROM cleared WHERE room = ?")?.execute([room])?;
    Ok(true)
}

pub(crate) fn put(connection: &Connection, room: i64, key: &str, entry: &Entry) -> Result<()> {
    let sql = "INSERT INTO entry (room, key, kind, value, expires) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE
               SET kind = excluded.kind, value = excluded.value, expires = excluded.expires";
    let Entry { value, expires } = entry;
    let bytes = value.bytes();
    let stored = if value.kind().is_utf8() { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) };
    let kind = value.kind().number();
    let values = params![room, key, kind, ToSqlOutput::Borrowed(stored), expires.map(signed)];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

pub(crate) fn delete(connection: &Connection, room: i64, key: &str) -> Result<()> {
    let sql = "DELETE FROM entry WHERE room = ? AND key = ?";
    connection.prepare_cached(sql)?.execute(params![room, key]).map(|_| ())
}

/// How many bytes a value has, if there is one. This does not read it.
pub(crate) fn value_bytes(connection: &Connection, room: i64, key: &str) -> Result<Option<u64>> {
    let sql = "SELECT octet_length(value) FROM entry WHERE room = ? AND key = ?";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row(params![room, key], |row| row.get(0).map(unsigned)).optional()
}

/// An entry that has expired.
pub(crate) struct Expired {
    pub(crate) room: i64,
    pub(crate) key: String,
    pub(crate) value_bytes: u64,
}

/// The entries that have expired before a time, oldest first.
pub(crate) fn expired(connection: &Connection, before: u64, most: usize) -> Result<Vec<Expired>> {
    let sql = "SELECT room, key, octet_length(value) FROM entry
               WHERE expires < ? ORDER BY expires LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![signed(before), most as i64], |row| {
        Ok(Expired { room: row.get(0)?, key: row.get(1)?, value_bytes: unsigned(row.get(2)?) })
    })?;
    rows.collect()
}

/// When the next entry expires.
pub(crate) fn next_expiry(connection: &Connection) -> Result<Option<u64>> {
    let sql = "SELECT min(expires) FROM entry WHERE expires IS NOT NULL";
    let next: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(next.map(unsigned))
}

/// An entry of a room, also one that has expired.
pub(crate) fn entry(
    connection: &Connection,
    room: i64,
    key: &str,
) -> std::result::Result<Option<Entry>, ReadError> {
    let sql = "SELECT key, kind, value, expires FROM entry WHERE room = ? AND key = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![room, key])?;
    rows.next()?.map(|row| decode(row).map(|(_key, entry)| entry)).transpose()
}

/// All entries of a room.
pub(crate) fn table(connection: &Connection, room: i64) -> std::result::Result<Table, ReadError> {
    let sql = "SELECT key, kind, value, expires FROM entry WHERE room = ? ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([room])?;
    let mut table = Table::default();
    while let Some(row) = rows.next()? {
        let (key, entry) = decode(row)?;
        table.push(key, entry);
    }
    Ok(table)
}

/// See [`Table::list`].
pub(crate) fn list(
    connection: &Connection,
    room: i64,
    range: &KeyRange,
    is_hidden: impl Fn(&str) -> bool,
    most: ListLimits,
    now: u64,
) -> std::result::Result<Vec<(Box<str>, Entry)>, ReadError> {
    // Every key has at least the bytes of the empty one.
    let (start, from) = match &range.start {
        Bound::Unbounded => (">=", ""),
        Bound::Included(key) => (">=", &**key),
        Bound::Excluded(key) => (">", &**key),
    };
    // With a limit that is always there a statement could not be prepared once.
    let (end, to) = match &range.end {
        Bound::Unbounded => ("?3 IS ?3", ""),
        Bound::Included(key) => ("key <= ?3", &**key),
        Bound::Excluded(key) => ("key < ?3", &**key),
    };
    let order = if range.reverse { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT key, kind, value, expires FROM entry WHERE room = ?1 AND key {start} ?2 AND {end} ORDER BY key {order}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![room, from, to])?;
    let mut listing = Listing::new(most);
    while let Some(row) = rows.next()? {
        let (key, entry) = decode(row)?;
        if entry.is_there_at(now) && !is_hidden(&key) && !listing.push(key, entry) {
            break;
        }
    }
    Ok(listing.entries)
}

fn decode(row: &Row<'_>) -> std::result::Result<(Box<str>, Entry), ReadError> {
    let key: Box<str> = row.get(0)?;
    let (kind, value, expires) = (row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?);
    let kind = kind.as_i64().ok().and_then(|kind| u32::try_from(kind).ok());
    let kind = kind.and_then(ValueKind::from_number);
    let expires = match expires {
        ValueRef::Null => Ok(None),
        expires => expires.as_i64().map(|expires| Some(unsigned(expires))),
    };
    let value = match value {
        ValueRef::Text(bytes) => kind.filter(|kind| kind.is_utf8()).map(|kind| (kind, bytes)),
        ValueRef::Blob(bytes) => kind.filter(|kind| !kind.is_utf8()).map(|kind| (kind, bytes)),
        _ => None,
    };
    let (Some((kind, bytes)), Ok(expires)) = (value, expires) else {
        return Err(ReadError::Damaged { key: key.into() });
    };
    let value = Value::new(kind, Bytes::copy_from_slice(bytes));
    Ok((key, Entry { value, expires }))
}
