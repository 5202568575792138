//! Diagnostics for programs: one JSON object.
//!
//! The shape is a promise to whoever reads it, so it is written down here and apart from the
//! types the compiler works with.

use std::collections::BTreeMap;

use serde::Serialize;
use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::model::ModuleName;
use zigts_rules::rule::Severity;
use zigttp_abi::manifest::Properties;

use super::{Facts, Report};
use crate::source::Sources;

#[derive(Serialize)]
struct JsonReport {
    success: bool,
    diagnostics: Vec<JsonDiagnostic>,
    /// Of one handler; with several there is no one answer.
    proof: Option<JsonProof>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonDiagnostic {
    code: &'static str,
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
    routes: Option<Vec<String>>,
    effects: BTreeMap<&'static str, Vec<&'static str>>,
    properties: Properties,
}

/// The reports of one or more handlers as one object, on lines of its own.
///
/// `path_of` says under which path the reader knows a module of the report with that index.
pub fn to_string(reports: &[&Report], path_of: &dyn Fn(usize, &ModuleName) -> String) -> String {
    let diagnostics = reports.iter().enumerate().flat_map(|(index, report)| {
        report.diagnostics.iter().map(move |diagnostic| {
            let name = report.sources.file(diagnostic.span.module).name();
            json_diagnostic(diagnostic, &report.sources, path_of(index, name))
        })
    });
    let object = JsonReport {
        success: reports.iter().all(|report| report.count(Severity::Error) == 0),
        diagnostics: diagnostics.collect(),
        proof: match reports {
            [report] => Some(json_proof(&report.facts)),
            _ => None,
        },
    };
    serde_json::to_string_pretty(&object).expect("text and numbers always serialise") + "\n"
}

fn json_diagnostic(diagnostic: &Diagnostic, sources: &Sources, file: String) -> JsonDiagnostic {
    let source = sources.file(diagnostic.span.module);
    let start = source.line_column(diagnostic.span.start);
    let end = source.line_column(diagnostic.span.end);
    JsonDiagnostic {
        code: diagnostic.rule.code,
        name: diagnostic.rule.name,
        severity: diagnostic.severity.name(),
        message: diagnostic.message.clone(),
        file,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        help: diagnostic.help.clone(),
        suggestion: diagnostic.suggestion.as_ref().map(|suggestion| suggestion.message.clone()),
    }
}

fn json_proof(facts: &Facts) -> JsonProof {
    JsonProof {
        exports: facts.exports.clone(),
        imports: facts.imports.clone(),
        routes: facts.routes.clone(),
        effects: facts.effects.clone(),
        properties: facts.properties,
    }
}
