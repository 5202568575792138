//! `zigts lsp`: a language server, for editors to start.

use std::io::{BufReader, stdin, stdout};

use crate::exit::ErrorsFound;
use crate::lsp::{self, Ending};

/// Arguments of `zigts lsp`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Accepted because many editors pass it: standard input and output are always used
    #[arg(long)]
    stdio: bool,
}

/// Runs the command: until the client says `exit`, or has gone.
///
/// # Errors
/// When standard output is closed, or the client ended it without asking it to shut down first,
/// for which the protocol wants exit code 1 ([`ErrorsFound`]).
pub fn run(_arguments: &Arguments) -> anyhow::Result<()> {
    match lsp::serve(BufReader::new(stdin()), stdout().lock())? {
        Ending::Orderly => Ok(()),
        Ending::Abrupt => Err(ErrorsFound.into()),
    }
}
