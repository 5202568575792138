//! The one form of a path's segment: what it decodes to, encoded as `encodeURIComponent` does.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All that `encodeURIComponent` escapes (ECMA-262, 19.2.6.4).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Decodes `%XX` as UTF-8. A sequence that is not hex stays as it was sent, and one that is not UTF-8 becomes
/// U+FFFD: neither is a reason to refuse a connection.
pub fn percent_decode(segment: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy()
}

/// A segment in its one form.
pub fn in_one_form(segment: &str) -> String {
    utf8_percent_encode(&percent_decode(segment), ESCAPED).to_string()
}

/// Whether a segment is in its one form already, as nearly all are.
pub fn is_in_one_form(segment: &str) -> bool {
    let decoded = percent_decode(segment);
    let mut encoded = utf8_percent_encode(&decoded, ESCAPED);
    encoded.try_fold(segment, |rest, part| rest.strip_prefix(part)).is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_encode_uri_component() {
        for (segment, form) in [
            ("caf%C3%A9", "caf%C3%A9"),
            ("caf%c3%a9", "caf%C3%A9"),
            ("%63af\u{e9}", "caf%C3%A9"),
            ("a+b", "a%2Bb"),
            ("a@b:c", "a%40b%3Ac"),
            ("-_.!~*'()", "-_.!~*'()"),
            ("%2D%5F%2E%21%7E%2A%27%28%29", "-_.!~*'()"),
            ("a%2Fb", "a%2Fb"),
            ("a%2fb", "a%2Fb"),
            ("100%", "100%25"),
            ("100%25", "100%25"),
            ("%zz", "%25zz"),
            ("%ff", "%EF%BF%BD"),
            ("%EF%BF%BD", "%EF%BF%BD"),
            ("%00", "%00"),
            ("", ""),
        ] {
            assert_eq!(in_one_form(segment), form, "{segment}");
            assert_eq!(is_in_one_form(segment), segment == form, "{segment}");
            assert!(is_in_one_form(form), "{form}");
        }
    }
}
