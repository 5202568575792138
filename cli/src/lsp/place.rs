//! Files and places as the protocol writes them: URIs, and columns in UTF-16 units from 0.

use std::path::{Path, PathBuf};

use lsp_types::{Position, Range, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zigts_compiler::source::SourceFile;
use zigts_rules::span::Span;

/// What a path keeps as it is in a URI (RFC 3986, 3.3).
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of a `file:` URI.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().is_some_and(|scheme| scheme.eq_lowercase("file"));
    let path = percent_decode_str(uri.path().as_str()).decode_utf8().ok()?;
    is_file.then(|| PathBuf::from(&*path))
}

/// The URI of a path.
pub(super) fn uri(path: &Path) -> Uri {
    let path = utf8_percent_encode(&path.to_string_lossy(), ESCAPED).to_string();
    format!("file://{path}").parse().expect("an escaped path makes a URI")
}

/// The byte at a position. One beyond the end of a line or of the text is brought back.
pub(super) fn offset(file: &SourceFile, position: Position) -> u32 {
    let Some(line) = file.line_range(position.line as usize) else {
        return file.text().len() as u32;
    };
    let text = file.text()[line.clone()].trim_end_matches(['\r', '\n']);
    let mut units = 0;
    let within = text
        .char_indices()
        .find(|(_, character)| {
            let is_there = units >= position.character as usize;
            units += character.len_utf16();
            is_there
        })
        .map_or(text.len(), |(index, _)| index);
    (line.start + within) as u32
}

/// Where a stretch of text stands.
pub(super) fn range(file: &SourceFile, span: Span) -> Range {
    Range::new(position(file, span.start), position(file, span.end))
}

fn position(file: &SourceFile, offset: u32) -> Position {
    let offset = (offset as usize).min(file.text().len());
    let line = file.line_index(offset);
    let start = file.line_range(line).map_or(0, |range| range.start);
    let column = file.text()[start..offset].encode_utf16().count();
    Position::new(line as u32, column as u32)
}
