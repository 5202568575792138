//! Removes what is no longer there for anybody, a bit at a time, so that no event waits long: entries that have
//! expired, entries of large rooms that were cleared, and free pages of the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Result};
use zigttp_abi::state::{Changes, ENTRY_BYTES};

use crate::state::database::rows;
use crate::state::room_row::RoomRow;
use crate::state::table::replace;

/// Most entries, and most pages, of one bit.
const ENTRIES: usize = 500;
const PAGES: u32 = 500;

/// The file keeps fewer free pages than this, or than a quarter of all.
const FREE_PAGES: u32 = 256;

/// What was removed.
#[derive(Default)]
pub(crate) struct Tidied {
    /// Rooms with entries that had expired: their rows after it, and the change of each.
    pub(crate) rooms: Vec<(Arc<str>, Option<RoomRow>, Changes)>,
    pub(crate) entries: usize,
    /// What these have counted, and how many rooms had no others.
    pub(crate) bytes: u64,
    pub(crate) rooms_gone: u64,
    /// Whether there is more to remove now.
    pub(crate) has_more: bool,
}

/// Removes some entries, inside a transaction.
pub(crate) fn remove_entries(connection: &Connection, expired_before: u64) -> Result<Tidied> {
    let mut tidied = Tidied::default();
    let expired = rows::expired(connection, expired_before, ENTRIES)?;
    tidied.has_more = expired.len() == ENTRIES;
    let mut rooms: BTreeMap<i64, Vec<rows::Expired>> = BTreeMap::new();
    for entry in expired {
        rows::delete(connection, entry.room, &entry.key)?;
        rooms.entry(entry.room).or_default().push(entry);
    }
    for (id, entries) in rooms {
        // A room that was cleared has no row any more.
        let Some((name, mut row)) = rows::room_of(connection, id)? else { continue };
        let mut changes = Changes::default();
        let before = row.usage.entries.bytes;
        for entry in entries {
            let bytes = entry.key.len() as u64 + entry.value_bytes + ENTRY_BYTES;
            replace(&mut row.usage.entries, Some(bytes), None);
            tidied.entries += 1;
            changes.entries.insert(entry.key.into(), None);
        }
        tidied.bytes += before - row.usage.entries.bytes;
        let is_left = !row.usage.is_empty();
        if is_left {
            rows::update_room(connection, row, None)?;
        } else {
            rows::delete_room(connection, id)?;
            tidied.rooms_gone += 1;
        }
        tidied.rooms.push((name.into(), is_left.then_some(row), changes));
    }
    if let Some(room) = rows::first_cleared(connection)? {
        let is_whole = rows::delete_cleared(connection, room, ENTRIES)?;
        tidied.has_more |= !is_whole || rows::first_cleared(connection)?.is_some();
    }
    Ok(tidied)
}

/// Gives some free pages back to the file system. Returns whether there are more to give.
pub(crate) fn shrink(connection: &Connection) -> Result<bool> {
    let free = count(connection, "PRAGMA freelist_count")?;
    if free < FREE_PAGES || free < count(connection, "PRAGMA page_count")? / 4 {
        return Ok(false);
    }
    free_pages(connection)?;
    Ok(free > PAGES + FREE_PAGES)
}

/// The same until there are none.
pub(crate) fn shrink_whole(connection: &Connection) -> Result<bool> {
    let free = count(connection, "PRAGMA freelist_count")?;
    if free > 0 {
        free_pages(connection)?;
    }
    Ok(free > PAGES)
}

fn count(connection: &Connection, pragma: &str) -> Result<u32> {
    connection.prepare_cached(pragma)?.query_row([], |row| row.get(0))
}

fn free_pages(connection: &Connection) -> Result<()> {
    let mut vacuum = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut steps = vacuum.query([])?;
    // Each step frees a page.
    while steps.next()?.is_some() {}
    Ok(())
}
