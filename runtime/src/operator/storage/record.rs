//! The lines of an export: newline-delimited JSON, one record a line, the records of a room between its
//! `room` and its `end`.
//!
//! ```json
//! {"room":{"version":1,"name":"/chat/a","written":1790000000000}}
//! {"entry":{"key":"log/000001","value":{"kind":"JSON","json":{"text":"hello"}}}}
//! {"entry":{"key":"picture","value":{"kind":"Uint8Array","base64":"AAEC"},"expires":1790000060000}}
//! {"end":{"entries":2}}
//! ```
//!
//! Times are in milliseconds since 1970.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zigttp_abi::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};
use zigttp_abi::state;
use zigttp_abi::value::{Value, ValueKind};

/// The version of the format that this program writes, and the last that it reads.
pub const EXPORT_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// What follows is of this room.
    Room(RoomRecord),
    Entry(EntryRecord),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndRecord {
    pub entries: u64,
}

/// A value: its kind, and the one of the others that fits the kind.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueRecord {
    /// What it is in JavaScript: `string`, `JSON` or a constructor.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As it is stored, so that no digit and no order of names is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// A record that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("a key has {bytes} bytes, it may have 1 to {MAX_KEY_BYTES}")]
    Key { bytes: usize },
    #[error("the name of a room has {bytes} bytes, it may have 1 to {MAX_ROOM_BYTES}")]
    Room { bytes: usize },
    #[error("{kind:?} is no kind of value")]
    Kind { kind: String },
    #[error("a value of kind {kind} has `{field}`, and nothing else")]
    Fields { kind: &'static str, field: &'static str },
    #[error("a value's base64 is damaged")]
    Base64,
    /// The first or last record of a room, within it.
    #[error("a record of another type is expected")]
    Misplaced,
}

impl ValueRecord {
    pub fn of(value: &Value) -> ValueRecord {
        let kind = value.kind().name().to_owned();
        let text = || String::from_utf8_lossy(value.bytes()).into_owned();
        match value.kind() {
            ValueKind::Text => ValueRecord { kind, text: Some(text()), ..Self::default() },
            // What no version of ours has written is shown as its bytes.
            ValueKind::Json => match RawValue::from_string(text()) {
                Ok(json) => ValueRecord { kind, json: Some(json), ..Self::default() },
                Err(_damaged) => ValueRecord { kind, text: Some(text()), ..Self::default() },
            },
            _ => {
                let base64 = Some(STANDARD.encode(value.bytes()));
                ValueRecord { kind, base64, ..Self::default() }
            }
        }
    }

    /// The value that it stands for.
    ///
    /// # Errors
    /// When the fields do not fit the kind.
    pub fn value(self) -> Result<Value, RecordError> {
        let ValueRecord { kind, text, json, base64 } = self;
        let found = ValueKind::ALL.into_iter().find(|known| known.name() == kind);
        let kind = found.ok_or(RecordError::Kind { kind })?;
        let misfit = |field| RecordError::Fields { kind: kind.name(), field };
        match (kind, text, json, base64) {
            (ValueKind::Text, Some(text), None, None) => Ok(Value::text(text)),
            (ValueKind::Json, None, Some(json), None) => Ok(of_json(&json)),
            (ValueKind::Text, ..) => Err(misfit("text")),
            (ValueKind::Json, ..) => Err(misfit("json")),
            (_, None, None, Some(base64)) => {
                let bytes = STANDARD.decode(base64).map_err(|_| RecordError::Base64)?;
                Ok(Value::new(kind, Bytes::from(bytes)))
            }
            _ => Err(misfit("base64")),
        }
    }
}

/// The value of this JSON, which is a string if it is a string.
pub fn of_json(json: &RawValue) -> Value {
    match serde_json::from_str::<String>(json.get()) {
        Ok(text) => Value::text(text),
        Err(_other) => Value::new(ValueKind::Json, Bytes::copy_from_slice(json.get().as_bytes())),
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

/// Refuses what is no key.
///
/// # Errors
/// When it is too long, or empty.
pub fn check_key(key: &str) -> Result<(), RecordError> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(RecordError::Key { bytes }),
    }
}

/// Refuses what is no name of a room.
///
/// # Errors
/// When it is too long, or empty.
pub fn check_room(room: &str) -> Result<(), RecordError> {
    match room.len() {
        1..=MAX_ROOM_BYTES => Ok(()),
        bytes => Err(RecordError::Room { bytes }),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_fits_no_kind_is_an_error() {
        for (line, expected) in [
            (r#"{"kind":"Date","text":""}"#, "\"Date\" is no kind of value"),
            (
                r#"{"kind":"string","json":1}"#,
                "a value of kind string has `text`, and nothing else",
            ),
            (r#"{"kind":"Uint8Array","base64":"?"}"#, "a value's base64 is damaged"),
        ] {
            let value: ValueRecord = serde_json::from_str(line).expect(line);
            assert_eq!(value.value().expect_err(line).to_string(), expected);
        }
    }
}
