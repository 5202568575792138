//! Lists in headers, whose items may hold quoted strings (RFC 9110, 5.6.1 and 5.6.4).

use std::borrow::Cow;

/// Splits at these separators, but not inside a quoted string. A string without a closing quote extends
/// to the end.
pub fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    text.split(move |char| {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            char => return char == separator && !is_quoted,
        }
        false
    })
    .map(str::trim)
}

/// The value of a token or a quoted string; `None` if a quote is in a wrong position.
pub fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = value.strip_prefix('"') else {
        return (!value.contains('"')).then_some(Cow::Borrowed(value));
    };
    let mut unescaped = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(Cow::Owned(unescaped)),
            '\\' => unescaped.push(chars.next()?),
            char => unescaped.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_in_a_quoted_string_does_not_split() {
        let items = |text| split(text, ',').collect::<Vec<_>>();
        assert_eq!(items("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(items(r#"a; x="b, c", d"#), [r#"a; x="b, c""#, "d"]);
        assert_eq!(items(r#"x="\", a", b"#), [r#"x="\", a""#, "b"]);
        assert_eq!(items(r#"x="a, b"#), [r#"x="a, b"#]);
        assert_eq!(items(r"a\, b"), [r"a\", "b"]);
        assert_eq!(items(""), [""]);
    }

    #[test]
    fn quotes_and_escapes_are_removed() {
        for (value, expected) in [
            ("15", Some("15")),
            (r#""15""#, Some("15")),
            (r#""1\5""#, Some("15")),
            (r#""a\"b""#, Some("a\"b")),
            (r#""""#, Some("")),
            (r#""15"#, None),
            (r#"15""#, None),
            (r#"""#, None),
            (r#""1"5"#, None),
            (r#""15\""#, None),
        ] {
            assert_eq!(unquoted(value).as_deref(), expected, "{value}");
        }
    }
}
