//! From a stack trace of the engine to spans in the TypeScript.

use zigts_rules::model::{Evaluation, Frame};
use zigts_rules::span::{ModuleId, Span};

use super::host::Failure;
use crate::emit::Emitted;
use crate::source::Sources;

/// What was thrown and where, as far as the trace is in the handler.
pub(super) fn threw(failure: Failure, modules: &[Emitted], sources: &Sources) -> Evaluation {
    let frames = failure.stack.lines().filter_map(|line| frame(line, modules, sources)).collect();
    Evaluation::Threw { message: failure.message, frames }
}

/// Why the engine refused a module and where: at its beginning, if the engine does not say.
pub(super) fn refused(
    failure: &Failure,
    module: ModuleId,
    modules: &[Emitted],
    sources: &Sources,
) -> Evaluation {
    let mut places = failure.stack.lines().filter_map(|line| frame(line, modules, sources));
    let place = places.next().map(|frame| frame.span);
    let span = place.filter(|span| span.module == module);
    let message = failure.message.trim_start_matches("SyntaxError: ").to_owned();
    Evaluation::Refused { message, span: span.unwrap_or_else(|| Span::start_of(module)) }
}

/// Reads `at name (module:line:column)`, or the same without a name and parentheses.
///
/// A call stands where its parenthesis opens (`call-positions.patch` of the engine), which has no mapping of its
/// own; the nearest one before it is the callee's name.
fn frame(line: &str, modules: &[Emitted], sources: &Sources) -> Option<Frame> {
    let line = line.trim().strip_prefix("at ")?;
    let (function, place) = match line.rsplit_once(" (") {
        Some((function, place)) => (function, place.strip_suffix(')')?),
        None => ("", line),
    };
    let (rest, column) = place.rsplit_once(':')?;
    let (name, line) = rest.rsplit_once(':')?;
    let module = modules.iter().find(|module| module.name == name)?;
    let source = module.source.as_ref()?;
    // Traces count from 1, source maps from 0.
    let (line, column) = (line.parse::<u32>().ok()?, column.parse::<u32>().ok()?);
    let token = source.map.lookup_token(line.checked_sub(1)?, column.checked_sub(1)?)?;
    let file = sources.file(source.id);
    let span = file.word_at(source.id, token.get_src_line(), token.get_src_col());
    // How QuickJS names what has no name.
    let function = if function == "<anonymous>" { "" } else { function };
    Some(Frame { function: function.to_owned(), span })
}
