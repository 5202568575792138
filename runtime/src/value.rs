//! Bytes with the JavaScript kind they have: message data, attachments, auto-responses.

use std::borrow::Cow;

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
            && let Cow::Owned(text) = well_formed(&bytes)
        {
            return Value::text(text);
        }
        Value { kind, bytes }
    }

    /// A string whose bytes are known to be UTF-8.
    pub(crate) fn checked_text(bytes: Bytes) -> Value {
        debug_assert!(std::str::from_utf8(&bytes).is_ok(), "the caller has checked");
        Value { kind: ValueKind::Text, bytes }
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

/// Most bytes that [`well_formed`] makes of these.
pub(crate) fn well_formed_len(bytes: &[u8]) -> usize {
    let replaced = char::REPLACEMENT_CHARACTER.len_utf8();
    let chunks = bytes.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().len() + if chunk.invalid().is_empty() { 0 } else { replaced })
        .sum()
}

/// The text of a guest's bytes. A lone surrogate, which QuickJS writes as three bytes that are no
/// UTF-8, becomes one U+FFFD; so does each other byte that is none.
pub(crate) fn well_formed(bytes: &[u8]) -> Cow<'_, str> {
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
