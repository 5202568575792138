//! Source texts and positions in them.
//!
//! The only file that uses the parser's own positions: those count bytes from 1 and mean
//! nothing without the table they came from. Everywhere else a range is a [`Span`].

#![expect(clippy::disallowed_types, reason = "the one place that converts them")]

use std::ops::Range;

use swc_core::common::{BytePos, Spanned};
use zigts_rules::import::ModuleName;
use zigts_rules::span::{ModuleId, Span};

/// The texts of a handler's modules, by [`ModuleId`].
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// The text of one module.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: ModuleName,
    text: String,
    /// Offset of the first byte of each line; never empty.
    line_starts: Vec<usize>,
}

/// A position as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

impl Sources {
    /// The text of a module.
    pub fn file(&self, module: ModuleId) -> &SourceFile {
        &self.files[module.index()]
    }

    /// Every module's text, the entry's first.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    pub(crate) fn push(&mut self, file: SourceFile) -> ModuleId {
        self.files.push(file);
        ModuleId::new(self.files.len() - 1)
    }
}

impl SourceFile {
    pub(crate) fn new(name: ModuleName, mut text: String) -> SourceFile {
        // The parser drops a byte order mark, and offsets must mean the same to both.
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
            .collect();
        SourceFile { name, text, line_starts }
    }

    /// The module's name.
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Index of the line, from 0, that holds a byte.
    pub fn line_index(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    /// The bytes of a line, its end included; `None` beyond the last.
    pub fn line_range(&self, line_index: usize) -> Option<Range<usize>> {
        let start = *self.line_starts.get(line_index)?;
        Some(start..self.line_starts.get(line_index + 1).copied().unwrap_or(self.text.len()))
    }

    /// Line and column of a byte.
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let offset = floor_char_boundary(&self.text, offset as usize);
        let line_index = self.line_index(offset);
        let column = self.text[self.line_starts[line_index]..offset].chars().count() + 1;
        LineColumn { line: line_index + 1, column }
    }

    /// The word, or else the character, at line and column (both from 0, columns in UTF-16
    /// units, as source maps count).
    pub(crate) fn word_at(&self, module: ModuleId, line: u32, column: u32) -> Span {
        let Some(range) = self.line_range(line as usize) else { return Span::start_of(module) };
        let text = &self.text[range.clone()];
        let mut units = 0;
        let within = text
            .char_indices()
            .find(|(_, character)| {
                let found = units >= column as usize;
                units += character.len_utf16();
                found
            })
            .map_or(text.trim_end().len(), |(offset, _)| offset);
        let rest = &text[within..];
        let is_word = |character: char| character.is_alphanumeric() || "_$".contains(character);
        let word = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
        let width = word.max(rest.chars().next().map_or(0, char::len_utf8));
        let start = range.start + within;
        Span::new(module, start as u32, (start + width) as u32)
    }
}

/// Turns the parser's positions in one module into [`Span`]s.
#[derive(Clone, Copy)]
pub(crate) struct Positions<'a> {
    module: ModuleId,
    text: &'a str,
}

impl<'a> Positions<'a> {
    /// For a module that was parsed as the only file of its table.
    pub(crate) fn new(module: ModuleId, text: &'a str) -> Positions<'a> {
        Positions { module, text }
    }

    /// The span of a piece of syntax. Errors at the end of a file can lie beyond it; they are moved to
    /// its end.
    pub(crate) fn of(&self, syntax: &impl Spanned) -> Span {
        let span = syntax.span();
        Span::new(self.module, self.offset(span.lo), self.offset(span.hi))
    }

    /// The text of a piece of syntax.
    pub(crate) fn text_of(&self, syntax: &impl Spanned) -> &'a str {
        let Span { start, end, .. } = self.of(syntax);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The span of a string literal's text, without its quotes.
    pub(crate) fn inside_quotes(&self, literal: &impl Spanned) -> Span {
        let Span { module, start, end } = self.of(literal);
        if end - start < 2 {
            Span { module, start, end }
        } else {
            Span::new(module, start + 1, end - 1)
        }
    }

    /// The first span of a word in a piece of syntax; all of the syntax if it does not contain the word.
    pub(crate) fn word_in(&self, word: &str, syntax: &impl Spanned) -> Span {
        let Span { module, start, end } = self.of(syntax);
        match self.text[start as usize..end as usize].find(word) {
            Some(at) => {
                let start = start + at as u32;
                Span::new(module, start, start + word.len() as u32)
            }
            None => Span { module, start, end },
        }
    }

    fn offset(&self, position: BytePos) -> u32 {
        // The first byte of the first file has position 1; 0 is a made-up piece of syntax.
        let offset = (position.0 as usize).saturating_sub(1);
        floor_char_boundary(self.text, offset) as u32
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&offset| text.is_char_boundary(offset)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use zigts_rules::import::ModuleName;
    use zigts_rules::span::{ModuleId, Span};

    use super::{LineColumn, SourceFile};

    fn file(text: &str) -> SourceFile {
        SourceFile::new(ModuleName::new("a.ts"), text.to_owned())
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let file = file("a\nhé!\n");
        for (offset, line, column) in
            [(0, 1, 1), (1, 1, 2), (2, 2, 1), (5, 2, 3), (6, 2, 4), (7, 3, 1), (99, 3, 1)]
        {
            assert_eq!(file.line_column(offset), LineColumn { line, column }, "{offset}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(file("\u{feff}a").text(), "a");
    }

    #[test]
    fn words_are_found_by_utf16_columns() {
        let file = file("let 😀 = nope();\n");
        let span = |start, end| Span::new(ModuleId::ENTRY, start, end);
        assert_eq!(file.word_at(ModuleId::ENTRY, 0, 9), span(11, 15));
        assert_eq!(file.word_at(ModuleId::ENTRY, 0, 13), span(15, 16));
        assert_eq!(file.word_at(ModuleId::ENTRY, 0, 99), span(18, 19));
        assert_eq!(file.word_at(ModuleId::ENTRY, 9, 0), span(0, 0));
    }
}
