//! Reads what a room has, for an operator. The room need not be in memory, and does not come there.

use std::sync::Arc;

use rusqlite::{Connection, Result, params};

use crate::state::database::file::signed;
use crate::state::database::{rows, signal_rows};
use crate::state::error::ReadError;
use crate::state::room_contents::{ContentsQuery, RoomContents, SignalList};

/// Most signals of all rooms that are looked at for those of one: there is no index for that, which every event
/// with a signal would pay for.
const MOST_SCANNED: usize = 10_000;

/// Reads one committed state of a room.
pub(crate) fn read(
    connection: &Connection,
    room: &str,
    query: &ContentsQuery,
    now: u64,
) -> std::result::Result<RoomContents, ReadError> {
    rows::begin_read(connection)?;
    let contents = find(connection, room, query, now);
    rows::roll_back(connection);
    contents
}

fn find(
    connection: &Connection,
    room: &str,
    query: &ContentsQuery,
    now: u64,
) -> std::result::Result<RoomContents, ReadError> {
    let (mut usage, mut entries) = Default::default();
    if let Some(row) = rows::room(connection, room)? {
        usage = row.usage.of_room();
        entries = rows::list(connection, row.id, &query.keys, |_| false, query.limits, now)?;
    }
    let (waiting, is_complete) = waiting(connection, room)?;
    let list = |ids: Vec<i64>| {
        let first = ids.iter().take(query.signals);
        // One that is damaged is counted alone.
        let first = first.filter_map(|id| signal_rows::signal(connection, *id).transpose());
        let first = first.map(|signal| signal.map(Arc::new));
        Ok::<_, ReadError>(SignalList { count: ids.len(), first: first.collect::<Result<_>>()? })
    };
    Ok(RoomContents {
        usage,
        entries,
        timers: list(timers(connection, room)?)?,
        waiting: list(waiting)?,
        parked: list(parked(connection, room)?)?,
        is_complete,
        taken: None,
    })
}

/// The numbers of the timers that are not parked, in the order in which they are due.
fn timers(connection: &Connection, room: &str) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM signal INDEXED BY timer
               WHERE room = ? AND is_timer = 1 AND is_parked = 0 ORDER BY due, id";
    connection.prepare_cached(sql)?.query_map([room], |row| row.get(0))?.collect()
}

fn parked(connection: &Connection, room: &str) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM signal INDEXED BY signal_parked WHERE room = ? AND is_parked = 1 ORDER BY id";
    connection.prepare_cached(sql)?.query_map([room], |row| row.get(0))?.collect()
}

/// The numbers of the signals that wait, and whether all signals were looked at.
fn waiting(connection: &Connection, room: &str) -> Result<(Vec<i64>, bool)> {
    let sql = "SELECT id, room = ?1 AND is_timer <> 1 FROM signal INDEXED BY signal_due
               WHERE is_parked = 0 ORDER BY due, id LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![room, signed(MOST_SCANNED as u64 + 1)])?;
    let (mut found, mut scanned) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        scanned += 1;
        if row.get(1)? {
            found.push(row.get(0)?);
        }
    }
    Ok((found, scanned <= MOST_SCANNED))
}
