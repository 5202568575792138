//! `zigts types`: typings for editors and `tsc`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use zigts_compiler::typings;

use crate::user_file;

/// Arguments of `zigts types`.
#[derive(clap::Args)]
pub struct Arguments {
    /// File to write them to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be written, or standard output is closed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let text = typings::print();
    match &arguments.out {
        Some(path) => user_file::write(path, text.as_bytes())
            .with_context(|| format!("cannot write `{}`", path.display())),
        None => Ok(std::io::stdout().write_all(text.as_bytes())?),
    }
}
