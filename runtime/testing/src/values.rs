//! Values as JSON carries them between a test and its host. The other end is `compiler/testing/bytes.ts`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use zigttp_abi::value::{Value, ValueKind};

/// A text.
pub(crate) fn carried_text(text: &str) -> String {
    format!("t{text}")
}

/// Bytes.
pub(crate) fn carried_bytes(bytes: &[u8]) -> String {
    let mut carried = "b".to_owned();
    BASE64.encode_string(bytes, &mut carried);
    carried
}

/// The bytes of what was carried, and whether they are a text; `None` if it is neither.
pub(crate) fn uncarried(carried: &str) -> Option<(bool, Vec<u8>)> {
    match carried.split_at_checked(1)? {
        ("t", text) => Some((true, text.as_bytes().to_vec())),
        ("b", base64) => Some((false, BASE64.decode(base64).ok()?)),
        _ => None,
    }
}

/// Bytes in base64.
pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A stored value.
pub(crate) fn stored(value: &Value) -> Json {
    let kind = value.kind();
    match kind {
        ValueKind::Text => {
            json!({ "kind": kind.name(), "value": String::from_utf8_lossy(value.bytes()) })
        }
        // As its text: reading numbers here could change them.
        ValueKind::Json => {
            json!({ "kind": kind.name(), "json": String::from_utf8_lossy(value.bytes()) })
        }
        _ => json!({ "kind": kind.name(), "base64": BASE64.encode(value.bytes()) }),
    }
}

/// A value that a test gives. The other end is `stored` in `compiler/testing/bytes.ts`.
#[derive(Deserialize)]
pub(crate) struct Given {
    kind: String,
    value: Option<String>,
    json: Option<String>,
    base64: Option<String>,
}

impl Given {
    /// The value that it stands for; `None` if its fields do not fit its kind.
    pub(crate) fn value(self) -> Option<Value> {
        let kind = ValueKind::ALL.into_iter().find(|known| known.name() == self.kind)?;
        let bytes = match kind {
            ValueKind::Text => self.value?.into_bytes(),
            ValueKind::Json => self.json?.into_bytes(),
            _ => unbase64(&self.base64?)?,
        };
        Some(Value::new(kind, bytes.into()))
    }
}

/// `name: value` lines as pairs.
pub(crate) fn header_pairs(lines: &str) -> Vec<(&str, &str)> {
    lines.lines().filter_map(|line| line.split_once(": ")).collect()
}

/// Pairs as `name: value` lines.
pub(crate) fn header_lines(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}
