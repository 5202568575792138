//! Diagnostics for GitHub Actions, which shows them beside the changed lines.
//!
//! The format is that of workflow commands:
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::fmt::Write;

use zigts_rules::printable::printable;

use super::{ReportView, SourceRange};

/// The diagnostics as workflow commands, one a line.
pub fn to_string(reports: &[ReportView<'_>]) -> String {
    let mut text = String::new();
    for (view, diagnostic) in ReportView::diagnostics(reports) {
        let SourceRange { file, start, end } = view.range(diagnostic.span);
        let mut message = diagnostic.message.clone();
        if let Some(note) = &diagnostic.note {
            message += &format!("\nnote: {note}");
        }
        message += &format!("\nhelp: {}", diagnostic.help);
        write!(text, "::{} file={},", diagnostic.severity.name(), property(&printable(&file)))
            .and_then(|()| write!(text, "line={},endLine={},", start.line, end.line))
            .and_then(|()| {
                // Columns are understood within one line only.
                if start.line != end.line {
                    return Ok(());
                }
                write!(text, "col={},endColumn={},", start.column, end.column)
            })
            .and_then(|()| {
                let title = format!("{} {}", diagnostic.code, diagnostic.rule.name);
                writeln!(text, "title={}::{}", property(&title), data(&message))
            })
            .expect("writing to a string cannot fail");
    }
    text
}

/// Text as it stands after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as it stands in a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(data("50% a:b,\r\nc"), "50%25 a:b,%0D%0Ac");
        assert_eq!(property("C:/a,b.ts"), "C%3A/a%2Cb.ts");
    }
}
