//! Values that cross between guest and host, and their kinds.

use std::borrow::Cow;

#[cfg(feature = "host")]
use bytes::Bytes;

/// What a run of bytes is in JavaScript.
///
/// Messages are [`ValueKind::Text`] or [`ValueKind::ArrayBuffer`]; attachments may be any kind, and
/// come back as the kind they were stored with. What is neither a string nor bytes in JavaScript (`null`, a
/// boolean, a number, an array, a plain object) is [`ValueKind::Json`], which the guest writes and parses. The numbers are part of the guest interface and
/// of attachment files: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ValueKind {
    /// A string, as UTF-8.
    Text = 0,
    ArrayBuffer = 1,
    Int8Array = 2,
    Uint8Array = 3,
    Uint8ClampedArray = 4,
    Int16Array = 5,
    Uint16Array = 6,
    Int32Array = 7,
    Uint32Array = 8,
    BigInt64Array = 9,
    BigUint64Array = 10,
    Float16Array = 11,
    Float32Array = 12,
    Float64Array = 13,
    /// Any other JSON value, as its text.
    Json = 14,
}

impl ValueKind {
    /// Every kind, at the index of its number.
    pub const ALL: [ValueKind; 15] = [
        ValueKind::Text,
        ValueKind::ArrayBuffer,
        ValueKind::Int8Array,
        ValueKind::Uint8Array,
        ValueKind::Uint8ClampedArray,
        ValueKind::Int16Array,
        ValueKind::Uint16Array,
        ValueKind::Int32Array,
        ValueKind::Uint32Array,
        ValueKind::BigInt64Array,
        ValueKind::BigUint64Array,
        ValueKind::Float16Array,
        ValueKind::Float32Array,
        ValueKind::Float64Array,
        ValueKind::Json,
    ];

    /// The kind with this number, if there is one.
    pub const fn from_number(number: u32) -> Option<ValueKind> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }

    /// The number that stands for this kind on the wire between guest and host and on disk.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether the bytes are UTF-8.
    pub const fn is_utf8(self) -> bool {
        matches!(self, ValueKind::Text | ValueKind::Json)
    }

    /// The JavaScript name: `string`, `JSON` or a constructor.
    pub const fn name(self) -> &'static str {
        match self {
            ValueKind::Text => "string",
            ValueKind::ArrayBuffer => "ArrayBuffer",
            ValueKind::Int8Array => "Int8Array",
            ValueKind::Uint8Array => "Uint8Array",
            ValueKind::Uint8ClampedArray => "Uint8ClampedArray",
            ValueKind::Int16Array => "Int16Array",
            ValueKind::Uint16Array => "Uint16Array",
            ValueKind::Int32Array => "Int32Array",
            ValueKind::Uint32Array => "Uint32Array",
            ValueKind::BigInt64Array => "BigInt64Array",
            ValueKind::BigUint64Array => "BigUint64Array",
            ValueKind::Float16Array => "Float16Array",
            ValueKind::Float32Array => "Float32Array",
            ValueKind::Float64Array => "Float64Array",
            ValueKind::Json => "JSON",
        }
    }
}

/// A string, a run of bytes or JSON. Cloning shares the bytes.
#[cfg(feature = "host")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    kind: ValueKind,
    /// Valid UTF-8 where [`ValueKind::is_utf8`].
    bytes: Bytes,
}

#[cfg(feature = "host")]
impl Value {
    /// A string.
    pub fn text(text: impl Into<String>) -> Value {
        Value { kind: ValueKind::Text, bytes: Bytes::from(text.into()) }
    }

    /// A value of this kind. Bytes of a text that are no UTF-8 (from lone surrogates) become
    /// U+FFFD, as `TextEncoder` does it; so do those of JSON, which whoever reads it has refused before.
    pub fn new(kind: ValueKind, bytes: Bytes) -> Value {
        if kind.is_utf8()
            && let Cow::Owned(text) = well_formed(&bytes)
        {
            return Value { kind, bytes: Bytes::from(text) };
        }
        Value { kind, bytes }
    }

    /// A string whose bytes are known to be UTF-8.
    pub fn checked_text(bytes: Bytes) -> Value {
        debug_assert!(std::str::from_utf8(&bytes).is_ok(), "the caller has checked");
        Value { kind: ValueKind::Text, bytes }
    }

    /// What the bytes are in JavaScript.
    pub fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The bytes; UTF-8 for a text and JSON.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Most bytes that [`well_formed`] makes of these.
pub fn well_formed_len(bytes: &[u8]) -> usize {
    let replaced = char::REPLACEMENT_CHARACTER.len_utf8();
    let chunks = bytes.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().len() + if chunk.invalid().is_empty() { 0 } else { replaced })
        .sum()
}

/// The text of a guest's bytes. A lone surrogate, which QuickJS writes as three bytes that are no
/// UTF-8, becomes one U+FFFD; so does each other byte that is none.
pub fn well_formed(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    // Bytes left of the surrogate that the last chunk began.
    let mut of_surrogate = 0;
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            of_surrogate = 0;
        }
        text.push_str(chunk.valid());
        match chunk.invalid() {
            [] => {}
            [0x80..=0xbf] if of_surrogate > 0 => of_surrogate -= 1,
            invalid => {
                text.push(char::REPLACEMENT_CHARACTER);
                // Before any other continuation this byte would not stand alone in its chunk.
                of_surrogate = if invalid == [0xed] { 2 } else { 0 };
            }
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_at_the_index_of_their_number() {
        for (number, kind) in ValueKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.number() as usize, number);
            assert_eq!(ValueKind::from_number(number as u32), Some(kind));
        }
        assert_eq!(ValueKind::from_number(15), None);
    }

    #[cfg(feature = "host")]
    #[test]
    fn a_lone_surrogate_becomes_a_replacement_character() {
        let value = Value::new(ValueKind::Text, Bytes::from_static(b"a\xed\xa0\x80b"));
        assert_eq!(value.bytes(), "a\u{fffd}b".as_bytes());
    }

    #[test]
    fn other_bytes_that_are_no_utf_8_become_replacement_characters() {
        for (bytes, expected) in [
            (&b"\xed\xbf\xbf\xed\xa0\x80"[..], "\u{fffd}\u{fffd}"),
            (b"\xed\xa0\x80\x80", "\u{fffd}\u{fffd}"),
            (b"\xed", "\u{fffd}"),
            (b"\xed\xed\x9f\xbf\xff", "\u{fffd}\u{d7ff}\u{fffd}"),
        ] {
            assert_eq!(well_formed(bytes), expected, "{bytes:x?}");
            assert!(well_formed_len(bytes) >= expected.len(), "{bytes:x?}");
        }
    }
}
