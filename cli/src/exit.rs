//! What a command comes to, as its exit code: 0 done, 1 errors found, 2 could not run, 141 nobody
//! reads its output.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::{output, show};

/// The user's input has errors, and they have been shown. Ends a program with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorsFound;

impl fmt::Display for ErrorsFound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("there are errors")
    }
}

impl std::error::Error for ErrorsFound {}

/// What a shell says of a program that SIGPIPE (13) has ended, which Rust's programs ignore.
const BROKEN_PIPE: u8 = 128 + 13;

/// Whether standard output was closed: writing there is what commands fail with as it is, without
/// saying what they were about to do.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Ends a program. Why a command could not run is shown on one line; [`ErrorsFound`] says nothing
/// more.
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ErrorsFound>() => ExitCode::from(1),
        // Whoever reads has seen enough, as `head` has: no fault, and nobody to tell.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            show::error(&error);
            // As clap answers a wrong flag.
            ExitCode::from(2)
        }
    };
    output::flush();
    code
}
