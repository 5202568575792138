//! Shows in a diagnostic which calls lead from a function to an action.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::effects::{ActionKind, Path};
use crate::model::HandlerModel;

/// Adds a remark for each call of the path, and for the action.
pub(crate) fn explain(report: &mut Diagnostic, handler: &HandlerModel, path: &Path) {
    for (span, (module, function)) in &path.steps {
        let name = &handler.module(*module).code[*function].name;
        // A function without a name is written where it is passed, around the next span.
        if !name.is_empty() {
            report.secondary(*span, format!("leads to `{name}`"));
        }
    }
    if let Some(name) = path.action.kind.name() {
        let is = if matches!(path.action.kind, ActionKind::Setting(_)) { "read" } else { "called" };
        report.secondary(path.action.span, format!("`{name}` is {is} here"));
    }
    // The primary span needs no second label.
    let primary = report.span;
    if path.steps.is_empty() {
        report.secondary.retain(|label| label.span != primary);
    }
}

/// The paths that begin at different spans: one call is one diagnostic, whatever it leads to.
pub(crate) fn one_for_each_start(paths: Vec<Path>) -> Vec<Path> {
    let mut starts = BTreeSet::new();
    paths.into_iter().filter(|path| starts.insert(path.start())).collect()
}
