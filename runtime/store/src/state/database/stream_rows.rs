//! The statements about streams, like those of [`rows`](super::rows).

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::state::database::file::{signed, unsigned};
use crate::state::streams::{Stream, StreamRequest};

/// All streams, each with whether it is cancelled.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(Stream, bool)>> {
    let sql = "SELECT id, room, name, opened, bytes, is_cancelled FROM stream ORDER BY id";
    let mut statement = connection.prepare(sql)?;
    let streams = statement.query_map([], |row| {
        let stream = Stream {
            id: unsigned(row.get(0)?),
            room: row.get(1)?,
            name: row.get(2)?,
            opened: unsigned(row.get(3)?),
            bytes: unsigned(row.get(4)?),
        };
        Ok((stream, row.get(5)?))
    })?;
    streams.collect()
}

pub(crate) fn insert(
    connection: &Connection,
    stream: &Stream,
    request: &StreamRequest,
) -> Result<()> {
    let sql = "INSERT INTO stream (id, room, name, opened, bytes, is_cancelled, request, body)
               VALUES (?, ?, ?, ?, ?, 0, ?, ?)";
    let values = params![
        signed(stream.id),
        stream.room,
        stream.name,
        signed(stream.opened),
        signed(stream.bytes),
        request.head,
        request.body.as_deref()
    ];
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

/// Its request is not needed any more.
pub(crate) fn cancel(connection: &Connection, id: u64) -> Result<()> {
    let sql = "UPDATE stream SET is_cancelled = 1, request = '', body = NULL WHERE id = ?";
    connection.prepare_cached(sql)?.execute([signed(id)]).map(|_| ())
}

pub(crate) fn delete(connection: &Connection, id: u64) -> Result<()> {
    connection.prepare_cached("DELETE FROM stream WHERE id = ?")?.execute([signed(id)]).map(|_| ())
}

/// The request of a stream, unless it was cancelled or has gone.
pub(crate) fn request(connection: &Connection, id: u64) -> Result<Option<StreamRequest>> {
    let sql = "SELECT request, body FROM stream WHERE id = ? AND is_cancelled = 0";
    let mut statement = connection.prepare_cached(sql)?;
    let request = statement.query_row([signed(id)], |row| {
        let body: Option<Vec<u8>> = row.get(1)?;
        Ok(StreamRequest { head: row.get(0)?, body: body.map(Bytes::from) })
    });
    request.optional()
}
