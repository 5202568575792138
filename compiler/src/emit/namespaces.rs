//! Keeps the names of what is called as its namespace is.

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::{CallExpr, Callee, Expr, FnExpr, Pat};
use swc_core::ecma::utils::{private_ident, replace_ident};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, VisitWith};

use crate::declared::Declared;

/// Calls the parameters of namespaces otherwise than what is declared in them: one of both is renamed
/// else, and a class or function would be called by its new name.
pub(super) struct Parameters;

impl VisitMut for Parameters {
    fn visit_mut_call_expr(&mut self, call: &mut CallExpr) {
        call.visit_mut_children_with(self);
        let Callee::Expr(callee) = &mut call.callee else { return };
        let mut callee = &mut **callee;
        while let Expr::Paren(inside) = callee {
            callee = &mut inside.expr;
        }
        let Expr::Fn(FnExpr { ident: None, function }) = callee else { return };
        let [parameter] = &*function.params else { return };
        let Pat::Ident(parameter) = &parameter.pat else { return };
        let parameter = parameter.id.clone();
        let mut declared = Declared::default();
        function.body.visit_with(&mut declared);
        if declared.names.iter().any(|(name, _)| *name == parameter.sym) {
            let renamed = private_ident!(DUMMY_SP, format!("{}_1", parameter.sym));
            replace_ident(function, parameter.to_id(), &renamed);
        }
    }
}
