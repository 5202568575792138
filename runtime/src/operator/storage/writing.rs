//! A write of an operator, made of records.

use serde::{Deserialize, Serialize};
use zigttp_abi::state::Changes;
use zigttp_rooms::operator_write::OperatorWrite;

use crate::operator::storage::record::{Record, RecordError, check_key, check_room};

/// What becomes of the state that a room has before a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// It stays, but for the keys that are written.
    Stays,
    /// It is removed.
    Goes,
    /// There must be none.
    IsNone,
}

/// A write of a room that changes nothing yet.
///
/// # Errors
/// When the room cannot have this name.
pub fn begin(room: &str, existing: Existing) -> Result<OperatorWrite, RecordError> {
    check_room(room)?;
    Ok(OperatorWrite {
        room: room.into(),
        changes: Changes { clears: existing == Existing::Goes, ..Changes::default() },
        is_new: existing == Existing::IsNone,
    })
}

/// Adds a record. Returns how many bytes of the room it takes.
///
/// # Errors
/// When it cannot be stored.
pub fn add(write: &mut OperatorWrite, record: Record) -> Result<u64, RecordError> {
    match record {
        Record::Entry(record) => {
            let (key, entry) = record.entry()?;
            let bytes = entry.bytes(&key);
            write.changes.entries.insert(key, Some(entry));
            Ok(bytes)
        }
        Record::Delete { key } => {
            check_key(&key)?;
            write.changes.entries.insert(key, None);
            Ok(0)
        }
        Record::Room(_) | Record::End(_) => Err(RecordError::Misplaced),
    }
}
