//! `zigts build`: from a handler's source to a `handler.wasm`.

mod json;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use zigts_compiler::report::{Report, Shown};
use zigts_compiler::{BuildError, ConsoleLine};
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigts_rules::printable::printable;
use zigttp_abi::manifest::Manifest;

use crate::exit::ErrorsFound;
use crate::handler_file::HandlerFile;
use crate::lint_options::LintOptions;
use crate::overlay::Overlay;
use crate::{building, description, show, user_file};

/// Arguments of `zigts build`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The handler's entry module
    file: PathBuf,
    /// Where to write the artifact [default: the handler's name with .wasm, in this folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object to standard output: what was built, and every diagnostic
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lint: LintOptions,
}

/// What came of building a handler.
struct Build {
    file: HandlerFile,
    report: Report,
    /// What its top-level code said.
    console: Vec<ConsoleLine>,
    /// Nothing where the handler has errors.
    artifact: Option<Artifact>,
}

struct Artifact {
    bytes: Vec<u8>,
    manifest: Manifest,
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
    let mut build = compile(&arguments.file, &arguments.lint.levels()?)?;
    if !arguments.json {
        build.show_findings()?;
    }
    let report = || std::iter::once(&build.report);
    let passes = arguments.lint.let_pass(report());
    if !passes {
        arguments.lint.explain_failure(report());
    }
    build.artifact.take_if(|_| !passes);
    if let Some(Artifact { bytes, .. }) = &build.artifact {
        user_file::write(&output, bytes)
            .with_context(|| format!("cannot write `{}`", output.display()))?;
    }
    let duration = started.elapsed();
    if arguments.json {
        std::io::stdout().write_all(json::to_string(&build, &output, duration).as_bytes())?;
    } else if let Some(artifact) = &build.artifact
        && !user_file::is_output(&output)
    {
        write(artifact, &output, duration)?;
    }
    if build.artifact.is_some() { Ok(()) } else { Err(ErrorsFound.into()) }
}

/// Says what was built.
fn write(artifact: &Artifact, path: &Path, duration: Duration) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    let (size, seconds) = (description::size(artifact.bytes.len()), duration.as_secs_f64());
    let path = path.display().to_string();
    writeln!(output, "{}: {size}, built in {seconds:.2} s", printable(&path))?;
    description::write(&artifact.manifest, &mut output)?;
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
    let build = compile(path, &Levels::default())?;
    build.show_findings()?;
    build.artifact.map(|artifact| artifact.bytes).ok_or_else(|| ErrorsFound.into())
}

fn compile(path: &Path, levels: &Levels) -> anyhow::Result<Build> {
    let overlay = Overlay::default();
    let file = HandlerFile::open(path, &overlay)?;
    let builder = building::builder()?;
    let mut read = |module: &ModuleName| file.read(module, &overlay);
    let (report, console, artifact) =
        match zigts_compiler::build(&builder, file.entry(), &mut read, levels) {
            Ok(zigts_compiler::Artifact { bytes, manifest, report, console }) => {
                (report, console, Some(Artifact { bytes, manifest }))
            }
            Err(BuildError::Rejected(rejected)) => (rejected.report, rejected.console, None),
            Err(error) => return Err(error.into()),
        };
    Ok(Build { file, report, console, artifact })
}

impl Build {
    fn show_findings(&self) -> anyhow::Result<()> {
        let path_of = |module: &ModuleName| self.file.path_of(module);
        show::console(&self.console);
        show::diagnostics(&[Shown { report: &self.report, path_of: &path_of }])?;
        show::tally(std::iter::once(&self.report));
        Ok(())
    }
}

fn default_output(file: &Path) -> anyhow::Result<PathBuf> {
    let Some(stem) = file.file_stem() else { bail!("`{}` is no file", file.display()) };
    Ok(Path::new(stem).with_extension("wasm"))
}
