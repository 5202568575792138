//! `zigts build`: from a handler's source to a `handler.wasm`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use zigts_compiler::report::{Report, Shown};
use zigts_compiler::{Artifact, BuildError, ConsoleLine};
use zigts_rules::levels::Levels;
use zigts_rules::model::ModuleName;
use zigttp_abi::manifest::Manifest;

use crate::exit::ErrorsFound;
use crate::handler_file::HandlerFile;
use crate::lint_options::LintOptions;
use crate::overlay::Overlay;
use crate::{building, show};

/// Arguments of `zigts build`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The handler's entry module
    file: PathBuf,
    /// Where to write the artifact [default: the handler's name with .wasm, in this folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    lint: LintOptions,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or the handler has errors.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => default_output(&arguments.file)?,
    };
    let artifact = compile(&arguments.file, &arguments.lint.levels()?)?;
    let report = || std::iter::once(&artifact.report);
    if !arguments.lint.let_pass(report()) {
        arguments.lint.explain_failure(report());
        return Err(ErrorsFound.into());
    }
    replace(&output, &artifact.bytes)
        .with_context(|| format!("cannot write `{}`", output.display()))?;
    let exports = artifact.manifest.exports.join(", ");
    writeln!(
        std::io::stdout(),
        "{}: {exports}; {} KiB, built in {:.2} s",
        output.display(),
        artifact.bytes.len().div_ceil(1024),
        started.elapsed().as_secs_f64(),
    )?;
    write_effects(&artifact.manifest, &mut std::io::stdout())?;
    Ok(())
}

/// A small table: what each export does to the world, and what holds for all of them.
fn write_effects(manifest: &Manifest, output: &mut impl Write) -> std::io::Result<()> {
    const ALL: &str = "(all)";
    let properties = manifest.properties.names();
    let rows = manifest.effects.iter().map(|(export, effects)| {
        let effects = if effects.is_empty() { "pure".to_owned() } else { effects.join(", ") };
        (export.as_str(), effects)
    });
    let last = (!properties.is_empty()).then(|| (ALL, properties.join(", ")));
    for (name, words) in rows.chain(last) {
        writeln!(output, "  {name:<9}  {words}")?;
    }
    Ok(())
}

/// Builds the handler at a path and returns the bytes of its artifact.
///
/// Diagnostics and what its top-level code says go to standard error.
///
/// # Errors
/// When the file cannot be read, the engine does not run here, or the handler has errors
/// ([`ErrorsFound`]).
pub fn compile_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    compile(path, &Levels::default()).map(|artifact| artifact.bytes)
}

fn compile(path: &Path, levels: &Levels) -> anyhow::Result<Artifact> {
    let overlay = Overlay::default();
    let file = HandlerFile::open(path, &overlay)?;
    let builder = building::builder()?;
    let mut read = |module: &ModuleName| file.read(module, &overlay);
    match zigts_compiler::build(&builder, file.entry(), &mut read, levels) {
        Ok(artifact) => {
            show_findings(&artifact.report, &artifact.console, &file)?;
            Ok(artifact)
        }
        Err(BuildError::Rejected(rejected)) => {
            show_findings(&rejected.report, &rejected.console, &file)?;
            Err(ErrorsFound.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn show_findings(
    report: &Report,
    console: &[ConsoleLine],
    file: &HandlerFile,
) -> anyhow::Result<()> {
    show::console(console);
    show::diagnostics(&[Shown { report, path_of: &|module| file.path_of(module) }])?;
    show::tally(std::iter::once(report));
    Ok(())
}

fn default_output(file: &Path) -> anyhow::Result<PathBuf> {
    let Some(stem) = file.file_stem() else { bail!("`{}` is no file", file.display()) };
    Ok(Path::new(stem).with_extension("wasm"))
}

/// Writes a file so that nobody ever sees half of it: a server may be reading the old one.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let written =
        std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
