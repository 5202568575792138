//! The statements: rows in, rows out. Each is prepared once for a connection.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::{Value, ValueKind};

use crate::state::database::file::{signed, unsigned};
use crate::state::error::ReadError;
use crate::state::room_row::{RoomRow, RoomUsage};
use crate::state::signals::SignalUsage;
use crate::state::table::{Listing, Table};

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
    let sql = "SELECT id, keys, bytes, timers, sent, signal_bytes, name FROM room WHERE name = ?";
    connection.prepare_cached(sql)?.query_row([name], room_row).optional()
}

fn room_row(row: &Row<'_>) -> Result<RoomRow> {
    let number = |column| row.get(column).map(unsigned);
    let entries = Usage { keys: number(1)?, bytes: number(2)? };
    let signals = SignalUsage { timers: number(3)?, sent: number(4)?, bytes: number(5)? };
    Ok(RoomRow { id: row.get(0)?, usage: RoomUsage { entries, signals } })
}

/// The name of a room and its row.
pub(crate) fn room_of(connection: &Connection, id: i64) -> Result<Option<(String, RoomRow)>> {
    let sql = "SELECT id, keys, bytes, timers, sent, signal_bytes, name FROM room WHERE id = ?";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([id], |row| Ok((row.get(6)?, room_row(row)?))).optional()
}

/// When an event of a room last wrote.
pub(crate) fn written(connection: &Connection, room: i64) -> Result<u64> {
    let sql = "SELECT written FROM room WHERE id = ?";
    connection.prepare_cached(sql)?.query_row([room], |row| row.get(0).map(unsigned))
}

/// Rooms that have state, whose names are behind this one, in their order, each with when an event of it last wrote.
pub(crate) fn rooms(
    connection: &Connection,
    after: &str,
    most: usize,
) -> Result<Vec<(String, RoomUsage, u64)>> {
    let sql = "SELECT id, keys, bytes, timers, sent, signal_bytes, name, written FROM room
               WHERE name > ? ORDER BY name LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let rooms = statement.query_map(params![after, most as i64], |row| {
        Ok((row.get(6)?, room_row(row)?.usage, unsigned(row.get(7)?)))
    })?;
    rooms.collect()
}

/// The names of rooms that have state and begin with `prefix`, behind `after`, in their order.
pub(crate) fn room_names(
    connection: &Connection,
    prefix: &str,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<Arc<str>>> {
    // No name is empty.
    let sql = "SELECT name FROM room WHERE name >= ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![prefix, after.unwrap_or_default(), most as i64])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        let name: Arc<str> = row.get(0)?;
        if !name.starts_with(prefix) {
            break;
        }
        names.push(name);
    }
    Ok(names)
}

/// How many rooms have state, and what they take together.
pub(crate) fn all_rooms(connection: &Connection) -> Result<(u64, u64)> {
    connection.query_row(
        "SELECT count(*), coalesce(sum(bytes + signal_bytes), 0) FROM room",
        [],
        |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))),
    )
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
    RoomRow { id, usage: RoomUsage { entries, signals } }: RoomRow,
    name: &str,
    now: u64,
) -> Result<()> {
    let sql = "INSERT INTO room (id, name, keys, bytes, timers, sent, signal_bytes, written)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        id,
        name,
        signed(entries.keys),
        signed(entries.bytes),
        signed(signals.timers),
        signed(signals.sent),
        signed(signals.bytes),
        signed(now)
    ];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

/// Changes what a room takes, and with a time when it was written.
pub(crate) fn update_room(
    connection: &Connection,
    RoomRow { id, usage: RoomUsage { entries, signals } }: RoomRow,
    now: Option<u64>,
) -> Result<()> {
    let sql = "UPDATE room SET keys = ?, bytes = ?, timers = ?, sent = ?, signal_bytes = ?,
               written = coalesce(?, written) WHERE id = ?";
    let values = params![
        signed(entries.keys),
        signed(entries.bytes),
        signed(signals.timers),
        signed(signals.sent),
        signed(signals.bytes),
        now.map(signed),
        id
    ];
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
    let (kind, stored) = encode(value);
    let values = params![room, key, kind, stored, expires.map(signed)];
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

/// A file that is to be written, or removed if it has no bytes.
pub(crate) struct FileRow {
    pub(crate) id: ConnectionId,
    pub(crate) number: u64,
    pub(crate) bytes: Option<Vec<u8>>,
}

pub(crate) fn insert_file(connection: &Connection, file: &FileRow) -> Result<()> {
    let sql = "INSERT INTO file (connection, number, bytes) VALUES (?, ?, ?)";
    let values = params![signed(file.id.number()), signed(file.number), file.bytes];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

/// Removes the rows of a connection up to a number. Returns how many there were.
pub(crate) fn delete_files(connection: &Connection, id: ConnectionId, to: u64) -> Result<usize> {
    let sql = "DELETE FROM file WHERE connection = ? AND number <= ?";
    connection.prepare_cached(sql)?.execute(params![signed(id.number()), signed(to)])
}

/// The last row of a connection, or of each.
pub(crate) fn last_files(
    connection: &Connection,
    of: Option<ConnectionId>,
) -> Result<Vec<FileRow>> {
    // SQLite takes the other columns from the row with the greatest number.
    let sql = "SELECT connection, max(number), bytes FROM file
               WHERE ?1 IS NULL OR connection = ?1 GROUP BY connection ORDER BY connection";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([of.map(|id| signed(id.number()))], |row| {
        let id = ConnectionId::from_number(unsigned(row.get(0)?));
        Ok(FileRow { id, number: unsigned(row.get(1)?), bytes: row.get(2)? })
    })?;
    rows.collect()
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

/// All entries of a room, without its timers.
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
    let expires = match row.get_ref(3)? {
        ValueRef::Null => Ok(None),
        expires => expires.as_i64().map(|expires| Some(unsigned(expires))),
    };
    match (value(row.get_ref(1)?, row.get_ref(2)?), expires) {
        (Some(value), Ok(expires)) => Ok((key, Entry { value, expires })),
        _ => Err(ReadError::Damaged { key: key.into() }),
    }
}

/// A value as it is stored: its kind and its bytes.
pub(crate) fn encode(value: &Value) -> (u8, ToSqlOutput<'_>) {
    let bytes = value.bytes();
    let stored = if value.kind().is_utf8() { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) };
    (value.kind().number(), ToSqlOutput::Borrowed(stored))
}

/// A value that is stored. `None` if it is not as this program writes it.
pub(crate) fn value(kind: ValueRef<'_>, stored: ValueRef<'_>) -> Option<Value> {
    let kind = u32::try_from(kind.as_i64().ok()?).ok().and_then(ValueKind::from_number)?;
    let bytes = match stored {
        ValueRef::Text(bytes) if kind.is_utf8() => bytes,
        ValueRef::Blob(bytes) if !kind.is_utf8() => bytes,
        _ => return None,
    };
    Some(Value::new(kind, Bytes::copy_from_slice(bytes)))
}
