//! Percent-encoding: which characters each part of a URL keeps.

/// A percent-encode set of the standard: a bit for each character of ASCII. Beyond it, all are encoded.
#[derive(Clone, Copy)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const C0_CONTROL: Set = Set::of(b"");
    pub(super) const FRAGMENT: Set = Set::of(b" \"<>`");
    pub(super) const QUERY: Set = Set::of(b" \"#<>");
    pub(super) const SPECIAL_QUERY: Set = Set::of(b" \"#<>'");
    pub(super) const PATH: Set = Set::of(b" \"#<>?^`{}");
    pub(super) const USERINFO: Set = Set::of(b" \"#<>?^`{}/:;=@[\\]|");

    /// The controls, and these.
    const fn of(others: &[u8]) -> Set {
        let mut bits = (1 << b' ') - 1 | 1 << 0x7f;
        let mut index = 0;
        while index < others.len() {
            bits |= 1 << others[index];
            index += 1;
        }
        Set(bits)
    }

    fn encodes(self, byte: u8) -> bool {
        !byte.is_ascii() || self.0 >> byte & 1 == 1
    }
}

/// Appends bytes of UTF-8, with those of the set percent-encoded.
pub(super) fn encode_onto(text: &mut String, bytes: &[u8], set: Set) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if set.encodes(byte) {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        } else {
            text.push(char::from(byte));
        }
    }
}

/// The bytes of UTF-8, with those of the set percent-encoded.
pub(super) fn encode(bytes: &[u8], set: Set) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode_onto(&mut text, bytes, set);
    text
}
