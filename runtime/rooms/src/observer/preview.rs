//! The beginning of a value, short enough to be recorded and shown.

use std::fmt::Write;

use serde::Serialize;
use zigttp_abi::value::ValueKind;

use zigttp_abi::value::Value;

/// Most bytes that are shown of a text and of a binary value in an event.
const MAX_TEXT: usize = 512;
const MAX_BINARY: usize = 96;

/// The beginning of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Also true for JSON, which is shown as its text.
    is_text: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_json: bool,
    /// The text, or the bytes in hex.
    shown: String,
    bytes: usize,
    is_cut: bool,
}

impl Preview {
    pub fn of(value: &Value) -> Preview {
        Preview::within(value, MAX_TEXT, MAX_BINARY)
    }

    /// The same with limits of the caller.
    pub fn within(value: &Value, max_text: usize, max_binary: usize) -> Preview {
        match value.kind() {
            ValueKind::Text => Preview::utf8(value.bytes(), max_text),
            ValueKind::Json => Preview { is_json: true, ..Preview::utf8(value.bytes(), max_text) },
            _ => Preview::hex(value.bytes(), max_binary),
        }
    }

    /// The preview of a text, whose bytes are UTF-8, or of other bytes.
    pub fn of_bytes(is_text: bool, bytes: &[u8]) -> Preview {
        if is_text { Preview::utf8(bytes, MAX_TEXT) } else { Preview::hex(bytes, MAX_BINARY) }
    }

    /// The preview of bytes that may be a text.
    pub fn guess(bytes: &[u8]) -> Preview {
        Preview::of_bytes(std::str::from_utf8(bytes).is_ok(), bytes)
    }

    pub fn text(text: &str) -> Preview {
        Preview::utf8(text.as_bytes(), MAX_TEXT)
    }

    /// The beginning of a text, whose bytes are UTF-8.
    pub fn utf8(bytes: &[u8], max: usize) -> Preview {
        let is_cut = bytes.len() > max;
        // A character that is cut is left out.
        let shown = match std::str::from_utf8(&bytes[..bytes.len().min(max)]) {
            Ok(shown) => shown,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        Preview {
            is_text: true,
            shown: shown.to_owned(),
            bytes: bytes.len(),
            is_cut,
            ..Preview::default()
        }
    }

    /// The beginning of bytes, in hex.
    pub fn hex(bytes: &[u8], max: usize) -> Preview {
        let mut shown = String::new();
        for byte in bytes.iter().take(max) {
            write!(shown, "{byte:02x} ").expect("writing to a string");
        }
        shown.truncate(shown.trim_end().len());
        Preview { shown, bytes: bytes.len(), is_cut: bytes.len() > max, ..Preview::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let text = Preview::utf8("aé".as_bytes(), 2);
        assert_eq!((&*text.shown, text.bytes, text.is_cut), ("a", 3, true));
        let bytes = Preview::hex(&[0, 255, 16], 2);
        assert_eq!((&*bytes.shown, bytes.bytes, bytes.is_cut), ("00 ff", 3, true));
        assert!(!Preview::hex(&[1], 2).is_cut);
    }
}
