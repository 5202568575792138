//! Diagnostics for people: each with its lines of source, framed.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::termcolor::{NoColor, WriteColor};
use codespan_reporting::term::{self, Chars, Config, DisplayStyle};
use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::printable::{escape, printable, unprintable};
use zigts_rules::record::Severity;
use zigts_rules::span::{ModuleId, Span};

use super::ReportView;
use crate::source::SourceFile;

/// A line longer than this is not shown. Generated code has lines of megabytes.
const MAX_SHOWN_LINE_BYTES: usize = 1_000;

/// Writes every diagnostic of a report. Remarks are broken into lines of `width` characters.
///
/// # Errors
/// When writing fails.
pub fn write(
    view: ReportView<'_>,
    width: Option<usize>,
    writer: &mut dyn WriteColor,
) -> io::Result<()> {
    let files = EscapedFiles::of(view);
    for diagnostic in &view.report.diagnostics {
        write_one(&files, diagnostic, width, writer)?;
    }
    Ok(())
}

/// One diagnostic of a report as text without colours: its message on the first line, then the frame.
pub fn to_string(view: ReportView<'_>, diagnostic: &Diagnostic) -> String {
    let mut text = NoColor::new(Vec::new());
    write_one(&EscapedFiles::of(view), diagnostic, None, &mut text)
        .expect("writing to memory cannot fail");
    String::from_utf8(text.into_inner()).expect("sources and messages are UTF-8")
}

fn write_one(
    files: &EscapedFiles<'_>,
    diagnostic: &Diagnostic,
    width: Option<usize>,
    writer: &mut dyn WriteColor,
) -> io::Result<()> {
    let is_shown = spans(diagnostic)
        .all(|span| longest_line(files.file(span.module).file, span) < MAX_SHOWN_LINE_BYTES);
    let config = Config {
        display_style: if is_shown { DisplayStyle::Rich } else { DisplayStyle::Medium },
        chars: Chars::ascii(),
        ..Config::default()
    };
    term::emit_to_write_style(writer, &config, files, &framed(files, diagnostic, width)).map_err(
        |error| match error {
            Error::Io(error) => error,
            broken => unreachable!("spans lie in the sources they were made from: {broken}"),
        },
    )
}

fn spans(diagnostic: &Diagnostic) -> impl Iterator<Item = Span> {
    std::iter::once(diagnostic.span).chain(diagnostic.secondary.iter().map(|label| label.span))
}

fn longest_line(file: &SourceFile, span: Span) -> usize {
    let first = file.line_index(span.start as usize);
    let last = file.line_index(span.end as usize);
    (first..=last)
        .filter_map(|line| file.line_range(line))
        .map(|range| range.len())
        .max()
        .unwrap_or(0)
}

fn framed(
    files: &EscapedFiles<'_>,
    diagnostic: &Diagnostic,
    width: Option<usize>,
) -> codespan::Diagnostic<ModuleId> {
    let range = |span: Span| {
        let file = files.file(span.module);
        file.escaped_offset(span.start as usize)..file.escaped_offset(span.end as usize)
    };
    let severity = match diagnostic.severity {
        Severity::Error => codespan::Severity::Error,
        Severity::Warning => codespan::Severity::Warning,
    };
    let primary = codespan::Label::primary(diagnostic.span.module, range(diagnostic.span))
        .with_message(&diagnostic.label);
    let secondary = diagnostic.secondary.iter().map(|label| {
        codespan::Label::secondary(label.span.module, range(label.span))
            .with_message(&label.message)
    });
    let mut notes = Vec::new();
    notes.extend(diagnostic.note.as_ref().map(|note| format!("note: {note}")));
    notes.push(format!("help: {}", diagnostic.help));
    if let Some(width) = width {
        // Before them stand at least the margin of one-digit line numbers and an equals sign.
        notes = notes.iter().map(|note| wrap(note, width.saturating_sub("  = ".len()))).collect();
    }
    codespan::Diagnostic::new(severity)
        .with_code(diagnostic.code.as_ref())
        .with_message(&diagnostic.message)
        .with_labels_iter(std::iter::once(primary).chain(secondary))
        .with_notes(notes)
}

/// Breaks text into lines between words. A word that is too long has a line of its own.
fn wrap(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let (mut start, mut end) = (0, 0);
        for (at, _) in line.match_indices(' ').chain([(line.len(), "")]) {
            if line[start..at].chars().count() > width && end > start {
                lines.push(&line[start..end]);
                start = end + 1;
            }
            end = at;
        }
        lines.push(&line[start..]);
    }
    lines.join("\n")
}

/// A handler's modules, escaped for a terminal.
struct EscapedFiles<'a> {
    files: Vec<EscapedFile<'a>>,
}

/// A text in which what controls a terminal or deceives its reader is escaped. Its lines are those of the
/// source, and offsets can be converted between both texts.
struct EscapedFile<'a> {
    name: String,
    file: &'a SourceFile,
    text: Cow<'a, str>,
    /// For each character that is escaped: its offset, and by how much the text up to its end has become
    /// longer. In ascending order.
    shifts: Vec<(usize, usize)>,
}

impl<'a> EscapedFiles<'a> {
    fn of(ReportView { report, path_of }: ReportView<'a>) -> EscapedFiles<'a> {
        let name = |file: &SourceFile| printable(&path_of(file.name())).into_owned();
        let files = report.sources.files().iter();
        EscapedFiles { files: files.map(|file| EscapedFile::of(name(file), file)).collect() }
    }

    fn file(&self, id: ModuleId) -> &EscapedFile<'a> {
        &self.files[id.index()]
    }
}

impl<'a> EscapedFile<'a> {
    fn of(name: String, file: &'a SourceFile) -> EscapedFile<'a> {
        let text = file.text();
        let (mut escaped, mut end, mut shifts) = (String::new(), 0, Vec::new());
        for (at, character) in unprintable(text, |it| it == '\n' || it == '\t') {
            let is_line_end = character == '\r' && text[at..].starts_with("\r\n");
            if is_line_end {
                continue;
            }
            escaped.push_str(&text[end..at]);
            escaped.push_str(&escape(character));
            end = at + character.len_utf8();
            shifts.push((at, escaped.len() - end));
        }
        let text = if shifts.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(escaped + &text[end..])
        };
        EscapedFile { name, file, text, shifts }
    }

    /// The offset in the escaped text of a byte of the source.
    fn escaped_offset(&self, offset: usize) -> usize {
        let before = self.shifts.partition_point(|&(at, _)| at < offset);
        offset + before.checked_sub(1).map_or(0, |last| self.shifts[last].1)
    }

    /// The offset in the source of a byte of the escaped text.
    fn source_offset(&self, escaped: usize) -> usize {
        let before = self.shifts.partition_point(|&(at, _)| self.escaped_offset(at) < escaped);
        escaped - before.checked_sub(1).map_or(0, |last| self.shifts[last].1)
    }
}

impl<'a> Files<'a> for EscapedFiles<'_> {
    type FileId = ModuleId;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: ModuleId) -> Result<&'a str, Error> {
        Ok(&self.file(id).name)
    }

    fn source(&'a self, id: ModuleId) -> Result<&'a str, Error> {
        Ok(&self.file(id).text)
    }

    fn line_index(&'a self, id: ModuleId, offset: usize) -> Result<usize, Error> {
        let file = self.file(id);
        Ok(file.file.line_index(file.source_offset(offset)))
    }

    fn line_range(&'a self, id: ModuleId, line_index: usize) -> Result<Range<usize>, Error> {
        let file = self.file(id);
        let range = file.file.line_range(line_index).ok_or(Error::LineTooLarge {
            given: line_index,
            max: file.file.line_index(file.file.text().len()),
        })?;
        Ok(file.escaped_offset(range.start)..file.escaped_offset(range.end))
    }

    /// As every other format counts.
    fn column_number(&'a self, id: ModuleId, _line: usize, offset: usize) -> Result<usize, Error> {
        let file = self.file(id);
        let offset = u32::try_from(file.source_offset(offset)).unwrap_or(u32::MAX);
        Ok(file.file.line_column(offset).column)
    }
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn remarks_are_broken_between_words() {
        for (text, expected) in [
            ("", ""),
            ("one two three", "one two\nthree"),
            ("one twothreefour five", "one\ntwothreefour\nfive"),
            ("twothreefour", "twothreefour"),
            ("éé éé éé", "éé éé éé"),
            ("one\ntwo three", "one\ntwo\nthree"),
        ] {
            assert_eq!(wrap(text, 8), expected, "{text}");
        }
    }
}
