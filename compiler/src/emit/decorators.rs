//! Applies decorators, which the engine does not have.
//!
//! Works on a tree that still has its types, since TypeScript's earlier decorators may ask for them.

mod earlier;
mod names;

use swc_core::ecma::ast::{Class, Decorator, Program};
use swc_core::ecma::transforms::proposal::decorator_2023_11::decorator_2023_11;
use swc_core::ecma::transforms::proposal::decorators::{Config, decorators};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::accessors::{self, Which};
use crate::Decorators;

/// Rewrites decorated classes, and `accessor` fields with or without decorators.
pub(super) fn apply(program: &mut Program, meaning: Decorators) {
    let mut any = Any(false);
    program.visit_with(&mut any);
    match meaning {
        // It rewrites `accessor` fields as well, which their decorators see as such.
        Decorators::Standard if any.0 => {
            accessors::lower(program, Which::StaticOfDecorated);
            names::give(program);
            program.mutate(decorator_2023_11());
        }
        Decorators::Legacy { with_metadata } if any.0 => {
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

/// Whether a class has decorators, or a member of it.
fn has_decorators(class: &Class) -> bool {
    let mut any = Any(false);
    class.visit_with(&mut any);
    any.0
}

/// Whether there are decorators.
struct Any(bool);

impl Visit for Any {
    fn visit_decorator(&mut self, _: &Decorator) {
        self.0 = true;
    }
}
