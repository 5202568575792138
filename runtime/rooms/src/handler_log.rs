//! What a handler may write into the log: so many lines a second, and no line that passes for another.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use zigttp_abi::guest::LogLevel;
use zigttp_abi::printable::printable_rest;
use zigttp_sandbox::event::Event;

use crate::counter::Counter;
use crate::pace::{Bucket, Rate};

/// The target of the lines that handlers, and clients through them, cause; all are within
/// the rate of the server's configuration.
pub const HANDLER_LOG_TARGET: &str = "handler";

/// Bounds the lines that handlers, and clients through them, cause.
pub struct HandlerLog {
    rate: Rate,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    /// Lines dropped since the last that was not.
    dropped: u64,
}

impl HandlerLog {
    pub fn new(rate: Rate) -> HandlerLog {
        HandlerLog { rate, state: Mutex::default() }
    }

    /// Whether another line may be written. Those that may not are counted, and told of once one
    /// may again.
    pub fn permits(&self, dropped_lines: &Counter, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.rate.take(&mut state.bucket, now) {
            state.dropped += 1;
            dropped_lines.add_one();
            return false;
        }
        let dropped = std::mem::take(&mut state.dropped);
        drop(state);
        if dropped > 0 {
            tracing::warn!(
                target: HANDLER_LOG_TARGET,
                dropped,
                "lines of the handler were dropped: more than --handler-log-rate a second"
            );
        }
        true
    }

    /// A line of an event's `console`.
    pub fn line(
        &self,
        event: &Event,
        level: LogLevel,
        text: &str,
        dropped_lines: &Counter,
        now: Instant,
    ) {
        if !is_shown(level) || !self.permits(dropped_lines, now) {
            return;
        }
        let conn = event.connection().map(tracing::field::display);
        let event = event.kind().name();
        let text = printable(text);
        match level {
            LogLevel::Debug => tracing::debug!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
            LogLevel::Info => tracing::info!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
            LogLevel::Warn => tracing::warn!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
            LogLevel::Error => tracing::error!(target: HANDLER_LOG_TARGET, conn, event, "{text}"),
        }
    }
}

/// A line that nobody reads does not count against the rate.
fn is_shown(level: LogLevel) -> bool {
    match level {
        LogLevel::Debug => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::DEBUG),
        LogLevel::Info => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::INFO),
        LogLevel::Warn => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::WARN),
        LogLevel::Error => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::ERROR),
    }
}

/// Text of a guest's or client's making as it may stand in a log: control characters and those that
/// turn the direction of writing are escaped, and a further line begins with spaces, as no event of the
/// log does. What the runner of a build takes for a command is escaped as well: servers are tested in
/// builds.
pub fn printable(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut out = printable_rest(lines.next().unwrap_or_default()).into_owned();
    for line in lines {
        out.push('\n');
        if !line.starts_with("    ") {
            out.push_str("    ");
        }
        out.push_str(&zigttp_abi::printable::printable(line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31mb\rc\u{9b}d"), "a\\u{1b}[31mb\\rc\\u{9b}d");
        assert_eq!(printable("a\u{202e}b\u{2028}c é"), "a\\u{202e}b\\u{2028}c é");
    }

    #[test]
    fn what_a_runner_takes_for_a_command_is_escaped() {
        let text = "::a\n::error::b\n      ::error::c ##[error]d";
        let shown = "::a\n    \\u{3a}:error::b\n      \\u{3a}:error::c #\\u{23}[error]d";
        assert_eq!(printable(text), shown);
    }

    #[test]
    fn a_further_line_is_indented() {
        assert_eq!(printable("Error: x\n    at f\n  INFO y"), "Error: x\n    at f\n      INFO y");
    }
}
