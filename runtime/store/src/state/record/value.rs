//! A value in a record.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zigttp_abi::value::{Value, ValueKind};

use crate::state::record::error::{MAX_LEVELS, RecordError};

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
            (ValueKind::Json, None, Some(json), None) if levels(json.get()) > MAX_LEVELS => {
                Err(RecordError::Levels)
            }
            (ValueKind::Json, None, Some(json), None) => Ok(of_json(&json)),
            (ValueKind::Text, ..) => Err(misfit("text")),
            (ValueKind::Json, ..) => Err(misfit("json")),
            (_, None, None, Some(base64)) => {
                let bytes = STANDARD.decode(base64).map_err(|_| RecordError::Base64)?;
                if !bytes.len().is_multiple_of(item_bytes(kind)) {
                    return Err(RecordError::Length { kind: kind.name(), bytes: bytes.len() });
                }
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

/// How many arrays and objects are inside of each other in this JSON.
fn levels(json: &str) -> usize {
    let (mut open, mut most, mut is_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => {
                open += 1;
                most = most.max(open);
            }
            b']' | b'}' if !is_text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Bytes of an item of a typed array.
fn item_bytes(kind: ValueKind) -> usize {
    match kind {
        ValueKind::Int16Array | ValueKind::Uint16Array | ValueKind::Float16Array => 2,
        ValueKind::Int32Array | ValueKind::Uint32Array | ValueKind::Float32Array => 4,
        ValueKind::BigInt64Array | ValueKind::BigUint64Array | ValueKind::Float64Array => 8,
        ValueKind::Text
        | ValueKind::Json
        | ValueKind::ArrayBuffer
        | ValueKind::Int8Array
        | ValueKind::Uint8Array
        | ValueKind::Uint8ClampedArray => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_a_handler_could_not_read_is_an_error() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"kind":"JSON","json":{open}{{"a\"[[":"[["}}{close}}}"#)
        };
        for (line, expected) in [
            (nested(500), Ok(())),
            (nested(501), Err(RecordError::Levels)),
            (nested(100_000), Err(RecordError::Levels)),
            (
                r#"{"kind":"Uint16Array","base64":"AQID"}"#.to_owned(),
                Err(RecordError::Length { kind: "Uint16Array", bytes: 3 }),
            ),
        ] {
            let value: ValueRecord = serde_json::from_str(&line).expect("it is a record");
            assert_eq!(value.value().map(drop), expected);
        }
    }
}
