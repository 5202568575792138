//! The result of a build, for programs: one JSON object.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use zigts_compiler::report::ReportView;
use zigts_compiler::report::json::{JsonDiagnostic, diagnostics};
use zigts_rules::import::ModuleName;
use zigts_rules::printable::printable_json;

use crate::compilation::Compilation;
use crate::description::JsonHandler;
use crate::show;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonBuild<'a> {
    success: bool,
    duration_ms: u128,
    /// `null` where none was written.
    artifact: Option<JsonArtifact>,
    handler: Option<JsonHandler<'a>>,
    /// The packages that were loaded, by name.
    packages: Vec<JsonPackage<'a>>,
    diagnostics: Vec<JsonDiagnostic>,
    /// How many diagnostics are left out, if there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<usize>,
    /// What top-level code printed while it ran.
    console: Vec<JsonConsoleLine<'a>>,
}

#[derive(Serialize)]
struct JsonArtifact {
    path: String,
    bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonPackage<'a> {
    name: &'a str,
    version: Option<&'a str>,
    modules: usize,
    /// Of their source.
    bytes: usize,
    /// To read and parse them.
    duration_ms: u128,
}

#[derive(Serialize)]
struct JsonConsoleLine<'a> {
    method: &'static str,
    text: &'a str,
}

/// The object, on lines of its own.
pub(super) fn to_string(compilation: &Compilation, output: &Path, duration: Duration) -> String {
    let path_of = |module: &ModuleName| compilation.file.path_of(module);
    let artifact = compilation.artifact.as_ref();
    let object = JsonBuild {
        success: artifact.is_some(),
        duration_ms: duration.as_millis(),
        artifact: artifact.map(|artifact| JsonArtifact {
            path: output.display().to_string(),
            bytes: artifact.bytes.len(),
        }),
        handler: artifact.map(|artifact| JsonHandler::from(&artifact.manifest)),
        packages: compilation
            .packages
            .iter()
            .map(|(name, version, cost)| JsonPackage {
                name,
                version: version.as_deref(),
                modules: cost.modules,
                bytes: cost.bytes,
                duration_ms: cost.time.as_millis(),
            })
            .collect(),
        diagnostics: diagnostics(&[ReportView { report: &compilation.report, path_of: &path_of }]),
        omitted: Some(compilation.report.omitted).filter(|&omitted| omitted > 0),
        console: compilation
            .console
            .iter()
            .map(|line| JsonConsoleLine { method: show::console_method(line), text: &line.text })
            .collect(),
    };
    let text = serde_json::to_string_pretty(&object).expect("text and numbers always serialise");
    printable_json(text + "\n")
}
