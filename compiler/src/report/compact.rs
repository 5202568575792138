//! Diagnostics in short form: one line each.

use std::fmt::Write;

use zigts_rules::printable::printable;

use super::{ReportView, SourceRange};

/// The diagnostics as lines `file:line:column: severity CODE: message`.
pub fn to_string(reports: &[ReportView<'_>]) -> String {
    let mut text = String::new();
    for (view, diagnostic) in ReportView::diagnostics(reports) {
        let SourceRange { file, start, .. } = view.range(diagnostic.span);
        let (severity, code) = (diagnostic.severity.name(), &diagnostic.code);
        let (file, message) = (printable(&file), &diagnostic.message);
        writeln!(text, "{file}:{}:{}: {severity} {code}: {message}", start.line, start.column)
            .expect("writing to a string cannot fail");
    }
    text
}
