//! `zigttp inspect`: the manifest, imports and sections of a `handler.wasm`, without running it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use zigts_rules::printable::{printable, printable_json};
use zigttp_runtime::{Import, Inspection, Section};

use crate::description::{self, JsonHandler};

/// Arguments of `zigttp inspect`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The artifact: a .wasm made by `zigts build`
    artifact: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An artifact as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonArtifact<'a> {
    path: String,
    bytes: usize,
    handler: JsonHandler<'a>,
    imports: Vec<JsonImport<'a>>,
    sections: Vec<JsonSection<'a>>,
}

#[derive(Serialize)]
struct JsonImport<'a> {
    module: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonSection<'a> {
    name: &'a str,
    is_custom: bool,
    bytes: usize,
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read, or is not an artifact.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = &arguments.artifact;
    let wasm = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let inspection = zigttp_runtime::inspect(&wasm)
        .with_context(|| format!("cannot inspect `{}`", path.display()))?;
    let mut output = std::io::stdout().lock();
    if arguments.json {
        let object = json(path, wasm.len(), &inspection);
        let text = serde_json::to_string_pretty(&object).expect("text and numbers serialise");
        writeln!(output, "{}", printable_json(text))?;
    } else {
        write(path, wasm.len(), &inspection, &mut output)?;
    }
    Ok(())
}

fn json<'a>(path: &Path, bytes: usize, inspection: &'a Inspection) -> JsonArtifact<'a> {
    let import = |Import { module, name }: &'a Import| JsonImport { module, name };
    let section = |section: &'a Section| JsonSection {
        name: &section.name,
        is_custom: section.is_custom,
        bytes: section.bytes,
    };
    JsonArtifact {
        path: path.display().to_string(),
        bytes,
        handler: JsonHandler::from(&inspection.manifest),
        imports: inspection.imports.iter().map(import).collect(),
        sections: inspection.sections.iter().map(section).collect(),
    }
}

fn write(
    path: &Path,
    bytes: usize,
    inspection: &Inspection,
    output: &mut impl Write,
) -> std::io::Result<()> {
    let Inspection { manifest, imports, sections } = inspection;
    writeln!(
        output,
        "{}: {}, built by zigts {} for ABI {}",
        printable(&path.display().to_string()),
        description::size(bytes),
        printable(&manifest.compiler),
        manifest.abi,
    )?;
    writeln!(output, "sources: sha256 {}", printable(&manifest.source_hash))?;
    writeln!(output, "\nhandler")?;
    description::write(manifest, output)?;
    writeln!(output, "\nimports from the server")?;
    for Import { module, name } in imports {
        writeln!(output, "  {}.{}", printable(module), printable(name))?;
    }
    writeln!(output, "\nsections")?;
    for section in sections {
        writeln!(output, "  {:<26}  {:>10}", label(section), description::size(section.bytes))?;
    }
    Ok(())
}

/// The name of a section, and for the large ones their content.
fn label(section: &Section) -> String {
    match section.name.as_str() {
        name if section.is_custom => format!("custom {}", printable(name)),
        "code" => "code (engine)".to_owned(),
        "data" => "data (engine and snapshot)".to_owned(),
        name => name.to_owned(),
    }
}
