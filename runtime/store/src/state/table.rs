//! The entries of one room in memory, in the order of their keys, and its timers by name.
//!
//! A table is cloned when one who reads it may keep what it has seen while it changes. So its entries are in
//! chunks, which clones share: cloning counts references, and a change copies one chunk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use zigttp_abi::state::{Changes, Entry, KeyRange, ListLimits, Usage};

use crate::state::room_row::RoomUsage;
use crate::state::signals::{SignalUsage, Timer};

/// Most entries of a chunk. A change of a shared table copies at most so many entries.
const CHUNK: usize = 64;

type Chunk = Vec<(Box<str>, Entry)>;

type Timers = BTreeMap<Box<str>, Timer>;

/// The entries and timers of one room.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// None is empty.
    chunks: Vec<Arc<Chunk>>,
    /// What the entries take.
    usage: Usage,
    timers: Arc<Timers>,
    /// What its signals take, those that it has sent included.
    signals: SignalUsage,
    /// The number of the commit that it shows, if nodes share the room.
    seq: u64,
}

/// Where an entry is or would be.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Place {
    chunk: usize,
    index: usize,
}

impl Table {
    /// An entry, also one that has expired.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        let (place, is_there) = self.find(key);
        is_there.then(|| &self.chunks[place.chunk][place.index].1)
    }

    /// What all entries take, also those that have expired and are not swept yet, and all signals.
    pub fn usage(&self) -> Usage {
        self.room_usage().of_room()
    }

    /// What the entries and the signals take.
    pub(crate) fn room_usage(&self) -> RoomUsage {
        RoomUsage { entries: self.usage, signals: self.signals }
    }

    /// A timer.
    pub(crate) fn timer(&self, name: &str) -> Option<Timer> {
        self.timers.get(name).copied()
    }

    /// All timers.
    pub(crate) fn timers(&self) -> &BTreeMap<Box<str>, Timer> {
        &self.timers
    }

    /// Sets or removes a timer.
    pub(crate) fn set_timer(&mut self, name: &str, timer: Option<Timer>) {
        let timers = Arc::make_mut(&mut self.timers);
        match timer {
            Some(timer) => timers.insert(name.into(), timer),
            None => timers.remove(name),
        };
    }

    /// The number of the commit that it shows, if nodes share the room: what an event has read of it is checked from
    /// there on.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    #[cfg(feature = "cluster")]
    pub(crate) fn set_seq(&mut self, seq: u64) {
        self.seq = seq;
    }

    pub(crate) fn set_signals(&mut self, signals: SignalUsage) {
        self.signals = signals;
    }

    /// Takes all entries out. Timers stay.
    pub(crate) fn clear(&mut self) -> Table {
        let (timers, signals) = (Arc::clone(&self.timers), self.signals);
        std::mem::replace(self, Table { timers, signals, ..Table::default() })
    }

    /// The entries in a range that are there at this time, without those that are hidden, until one exceeds a
    /// limit: that is the last one.
    pub fn list(
        &self,
        range: &KeyRange,
        is_hidden: impl Fn(&str) -> bool,
        most: ListLimits,
        now: u64,
    ) -> Vec<(Box<str>, Entry)> {
        let mut listing = Listing::new(most);
        let mut take = |(key, entry): &(Box<str>, Entry)| {
            let is_shown = entry.is_there_at(now) && !is_hidden(key);
            !is_shown || listing.push(key.clone(), entry.clone())
        };
        let mut entries = self.range(range);
        if range.reverse {
            entries.rev().all(take)
        } else {
            entries.all(&mut take)
        };
        listing.entries
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &(Box<str>, Entry)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Adds an entry whose key is greater than all others.
    pub(crate) fn push(&mut self, key: Box<str>, entry: Entry) {
        debug_assert!(self.iter().last().is_none_or(|(last, _)| *last < key));
        self.usage.keys += 1;
        self.usage.bytes += entry.bytes(&key);
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push((key, entry)),
            _ => self.chunks.push(Arc::new(vec![(key, entry)])),
        }
    }

    /// Sets or removes an entry. Returns the one that was there.
    pub(crate) fn set(&mut self, key: &str, entry: Option<Entry>) -> Option<Entry> {
        let (place, is_there) = self.find(key);
        let bytes = |entry: &Entry| entry.bytes(key);
        let new = entry.as_ref().map(bytes);
        let old = match (is_there, entry) {
            (true, Some(entry)) => {
                let chunk = Arc::make_mut(&mut self.chunks[place.chunk]);
                Some(std::mem::replace(&mut chunk[place.index].1, entry))
            }
            (true, None) => Some(self.remove(place)),
            (false, Some(entry)) => {
                self.insert(place, key.into(), entry);
                None
            }
            (false, None) => None,
        };
        replace(&mut self.usage, old.as_ref().map(bytes), new);
        old
    }

    /// Makes the changes of an event.
    pub(crate) fn apply(&mut self, changes: &Changes) {
        if changes.clears {
            self.clear();
        }
        for (key, entry) in &changes.entries {
            self.set(key, entry.clone());
        }
    }

    /// Where the first entry is whose key is not less than this one, and whether it is that key.
    fn find(&self, key: &str) -> (Place, bool) {
        let after = self.chunks.partition_point(|chunk| *chunk[0].0 <= *key);
        let chunk = after.saturating_sub(1);
        let Some(entries) = self.chunks.get(chunk) else {
            return (Place { chunk, index: 0 }, false);
        };
        match entries.binary_search_by(|(other, _)| (**other).cmp(key)) {
            Ok(index) => (Place { chunk, index }, true),
            Err(index) => (Place { chunk, index }, false),
        }
    }

    fn range(&self, range: &KeyRange) -> impl DoubleEndedIterator<Item = &(Box<str>, Entry)> {
        let past = Place { chunk: self.chunks.len(), index: 0 };
        let start = match &range.start {
            Bound::Unbounded => Place { chunk: 0, index: 0 },
            Bound::Included(key) => self.find(key).0,
            Bound::Excluded(key) => self.behind(key),
        };
        let end = match &range.end {
            Bound::Unbounded => past,
            Bound::Included(key) => self.behind(key),
            Bound::Excluded(key) => self.find(key).0,
        };
        let chunks = self.chunks.iter().enumerate();
        let chunks = chunks.take(end.chunk.saturating_add(1)).skip(start.chunk);
        chunks.flat_map(move |(chunk, entries)| {
            let from = if chunk == start.chunk { start.index } else { 0 };
            let to = if chunk == end.chunk { end.index } else { entries.len() };
            entries.get(from..to).unwrap_or_default().iter()
        })
    }

    /// Where the first entry is whose key is greater.
    fn behind(&self, key: &str) -> Place {
        let (Place { chunk, index }, is_there) = self.find(key);
        Place { chunk, index: index + usize::from(is_there) }
    }

    fn insert(&mut self, Place { chunk, index }: Place, key: Box<str>, entry: Entry) {
        let Some(entries) = self.chunks.get_mut(chunk) else {
            return self.chunks.push(Arc::new(vec![(key, entry)]));
        };
        if entries.len() < CHUNK {
            return Arc::make_mut(entries).insert(index, (key, entry));
        }
        if index == CHUNK {
            // Keys that ascend, as those of a log do, leave full chunks.
            return self.chunks.insert(chunk + 1, Arc::new(vec![(key, entry)]));
        }
        let entries = Arc::make_mut(entries);
        let mut second = entries.split_off(CHUNK / 2);
        match index.checked_sub(CHUNK / 2) {
            Some(index) => second.insert(index, (key, entry)),
            None => entries.insert(index, (key, entry)),
        }
        self.chunks.insert(chunk + 1, Arc::new(second));
    }

    fn remove(&mut self, Place { chunk, index }: Place) -> Entry {
        let entries = Arc::make_mut(&mut self.chunks[chunk]);
        let (_key, entry) = entries.remove(index);
        let left = entries.len();
        if left == 0 {
            self.chunks.remove(chunk);
        } else if let Some(next) = self.chunks.get(chunk + 1)
            && left + next.len() <= CHUNK / 2
        {
            let next = self.chunks.remove(chunk + 1);
            let next = Arc::unwrap_or_clone(next);
            Arc::make_mut(&mut self.chunks[chunk]).extend(next);
        }
        entry
    }
}

/// Counts a new entry, of so many bytes, in place of an old one.
pub(crate) fn replace(usage: &mut Usage, old: Option<u64>, new: Option<u64>) {
    if let Some(bytes) = new {
        usage.keys += 1;
        usage.bytes += bytes;
    }
    if let Some(bytes) = old {
        usage.keys -= 1;
        usage.bytes -= bytes;
    }
}

/// Entries that are listed, until one exceeds a limit.
pub(crate) struct Listing {
    pub(crate) entries: Vec<(Box<str>, Entry)>,
    bytes: usize,
    most: ListLimits,
}

impl Listing {
    pub(crate) fn new(most: ListLimits) -> Listing {
        Listing { entries: Vec::new(), bytes: 0, most }
    }

    /// Adds an entry. Returns whether more may follow.
    pub(crate) fn push(&mut self, key: Box<str>, entry: Entry) -> bool {
        self.bytes += key.len() + entry.value.bytes().len();
        self.entries.push((key, entry));
        self.entries.len() <= self.most.entries && self.bytes <= self.most.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use zigttp_abi::value::Value;

    use super::*;

    fn entry(text: &str, expires: Option<u64>) -> Entry {
        Entry { value: Value::text(text), expires }
    }

    /// Every length of chunk comes up: keys are few at one time and many at another.
    #[test]
    fn a_table_has_what_an_ordered_map_has() {
        let mut random = fastrand::Rng::with_seed(11);
        let (mut table, mut model) = (Table::default(), BTreeMap::<Box<str>, Entry>::new());
        let mut snapshots = Vec::new();
        for step in 0..40_000 {
            let key = format!("k{:04}", random.u32(..2000));
            // Grows for a while, then shrinks.
            let puts = random.u32(..10) < if step / 5000 % 2 == 0 { 8 } else { 2 };
            let new = puts.then(|| entry(&"v".repeat(random.usize(..20)), None));
            let old = table.set(&key, new.clone());
            let old_of_model = match new {
                Some(new) => model.insert(key.into(), new),
                None => model.remove(&*key),
            };
            assert_eq!(old, old_of_model);
            if step % 4000 == 0 {
                snapshots.push((table.clone(), model.clone()));
            }
            if step % 500 == 0 {
                compare(&table, &model, &mut random);
            }
        }
        for (table, model) in snapshots {
            compare(&table, &model, &mut random);
        }
        table.apply(&Changes { clears: true, ..Changes::default() });
        assert_eq!((table.iter().count(), table.usage()), (0, Usage::default()));
    }

    fn compare(table: &Table, model: &BTreeMap<Box<str>, Entry>, random: &mut fastrand::Rng) {
        assert!(table.iter().map(|(key, entry)| (key, entry)).eq(model.iter()));
        assert!(table.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
        let bytes = model.iter().map(|(key, entry)| entry.bytes(key)).sum();
        assert_eq!(table.usage(), Usage { keys: model.len() as u64, bytes });
        for _ in 0..20 {
            let mut bound = || {
                let key: Box<str> = format!("k{:04}", random.u32(..2000)).into();
                match random.u32(..5) {
                    0 => Bound::Unbounded,
                    1 | 2 => Bound::Included(key),
                    _ => Bound::Excluded(key),
                }
            };
            let (start, end) = (bound(), bound());
            let range = KeyRange { start, end, reverse: random.bool() };
            let is_in = |key: &str| {
                let after = match &range.start {
                    Bound::Unbounded => true,
                    Bound::Included(start) => key >= &**start,
                    Bound::Excluded(start) => key > &**start,
                };
                let before = match &range.end {
                    Bound::Unbounded => true,
                    Bound::Included(end) => key <= &**end,
                    Bound::Excluded(end) => key < &**end,
                };
                after && before
            };
            let mut expected: Vec<_> = model.iter().filter(|(key, _)| is_in(key)).collect();
            if range.reverse {
                expected.reverse();
            }
            let most = ListLimits { entries: usize::MAX, bytes: usize::MAX };
            let found = table.list(&range, |_| false, most, 0);
            assert!(found.iter().map(|(key, entry)| (key, entry)).eq(expected), "{range:?}");
        }
    }

    #[test]
    fn a_list_leaves_out_what_has_expired_or_is_hidden_and_ends_with_what_exceeds_a_limit() {
        let mut table = Table::default();
        for (key, expires) in
            [("a", None), ("b", Some(10)), ("c", None), ("d", Some(20)), ("e", None)]
        {
            table.set(key, Some(entry("12345", expires)));
        }
        let list = |entries, bytes, now| {
            let range = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded, reverse: false };
            let list = table.list(&range, |key| key == "c", ListLimits { entries, bytes }, now);
            list.into_iter().map(|(key, _)| key).collect::<String>()
        };
        assert_eq!(list(9, 99, 9), "abde");
        assert_eq!(list(9, 99, 10), "ade");
        assert_eq!(list(9, 99, 20), "ae");
        assert_eq!(list(2, 99, 9), "abd", "the third is one too many");
        assert_eq!(list(9, 12, 9), "abd", "after the third there are 18 bytes");
        assert_eq!(list(0, 0, 9), "a");
    }

    #[test]
    fn a_clone_keeps_what_it_had() {
        let mut table = Table::default();
        for key in 0..1000 {
            table.set(&format!("{key:04}"), Some(entry("old", None)));
        }
        let clone = table.clone();
        table.set("0500", Some(entry("new", None)));
        table.set("0501", None);
        assert_eq!(clone.get("0500").map(|entry| entry.value.bytes().as_ref()), Some(&b"old"[..]));
        assert!(clone.get("0501").is_some() && table.get("0501").is_none());
        let shared = clone.chunks.iter().zip(&table.chunks).filter(|(a, b)| Arc::ptr_eq(a, b));
        assert_eq!(shared.count(), clone.chunks.len() - 1, "one chunk was copied");
    }
}
