//! Whether there are decorators.

use swc_core::ecma::ast::Decorator;
use swc_core::ecma::visit::{Visit, VisitWith};

/// Whether something has decorators, or a part of it.
pub(super) fn has_decorators(syntax: &impl VisitWith<Any>) -> bool {
    let mut any = Any(false);
    syntax.visit_with(&mut any);
    any.0
}

pub(super) struct Any(bool);

impl Visit for Any {
    fn visit_decorator(&mut self, _: &Decorator) {
        self.0 = true;
    }
}
