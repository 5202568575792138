//! `zigts check`: the diagnostics alone, for people, editors and CI.

use std::io::Write;
use std::path::PathBuf;

use zigts_compiler::report::{Report, json};

use crate::exit::ErrorsFound;
use crate::handler_file::HandlerFile;
use crate::show;

/// Arguments of `zigts check`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The entry modules of one or more handlers
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Frames on standard error, or JSON on standard output
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
}

/// How diagnostics are shown.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Pretty,
    Json,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or there are errors ([`ErrorsFound`]).
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let files: Vec<HandlerFile> =
        arguments.files.iter().map(|path| HandlerFile::open(path)).collect::<Result<_, _>>()?;
    let reports: Vec<Report> = files
        .iter()
        .map(|file| zigts_compiler::check(file.entry(), &mut |module| file.read(module)))
        .collect();
    match arguments.format {
        Format::Pretty => {
            for (report, file) in reports.iter().zip(&files) {
                show::diagnostics(report, file)?;
            }
            show::tally(reports.iter());
        }
        Format::Json => {
            let path_of = |index: usize, module: &_| files[index].path_of(module);
            let reports: Vec<&Report> = reports.iter().collect();
            std::io::stdout().write_all(json::to_string(&reports, &path_of).as_bytes())?;
        }
    }
    let has_errors = reports.iter().any(Report::has_errors);
    if has_errors { Err(ErrorsFound.into()) } else { Ok(()) }
}
