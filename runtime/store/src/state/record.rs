//! The lines of an export: newline-delimited JSON, one record a line, the records of a room between its
//! `room` and its `end`.
//!
//! ```json
//! {"room":{"version":1,"name":"/chat/a","written":1790000000000}}
//! {"entry":{"key":"log/000001","value":{"kind":"JSON","json":{"text":"hello"}}}}
//! {"entry":{"key":"picture","value":{"kind":"Uint8Array","base64":"AAEC"},"expires":1790000060000}}
//! {"timer":{"name":"turn","scheduled":1790000030000,"due":1790000030000,"attempts":0,"parked":false}}
//! {"signal":{"name":"job","from":"/queue","scheduled":1790000000000,"due":1790000002000,"attempts":2,"parked":false,"onFail":"lost","data":{"kind":"string","text":"a.png"}}}
//! {"end":{"entries":2,"timers":1,"signals":1}}
//! ```
//!
//! Times are in milliseconds since 1970. Timers and signals are in the order in which they were stored, which decides
//! between those that are due at the same time.

pub mod error;
pub mod signal;
pub mod value;

use serde::{Deserialize, Serialize};
use zigttp_abi::state;

use crate::state::record::error::{RecordError, check_key};
use crate::state::record::signal::SignalRecord;
use crate::state::record::value::ValueRecord;
use crate::state::signals::StoredSignal;

/// The version of the format that this program writes, and the last that it reads.
pub const EXPORT_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// What follows is of this room.
    Room(RoomRecord),
    Entry(EntryRecord),
    Timer(SignalRecord),
    Signal(SignalRecord),
    /// No line of an export: the key is removed.
    Delete {
        key: Box<str>,
    },
    /// That was all of the room.
    End(EndRecord),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomRecord {
    pub version: u32,
    pub name: String,
    /// When an event of it last wrote.
    pub written: u64,
}

/// A value under a key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntryRecord {
    pub key: Box<str>,
    pub value: ValueRecord,
    /// When it stops being there, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// How many records a room has: a file that was cut off is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndRecord {
    pub entries: u64,
    #[serde(default)]
    pub timers: u64,
    #[serde(default)]
    pub signals: u64,
}

impl Record {
    /// The record of a timer or a signal.
    pub fn of_signal(stored: &StoredSignal) -> Record {
        let record = SignalRecord::of(stored);
        if stored.signal.is_timer { Record::Timer(record) } else { Record::Signal(record) }
    }
}

impl EndRecord {
    /// Counts a record.
    pub fn count(&mut self, record: &Record) {
        match record {
            Record::Entry(_) => self.entries += 1,
            Record::Timer(_) => self.timers += 1,
            Record::Signal(_) => self.signals += 1,
            Record::Room(_) | Record::Delete { .. } | Record::End(_) => {}
        }
    }
}

impl EntryRecord {
    pub fn of(key: &str, entry: &state::Entry) -> EntryRecord {
        EntryRecord {
            key: key.into(),
            value: ValueRecord::of(&entry.value),
            expires: entry.expires,
        }
    }

    /// The key and the entry that it stands for.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn entry(self) -> Result<(Box<str>, state::Entry), RecordError> {
        let EntryRecord { key, value, expires } = self;
        check_key(&key)?;
        Ok((key, state::Entry { value: value.value()?, expires }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zigttp_abi::value::{Value, ValueKind};

    use super::*;

    #[test]
    fn values_of_all_kinds_are_the_same_after_a_line() {
        for kind in ValueKind::ALL {
            let bytes = match kind {
                ValueKind::Json => {
                    Bytes::from_static(b"{\"n\":1e400,\"a\":[12345678901234567890]}")
                }
                _ => Bytes::from_static(b"12345678"),
            };
            let entry = state::Entry { value: Value::new(kind, bytes), expires: Some(7) };
            let line = serde_json::to_string(&Record::Entry(EntryRecord::of("key", &entry)));
            let read = serde_json::from_str(&line.expect("it serialises"));
            let Ok(Record::Entry(read)) = read else { panic!("{kind:?}: {read:?}") };
            assert_eq!(read.entry().expect("it fits"), ("key".into(), entry));
        }
    }
}
