//! The log of a server, on standard error.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};
use zigttp_runtime::DroppedLogLines;

use crate::log_limit::LogLimit;
use crate::output::{self, ErrorWriter};
use crate::panic_hook;

/// How an event of the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// A line for people, in colour on a terminal
    Pretty,
    /// A JSON object on a line of its own
    Json,
}

/// Starts the log; `RUST_LOG` filters it. The counter that is returned counts the lines that are dropped.
///
/// # Errors
/// When the system gives no threads.
pub fn init(format: LogFormat) -> Result<Arc<DroppedLogLines>> {
    let log = fmt().with_env_filter(filter("info"));
    let log = log.with_writer(|| ErrorWriter).log_internal_errors(false);
    match format {
        LogFormat::Pretty => start(log.with_ansi(has_colour()).finish()),
        LogFormat::Json => start(log.json().flatten_event(true).finish()),
    }
}

/// Starts the log for a developer: no times and no names of modules, and every line of the handler.
///
/// # Errors
/// When the system gives no threads.
pub fn init_for_development() -> Result<Arc<DroppedLogLines>> {
    let log = fmt().with_env_filter(filter("info,handler=debug"));
    let log = log.with_writer(|| ErrorWriter).log_internal_errors(false);
    start(log.with_ansi(has_colour()).without_time().with_target(false).finish())
}

fn start(log: impl Subscriber + Send + Sync + 'static) -> Result<Arc<DroppedLogLines>> {
    const THREADS: &str = "cannot start the threads of the log";
    let dropped = output::start_writers().context(THREADS)?;
    log.with(LogLimit::start(Arc::clone(&dropped)).context(THREADS)?).init();
    panic_hook::install_for_a_server();
    Ok(dropped)
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(default))
}

fn has_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
