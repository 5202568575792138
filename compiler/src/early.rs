//! Early errors (ECMAScript's word): what the grammar allows and the language forbids all the same.
//!
//! The parser accepts them. The engine refuses them, but only when the handler is built, and often
//! without a place. `tests/conformance/language/early-errors.mjs` compares the three.

mod classes;
mod decorators;
mod errors;
mod expressions;
mod jumps;
mod literals;
mod module_names;
mod redeclared;
mod statements;
mod supers;

use swc_core::ecma::ast::Program;
use zigts_rules::model::SyntaxError;

use crate::Decorators;
use crate::source::Positions;
use errors::Errors;

/// The early errors of a module, in the order of the source.
pub(crate) fn errors(
    program: &Program,
    positions: Positions<'_>,
    decorators: Decorators,
) -> Vec<SyntaxError> {
    let mut errors = Errors::new(positions);
    redeclared::find(program, &mut errors);
    classes::find(program, &mut errors);
    supers::find(program, &mut errors);
    jumps::find(program, &mut errors);
    statements::find(program, &mut errors);
    expressions::find(program, &mut errors);
    literals::find(program, &mut errors);
    module_names::find(program, &mut errors);
    decorators::find(program, decorators, &mut errors);
    errors.in_order()
}
