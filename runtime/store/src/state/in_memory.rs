//! The states of rooms without a durable folder: every room is a table, and none ever leaves.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::state::{Changes, Entry, Usage};

use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::table::{Table, replace};
use crate::state::totals::{Counts, Totals};
use crate::state::transaction::Transaction;

/// The states of rooms in memory alone.
pub(crate) struct InMemory {
    limits: StateLimits,
    /// Of rooms without state.
    empty: Arc<Table>,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    by_name: HashMap<Arc<str>, Arc<Table>>,
    /// The entries that expire, by when they do.
    expiring: BTreeSet<(u64, Arc<str>, Box<str>)>,
    counts: Counts,
}

impl InMemory {
    pub(crate) fn new(limits: StateLimits) -> InMemory {
        InMemory { limits, empty: Arc::default(), rooms: Mutex::default() }
    }

    pub(crate) fn table(&self, room: &str) -> Arc<Table> {
        Arc::clone(self.lock().by_name.get(room).unwrap_or(&self.empty))
    }

    pub(crate) fn commit(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        let mut rooms = self.lock();
        if let Some(room) = transaction.changed_room() {
            let old = rooms.by_name.get(room).unwrap_or(&self.empty);
            let (before, after) = (old.usage(), usage_after(old, &transaction.changes));
            let all = rooms.counts.bytes.get() - before.bytes + after.bytes;
            if let Err(error) = self.limits.allow(room, before, after, all) {
                rooms.counts.failures.add(1);
                return Err(error);
            }
            let cleared = rooms.apply(room, &transaction.changes);
            rooms.counts.bytes.set(all);
            rooms.counts.commits.add(1);
            drop(rooms);
            // Freed without the lock.
            drop(cleared);
        }
        Ok(())
    }

    pub(crate) fn sweep(&self, expired_before: u64) {
        // Not all at once: other rooms' events wait for the lock.
        while self.sweep_some(expired_before) {}
    }

    /// Removes some entries. Returns whether there are more.
    fn sweep_some(&self, expired_before: u64) -> bool {
        let mut rooms = self.lock();
        for _ in 0..1000 {
            match rooms.expiring.first() {
                Some((expires, _, _)) if *expires < expired_before => {}
                _ => return false,
            }
            let (_, room, key) = rooms.expiring.pop_first().expect("there is one");
            let changes = Changes { clears: false, entries: [(key, None)].into() };
            let before = rooms.by_name.get(&room).map_or(0, |table| table.usage().bytes);
            rooms.apply(&room, &changes);
            let after = rooms.by_name.get(&room).map_or(0, |table| table.usage().bytes);
            let all = rooms.counts.bytes.get() - before + after;
            rooms.counts.bytes.set(all);
            rooms.counts.expired.add(1);
        }
        true
    }

    pub(crate) fn totals(&self) -> Totals {
        let rooms = self.lock();
        let held = rooms.by_name.len() as u64;
        let bytes = rooms.counts.bytes.get();
        Totals {
            rooms: held,
            bytes,
            commits: rooms.counts.commits.get(),
            groups: rooms.counts.commits.get(),
            failures: rooms.counts.failures.get(),
            expired: rooms.counts.expired.get(),
            live_rooms: held,
            live_bytes: bytes,
            ..Totals::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    /// Makes the changes of an event. Returns what it has cleared.
    fn apply(&mut self, room: &Arc<str>, changes: &Changes) -> Option<Arc<Table>> {
        let table = self.by_name.entry(Arc::clone(room)).or_default();
        let cleared = changes.clears.then(|| std::mem::take(table));
        for (key, entry) in cleared.iter().flat_map(|table| table.iter()) {
            if let Some(expires) = entry.expires {
                self.expiring.remove(&(expires, Arc::clone(room), key.clone()));
            }
        }
        let held = Arc::make_mut(table);
        for (key, entry) in &changes.entries {
            let old = held.set(key, entry.clone());
            let (old, new) =
                (old.and_then(|old| old.expires), entry.as_ref().and_then(|it| it.expires));
            if old != new {
                if let Some(expires) = old {
                    self.expiring.remove(&(expires, Arc::clone(room), key.clone()));
                }
                if let Some(expires) = new {
                    self.expiring.insert((expires, Arc::clone(room), key.clone()));
                }
            }
        }
        if held.usage() == Usage::default() {
            self.by_name.remove(room);
        }
        cleared
    }
}

/// What a room will take after changes.
fn usage_after(table: &Table, changes: &Changes) -> Usage {
    let mut usage = if changes.clears { Usage::default() } else { table.usage() };
    for (key, entry) in &changes.entries {
        let old = if changes.clears { None } else { table.get(key) };
        let bytes = |entry: &Entry| entry.bytes(key);
        replace(&mut usage, old.map(bytes), entry.as_ref().map(bytes));
    }
    usage
}
