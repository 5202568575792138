//! What a handler may write into the log: so many lines a second, and no line that passes for another.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::counter::Counter;
use crate::pace::{Bucket, Rate};

/// The target of the lines that handlers, and clients through them, cause; all are within
/// [`Config::handler_log_rate`](crate::Config::handler_log_rate).
pub const HANDLER_LOG_TARGET: &str = "handler";

/// Bounds the lines that handlers, and clients through them, cause.
pub(crate) struct HandlerLog {
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
    pub(crate) fn new(rate: Rate) -> HandlerLog {
        HandlerLog { rate, state: Mutex::default() }
    }

    /// Whether another line may be written. Those that may not are counted, and told of once one
    /// may again.
    pub(crate) fn permits(&self, dropped_lines: &Counter) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.rate.take(&mut state.bucket, Instant::now()) {
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
}

/// Text of a guest's or client's making as it may stand in a log: control characters and those that
/// turn the direction of writing are escaped, and a further line begins with spaces, as no event of the
/// log does. What the runner of a build takes for a command (`::error::` where a line begins, behind spaces
/// too, and `##[` anywhere) is escaped as well: servers are tested in builds. `zigts` does the same with
/// what it shows (`rules/src/printable.rs`).
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
            if !line.starts_with("    ") {
                out.push_str("    ");
            }
        }
        let command = line.trim_start().starts_with("::").then(|| line.find(':')).flatten();
        for (at, character) in line.char_indices() {
            let is_command = command.filter(|_| number > 0) == Some(at)
                || character == '#' && line[..at].ends_with('#') && line[at..].starts_with("#[");
            if is_command {
                out.extend(character.escape_unicode());
            } else if character.is_control() || is_deceptive(character) {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
        }
    }
    out
}

/// Line separators and directions of Unicode.
fn is_deceptive(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
    )
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
