//! What a command comes to, as its exit code: 0 done, 1 errors found, 2 could not run.

use std::fmt;
use std::process::ExitCode;

use crate::show;

/// The user's input has errors, and they have been shown. Ends a program with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorsFound;

impl fmt::Display for ErrorsFound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("there are errors")
    }
}

impl std::error::Error for ErrorsFound {}

/// Ends a program. Why a command could not run is shown on one line; [`ErrorsFound`] says nothing
/// more.
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ErrorsFound>() => ExitCode::from(1),
        Err(error) => {
            show::error(&error);
            // As clap answers a wrong flag.
            ExitCode::from(2)
        }
    }
}
