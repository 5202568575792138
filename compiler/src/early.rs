//! Early errors (ECMAScript's word): what the grammar allows and the language forbids all the same.
//!
//! The parser accepts them. The engine refuses some, but says so only when the handler is built, and
//! often without a place.

mod decorators;
mod redeclared;

use swc_core::ecma::ast::Program;
use zigts_rules::model::SyntaxError;

use crate::Decorators;
use crate::source::Positions;

/// The early errors of a module, in the order of the source.
pub(crate) fn errors(
    program: &Program,
    positions: Positions<'_>,
    decorators: Decorators,
) -> Vec<SyntaxError> {
    let mut errors = redeclared::find(program, positions);
    errors.extend(decorators::find(program, positions, decorators));
    errors.sort_by_key(|error| error.span);
    errors
}
