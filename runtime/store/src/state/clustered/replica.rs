//! The copy of a room that a node holds: kept up to date by the room's log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zigttp_abi::state::Usage;

use crate::cluster::keys::RoomKeys;
use crate::cluster::record::{Logged, Record};
use crate::state::table::Table;

/// Bytes of records that wait for what comes before them.
const MAX_EARLY_BYTES: usize = 4 << 20;

/// The copy of one room.
pub(crate) struct Replica {
    pub(crate) room: Arc<str>,
    pub(crate) keys: RoomKeys,
    copy: Mutex<Copy>,
    /// A node's commits of a room are made one after the other: so the last one is enough to know a repetition.
    pub(crate) committing: tokio::sync::Mutex<()>,
    /// Held while the room is read.
    pub(crate) reading: tokio::sync::Mutex<()>,
    /// Sweeps since it was used.
    unused: AtomicU32,
}

#[derive(Default)]
struct Copy {
    /// `None` before the room was read.
    table: Option<Arc<Table>>,
    /// The last record that the table has, and its id.
    seq: u64,
    last: Box<str>,
    /// Records that came before those that they follow.
    early: BTreeMap<u64, Logged>,
    early_bytes: usize,
    /// Something is missing: the log must be read.
    is_behind: bool,
}

/// The last record that a copy has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) seq: u64,
    pub(crate) id: Box<str>,
}

impl Replica {
    pub(crate) fn new(room: Arc<str>, keys: RoomKeys) -> Replica {
        Replica {
            room,
            keys,
            copy: Mutex::default(),
            committing: tokio::sync::Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            unused: AtomicU32::new(0),
        }
    }

    /// The room as it is here, if it was read.
    pub(crate) fn table(&self) -> Option<Arc<Table>> {
        self.unused.store(0, Ordering::Relaxed);
        self.copy().table.clone()
    }

    /// What its entries take. Looking is no use.
    pub(crate) fn usage(&self) -> Usage {
        self.copy().table.as_ref().map(|table| table.usage()).unwrap_or_default()
    }

    pub(crate) fn position(&self) -> Position {
        let copy = self.copy();
        Position { seq: copy.seq, id: copy.last.clone() }
    }

    /// Whether something is missing.
    pub(crate) fn is_behind(&self) -> bool {
        let copy = self.copy();
        copy.table.is_none() || copy.is_behind
    }

    /// Something may be missing.
    pub(crate) fn set_behind(&self) {
        self.copy().is_behind = true;
    }

    /// The log is being read now: what is missing after that is another thing.
    pub(crate) fn begin_reading(&self) {
        self.copy().is_behind = false;
    }

    /// Takes the room as it was read.
    pub(crate) fn set(&self, mut table: Table, at: Position) {
        table.set_seq(at.seq);
        let mut copy = self.copy();
        (copy.table, copy.seq, copy.last) = (Some(Arc::new(table)), at.seq, at.id);
        copy.take_early();
    }

    /// Takes a record. One that does not follow what is here waits, and the copy is behind.
    pub(crate) fn take(&self, logged: Logged) {
        let mut copy = self.copy();
        if copy.table.is_some() && copy.apply(&logged) {
            copy.take_early();
        } else if copy.table.is_none() || logged.seq > copy.seq {
            copy.is_behind |= copy.table.is_some();
            copy.early_bytes += logged.record.len();
            copy.early.insert(logged.seq, logged);
            if copy.early_bytes > MAX_EARLY_BYTES {
                // The log has them, or the room is read anew.
                copy.early.clear();
                (copy.early_bytes, copy.is_behind) = (0, true);
            }
        }
    }

    /// For how many sweeps it was not used, this one included.
    pub(crate) fn sweep(&self) -> u32 {
        self.unused.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn copy(&self) -> MutexGuard<'_, Copy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy {
    /// Takes a record if it is the next one. Returns false if it is a later one.
    fn apply(&mut self, Logged { seq, after, id, record }: &Logged) -> bool {
        if *seq <= self.seq {
            return true;
        }
        // A room that was nothing begins somewhere.
        let begins = self.seq == 0 && after.as_deref() == Some("");
        let follows =
            *seq == self.seq + 1 && after.as_ref().is_none_or(|after| *after == self.last);
        if !begins && !follows {
            return false;
        }
        let Some(Record { changes }) = Record::decode(record.clone()) else {
            tracing::error!(seq, "a record in the log of a room is damaged: the room is read anew");
            return false;
        };
        let table = Arc::make_mut(self.table.as_mut().expect("it was read"));
        table.apply(&changes);
        table.set_seq(*seq);
        (self.seq, self.last) = (*seq, id.clone());
        true
    }

    /// Takes the records that have waited for the last one.
    fn take_early(&mut self) {
        while let Some(first) = self.early.first_entry() {
            let logged = first.remove();
            self.early_bytes -= logged.record.len();
            if !self.apply(&logged) {
                self.is_behind = true;
                self.early_bytes += logged.record.len();
                self.early.insert(logged.seq, logged);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use zigttp_abi::state::{Changes, Entry};
    use zigttp_abi::value::Value;

    use super::*;
    use crate::cluster::keys::Keys;

    fn logged(seq: u64, after: &str, id: &str, key: &str) -> Logged {
        let entry = Some(Entry { value: Value::text(id), expires: None });
        let changes = Changes { clears: false, entries: [(key.into(), entry)].into() };
        let record = Record { changes }.encode().into();
        Logged { seq, after: Some(after.into()), id: id.into(), record }
    }

    fn keys(replica: &Replica) -> String {
        let table = replica.table().expect("it was read");
        table.iter().map(|(key, _)| &**key).collect()
    }

    #[test]
    fn records_are_taken_once_and_in_their_order() {
        let replica = Replica::new("/a".into(), Keys::new("p").of_room("/a"));
        // What comes while the room is read waits for it.
        replica.take(logged(11, "1:x:2", "1:x:3", "c"));
        replica.take(logged(10, "1:x:1", "1:x:2", "b"));
        let mut table = Table::default();
        table.set("a", Some(Entry { value: Value::text("1"), expires: None }));
        replica.set(table, Position { seq: 10, id: "1:x:2".into() });
        assert_eq!((keys(&replica), replica.is_behind()), ("ac".into(), false));
        replica.take(logged(11, "1:x:2", "1:x:3", "z"));
        assert_eq!(keys(&replica), "ac", "the second is dropped");
        replica.take(logged(13, "1:x:4", "1:x:5", "e"));
        assert_eq!((keys(&replica), replica.is_behind()), ("ac".into(), true), "12 is missing");
        replica.begin_reading();
        replica.take(logged(12, "1:x:3", "1:x:4", "d"));
        assert_eq!((keys(&replica), replica.is_behind()), ("acde".into(), false));
        let table = replica.table().expect("it was read");
        assert_eq!((table.seq(), replica.position().seq), (13, 13));
    }

    #[test]
    fn a_record_of_another_history_is_not_taken() {
        let replica = Replica::new("/a".into(), Keys::new("p").of_room("/a"));
        replica.set(Table::default(), Position::default());
        replica.take(logged(500, "", "1:x:1", "a"));
        assert_eq!(
            (keys(&replica), replica.is_behind()),
            ("a".into(), false),
            "a new room begins anywhere"
        );
        replica.take(logged(501, "2:y:7", "1:x:2", "b"));
        assert_eq!((keys(&replica), replica.is_behind()), ("a".into(), true));
    }
}
