//! The names that a piece of syntax declares.

use std::collections::HashSet;

use swc_core::ecma::ast::{
    AssignTarget, BindingIdent, ClassDecl, ClassExpr, Expr, FnDecl, FnExpr, ForHead, Id, Ident,
    TsEnumDecl, TsImportEqualsDecl, TsModuleDecl, TsNamespaceDecl,
};
use swc_core::ecma::visit::{Visit, VisitWith};

/// All that is declared within a piece of syntax.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) names: HashSet<Id>,
    /// Within a pattern that assigns to names, which it does not declare.
    is_target: bool,
}

impl Declared {
    fn add(&mut self, name: &Ident) {
        self.names.insert(name.to_id());
    }

    fn within(&mut self, is_target: bool, node: &impl VisitWith<Self>) {
        let around = std::mem::replace(&mut self.is_target, is_target);
        node.visit_children_with(self);
        self.is_target = around;
    }
}

impl Visit for Declared {
    fn visit_binding_ident(&mut self, name: &BindingIdent) {
        if !self.is_target {
            self.add(name);
        }
    }

    fn visit_assign_target(&mut self, target: &AssignTarget) {
        self.within(true, target);
    }

    fn visit_for_head(&mut self, head: &ForHead) {
        self.within(matches!(head, ForHead::Pat(_)), head);
    }

    fn visit_expr(&mut self, expression: &Expr) {
        self.within(false, expression);
    }

    fn visit_fn_decl(&mut self, declaration: &FnDecl) {
        self.add(&declaration.ident);
        declaration.visit_children_with(self);
    }

    fn visit_fn_expr(&mut self, expression: &FnExpr) {
        expression.ident.iter().for_each(|name| self.add(name));
        expression.visit_children_with(self);
    }

    fn visit_class_decl(&mut self, declaration: &ClassDecl) {
        self.add(&declaration.ident);
        declaration.visit_children_with(self);
    }

    fn visit_class_expr(&mut self, expression: &ClassExpr) {
        expression.ident.iter().for_each(|name| self.add(name));
        expression.visit_children_with(self);
    }

    fn visit_ts_enum_decl(&mut self, declaration: &TsEnumDecl) {
        self.add(&declaration.id);
        declaration.visit_children_with(self);
    }

    fn visit_ts_module_decl(&mut self, declaration: &TsModuleDecl) {
        declaration.id.as_ident().into_iter().for_each(|name| self.add(name));
        declaration.visit_children_with(self);
    }

    fn visit_ts_namespace_decl(&mut self, declaration: &TsNamespaceDecl) {
        self.add(&declaration.id);
        declaration.visit_children_with(self);
    }

    fn visit_ts_import_equals_decl(&mut self, declaration: &TsImportEqualsDecl) {
        self.add(&declaration.id);
    }
}
