//! Diagnostics in the Static Analysis Results Interchange Format, version 2.1.0.
//!
//! Every rule is described, so that a viewer can say what was checked.

use serde_json::{Value, json};
use zigts_rules::diagnostic::{Diagnostic, Edit};
use zigts_rules::printable::printable_json;
use zigts_rules::record::RuleRecord;
use zigts_rules::registry;
use zigts_rules::span::Span;

use super::{ReportView, SourceRange};

/// Where the format is defined.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The reports of one or more handlers as one log.
pub fn to_string(reports: &[ReportView<'_>]) -> String {
    let rules: Vec<Value> = registry::records().map(descriptor).collect();
    let results: Vec<Value> =
        ReportView::diagnostics(reports).map(|(view, it)| result(view, it)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": { "name": "zigts", "version": env!("CARGO_PKG_VERSION"), "rules": rules },
            },
            // What our columns count.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    printable_json(format!("{log:#}\n"))
}

fn descriptor(record: &RuleRecord) -> Value {
    let explanation = record.explanation.trim();
    json!({
        "id": record.code,
        "name": record.name,
        "shortDescription": { "text": record.summary },
        "fullDescription": { "text": record.help },
        "help": { "text": explanation, "markdown": explanation },
        "defaultConfiguration": { "level": record.severity.name() },
    })
}

fn result(view: &ReportView<'_>, diagnostic: &Diagnostic) -> Value {
    let rule_index = registry::records().position(|record| record.code == diagnostic.code);
    let mut message = diagnostic.message.clone();
    if let Some(note) = &diagnostic.note {
        message += &format!("\n\nnote: {note}");
    }
    message += &format!("\n\nhelp: {}", diagnostic.help);
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index.map_or(-1, |index| index as i64),
        "level": diagnostic.severity.name(),
        "message": { "text": message },
        "locations": [{ "physicalLocation": location(view, diagnostic.span) }],
    });
    if !diagnostic.secondary.is_empty() {
        let related = diagnostic.secondary.iter().map(|label| {
            json!({
                "physicalLocation": location(view, label.span),
                "message": { "text": label.message },
            })
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = &diagnostic.fix {
        let changes: Vec<Value> = fix.edits.iter().map(|edit| change(view, edit)).collect();
        result["fixes"] =
            json!([{ "description": { "text": fix.message }, "artifactChanges": changes }]);
    }
    result
}

fn change(view: &ReportView<'_>, edit: &Edit) -> Value {
    let SourceRange { file, .. } = view.range(edit.span);
    json!({
        "artifactLocation": { "uri": uri(&file) },
        "replacements": [{
            "deletedRegion": region(view, edit.span),
            "insertedContent": { "text": edit.replacement },
        }],
    })
}

fn location(view: &ReportView<'_>, span: Span) -> Value {
    let SourceRange { file, .. } = view.range(span);
    json!({ "artifactLocation": { "uri": uri(&file) }, "region": region(view, span) })
}

fn region(view: &ReportView<'_>, span: Span) -> Value {
    let SourceRange { start, end, .. } = view.range(span);
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// A path as a URI reference: what is no character of a path is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                uri.push(byte.into());
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    // An absolute path has no scheme of its own.
    if uri.starts_with('/') { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("app/chat.ts"), "app/chat.ts");
        assert_eq!(uri("my app/zoë#1.ts"), "my%20app/zo%C3%AB%231.ts");
        assert_eq!(uri("/srv/chat.ts"), "file:///srv/chat.ts");
    }
}
