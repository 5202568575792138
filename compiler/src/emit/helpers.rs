//! The functions that stand for what the engine lacks.

use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::{FnDecl, Ident};
use swc_core::ecma::visit::{VisitMut, VisitMutWith};

/// Ties the names in these functions together. The pass that inserts them takes a variable that is used
/// before the line of its declaration for another one, and one of both would be renamed.
pub(super) struct HelperNames {
    /// What the names of the functions have, and nothing of the module.
    pub(super) context: SyntaxContext,
    pub(super) is_within: bool,
}

impl VisitMut for HelperNames {
    fn visit_mut_fn_decl(&mut self, function: &mut FnDecl) {
        let around = self.is_within;
        self.is_within |= function.ident.ctxt == self.context;
        function.visit_mut_children_with(self);
        self.is_within = around;
    }

    fn visit_mut_ident(&mut self, name: &mut Ident) {
        if self.is_within {
            name.ctxt = self.context;
        }
    }
}
