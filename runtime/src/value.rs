//! Bytes with the JavaScript kind they have: message data, attachments, auto-responses.

use bytes::Bytes;
use zigttp_abi::value::ValueKind;

/// A string or a run of bytes. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    kind: ValueKind,
    /// Valid UTF-8 when `kind` is [`ValueKind::Text`].
    bytes: Bytes,
}

impl Value {
    /// A string.
    pub fn text(text: impl Into<String>) -> Value {
        Value { kind: ValueKind::Text, bytes: Bytes::from(text.into()) }
    }

    /// A value of this kind. Bytes of a text that are no UTF-8 (from lone surrogates) become
    /// U+FFFD, as `TextEncoder` does it.
    pub fn new(kind: ValueKind, bytes: Bytes) -> Value {
        if kind == ValueKind::Text
            && let Err(_invalid) = std::str::from_utf8(&bytes)
        {
            return Value::text(String::from_utf8_lossy(&bytes));
        }
        Value { kind, bytes }
    }

    /// What the bytes are in JavaScript.
    pub fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The bytes; UTF-8 for a text.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_surrogate_becomes_a_replacement_character() {
        let value = Value::new(ValueKind::Text, Bytes::from_static(b"a\xed\xa0\x80b"));
        assert_eq!(value.bytes(), "a\u{fffd}\u{fffd}\u{fffd}b".as_bytes());
    }
}
