//! What top-level code prints with `console`, kept for the caller to show.

use zigttp_abi::guest::LogLevel;

/// Most bytes that are kept. A loop that prints could fill the memory before its time is up.
const MAX_BYTES: usize = 64 * 1024;

/// One line of `console`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    pub level: LogLevel,
    pub text: String,
}

/// Collects lines up to a limit.
#[derive(Default)]
pub(crate) struct Console {
    lines: Vec<ConsoleLine>,
    bytes: usize,
}

impl Console {
    pub(crate) fn push(&mut self, level: LogLevel, text: &str) {
        if self.bytes > MAX_BYTES {
            return;
        }
        // A line costs something even if it is empty.
        self.bytes += text.len() + 1;
        let text = if self.bytes > MAX_BYTES {
            "(further lines of top-level code are not shown)"
        } else {
            text
        };
        self.lines.push(ConsoleLine { level, text: text.to_owned() });
    }

    pub(crate) fn into_lines(self) -> Vec<ConsoleLine> {
        self.lines
    }
}
