//! Shows in a finding by which calls a function comes to do something.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::effects::Path;
use crate::model::HandlerModel;

/// Adds a remark for each call on the way, and for what it leads to.
pub(crate) fn explain(report: &mut Diagnostic, handler: &HandlerModel, path: &Path) {
    for (span, (module, function)) in &path.steps {
        let name = &handler.module(*module).code[*function].name;
        // A function without a name stands where it is handed over, around what comes next.
        if !name.is_empty() {
            report.secondary(*span, format!("leads to `{name}`"));
        }
    }
    if let Some(name) = path.action.kind.name() {
        report.secondary(path.action.span, format!("`{name}` is called here"));
    }
    // What is underlined already needs no second line.
    let primary = report.span;
    if path.steps.is_empty() {
        report.secondary.retain(|label| label.span != primary);
    }
}

/// The paths that begin at different places: one call is one finding, however much it does.
pub(crate) fn one_for_each_start(paths: Vec<Path>) -> Vec<Path> {
    let mut starts = BTreeSet::new();
    paths.into_iter().filter(|path| starts.insert(path.start())).collect()
}
