//! The statements about signals, like those of [`rows`](super::rows).

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use zigttp_abi::value::Value;

use crate::state::database::file::{signed, unsigned};
use crate::state::database::rows::{encode, value};
use crate::state::signal_queue::{Place, RoomGap, held_bytes};
use crate::state::signals::{Signal, StoredSignal, Timer, signal_bytes};

/// The columns that [`decode`] reads.
const COLUMNS: &str =
    "id, room, sender, name, is_timer, scheduled, due, period, attempt, on_fail, kind, data";

/// `is_timer` of a run of a schedule. Its `data` is the cron expression, and NULL when it was parked.
const OF_SCHEDULE: i64 = 2;

/// Most parked signals that go at once. There are so many if they could not go before.
const DISPLACED: i64 = 100;

/// A signal that was read, or the number of one that is damaged.
type Read<T> = std::result::Result<T, u64>;

/// How many signals are stored, and how many of them are parked.
pub(crate) fn counts(connection: &Connection) -> Result<(u64, u64)> {
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0).map(unsigned));
    let parked = count("SELECT count(*) FROM signal WHERE is_parked = 1")?;
    Ok((count("SELECT count(*) FROM signal WHERE is_parked = 0")? + parked, parked))
}

/// When the first signal is due from a time on.
pub(crate) fn next_due(connection: &Connection, from: u64) -> Result<Option<u64>> {
    let sql = "SELECT min(due) FROM signal WHERE is_parked = 0 AND due >= ?";
    let next: Option<i64> =
        connection.prepare_cached(sql)?.query_row([signed(from)], |row| row.get(0))?;
    Ok(next.map(unsigned))
}

/// Signals behind a place that are due up to a time, in their order. With the place up to which these are all, if
/// there may be more: one that is damaged has a place too.
pub(crate) fn due(
    connection: &Connection,
    after: Place,
    to: u64,
    most: usize,
) -> Result<(Vec<Read<Signal>>, Option<Place>)> {
    let sql = format!(
        "SELECT {COLUMNS} FROM signal
         WHERE is_parked = 0 AND due >= ?1 AND due <= ?3 AND (due > ?1 OR id > ?2)
         ORDER BY due, id LIMIT ?4"
    );
    let values = params![signed(after.0), signed(after.1), signed(to), most as i64];
    let mut statement = connection.prepare_cached(&sql)?;
    let (mut read, mut last) = (Vec::new(), None);
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        last = Some(place(row)?);
        read.push(decode(row)?);
    }
    let is_full = read.len() == most;
    Ok((read, last.filter(|_| is_full)))
}

/// Some signals of a room, in their order, among so many signals of all rooms. With the place up to which these are
/// all, if there may be more.
pub(crate) fn due_of_room(
    connection: &Connection,
    gap: &RoomGap,
    most_visited: usize,
) -> Result<(Vec<Read<Signal>>, Option<Place>)> {
    // An index by room would cost each signal more than this costs those of a room that has very many: they are most
    // of what is due.
    let sql = format!(
        "SELECT {COLUMNS} FROM signal
         WHERE is_parked = 0 AND due >= ?1 AND due <= ?3 AND (due > ?1 OR id > ?2) AND (due < ?3 OR id <= ?4)
         ORDER BY due, id"
    );
    let (after, to) = (gap.after, gap.to);
    let values = params![signed(after.0), signed(after.1), signed(to.0), signed(to.1)];
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let (mut read, mut bytes, mut visited, mut last) = (Vec::new(), 0, 0, None);
    while let Some(row) = rows.next()? {
        if bytes >= gap.bytes || visited == most_visited {
            return Ok((read, last));
        }
        visited += 1;
        last = Some(place(row)?);
        if row.get_ref(1)?.as_str().is_ok_and(|room| *room == *gap.room) {
            let signal = decode(row)?;
            bytes += signal.as_ref().map_or(0, held_bytes);
            read.push(signal);
        }
    }
    Ok((read, None))
}

/// Timers of a room and signals for it, or those of all rooms, with numbers behind this one, in the order of their
/// numbers. There is no index by room, which every event with a signal would pay for: all signals are looked at.
pub(crate) fn stored(
    connection: &Connection,
    room: Option<&str>,
    is_parked: Option<bool>,
    after: u64,
    most: usize,
) -> Result<Vec<Read<StoredSignal>>> {
    let sql = format!(
        "SELECT {COLUMNS}, is_parked FROM signal
         WHERE id > ?1 AND (?2 IS NULL OR room = ?2) AND (?3 IS NULL OR is_parked = ?3)
         ORDER BY id LIMIT ?4"
    );
    let values = params![signed(after), room, is_parked, most as i64];
    let mut statement = connection.prepare_cached(&sql)?;
    let stored = statement.query_map(values, |row| {
        let is_parked = row.get(12)?;
        Ok(decode(row)?.map(|signal| StoredSignal { signal, is_parked }))
    })?;
    stored.collect()
}

/// The room of a signal, when it was to run first, and whether it is parked.
pub(crate) type Receiver = (String, u64, bool);

/// The receivers of signals, and of timers that are parked, with numbers behind this one, and the last of these numbers.
pub(crate) fn receivers(
    connection: &Connection,
    after: u64,
    most: usize,
) -> Result<(Vec<Receiver>, Option<u64>)> {
    let sql = "SELECT id, room, scheduled, is_parked FROM signal
               WHERE id > ? AND (is_timer = 0 OR is_parked = 1) ORDER BY id LIMIT ?";
    let mut last = None;
    let mut statement = connection.prepare_cached(sql)?;
    let receivers = statement.query_map(params![signed(after), most as i64], |row| {
        last = Some(unsigned(row.get(0)?));
        Ok((row.get(1)?, unsigned(row.get(2)?), row.get(3)?))
    })?;
    let receivers = receivers.collect::<Result<_>>()?;
    Ok((receivers, last))
}

pub(crate) fn insert(connection: &Connection, signal: &Signal, is_parked: bool) -> Result<()> {
    let sql = format!(
        "INSERT INTO signal ({COLUMNS}, is_parked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let cron = signal.cron.as_deref().filter(|cron| !cron.is_empty()).map(Value::text);
    let kind_of_signal =
        if signal.cron.is_some() { OF_SCHEDULE } else { i64::from(signal.is_timer) };
    let (kind, data) = match cron.as_ref().or(signal.data.as_ref()) {
        Some(data) => {
            let (kind, data) = encode(data);
            (Some(kind), data)
        }
        None => (None, ToSqlOutput::Borrowed(ValueRef::Null)),
    };
    let values = params![
        signed(signal.id),
        signal.room,
        signal.sender,
        signal.name,
        kind_of_signal,
        signed(signal.scheduled),
        signed(signal.due),
        signal.period.map(signed),
        signal.attempt,
        signal.on_fail,
        kind,
        data,
        is_parked
    ];
    connection.prepare_cached(&sql)?.execute(values).map(|_| ())
}

/// Changes when a signal is due, and how often it has failed.
pub(crate) fn update(connection: &Connection, signal: &Signal) -> Result<()> {
    let sql = "UPDATE signal SET scheduled = ?, due = ?, attempt = ?, is_parked = 0 WHERE id = ?";
    let Signal { id, scheduled, due, attempt, .. } = signal;
    let values = params![signed(*scheduled), signed(*due), attempt, signed(*id)];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

pub(crate) fn park(connection: &Connection, signal: &Signal) -> Result<()> {
    let sql = "UPDATE signal SET attempt = ?, is_parked = 1 WHERE id = ?";
    let values = params![signal.attempt, signed(signal.id)];
    connection.prepare_cached(sql)?.execute(values)?;
    if signal.cron.is_some() {
        let sql = "UPDATE signal SET kind = NULL, data = NULL WHERE id = ?";
        connection.prepare_cached(sql)?.execute([signed(signal.id)])?;
    }
    Ok(())
}

/// Removes a signal. Returns whether it was parked, if it was there.
pub(crate) fn delete(connection: &Connection, id: u64) -> Result<Option<bool>> {
    let sql = "DELETE FROM signal WHERE id = ? RETURNING is_parked";
    connection.prepare_cached(sql)?.query_row([signed(id)], |row| row.get(0)).optional()
}

pub(crate) fn is_there(connection: &Connection, id: u64) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM signal WHERE id = ?")?.exists([signed(id)])
}

pub(crate) fn timer(connection: &Connection, room: &str, name: &str) -> Result<Option<Timer>> {
    let sql = "SELECT id, scheduled, coalesce(octet_length(data), 0) FROM signal
               WHERE room = ? AND name = ? AND is_timer = 1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([room, name], |row| decode_timer(row, name)).optional()
}

/// The next runs of all schedules.
pub(crate) fn planned(connection: &Connection) -> Result<Vec<Signal>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM signal WHERE is_timer = {OF_SCHEDULE} AND data IS NOT NULL ORDER BY id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let planned = statement.query_map([], decode)?;
    Ok(planned.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The timers of a room.
pub(crate) fn timers(connection: &Connection, room: &str) -> Result<Vec<(Box<str>, Timer)>> {
    let sql = "SELECT id, scheduled, coalesce(octet_length(data), 0), name FROM signal
               WHERE room = ? AND is_timer = 1 ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let timers = statement.query_map([room], |row| {
        let name: Box<str> = row.get(3)?;
        let timer = decode_timer(row, &name)?;
        Ok((name, timer))
    })?;
    timers.collect()
}

/// The oldest parked signals of a room that has at least so many: those that are too many if one more comes.
pub(crate) fn parked_too_many(
    connection: &Connection,
    room: &str,
    most: usize,
) -> Result<Vec<Signal>> {
    let sql = "SELECT count(*) FROM signal WHERE room = ? AND is_parked = 1";
    let count: i64 = connection.prepare_cached(sql)?.query_row([room], |row| row.get(0))?;
    let too_many = (count + 1).saturating_sub(signed(most as u64));
    if too_many <= 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM signal WHERE room = ? AND is_parked = 1 ORDER BY id LIMIT ?"
    );
    let values = params![room, too_many.min(DISPLACED)];
    let mut statement = connection.prepare_cached(&sql)?;
    let oldest = statement.query_map(values, decode)?;
    // One that is damaged stays.
    Ok(oldest.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// A signal, if it is there and not damaged.
pub(crate) fn signal(connection: &Connection, id: i64) -> Result<Option<Signal>> {
    let sql = format!("SELECT {COLUMNS} FROM signal WHERE id = ?");
    let signal = connection.prepare_cached(&sql)?.query_row([id], decode).optional()?;
    Ok(signal.and_then(std::result::Result::ok))
}

/// Parked signals with numbers behind this one.
pub(crate) fn parked(
    connection: &Connection,
    after: u64,
    most: usize,
) -> Result<Vec<Read<Signal>>> {
    let sql =
        format!("SELECT {COLUMNS} FROM signal WHERE is_parked = 1 AND id > ? ORDER BY id LIMIT ?");
    connection
        .prepare_cached(&sql)?
        .query_map(params![signed(after), most as i64], decode)?
        .collect()
}

/// The number up to which signals may have been numbered before the last stop.
pub(crate) fn reserved(connection: &Connection) -> Result<u64> {
    connection.query_row("SELECT last FROM signal_number", [], |row| row.get(0).map(unsigned))
}

pub(crate) fn reserve(connection: &Connection, last: u64) -> Result<()> {
    let sql = "UPDATE signal_number SET last = ?";
    connection.prepare_cached(sql)?.execute([signed(last)]).map(|_| ())
}

fn decode_timer(row: &Row<'_>, name: &str) -> Result<Timer> {
    let data = unsigned(row.get(2)?);
    Ok(Timer {
        id: unsigned(row.get(0)?),
        scheduled: unsigned(row.get(1)?),
        bytes: signal_bytes(name, data),
    })
}

fn place(row: &Row<'_>) -> Result<Place> {
    Ok((unsigned(row.get(6)?), unsigned(row.get(0)?)))
}

/// A signal, or the number of one whose data is damaged.
fn decode(row: &Row<'_>) -> Result<Read<Signal>> {
    let id = unsigned(row.get(0)?);
    let data = match (row.get_ref(10)?, row.get_ref(11)?) {
        (ValueRef::Null, ValueRef::Null) => None,
        (kind, data) => match value(kind, data) {
            Some(data) => Some(data),
            None => return Ok(Err(id)),
        },
    };
    let period: Option<i64> = row.get(7)?;
    let kind_of_signal: i64 = row.get(4)?;
    let (cron, data) = match data {
        data if kind_of_signal != OF_SCHEDULE => (None, data),
        Some(cron) => match std::str::from_utf8(cron.bytes()) {
            Ok(cron) => (Some(cron.into()), None),
            Err(_) => return Ok(Err(id)),
        },
        None => (Some(Box::default()), None),
    };
    Ok(Ok(Signal {
        id,
        room: row.get::<_, Box<str>>(1)?.into(),
        sender: row.get::<_, Option<Box<str>>>(2)?.map(Arc::from),
        name: row.get(3)?,
        is_timer: kind_of_signal == 1,
        cron,
        scheduled: unsigned(row.get(5)?),
        due: unsigned(row.get(6)?),
        period: period.map(unsigned),
        attempt: row.get(8)?,
        data,
        on_fail: row.get(9)?,
    }))
}
