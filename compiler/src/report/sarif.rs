//! Diagnostics in the Static Analysis Results Interchange Format, version 2.1.0.
//!
//! Every rule is described, so that a viewer can say what was checked.

use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, Fix, Location, Message,
    MultiformatMessageString, PhysicalLocation, Region, Replacement, ReportingConfiguration,
    ReportingDescriptor, Result as SarifResult, ResultLevel, Run, Sarif, Tool, ToolComponent,
};
use zigts_rules::diagnostic::{Diagnostic, Edit};
use zigts_rules::printable::printable_json;
use zigts_rules::record::{RuleRecord, Severity};
use zigts_rules::registry;
use zigts_rules::span::Span;

use super::{ReportView, SourceRange};

/// Where the format is defined.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The reports of one or more handlers as one log.
pub fn to_string(reports: &[ReportView<'_>]) -> String {
    let driver = ToolComponent::builder()
        .name("zigts")
        .version(env!("CARGO_PKG_VERSION"))
        .rules(registry::records().map(descriptor).collect::<Vec<_>>())
        .build();
    let results = ReportView::diagnostics(reports).map(|(view, it)| result(view, it));
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        // What our columns count.
        .column_kind(serde_json::json!("unicodeCodePoints"))
        .results(results.collect::<Vec<_>>())
        .build();
    let log =
        Sarif::builder().schema(SCHEMA).version(serde_json::json!("2.1.0")).runs(vec![run]).build();
    let text = serde_json::to_string_pretty(&log).expect("text and numbers always serialise");
    printable_json(text + "\n")
}

fn descriptor(record: &RuleRecord) -> ReportingDescriptor {
    let explanation = record.explanation.trim();
    ReportingDescriptor::builder()
        .id(record.code)
        .name(record.name)
        .short_description(text(record.summary))
        .full_description(text(record.help))
        .help(MultiformatMessageString::builder().text(explanation).markdown(explanation).build())
        .default_configuration(
            ReportingConfiguration::builder()
                .level(serde_json::json!(record.severity.name()))
                .build(),
        )
        .build()
}

fn text(text: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(text).build()
}

fn result(view: &ReportView<'_>, diagnostic: &Diagnostic) -> SarifResult {
    let rule_index = registry::records().position(|record| record.code == diagnostic.code);
    let mut message = diagnostic.message.clone();
    if let Some(note) = &diagnostic.note {
        message += &format!("\n\nnote: {note}");
    }
    message += &format!("\n\nhelp: {}", diagnostic.help);
    let mut result = SarifResult::builder()
        .rule_id(diagnostic.code.as_ref())
        .rule_index(rule_index.map_or(-1, |index| index as i64))
        .level(match diagnostic.severity {
            Severity::Error => ResultLevel::Error,
            Severity::Warning => ResultLevel::Warning,
        })
        .message(Message::builder().text(message).build())
        .locations(vec![
            Location::builder().physical_location(location(view, diagnostic.span)).build(),
        ])
        .build();
    if !diagnostic.secondary.is_empty() {
        let related = diagnostic.secondary.iter().map(|label| {
            Location::builder()
                .physical_location(location(view, label.span))
                .message(Message::builder().text(label.message.as_str()).build())
                .build()
        });
        result.related_locations = Some(related.collect());
    }
    if let Some(fix) = &diagnostic.fix {
        let changes = fix.edits.iter().map(|edit| change(view, edit)).collect::<Vec<_>>();
        let description = Message::builder().text(fix.message.as_str()).build();
        result.fixes =
            Some(vec![Fix::builder().artifact_changes(changes).description(description).build()]);
    }
    result
}

fn change(view: &ReportView<'_>, edit: &Edit) -> ArtifactChange {
    let content = ArtifactContent::builder().text(edit.replacement.as_str()).build();
    let SourceRange { file, .. } = view.range(edit.span);
    let replacement = Replacement::builder()
        .deleted_region(region(view, edit.span))
        .inserted_content(content)
        .build();
    ArtifactChange::builder()
        .artifact_location(ArtifactLocation::builder().uri(uri(&file)).build())
        .replacements(vec![replacement])
        .build()
}

fn location(view: &ReportView<'_>, span: Span) -> PhysicalLocation {
    let SourceRange { file, .. } = view.range(span);
    PhysicalLocation::builder()
        .artifact_location(ArtifactLocation::builder().uri(uri(&file)).build())
        .region(region(view, span))
        .build()
}

fn region(view: &ReportView<'_>, span: Span) -> Region {
    let SourceRange { start, end, .. } = view.range(span);
    Region::builder()
        .start_line(start.line as i64)
        .start_column(start.column as i64)
        .end_line(end.line as i64)
        .end_column(end.column as i64)
        .build()
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
