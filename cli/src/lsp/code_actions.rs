//! The fixes of diagnostics, as quick fixes.

use std::collections::HashMap;

use gen_lsp_types::{CodeAction, CodeActionKind, CodeActionParams, TextEdit, Uri, WorkspaceEdit};
use zigts_compiler::fix;
use zigts_rules::diagnostic::Fix;

use super::diagnostics::Locations;
use super::workspace::{Module, Workspace};

/// The fixes of the diagnostics in the range that the client asks for.
pub(super) fn code_actions(workspace: &Workspace, params: &CodeActionParams) -> Vec<CodeAction> {
    // An empty kind is all kinds.
    let is_wanted =
        |kind: &CodeActionKind| matches!(kind, CodeActionKind::QuickFix | CodeActionKind::Empty);
    if params.context.only.as_ref().is_some_and(|only| !only.iter().any(is_wanted)) {
        return Vec::new();
    }
    let mut actions: Vec<CodeAction> = Vec::new();
    for Module { checked, id, .. } in workspace.modules(&params.text_document.uri) {
        let locations = Locations::new(workspace, checked);
        let start = locations.lines(id).offset(params.range.start);
        let end = locations.lines(id).offset(params.range.end);
        for finding in &checked.report.diagnostics {
            let span = finding.span;
            let is_here =
                span.module == id && span.start as usize <= end && start <= span.end as usize;
            let Some(fix) = finding.fix.as_ref().filter(|_| is_here) else { continue };
            actions.push(CodeAction {
                title: fix.message.clone(),
                kind: Some(CodeActionKind::QuickFix),
                diagnostics: Some(vec![locations.diagnostic(finding)]),
                is_preferred: Some(fix.is_safe),
                edit: Some(edit(workspace, &locations, fix)),
                ..CodeAction::default()
            });
        }
    }
    actions
}

fn edit(workspace: &Workspace, locations: &Locations<'_>, fix: &Fix) -> WorkspaceEdit {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in &fix.edits {
        let lines = locations.lines(edit.span.module);
        let range = lines.range(fix::range(lines.text(), edit));
        let uri = workspace.uri(&locations.path(edit.span.module));
        changes
            .entry(uri)
            .or_default()
            .push(TextEdit { range, new_text: edit.replacement.clone() });
    }
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}
