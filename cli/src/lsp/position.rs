//! Positions as the protocol counts them: lines and UTF-16 units, both from 0.

use std::ops::Range;

use gen_lsp_types::{self as lsp, Position};

/// A text by its lines. Unlike elsewhere, a carriage return alone ends one.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// UTF-16 units before the text on the client's first line: 1 if the editor's text has a byte order
    /// mark, which is removed here.
    mark: usize,
    /// Offset of the first byte of each line; never empty.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str, has_mark: bool) -> Lines<'a> {
        let bytes = text.as_bytes();
        let ends_line = |&at: &usize| {
            bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        };
        let starts = (0..bytes.len()).filter(ends_line).map(|end| end + 1);
        Lines { text, mark: has_mark.into(), starts: std::iter::once(0).chain(starts).collect() }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The range of some bytes of the text.
    pub(super) fn range(&self, bytes: Range<usize>) -> lsp::Range {
        lsp::Range { start: self.position(bytes.start), end: self.position(bytes.end) }
    }

    fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        // There is a line that starts at 0.
        let line = self.starts.partition_point(|&start| start <= offset) - 1;
        let before = self.text.get(self.starts[line]..offset).unwrap_or_default();
        let character = before.encode_utf16().count() + if line == 0 { self.mark } else { 0 };
        Position { line: small(line), character: small(character) }
    }

    /// The byte at a position; past the end of a line, that end.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let text = self.text[start..end].trim_end_matches(['\r', '\n']);
        let mut units = position.character as usize;
        if line == 0 {
            units = units.saturating_sub(self.mark);
        }
        for (at, character) in text.char_indices() {
            let Some(left) = units.checked_sub(character.len_utf16()) else { return start + at };
            units = left;
        }
        start + text.len()
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::Position;

    use super::Lines;

    #[test]
    fn positions_count_utf16_units_and_any_line_ending() {
        let lines = Lines::new("a\r\nb😀c\rdé\n", false);
        for (offset, line, character) in [
            (0, 0, 0),
            (1, 0, 1),
            (3, 1, 0),
            (4, 1, 1),
            (8, 1, 3),
            (9, 1, 4),
            (10, 2, 0),
            (13, 2, 2),
            (14, 3, 0),
        ] {
            let position = Position { line, character };
            assert_eq!(lines.range(offset..offset).start, position, "{offset}");
            assert_eq!(lines.offset(position), offset, "{position:?}");
        }
        for (line, character, offset) in [(0, 9, 1), (1, 2, 4), (1, 99, 9), (9, 0, 14)] {
            assert_eq!(lines.offset(Position { line, character }), offset);
        }
    }

    #[test]
    fn a_byte_order_mark_is_a_unit_of_the_first_line() {
        let lines = Lines::new("ab\ncd", true);
        for (offset, line, character) in [(0, 0, 1), (2, 0, 3), (3, 1, 0), (4, 1, 1)] {
            let position = Position { line, character };
            assert_eq!(lines.range(offset..offset).start, position, "{offset}");
            assert_eq!(lines.offset(position), offset, "{position:?}");
        }
        assert_eq!(lines.offset(Position { line: 0, character: 0 }), 0);
    }
}
