//! The copy of a room that a node holds: kept up to date by the room's log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::Usage;

use crate::cluster::keys::RoomKeys;
use crate::cluster::record::{Logged, Record};
use crate::state::shared::{RoomListener, Told};
use crate::state::table::Table;

/// Bytes of records that wait for what comes before them.
const MAX_EARLY_BYTES: usize = 4 << 20;

/// Whoever follows rooms, if there is somebody.
pub(crate) type Listener = Arc<OnceLock<Arc<dyn RoomListener>>>;

/// The members of a room as they were read, in their order.
pub(crate) type Members = Vec<(ConnectionId, Bytes)>;

/// The copy of one room.
pub(crate) struct Replica {
    pub(crate) room: Arc<str>,
    pub(crate) keys: RoomKeys,
    listener: Listener,
    /// The listener is called while it is locked: so it is told of commits in their order.
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
    pub(crate) fn new(room: Arc<str>, keys: RoomKeys, listener: Listener) -> Replica {
        Replica {
            room,
            keys,
            listener,
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

    /// Whether the room has nothing, as far as is known here.
    pub(crate) fn is_empty(&self) -> bool {
        self.usage() == Usage::default()
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
    pub(crate) fn set(&self, mut table: Table, members: Members, at: Position) {
        table.set_seq(at.seq);
        let mut copy = self.copy();
        let follows = copy.table.is_none();
        (copy.table, copy.seq, copy.last) = (Some(Arc::new(table)), at.seq, at.id);
        if let Some(listener) = self.listener.get() {
            listener.members(&self.room, members, follows);
        }
        self.take_early(&mut copy);
    }

    /// To be called when it is given up.
    pub(crate) fn leave(&self) {
        let _copy = self.copy();
        if let Some(listener) = self.listener.get() {
            listener.left(&self.room);
        }
    }

    /// Takes a record. One that does not follow what is here waits, and the copy is behind.
    pub(crate) fn take(&self, logged: Logged) {
        let mut copy = self.copy();
        if copy.table.is_some() && self.apply(&mut copy, &logged) {
            self.take_early(&mut copy);
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

    /// Takes a record if it is the next one. Returns false if it is a later one.
    fn apply(&self, copy: &mut Copy, Logged { seq, after, id, record }: &Logged) -> bool {
        if *seq <= copy.seq {
            return true;
        }
        // A room that was nothing begins somewhere.
        let begins = copy.seq == 0 && after.as_deref() == Some("");
        let follows =
            *seq == copy.seq + 1 && after.as_ref().is_none_or(|after| *after == copy.last);
        if !begins && !follows {
            return false;
        }
        let Some(record) = Record::decode(record.clone()) else {
            tracing::error!(seq, "a record in a room's log is damaged: the room is read anew");
            return false;
        };
        let Record { changes, timers, charge, members, notice } = record;
        let table = Arc::make_mut(copy.table.as_mut().expect("it was read"));
        table.apply(&changes);
        for (name, timer) in timers {
            table.set_timer(&name, timer);
        }
        table.set_signals(table.room_usage().signals.after(charge));
        table.set_seq(*seq);
        (copy.seq, copy.last) = (*seq, id.clone());
        if let Some(listener) = self.listener.get()
            && !(members.is_empty() && notice.is_empty())
        {
            listener.told(&self.room, Told { members, notice, ..Told::default() });
        }
        true
    }

    /// Takes the records that have waited for the last one.
    fn take_early(&self, copy: &mut Copy) {
        while let Some(first) = copy.early.first_entry() {
            let logged = first.remove();
            copy.early_bytes -= logged.record.len();
            if !self.apply(copy, &logged) {
                copy.is_behind = true;
                copy.early_bytes += logged.record.len();
                copy.early.insert(logged.seq, logged);
                return;
            }
        }
    }

    fn copy(&self) -> MutexGuard<'_, Copy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
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
        let record = Record { changes, ..Record::default() }.encode().into();
        Logged { seq, after: Some(after.into()), id: id.into(), record }
    }

    fn keys(replica: &Replica) -> String {
        let table = replica.table().expect("it was read");
        table.iter().map(|(key, _)| &**key).collect()
    }

    #[test]
    fn records_are_taken_once_and_in_their_order() {
        let replica = Replica::new("/a".into(), Keys::new("p").of_room("/a"), Listener::default());
        // What comes while the room is read waits for it.
        replica.take(logged(11, "1:x:2", "1:x:3", "c"));
        replica.take(logged(10, "1:x:1", "1:x:2", "b"));
        let mut table = Table::default();
        table.set("a", Some(Entry { value: Value::text("1"), expires: None }));
        replica.set(table, Members::new(), Position { seq: 10, id: "1:x:2".into() });
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
        let replica = Replica::new("/a".into(), Keys::new("p").of_room("/a"), Listener::default());
        replica.set(Table::default(), Members::new(), Position::default());
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
