//! A command's exit code: 0: done, 1: errors found, 2: could not run, 141: the reader closed the pipe.

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

/// What a shell reports for a program that SIGPIPE (13) has ended. Rust's programs ignore that signal.
const BROKEN_PIPE: u8 = 128 + 13;

/// Whether standard output was closed. Only errors of writing there have no context, so that they are
/// found here.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Ends a program. An error is shown on one line; for [`ErrorsFound`], everything has been shown.
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ErrorsFound>() => ExitCode::from(1),
        // The reader has seen enough, as `head` has: that is not an error.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            show::error(&error);
            // As clap's for a wrong flag.
            ExitCode::from(2)
        }
    };
    output::flush();
    code
}
