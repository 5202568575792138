//! Diagnostics in the protocol's form, by file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gen_lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Message,
    PublishDiagnosticsParams,
};
use zigts_compiler::report::Report;
use zigts_rules::diagnostic::Diagnostic as Finding;
use zigts_rules::record::Severity;
use zigts_rules::span::{ModuleId, Span};

use super::position::Lines;
use super::workspace::Workspace;
use crate::checking::Checked;

/// The diagnostics of each file that is open, and of others that have any.
pub(super) fn of_files(workspace: &Workspace) -> Vec<PublishDiagnosticsParams> {
    let mut by_path: BTreeMap<PathBuf, Vec<Diagnostic>> =
        workspace.documents().keys().map(|path| (path.clone(), Vec::new())).collect();
    for checked in workspace.checked() {
        let locations = Locations::new(workspace, checked);
        for finding in &checked.report.diagnostics {
            let path = locations.path(finding.span.module);
            by_path.entry(path).or_default().push(locations.diagnostic(finding));
        }
    }
    by_path
        .into_iter()
        .map(|(path, diagnostics)| {
            let version = workspace.documents().get(&path).map(|document| document.version);
            PublishDiagnosticsParams { uri: workspace.uri(&path), version, diagnostics }
        })
        .collect()
}

/// Locations in a handler as the protocol writes them.
pub(super) struct Locations<'a> {
    workspace: &'a Workspace,
    checked: &'a Checked,
    lines: Vec<Lines<'a>>,
}

impl<'a> Locations<'a> {
    pub(super) fn new(workspace: &'a Workspace, checked: &'a Checked) -> Locations<'a> {
        let Report { sources, .. } = &checked.report;
        let lines = sources.files().iter().map(|source| {
            let path = PathBuf::from(checked.file.path_of(source.name()));
            Lines::new(source.text(), workspace.has_mark(&path))
        });
        let lines = lines.collect();
        Locations { workspace, checked, lines }
    }

    pub(super) fn path(&self, module: ModuleId) -> PathBuf {
        let source = self.checked.report.sources.file(module);
        PathBuf::from(self.checked.file.path_of(source.name()))
    }

    pub(super) fn lines(&self, module: ModuleId) -> &Lines<'a> {
        &self.lines[module.index()]
    }

    fn location(&self, span: Span) -> Location {
        let range = self.lines(span.module).range(span.start as usize..span.end as usize);
        Location { uri: self.workspace.uri(&self.path(span.module)), range }
    }

    /// One diagnostic. Its message also says why and what to do, since an editor shows only that.
    pub(super) fn diagnostic(&self, finding: &Finding) -> Diagnostic {
        let mut message = finding.message.clone();
        for paragraph in finding.note.iter().chain([&finding.help]) {
            message += "\n\n";
            message += paragraph;
        }
        let related = finding.secondary.iter().map(|label| DiagnosticRelatedInformation {
            location: self.location(label.span),
            message: label.message.clone(),
        });
        Diagnostic {
            range: self.location(finding.span).range,
            severity: Some(match finding.severity {
                Severity::Error => DiagnosticSeverity::Error,
                Severity::Warning => DiagnosticSeverity::Warning,
            }),
            code: Some(Code::String(finding.rule.code.to_owned())),
            source: Some("zigts".to_owned()),
            message: Message::String(message),
            related_information: (!finding.secondary.is_empty()).then(|| related.collect()),
            ..Diagnostic::default()
        }
    }
}
