//! A write of an operator, made of records.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zigttp_abi::state::Changes;
use zigttp_rooms::operator_write::OperatorWrite;
use zigttp_store::state::record::Record;
use zigttp_store::state::record::error::{RecordError, check_key, check_room};
use zigttp_store::state::record::signal::SignalRecord;
use zigttp_store::state::signals::{Restored, SignalChanges};

/// What becomes of the state that a room has before a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// It stays, but for the keys that are written.
    Stays,
    /// Its keys and timers are removed and its streams cancelled, as `deleteAll` does.
    Goes,
    /// The same, and the signals for it are removed too, parked ones included.
    GoesWithSignals,
    /// There must be no keys, timers and signals.
    IsNone,
}

/// A write of a room that is being put together. It changes nothing yet.
pub struct RoomWrite {
    write: OperatorWrite,
    timers: BTreeSet<Box<str>>,
}

impl RoomWrite {
    /// # Errors
    /// When the room cannot have this name.
    pub fn begin(room: &str, existing: Existing) -> Result<RoomWrite, RecordError> {
        check_room(room)?;
        let replaces = existing == Existing::GoesWithSignals;
        let restores = matches!(existing, Existing::GoesWithSignals | Existing::IsNone);
        let signals = SignalChanges {
            clears_timers: existing == Existing::Goes,
            restored: restores.then(|| Restored { replaces, signals: Vec::new() }),
            ..SignalChanges::default()
        };
        let clears = replaces || existing == Existing::Goes;
        let changes = Changes { clears, ..Changes::default() };
        let is_new = existing == Existing::IsNone;
        let (room, cancels_streams) = (room.into(), clears);
        let write = OperatorWrite { room, changes, signals, cancels_streams, is_new };
        Ok(RoomWrite { write, timers: BTreeSet::new() })
    }

    /// Adds a record. Returns how many bytes of state it takes.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn add(&mut self, record: Record) -> Result<u64, RecordError> {
        match record {
            Record::Entry(record) => {
                let (key, entry) = record.entry()?;
                let bytes = entry.bytes(&key);
                self.write.changes.entries.insert(key, Some(entry));
                Ok(bytes)
            }
            Record::Delete { key } => {
                check_key(&key)?;
                self.write.changes.entries.insert(key, None);
                Ok(0)
            }
            Record::Timer(record) => {
                if !self.timers.insert(record.name.clone()) {
                    return Err(RecordError::TimerTwice { name: record.name });
                }
                self.add_signal(record, true)
            }
            Record::Signal(record) => self.add_signal(record, false),
            Record::Room(_) | Record::End(_) => Err(RecordError::Misplaced),
        }
    }

    fn add_signal(&mut self, record: SignalRecord, is_timer: bool) -> Result<u64, RecordError> {
        let OperatorWrite { room, signals, .. } = &mut self.write;
        // Only an import stores signals.
        let restored = signals.restored.as_mut().ok_or(RecordError::Misplaced)?;
        let stored = record.signal(room, is_timer)?;
        let bytes = stored.signal.bytes();
        restored.signals.push(stored);
        Ok(bytes)
    }

    /// How many timers it stores.
    pub(crate) fn timers(&self) -> usize {
        self.timers.len()
    }

    pub(crate) fn finish(self) -> OperatorWrite {
        self.write
    }
}
