//! Applies decorators, which the engine does not have.
//!
//! Works on a tree that still has its types, since TypeScript's earlier decorators may ask for them.

mod any;
mod earlier;
mod names;

use swc_core::ecma::ast::Program;
use swc_core::ecma::transforms::proposal::decorator_2023_11::decorator_2023_11;
use swc_core::ecma::transforms::proposal::decorators::{Config, decorators};

use self::any::has_decorators;
use super::accessors::{self, Which};
use crate::Decorators;

/// Rewrites decorated classes, and `accessor` fields with or without decorators.
pub(super) fn apply(program: &mut Program, meaning: Decorators) {
    let are_there_any = has_decorators(program);
    match meaning {
        // It rewrites `accessor` fields as well, which their decorators see as such.
        Decorators::Standard if are_there_any => {
            accessors::lower(program, Which::StaticOfDecorated);
            names::give(program);
            program.mutate(decorator_2023_11());
        }
        Decorators::Legacy { with_metadata } if are_there_any => {
            accessors::lower(program, Which::All);
            let aliases = earlier::prepare(program);
            program.mutate(decorators(Config {
                legacy: true,
                emit_metadata: with_metadata,
                use_define_for_class_fields: true,
            }));
            earlier::finish(program, aliases);
        }
        _ => accessors::lower(program, Which::All),
    }
}
