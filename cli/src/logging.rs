//! The log of a server, on standard error.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How an event of the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// A line for people, in colour on a terminal
    Pretty,
    /// A JSON object on a line of its own
    Json,
}

/// Starts the log; `RUST_LOG` filters it as in every tool of the kind.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Pretty => log.with_ansi(has_colour()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Starts the log for a developer who looks on: no times and no names of modules, and all that the
/// handler says.
pub fn init_for_development() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_unset| EnvFilter::new("info,handler=debug"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(has_colour()).without_time().with_target(false).init();
}

fn has_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
