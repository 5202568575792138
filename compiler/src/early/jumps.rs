//! `break` and `continue` that lead nowhere, and labels (14.8.1, 14.9.1, 14.13.1).

use swc_core::atoms::Atom;
use swc_core::ecma::ast::{
    ArrowExpr, AutoAccessor, BreakStmt, ClassProp, Constructor, ContinueStmt, DoWhileStmt,
    ForInStmt, ForOfStmt, ForStmt, Function, LabeledStmt, PrivateProp, Program, StaticBlock, Stmt,
    SwitchStmt, WhileStmt,
};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::errors::Errors;

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    program.visit_with(&mut Finder { errors, around: Around::default() });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
    around: Around,
}

/// What a jump can lead to. None crosses a function.
#[derive(Default)]
struct Around {
    /// Each with whether it is one of a loop.
    labels: Vec<(Atom, bool)>,
    loops: usize,
    switches: usize,
}

impl Finder<'_, '_> {
    fn function(&mut self, node: &impl VisitWith<Self>) {
        let around = std::mem::take(&mut self.around);
        node.visit_children_with(self);
        self.around = around;
    }

    fn looping(&mut self, node: &impl VisitWith<Self>) {
        self.around.loops += 1;
        node.visit_children_with(self);
        self.around.loops -= 1;
    }
}

fn is_loop(statement: &Stmt) -> bool {
    match statement {
        Stmt::Labeled(inner) => is_loop(&inner.body),
        statement => matches!(
            statement,
            Stmt::For(_) | Stmt::ForIn(_) | Stmt::ForOf(_) | Stmt::While(_) | Stmt::DoWhile(_)
        ),
    }
}

impl Visit for Finder<'_, '_> {
    fn visit_break_stmt(&mut self, statement: &BreakStmt) {
        match &statement.label {
            Some(label) if !self.around.labels.iter().any(|(name, _)| *name == label.sym) => {
                self.errors.report(label, format!("there is no label `{}` around", label.sym));
            }
            None if self.around.loops + self.around.switches == 0 => {
                self.errors.report(statement, "`break` stands outside of a loop or `switch`");
            }
            _ => {}
        }
    }

    fn visit_continue_stmt(&mut self, statement: &ContinueStmt) {
        let labels = &self.around.labels;
        match &statement.label {
            Some(label) => {
                let message = match labels.iter().find(|(name, _)| *name == label.sym) {
                    Some((_, true)) => return,
                    Some((_, false)) => format!("the label `{}` is not one of a loop", label.sym),
                    None => format!("there is no label `{}` around", label.sym),
                };
                self.errors.report(label, message);
            }
            None if self.around.loops == 0 => {
                self.errors.report(statement, "`continue` stands outside of a loop");
            }
            None => {}
        }
    }

    fn visit_labeled_stmt(&mut self, statement: &LabeledStmt) {
        let label = &statement.label;
        if self.around.labels.iter().any(|(name, _)| *name == label.sym) {
            self.errors.report(label, format!("the label `{}` is there already", label.sym));
        }
        self.around.labels.push((label.sym.clone(), is_loop(&statement.body)));
        statement.body.visit_with(self);
        self.around.labels.pop();
    }

    fn visit_for_stmt(&mut self, it: &ForStmt) {
        self.looping(it);
    }

    fn visit_for_in_stmt(&mut self, it: &ForInStmt) {
        self.looping(it);
    }

    fn visit_for_of_stmt(&mut self, it: &ForOfStmt) {
        self.looping(it);
    }

    fn visit_while_stmt(&mut self, it: &WhileStmt) {
        self.looping(it);
    }

    fn visit_do_while_stmt(&mut self, it: &DoWhileStmt) {
        self.looping(it);
    }

    fn visit_switch_stmt(&mut self, switch: &SwitchStmt) {
        self.around.switches += 1;
        switch.visit_children_with(self);
        self.around.switches -= 1;
    }

    fn visit_function(&mut self, it: &Function) {
        self.function(it);
    }

    fn visit_arrow_expr(&mut self, it: &ArrowExpr) {
        self.function(it);
    }

    fn visit_constructor(&mut self, it: &Constructor) {
        self.function(it);
    }

    fn visit_static_block(&mut self, it: &StaticBlock) {
        self.function(it);
    }

    fn visit_class_prop(&mut self, it: &ClassProp) {
        self.function(it);
    }

    fn visit_private_prop(&mut self, it: &PrivateProp) {
        self.function(it);
    }

    fn visit_auto_accessor(&mut self, it: &AutoAccessor) {
        self.function(it);
    }
}
