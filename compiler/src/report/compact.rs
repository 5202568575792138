//! Diagnostics for people in a hurry: one line each.

use std::fmt::Write;

use zigts_rules::printable::printable;

use super::{Place, Shown};

/// The diagnostics as lines `file:line:column: severity CODE: message`.
pub fn to_string(reports: &[Shown<'_>]) -> String {
    let mut text = String::new();
    for (shown, diagnostic) in Shown::diagnostics(reports) {
        let Place { file, start, .. } = shown.place(diagnostic.span);
        let (severity, code) = (diagnostic.severity.name(), diagnostic.rule.code);
        let (file, message) = (printable(&file), &diagnostic.message);
        writeln!(text, "{file}:{}:{}: {severity} {code}: {message}", start.line, start.column)
            .expect("writing to a string cannot fail");
    }
    text
}
