//! The place of a failure with its line of source, framed as the compiler frames its diagnostics.

use codespan_reporting::diagnostic::{Diagnostic, Label};
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::termcolor::NoColor;
use codespan_reporting::term::{self, Chars, Config};
use zigttp_abi::printable::printable;
use zigttp_testing::outcome::Frame;

/// A line longer than this is not shown. Generated code has lines of megabytes.
const MAX_SHOWN_LINE_BYTES: usize = 1_000;

/// The place that a failure came from; without its line, where the line is not known.
pub(super) fn framed(frame: &Frame) -> String {
    let place = format!("{}:{}:{}", printable(&frame.path), frame.line, frame.column);
    let shown = frame.source_line.as_deref().filter(|line| line.len() < MAX_SHOWN_LINE_BYTES);
    let Some(source) = shown else { return format!("  --> {place}\n") };
    let column = frame.column.saturating_sub(1) as usize;
    let before: String = source.chars().take(column).collect();
    let rest: String = source.chars().skip(column).collect();
    let is_word = |character: char| character.is_alphanumeric() || "_$".contains(character);
    let word: String = rest.chars().take_while(|&it| is_word(it)).collect();
    let word = if word.is_empty() { rest.chars().take(1).collect() } else { word };
    // Escapes make the text longer, so each part is escaped before it is measured.
    let [before, word, rest] =
        [&before, &word, &rest[word.len()..].to_owned()].map(|part| without_tabs(part));
    let text = format!("{before}{word}{rest}");
    let file = OneLine { name: printable(&frame.path).into_owned(), text, frame };
    let span = before.len()..before.len() + word.len();
    let diagnostic = Diagnostic::error().with_label(Label::primary((), span));
    let config = Config { chars: Chars::ascii(), ..Config::default() };
    let mut told = NoColor::new(Vec::new());
    term::emit_to_write_style(&mut told, &config, &file, &diagnostic)
        .expect("the line is there, and memory can be written");
    let told = String::from_utf8(told.into_inner()).expect("names and lines are UTF-8");
    // The diagnostic's heading is the failure's own message.
    told.split_once('\n')
        .map_or_else(String::new, |(_heading, frame)| frame.trim_end().to_owned() + "\n")
}

/// Printable, with spaces in place of tabs, whose width nobody knows.
fn without_tabs(text: &str) -> String {
    printable(&text.replace('\t', "    ")).into_owned()
}

/// A file of which one line is known.
struct OneLine<'a> {
    name: String,
    text: String,
    frame: &'a Frame,
}

impl<'a> Files<'a> for OneLine<'_> {
    type FileId = ();
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, (): ()) -> Result<&'a str, Error> {
        Ok(&self.name)
    }

    fn source(&'a self, (): ()) -> Result<&'a str, Error> {
        Ok(&self.text)
    }

    fn line_index(&'a self, (): (), _offset: usize) -> Result<usize, Error> {
        Ok(self.frame.line.saturating_sub(1) as usize)
    }

    fn line_range(&'a self, (): (), _line: usize) -> Result<std::ops::Range<usize>, Error> {
        Ok(0..self.text.len())
    }

    fn column_number(&'a self, (): (), _line: usize, _offset: usize) -> Result<usize, Error> {
        Ok(self.frame.column as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(source_line: Option<&str>, column: u32) -> Frame {
        Frame {
            function: None,
            path: "a.test.ts".to_owned(),
            line: 12,
            column,
            source_line: source_line.map(str::to_owned),
        }
    }

    #[test]
    fn the_word_at_the_place_is_underlined() {
        let expected = "   --> a.test.ts:12:3\n   |\n12 |   expect(1).toBe(2);\n   |   ^^^^^^\n";
        assert_eq!(framed(&frame(Some("  expect(1).toBe(2);"), 3)), expected);
    }

    #[test]
    fn lines_that_are_odd_or_unknown_are_shown_as_far_as_they_can_be() {
        assert_eq!(framed(&frame(None, 3)), "  --> a.test.ts:12:3\n");
        assert_eq!(framed(&frame(Some(&"x".repeat(2_000)), 3)), "  --> a.test.ts:12:3\n");
        // The place lies beyond the line, which has changed since.
        assert!(framed(&frame(Some("x"), 30)).contains("12 | x\n"));
        assert!(framed(&frame(Some("\té\u{1b}[31mß"), 3)).contains("12 |     é\\u{1b}[31mß\n"));
    }
}
