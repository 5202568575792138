//! How an event ends other than by returning, and how its author learns of it.

use crate::budget::OverBudget;
use crate::event::Event;
use crate::source_position::SourceMaps;

/// What JavaScript threw and nobody caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thrown {
    /// `TypeError: x is not a function`.
    pub(crate) message: String,
    /// QuickJS's stack, positions in the compiled JavaScript; empty for what is no `Error`.
    pub(crate) stack: String,
}

/// Why nothing of an event takes effect.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An uncaught exception; the connection goes on.
    Threw(Thrown),
    /// The CPU or memory budget.
    OverBudget(OverBudget),
    /// WebAssembly trapped: a broken engine, or a hand-made module.
    Trapped(String),
    /// Its instance could not be proven to be restored.
    NotRestored,
    /// The effects could not be committed: a disk that does not take an attachment.
    NotCommitted(String),
}

impl Failure {
    /// Tells the operator and the author. Control characters are escaped: the text comes from
    /// whoever wrote the handler, or sent it a message.
    pub(crate) fn log(&self, event: &Event, source_maps: &SourceMaps) {
        let name = event.name();
        let conn = event.connection().map(|connection| tracing::field::display(connection.id));
        let room = event.connection().map(|connection| connection.room.key().escape_debug());
        let room = room.as_ref().map(tracing::field::display);
        match self {
            Failure::Threw(thrown) => {
                let stack = source_maps.rewrite(&thrown.stack);
                let message = printable(&thrown.message);
                let stack = printable(&stack);
                tracing::error!(conn, room, event = name, "{message}\n{stack}");
            }
            Failure::OverBudget(over) => tracing::error!(conn, room, event = name, "{over}"),
            Failure::Trapped(reason) => {
                let reason = printable(reason);
                tracing::error!(conn, room, event = name, "the sandbox trapped: {reason}");
            }
            Failure::NotRestored => {
                tracing::error!(conn, room, event = name, "the sandbox was not restored exactly");
            }
            Failure::NotCommitted(reason) => tracing::error!(conn, room, event = name, "{reason}"),
        }
    }
}

/// The text with control characters other than line ends escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc"), "a\\u{1b}[31mb\\r\nc");
    }
}
