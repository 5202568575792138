//! `zigts check`: the diagnostics alone, for people, editors and CI.
//!
//! The rules look at no types; `--tsc` adds what the project's own compiler says about them.

mod fix;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use zigts_compiler::report::{Report, ReportView, compact, github, json, sarif};
use zigts_rules::import::ModuleName;

use crate::checking::{self, Candidate, Checked};
use crate::exit::ErrorsFound;
use crate::lint_options::LintOptions;
use crate::overlay::Overlay;
use crate::{show, typescript, user_file};

/// Arguments of `zigts check`.
#[derive(clap::Args)]
#[command(after_help = NO_TYPES)]
pub struct Arguments {
    /// Entry modules of handlers, and folders that are searched for handlers [default: this folder]
    paths: Vec<PathBuf>,
    /// Format of the diagnostics; pretty is written to standard error, the others to standard output
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Write the diagnostics to a file
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Check standard input as if it were this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "fix", "fix_dry_run"])]
    stdin_filepath: Option<PathBuf>,
    /// Correct files where a safe fix is known
    #[arg(long)]
    fix: bool,
    /// Show what --fix would change, without changing it
    #[arg(long, conflicts_with = "fix")]
    fix_dry_run: bool,
    /// Also run the project's own TypeScript (`npm install --save-dev typescript`), and show its errors with the others
    #[arg(long, conflicts_with_all = ["stdin_filepath", "fix_dry_run"])]
    tsc: bool,
    #[command(flatten)]
    lint: LintOptions,
}

const NO_TYPES: &str = "\
The rules look at no types, as a handler is built without them. Check those with TypeScript's own compiler: \
`zigts check --tsc`, or `npx tsc` beside `zigts check`. `zigts types --out zigttp.d.ts` writes the typings that it needs.";

/// How diagnostics are shown.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, with the lines of source
    Pretty,
    /// One object, with facts about the handler
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
    /// One line for each diagnostic
    Compact,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or there are errors ([`ErrorsFound`]).
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let levels = arguments.lint.levels()?;
    let mut overlay = Overlay::default();
    let candidates = match &arguments.stdin_filepath {
        Some(path) => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            overlay.set(path, text);
            vec![Candidate::named(path)]
        }
        None if arguments.paths.is_empty() => checking::candidates(&[PathBuf::from(".")])?,
        None => checking::candidates(&arguments.paths)?,
    };
    let mut checked = checking::check(&candidates, &overlay, &levels)?;
    if arguments.fix || arguments.fix_dry_run {
        checked = fix::fix(checked, &candidates, &mut overlay, &levels)?;
        if arguments.fix {
            fix::write(&overlay)?;
        } else {
            fix::print(&overlay)?;
        }
    }
    let others = if arguments.tsc { typescript::add_errors(&mut checked)? } else { None };
    let reports = || checked.iter().map(|checked| &checked.report).chain(&others);
    let passes = arguments.lint.let_pass(reports());
    report(arguments, &checked, others.as_ref(), passes)?;
    if arguments.format == Format::Pretty {
        show::tally(reports());
    }
    if passes {
        return Ok(());
    }
    arguments.lint.explain_failure(reports());
    Err(ErrorsFound.into())
}

/// Shows the reports on handlers, and the one on other files.
fn report(
    arguments: &Arguments,
    checked: &[Checked],
    others: Option<&Report>,
    passes: bool,
) -> anyhow::Result<()> {
    let paths: Vec<_> = checked
        .iter()
        .map(|checked| move |module: &ModuleName| checked.file.path_of(module))
        .collect();
    let named = |file: &ModuleName| file.as_str().to_owned();
    let views: Vec<ReportView<'_>> = checked
        .iter()
        .zip(&paths)
        .map(|(checked, path_of)| ReportView { report: &checked.report, path_of })
        .chain(others.map(|report| ReportView { report, path_of: &named }))
        .collect();
    let output = arguments.output_file.as_deref();
    let text = match arguments.format {
        Format::Pretty => {
            return match output {
                Some(output) => write(output, &show::plain(&views)?),
                None => show::diagnostics(&views),
            };
        }
        Format::Json => {
            let facts = match checked {
                [only] => Some(&only.report.facts),
                _ => None,
            };
            json::to_string(&views, facts, passes)
        }
        Format::Sarif => sarif::to_string(&views),
        Format::Github => github::to_string(&views),
        Format::Compact => compact::to_string(&views),
    };
    match output {
        Some(output) => write(output, text.as_bytes()),
        None => Ok(std::io::stdout().write_all(text.as_bytes())?),
    }
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    user_file::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
