//! Why a test has failed, with places in the TypeScript.

use serde::Deserialize;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::failure::{self, Thrown};
use zigttp_sandbox::source_position::SourceMaps;

use crate::outcome::{Failure, Frame};

/// What the modules of the library are called in stacks.
const LIBRARY: [&str; 3] = ["zigttp:test/", "(tests)", "zigttp:"];

/// What the engine says of a promise that nothing can settle any more.
const NEVER: &str = "waits for a promise that nothing is left to settle";

/// A failure as the library tells it.
#[derive(Deserialize)]
pub(crate) struct Told {
    name: String,
    message: String,
    stack: String,
    diff: Option<String>,
}

impl Told {
    pub(crate) fn failure(self, maps: &SourceMaps) -> Failure {
        let Told { name, message, stack, diff } = self;
        Failure { name, message, diff, frames: frames(&stack, maps) }
    }
}

/// Why the instance of a test has not told a result. `awaited` is what the test has begun that has not ended.
pub(crate) fn of_guest(
    failure: &failure::Failure,
    maps: &SourceMaps,
    awaited: &[String],
) -> Failure {
    let (name, message, stack) = match failure {
        failure::Failure::Threw(Thrown { message, .. }) if message.contains(NEVER) => {
            return never(awaited);
        }
        failure::Failure::Threw(Thrown { message, stack }) => {
            let (name, message) = message.split_once(": ").unwrap_or(("Error", message));
            (name.to_owned(), message.to_owned(), stack.as_str())
        }
        failure::Failure::OverBudget(OverBudget::Cpu) => (
            "Error".to_owned(),
            "the test has used up its CPU time (5 s): does it end?".to_owned(),
            "",
        ),
        failure::Failure::OverBudget(OverBudget::Memory | OverBudget::EventMemory) => {
            ("Error".to_owned(), "the test has used up its memory (64 MiB)".to_owned(), "")
        }
        other => ("Error".to_owned(), other.text(maps), ""),
    };
    Failure { name, message, diff: None, frames: frames(stack, maps) }
}

/// The test awaits what never comes.
pub(crate) fn never(awaited: &[String]) -> Failure {
    let mut message = "the test awaits what never comes".to_owned();
    if !awaited.is_empty() {
        message.push_str(": ");
        message.push_str(&awaited.join(", "));
        message.push_str(" (a world's time passes only with clock.advance)");
    }
    Failure { name: "Error".to_owned(), message, diff: None, frames: Vec::new() }
}

/// The test waits for time or requests of its own.
pub(crate) fn waits() -> Failure {
    let message = "the test waits for setTimeout or fetch, which it has not: time passes with clock.advance, and \
                   request() asks the handler"
        .to_owned();
    Failure { name: "Error".to_owned(), message, diff: None, frames: Vec::new() }
}

/// The frames of a stack that are the test's own.
pub(crate) fn frames(stack: &str, maps: &SourceMaps) -> Vec<Frame> {
    maps.rewrite(stack).lines().filter_map(frame).collect()
}

/// A frame of a line `    at name (module:line:column)`, or of one without name.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim().strip_prefix("at ")?;
    let (function, place) = match text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
        Some((function, place)) => (Some(function), place),
        None => (None, text),
    };
    let mut parts = place.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let path = parts.next()?;
    if LIBRARY.iter().any(|library| path.starts_with(library)) {
        return None;
    }
    let function = function.filter(|name| *name != "<anonymous>").map(str::to_owned);
    Some(Frame { function, path: path.to_owned(), line, column, source_line: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_library_are_left_out() {
        let stack = "    at expect (zigttp:test/expect.ts:3:4)\n    at <anonymous> (a.test.ts:7:9)\n    \
                     at b.test.ts:1:2\n    at native\n";
        let frame = |function: Option<&str>, path: &str, line, column| Frame {
            function: function.map(str::to_owned),
            path: path.to_owned(),
            line,
            column,
            source_line: None,
        };
        let expected = [frame(None, "a.test.ts", 7, 9), frame(None, "b.test.ts", 1, 2)];
        assert_eq!(frames(stack, &SourceMaps::default()), expected);
    }
}
