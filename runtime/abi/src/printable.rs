//! Escapes text from strangers, so that it can be shown on a terminal, or in the log of a build.
//!
//! Sources, file names and what code throws or prints may contain escape sequences, which control a terminal;
//! characters that change the direction of text, which make a line look like another one; line ends of many
//! kinds; and texts that GitHub's runner reads as commands (`::error::` at the beginning of a line, and `##[`
//! anywhere). All of these are shown as JavaScript would write them: `\u{1b}`, `\n`.

use std::borrow::Cow;

/// Text within one line: line ends are escaped too.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Text that follows other text in its line, where nothing is taken for a command but `##[`.
pub fn printable_rest(text: &str) -> Cow<'_, str> {
    let found: Vec<_> = unprintable(text, |_| false).collect();
    if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(replaced(text, found, escape)) }
}

/// Text of several lines. All but the first begin with a bar, so that none looks like a line of the program.
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| escaped(line, |it| it == '\t')).collect();
    lines.join("\n    | ")
}

/// JSON with the same characters escaped: the values are the same.
pub fn printable_json(json: String) -> String {
    let found: Vec<_> = unprintable(&json, |it| it == '\n').collect();
    if found.is_empty() {
        return json;
    }
    // None of them is beyond the first 65,536.
    replaced(&json, found, |it| format!("\\u{:04x}", u32::from(it)))
}

/// The characters of a text that have to be escaped, with their offsets; those that `is_kept` are left out.
pub fn unprintable(
    text: &str,
    is_kept: impl Fn(char) -> bool,
) -> impl Iterator<Item = (usize, char)> {
    let is_command = move |at: usize| text[at..].starts_with("#[") && text[..at].ends_with('#');
    text.char_indices().filter(move |&(at, character)| {
        !is_printable(character) && !is_kept(character) || character == '#' && is_command(at)
    })
}

/// How a character is shown that [`unprintable`] has found.
pub fn escape(character: char) -> String {
    match character {
        '\t' | '\r' | '\n' => character.escape_default().to_string(),
        _ => character.escape_unicode().to_string(),
    }
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let begin = text.len() - text.trim_start().len();
    let command = text[begin..].starts_with("::").then_some((begin, ':'));
    let mut found = command.into_iter().chain(unprintable(text, is_kept)).peekable();
    if found.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut found: Vec<_> = found.collect();
    // White space before the colon may be unprintable.
    found.sort_unstable();
    Cow::Owned(replaced(text, found, escape))
}

/// A text with these characters replaced.
fn replaced(text: &str, found: Vec<(usize, char)>, escape: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len() + 8 * found.len());
    let mut end = 0;
    for (at, character) in found {
        out.push_str(&text[end..at]);
        out.push_str(&escape(character));
        end = at + character.len_utf8();
    }
    out.push_str(&text[end..]);
    out
}

/// Neither a control character nor a line separator, nor one that changes the direction of text.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_or_deceives_its_reader_is_escaped() {
        for (text, shown) in [
            ("", ""),
            ("zoë: 日本 👩‍👧 'a' \"b\" \\", "zoë: 日本 👩‍👧 'a' \"b\" \\"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("\u{9b}31m\u{7f}\u{0}", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("a\u{85}b\u{2028}c\u{2029}", "a\\u{85}b\\u{2028}c\\u{2029}"),
            (
                "\u{202e}a\u{2066}b\u{2069}\u{61c}\u{feff}",
                "\\u{202e}a\\u{2066}b\\u{2069}\\u{61c}\\u{feff}",
            ),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn what_a_runner_takes_for_a_command_is_escaped() {
        for (text, shown) in [
            ("::error::x", "\\u{3a}:error::x"),
            ("  ::error::x", "  \\u{3a}:error::x"),
            ("\u{85}::error::x", "\\u{85}\\u{3a}:error::x"),
            ("a::error::x", "a::error::x"),
            ("a ##[error]x ###[a", "a #\\u{23}[error]x ##\\u{23}[a"),
            ("# [a] #[b]", "# [a] #[b]"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_lines("a\n::error::x\r\n\tb"), "a\n    | \\u{3a}:error::x\n    | \tb");
    }

    #[test]
    fn json_says_the_same_in_other_words() {
        let json = "{\n  \"a\": \"\u{7f}\u{9b}\u{202e}é##[\"\n}".to_owned();
        assert_eq!(printable_json(json), "{\n  \"a\": \"\\u007f\\u009b\\u202eé#\\u0023[\"\n}");
    }
}
