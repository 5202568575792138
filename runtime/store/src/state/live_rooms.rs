//! The rooms that are held in memory: those that had events lately.
//!
//! A commit changes a room here when the database has it. When the rooms take more than they may, those leave that
//! were not used since the hand came by last: the hand goes round in the order in which rooms came (the clock
//! algorithm). So using a room sets one mark, under a lock that readers share.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zigttp_abi::state::Changes;

use crate::state::limits::WHOLE_ROOM_BYTES;
use crate::state::room_row::{RoomRow, RoomUsage};
use crate::state::signal_plan::TimerChange;
use crate::state::table::Table;

/// What an entry takes in memory besides what it counts, and a room without its entries: measured.
const ENTRY_BYTES: u64 = 96;
const TIMER_BYTES: u64 = 64;

/// The longest name of a timer.
const MAX_NAME_BYTES: u64 = 512;
const ROOM_BYTES: u64 = 320;

/// The rooms that are held in memory.
pub(crate) struct LiveRooms {
    most_bytes: u64,
    rooms: RwLock<Rooms>,
}

#[derive(Default)]
struct Rooms {
    by_name: HashMap<Arc<str>, Live>,
    /// Names in the order in which the hand passes them, each with the number of the room that came with it.
    /// Rooms of other numbers have left.
    order: VecDeque<(Arc<str>, u64)>,
    last_number: u64,
    /// Rooms that are being read, and whether they have changed since the read began.
    loading: HashMap<Arc<str>, Loading>,
    bytes: u64,
    loads: u64,
    evictions: u64,
}

/// A room that is held in memory.
struct Live {
    number: u64,
    /// Its row, if it has state.
    id: Option<i64>,
    table: Arc<Table>,
    bytes: u64,
    /// Whether it was used since the hand came by.
    is_used: AtomicBool,
}

#[derive(Default)]
struct Loading {
    readers: usize,
    has_changed: bool,
}

/// What the rooms in memory take, and how often they came and went.
pub(crate) struct LiveTotals {
    pub(crate) rooms: u64,
    pub(crate) bytes: u64,
    pub(crate) loads: u64,
    pub(crate) evictions: u64,
}

/// Changes of rooms that the database has.
#[derive(Default)]
pub(crate) struct Changed<'a> {
    /// Those of entries, in their order.
    pub(crate) entries: Vec<(Arc<str>, &'a Changes)>,
    /// Those of timers, in their order.
    pub(crate) timers: Vec<TimerChange>,
    /// The row of each room that has changed, after all of them.
    pub(crate) rows: HashMap<Arc<str>, Option<RoomRow>>,
}

impl LiveRooms {
    pub(crate) fn new(most_bytes: u64) -> LiveRooms {
        LiveRooms { most_bytes, rooms: RwLock::default() }
    }

    /// A room's entries, for an event of it.
    pub(crate) fn table(&self, room: &str) -> Option<Arc<Table>> {
        let rooms = self.read();
        let live = rooms.by_name.get(room)?;
        live.is_used.store(true, Ordering::Relaxed);
        Some(Arc::clone(&live.table))
    }

    /// A room's entries and its row.
    pub(crate) fn table_and_row(&self, room: &str) -> Option<(Arc<Table>, Option<RoomRow>)> {
        let rooms = self.read();
        let live = rooms.by_name.get(room)?;
        let row = live.id.map(|id| RoomRow { id, usage: live.table.room_usage() });
        Some((Arc::clone(&live.table), row))
    }

    /// To be called before a room is read, and [`LiveRooms::end_load`] after it.
    pub(crate) fn begin_load(&self, room: &Arc<str>) {
        self.write().loading.entry(Arc::clone(room)).or_default().readers += 1;
    }

    /// Takes a room that was read. Returns false if it has changed meanwhile: then it must be read again.
    pub(crate) fn end_load(
        &self,
        room: &Arc<str>,
        read: Option<(Option<i64>, Arc<Table>)>,
    ) -> bool {
        let mut rooms = self.write();
        let has_changed = rooms.end_load(room);
        if has_changed {
            return false;
        }
        let Some((id, table)) = read else { return true };
        if rooms.by_name.contains_key(room) {
            // Another has read the same.
            return true;
        }
        rooms.loads += 1;
        rooms.last_number += 1;
        let number = rooms.last_number;
        let bytes = bytes_of(room, &table);
        rooms.bytes += bytes;
        let is_used = AtomicBool::new(false);
        rooms.by_name.insert(Arc::clone(room), Live { number, id, table, bytes, is_used });
        rooms.order.push_back((Arc::clone(room), number));
        let evicted = rooms.evict(self.most_bytes);
        drop(rooms);
        drop(evicted);
        true
    }

    /// Makes the changes of a group that the database has.
    pub(crate) fn apply(&self, Changed { entries, timers, rows }: Changed<'_>) {
        let mut rooms = self.write();
        // Freed without the lock.
        let mut left = Vec::new();
        for (room, changes) in entries {
            let Some(live) = rooms.by_name.get_mut(&room) else { continue };
            let table = Arc::make_mut(&mut live.table);
            if changes.clears {
                left.push(Arc::new(table.clear()));
            }
            table.apply(changes);
        }
        for TimerChange { room, name, timer } in timers {
            if let Some(live) = rooms.by_name.get_mut(&room) {
                Arc::make_mut(&mut live.table).set_timer(&name, timer);
            }
        }
        for (room, row) in &rows {
            if let Some(loading) = rooms.loading.get_mut(room) {
                loading.has_changed = true;
            }
            let Some(live) = rooms.by_name.get_mut(room) else { continue };
            let signals = row.map(|row| row.usage.signals).unwrap_or_default();
            if live.table.room_usage().signals != signals {
                Arc::make_mut(&mut live.table).set_signals(signals);
            }
            live.id = row.map(|row| row.id);
            let before = live.bytes;
            live.bytes = bytes_of(room, &live.table);
            let after = live.bytes;
            let is_large = live.table.room_usage().entries.bytes > WHOLE_ROOM_BYTES;
            rooms.bytes = rooms.bytes - before + after;
            if is_large {
                left.extend(rooms.remove(room));
            }
        }
        left.extend(rooms.evict(self.most_bytes));
        drop(rooms);
        drop(left);
    }

    pub(crate) fn totals(&self) -> LiveTotals {
        let rooms = self.read();
        LiveTotals {
            rooms: rooms.by_name.len() as u64,
            bytes: rooms.bytes,
            loads: rooms.loads,
            evictions: rooms.evictions,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Rooms> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rooms> {
        self.rooms.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    /// Whether a room has changed since its read began.
    fn end_load(&mut self, room: &Arc<str>) -> bool {
        let loading = self.loading.get_mut(room).expect("the read has begun");
        let has_changed = loading.has_changed;
        loading.readers -= 1;
        if loading.readers == 0 {
            self.loading.remove(room);
        }
        has_changed
    }

    fn remove(&mut self, room: &str) -> Option<Arc<Table>> {
        let live = self.by_name.remove(room)?;
        self.bytes -= live.bytes;
        if self.order.len() > 2 * self.by_name.len() + 64 {
            let by_name = &self.by_name;
            self.order.retain(|(name, number)| {
                by_name.get(name).is_some_and(|live| live.number == *number)
            });
        }
        Some(live.table)
    }

    fn evict(&mut self, most_bytes: u64) -> Vec<Arc<Table>> {
        let mut evicted = Vec::new();
        while self.bytes > most_bytes
            && let Some((name, number)) = self.order.pop_front()
        {
            let Some(live) = self.by_name.get_mut(&name) else { continue };
            if live.number != number {
                continue;
            }
            if std::mem::take(live.is_used.get_mut()) {
                self.order.push_back((name, number));
                continue;
            }
            evicted.extend(self.remove(&name));
            self.evictions += 1;
        }
        evicted
    }
}

fn bytes_of(room: &str, table: &Table) -> u64 {
    let RoomUsage { entries, signals } = table.room_usage();
    let timers = table.timers().len() as u64 * TIMER_BYTES;
    // Only timers are held with it, and their data is not.
    let names = signals.bytes.min(signals.timers * MAX_NAME_BYTES);
    room.len() as u64 + ROOM_BYTES + entries.bytes + entries.keys * ENTRY_BYTES + timers + names
}

#[cfg(test)]
mod tests {
    use zigttp_abi::state::Entry;
    use zigttp_abi::value::Value;

    use super::*;

    fn put(key: &str, bytes: usize) -> Changes {
        let entry = Entry { value: Value::text("v".repeat(bytes)), expires: None };
        Changes { entries: [(key.into(), Some(entry))].into(), ..Changes::default() }
    }

    fn changed<'a>(room: &Arc<str>, changes: &'a Changes) -> Changed<'a> {
        let row = RoomRow { id: 1, usage: RoomUsage::default() };
        let rows = HashMap::from([(Arc::clone(room), Some(row))]);
        Changed { entries: vec![(Arc::clone(room), changes)], rows, ..Changed::default() }
    }

    fn load(rooms: &LiveRooms, name: &Arc<str>) {
        rooms.begin_load(name);
        assert!(rooms.end_load(name, Some((Some(1), Arc::default()))));
    }

    fn is_live(rooms: &LiveRooms, name: &str) -> bool {
        rooms.table_and_row(name).is_some()
    }

    #[test]
    fn rooms_that_are_used_stay_and_those_that_are_not_leave() {
        let rooms = LiveRooms::new(100_000);
        let names: Vec<Arc<str>> = (0..20).map(|number| format!("/{number}").into()).collect();
        for name in &names {
            load(&rooms, name);
            let changes = put("key", 10_000);
            rooms.apply(changed(name, &changes));
            // As by an event of it.
            assert!(rooms.table("/0").is_some());
        }
        let left: Vec<&str> =
            names.iter().map(|name| &**name).filter(|name| is_live(&rooms, name)).collect();
        assert_eq!(left.first(), Some(&"/0"));
        assert_eq!(left[1..], ["/12", "/13", "/14", "/15", "/16", "/17", "/18", "/19"]);
        let totals = rooms.totals();
        assert!(totals.bytes <= 100_000);
        assert_eq!((totals.rooms, totals.loads, totals.evictions), (9, 20, 11));
    }

    #[test]
    fn a_room_that_has_changed_while_it_was_read_is_read_again() {
        let rooms = LiveRooms::new(100_000);
        let name: Arc<str> = "/a".into();
        rooms.begin_load(&name);
        let changes = put("key", 1);
        rooms.apply(changed(&name, &changes));
        assert!(!rooms.end_load(&name, Some((Some(1), Arc::default()))));
        assert!(!is_live(&rooms, "/a"));
        load(&rooms, &name);
        assert!(is_live(&rooms, "/a"));
    }

    #[test]
    fn a_room_that_has_grown_large_leaves() {
        let rooms = LiveRooms::new(100 << 20);
        let name: Arc<str> = "/a".into();
        // More often than there are rooms: names that have left are forgotten.
        for _ in 0..200 {
            load(&rooms, &name);
            let changes = put("key", WHOLE_ROOM_BYTES as usize);
            rooms.apply(changed(&name, &changes));
            assert!(!is_live(&rooms, "/a"));
        }
        assert_eq!(rooms.totals().bytes, 0);
        assert!(rooms.read().order.len() < 100);
    }

    #[test]
    fn what_an_event_holds_does_not_change() {
        let rooms = LiveRooms::new(100_000);
        let name: Arc<str> = "/a".into();
        load(&rooms, &name);
        let before = rooms.table("/a").expect("it is live");
        let changes = put("key", 1);
        rooms.apply(changed(&name, &changes));
        assert!(before.get("key").is_none());
        assert!(rooms.table("/a").expect("it is live").get("key").is_some());
    }
}
