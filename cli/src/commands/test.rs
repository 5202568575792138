//! `zigttp test`: runs the tests of handlers.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use zigts_compiler::Builder;
use zigttp_runtime::Settings;
use zigttp_testing::{Runner, SnapshotMode};

use crate::env_options::EnvOptions;
use crate::exit::ErrorsFound;
use crate::output::Stream;
use crate::testing::report::{self, ReporterKind};
use crate::testing::round::{Rounds, Shown, Wanted, threads};
use crate::testing::{coverage, found, watching};
use crate::{building, cache, output};

/// Arguments of `zigttp test`.
#[derive(Args)]
pub struct Arguments {
    /// Test files, or folders with files *.test.ts
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    /// Run only tests that have this in their titles; those of a group begin with the group's, as "group > test"
    #[arg(short = 't', long, value_name = "TEXT")]
    filter: Option<String>,

    /// Test this handler, instead of the one of each test's name or the handler.ts beside it
    #[arg(long, value_name = "FILE")]
    handler: Option<PathBuf>,

    /// Run again whenever a file changes that the tests depend on
    #[arg(long)]
    watch: bool,

    /// Let this number choose the order of events that clients cause together
    ///
    /// Without it they run in the order in which the test has caused them. Those of one client keep their order in any
    /// case.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Run each test in so many orders of events, until one fails, and print its seed
    ///
    /// The seeds are 1, 2 and so on, or from --seed on.
    #[arg(long, value_name = "ORDERS", value_parser = clap::value_parser!(u64).range(1..))]
    permute: Option<u64>,

    /// Write all snapshots anew, and remove those that no test asks for
    ///
    /// Without it new ones are written, unless the environment variable CI is set.
    #[arg(short, long)]
    update: bool,

    /// How results are told
    #[arg(long, value_enum, value_name = "FORM", default_value = "pretty")]
    reporter: ReporterKind,

    /// Print a JSON object for each test, each file and the whole
    #[arg(long, conflicts_with = "reporter")]
    json: bool,

    /// Write the results to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Tell which lines, functions and branches of the handlers have run, and write it as lcov
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = coverage::DEFAULT_PATH
    )]
    coverage: Option<PathBuf>,

    #[command(flatten)]
    env: EnvOptions,
}

/// Runs the command.
///
/// # Errors
/// When there are no tests, the machine lacks something that running them needs, or tests fail.
pub fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    let settings = std::mem::take(&mut arguments.env).source()?.read()?;
    if arguments.watch && arguments.output.is_some() {
        bail!("--watch tells a terminal: it cannot be used with --output");
    }
    let builder = building::builder()?;
    let runner = Runner::new(threads(), cache::served_modules_folder())
        .context("cannot make the sandboxes of tests")?;
    let round = |updates| round(&arguments, &builder, &runner, &settings, updates);
    if arguments.watch {
        return watching::run(|it| Ok(round(arguments.update || it.updates)?.files));
    }
    let Shown { summary, .. } = round(arguments.update)?;
    if summary.has_failed() { Err(ErrorsFound.into()) } else { Ok(()) }
}

fn round(
    arguments: &Arguments,
    builder: &Builder,
    runner: &Runner,
    settings: &Settings,
    updates: bool,
) -> anyhow::Result<Shown> {
    // Each time anew: there may be more of them.
    let found = found::find(&arguments.paths, arguments.handler.as_deref())?;
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let wanted = Wanted {
        filter: arguments.filter.clone(),
        seed: arguments.seed,
        permute: arguments.permute,
        settings: settings.clone(),
        mode: match (updates, is_ci) {
            (true, _) => SnapshotMode::All,
            (false, true) => SnapshotMode::None,
            (false, false) => SnapshotMode::New,
        },
        counts: arguments.coverage.is_some(),
    };
    let kind = if arguments.json { ReporterKind::Json } else { arguments.reporter };
    let mut reporter = report::open(kind, arguments.output.as_deref())?;
    let shown = Rounds { builder, runner, wanted: &wanted }.run(&found, &mut *reporter)?;
    if let Some(path) = &arguments.coverage {
        shown.coverage.write(path)?;
        if kind == ReporterKind::Pretty && arguments.output.is_none() {
            output::try_write_styled(Stream::Out, &shown.coverage.table())?;
        }
    }
    Ok(shown)
}
