//! Declarations where only a statement may stand.

use swc_core::ecma::ast::{
    Decl, DoWhileStmt, ForInStmt, ForOfStmt, ForStmt, IfStmt, LabeledStmt, Program, Stmt,
    SwitchCase, WhileStmt,
};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::errors::Errors;

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    program.visit_with(&mut Finder { errors });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
}

impl Finder<'_, '_> {
    /// A function there is one of sloppy mode only, and a module is strict.
    fn single(&mut self, statement: &Stmt) {
        if let Stmt::Decl(Decl::Fn(function)) = statement {
            self.errors
                .report(&function.ident, "a function cannot be declared without a block here");
        }
    }
}

impl Visit for Finder<'_, '_> {
    fn visit_if_stmt(&mut self, it: &IfStmt) {
        self.single(&it.cons);
        if let Some(alternative) = &it.alt {
            self.single(alternative);
        }
        it.visit_children_with(self);
    }

    fn visit_labeled_stmt(&mut self, it: &LabeledStmt) {
        self.single(&it.body);
        it.visit_children_with(self);
    }

    fn visit_for_stmt(&mut self, it: &ForStmt) {
        self.single(&it.body);
        it.visit_children_with(self);
    }

    fn visit_for_in_stmt(&mut self, it: &ForInStmt) {
        self.single(&it.body);
        it.visit_children_with(self);
    }

    fn visit_for_of_stmt(&mut self, it: &ForOfStmt) {
        self.single(&it.body);
        it.visit_children_with(self);
    }

    fn visit_while_stmt(&mut self, it: &WhileStmt) {
        self.single(&it.body);
        it.visit_children_with(self);
    }

    fn visit_do_while_stmt(&mut self, it: &DoWhileStmt) {
        self.single(&it.body);
        it.visit_children_with(self);
    }

    fn visit_switch_case(&mut self, case: &SwitchCase) {
        for statement in &case.cons {
            if let Stmt::Decl(Decl::Using(declaration)) = statement {
                self.errors.report(declaration, "`using` needs a block of its own in a `case`");
            }
        }
        case.visit_children_with(self);
    }
}
