//! Diagnostics for programs: one JSON object.
//!
//! The shape is a promise to the programs that read it, so it is written down here, apart from the types
//! that the compiler works with.

use std::collections::BTreeMap;

use serde::Serialize;
use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::printable::printable_json;
use zigttp_abi::manifest::{Properties, Schedule};
use zigttp_abi::route::Route;

use super::{Facts, ReportView, SourceRange};

#[derive(Serialize)]
struct JsonReport {
    success: bool,
    diagnostics: Vec<JsonDiagnostic>,
    /// How many diagnostics are left out, if there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<usize>,
    /// For one handler, whatever else is reported; `null` for several.
    proof: Option<JsonProof>,
}

/// A diagnostic as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsonDiagnostic {
    code: String,
    name: &'static str,
    severity: &'static str,
    message: String,
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    help: String,
    suggestion: Option<String>,
}

#[derive(Serialize)]
struct JsonProof {
    exports: Vec<&'static str>,
    imports: Vec<&'static str>,
    routes: Option<Vec<Route>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schedules: Vec<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    effects: BTreeMap<&'static str, Vec<&'static str>>,
    properties: Properties,
}

/// The reports of one or more handlers as one object, on lines of its own.
///
/// `success` is the same as the exit code says: the caller decides whether warnings are allowed. `facts` are those of
/// the handler, if there is only one.
pub fn to_string(reports: &[ReportView<'_>], facts: Option<&Facts>, success: bool) -> String {
    let object = JsonReport {
        success,
        diagnostics: diagnostics(reports),
        omitted: Some(reports.iter().map(|view| view.report.omitted).sum())
            .filter(|&omitted| omitted > 0),
        proof: facts.map(json_proof),
    };
    let text = serde_json::to_string_pretty(&object).expect("text and numbers always serialise");
    printable_json(text + "\n")
}

/// The diagnostics of one or more handlers, for an object that contains more than these.
pub fn diagnostics(reports: &[ReportView<'_>]) -> Vec<JsonDiagnostic> {
    ReportView::diagnostics(reports)
        .map(|(view, diagnostic)| json_diagnostic(view, diagnostic))
        .collect()
}

fn json_diagnostic(view: &ReportView<'_>, diagnostic: &Diagnostic) -> JsonDiagnostic {
    let SourceRange { file, start, end } = view.range(diagnostic.span);
    JsonDiagnostic {
        code: diagnostic.code.clone().into_owned(),
        name: diagnostic.rule.name,
        severity: diagnostic.severity.name(),
        message: diagnostic.message.clone(),
        file,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        help: diagnostic.help.clone(),
        suggestion: diagnostic.fix.as_ref().map(|fix| fix.message.clone()),
    }
}

fn json_proof(facts: &Facts) -> JsonProof {
    JsonProof {
        exports: facts.exports.clone(),
        imports: facts.imports.clone(),
        routes: facts.routes.clone(),
        schedules: facts.schedules.clone(),
        protocols: facts.protocols.clone(),
        hosts: facts.hosts.clone(),
        effects: facts.effects.clone(),
        properties: facts.properties,
    }
}
