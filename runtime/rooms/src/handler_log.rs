//! Limits what a handler writes to the log: the rate of lines, and their characters, so that no line looks
//! like one of the server.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use zigttp_abi::guest::LogLevel;
use zigttp_abi::printable::printable_rest;
use zigttp_sandbox::event::Event;

use crate::counter::Counter;
use crate::pace::{Bucket, Rate};

/// The target of log lines that handlers cause, also because of clients. All are within the configured rate.
pub const HANDLER_LOG_TARGET: &str = "handler";

/// Limits the rate of log lines that handlers cause, also because of clients.
pub struct HandlerLog {
    rate: Rate,
    /// Whether events keep lines of every level, for a witness.
    keeps_all: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    /// Lines dropped since the last one that was written.
    dropped: u64,
}

impl HandlerLog {
    pub fn new(rate: Rate) -> HandlerLog {
        HandlerLog { rate, keeps_all: false, state: Mutex::default() }
    }

    /// One for a witness, who hears every line.
    pub fn of_witness(rate: Rate) -> HandlerLog {
        HandlerLog { keeps_all: true, ..HandlerLog::new(rate) }
    }

    /// Whether another line may be written. Dropped lines are counted, and reported with the next line that
    /// may be written.
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

    /// Whether another line of `console` of this level may be written.
    pub fn shows(&self, level: LogLevel, dropped_lines: &Counter, now: Instant) -> bool {
        self.keeps_all || (is_shown(level) && self.permits(dropped_lines, now))
    }

    /// Logs a line of an event's `console` that [`HandlerLog::shows`] has let pass.
    pub fn line(&self, event: &Event, level: LogLevel, text: &str) {
        let conn = event.open_connection().map(tracing::field::display);
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

/// Logs a line of an event that computes for long, before the event has ended: the log gets its lines then. For
/// whoever looks for the place where a handler hangs.
pub(crate) fn early(event: &Event, text: &str) {
    let conn = event.open_connection().map(tracing::field::display);
    let event = event.kind().name();
    tracing::debug!(target: "handler_under_way", conn, event, "{}", printable(text));
}

/// Whether the log shows lines of this level. The others do not count towards the rate.
fn is_shown(level: LogLevel) -> bool {
    match level {
        LogLevel::Debug => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::DEBUG),
        LogLevel::Info => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::INFO),
        LogLevel::Warn => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::WARN),
        LogLevel::Error => tracing::enabled!(target: HANDLER_LOG_TARGET, tracing::Level::ERROR),
    }
}

/// Makes text of a handler or client safe for the log: escapes control characters and those that change the
/// direction of text, and indents all lines but the first, so that none looks like an event of the log.
/// Commands for the runner of a build are escaped as well, because servers are tested in builds.
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
    fn commands_for_the_runner_of_a_build_are_escaped() {
        let text = "::a\n::error::b\n      ::error::c ##[error]d";
        let shown = "::a\n    \\u{3a}:error::b\n      \\u{3a}:error::c #\\u{23}[error]d";
        assert_eq!(printable(text), shown);
    }

    #[test]
    fn all_lines_but_the_first_are_indented() {
        assert_eq!(printable("Error: x\n    at f\n  INFO y"), "Error: x\n    at f\n      INFO y");
    }
}
