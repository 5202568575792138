//! Patterns of names: a `*` stands for any text, also for none; everything else for itself.

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    pub fn new(pattern: impl Into<String>) -> Pattern {
        Pattern(pattern.into())
    }

    /// Whether all of a text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        // The first place of each is the best: it leaves most for those that follow.
        for piece in pieces {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("/room/a", "/room/a", true),
            ("/room/a", "/room/ab", false),
            ("/room/*", "/room/", true),
            ("/room/*", "/roo", false),
            ("*", "", true),
            ("*/a", "/b/a", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "abc", true),
            ("a*bc*c", "abc", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }
}
