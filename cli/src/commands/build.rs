//! `zigts build`: from a handler's source to a `handler.wasm`.

mod json;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use zigts_rules::printable::printable;

use crate::compilation::{Artifact, Compilation};
use crate::exit::ErrorsFound;
use crate::lint_options::LintOptions;
use crate::package_costs::PackageCost;
use crate::{description, user_file};

/// Arguments of `zigts build`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The handler's entry module
    file: PathBuf,
    /// Where to write the artifact [default: the handler's name with .wasm, in this folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the result and every diagnostic as one JSON object
    #[arg(long)]
    json: bool,
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
    let mut compilation = Compilation::of(&arguments.file, &arguments.lint.levels()?)?;
    if !arguments.json {
        compilation.show_diagnostics()?;
    }
    let report = || std::iter::once(&compilation.report);
    let passes = arguments.lint.let_pass(report());
    if !passes {
        arguments.lint.explain_failure(report());
    }
    compilation.artifact.take_if(|_| !passes);
    if let Some(Artifact { bytes, .. }) = &compilation.artifact {
        user_file::write(&output, bytes)
            .with_context(|| format!("cannot write `{}`", output.display()))?;
    }
    let duration = started.elapsed();
    if arguments.json {
        std::io::stdout().write_all(json::to_string(&compilation, &output, duration).as_bytes())?;
    } else if let Some(artifact) = &compilation.artifact
        && !user_file::is_output(&output)
    {
        write(artifact, &compilation.packages, &output, duration)?;
    }
    if compilation.artifact.is_some() { Ok(()) } else { Err(ErrorsFound.into()) }
}

/// Says what was built.
fn write(
    artifact: &Artifact,
    packages: &[(String, Option<String>, PackageCost)],
    path: &Path,
    duration: Duration,
) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    let (size, seconds) = (description::size(artifact.bytes.len()), duration.as_secs_f64());
    let path = path.display().to_string();
    writeln!(output, "{}: {size}, built in {seconds:.2} s", printable(&path))?;
    description::write(&artifact.manifest, &mut output)?;
    for (name, version, cost) in packages {
        let version = version.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
        let (size, milliseconds) = (description::size(cost.bytes), cost.time.as_millis());
        let words = format!("{name}{version}: {size} of source, {milliseconds} ms");
        writeln!(output, "  {:<9}  {}", "package", printable(&words))?;
    }
    Ok(())
}

fn default_output(file: &Path) -> anyhow::Result<PathBuf> {
    let Some(stem) = file.file_stem() else { bail!("`{}` is not a file", file.display()) };
    Ok(Path::new(stem).with_extension("wasm"))
}
