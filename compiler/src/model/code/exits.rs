//! Statements that leave a loop: what runs before one of them runs in one turn of that loop alone.

use swc_core::ecma::ast::{ContinueStmt, Function, LabeledStmt, Stmt, SwitchStmt};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::code::{LoopId, Step};

use super::Collector;

/// The end of a list of statements that leaves loops.
pub(super) struct Exit {
    /// The statements from here on run no more than once.
    first: usize,
    last: usize,
    /// The innermost loop that is not left.
    outside: Option<LoopId>,
}

impl Exit {
    pub(super) fn holds_at(&self, index: usize) -> bool {
        (self.first..=self.last).contains(&index)
    }
}

impl Collector<'_> {
    /// The exit that a list of statements leads to, whatever happens in it.
    pub(super) fn exit_of(&self, statements: &[Stmt]) -> Option<Exit> {
        let innermost = self.innermost_loop?;
        let mut exits = statements.iter().enumerate().filter_map(|(index, statement)| {
            let outside = match statement {
                Stmt::Return(_) | Stmt::Throw(_) => None,
                Stmt::Break(exit) => match &exit.label {
                    Some(label) => self.labels.iter().rev().find(|(name, _)| *name == label.sym)?.1,
                    None if self.is_in_switch => return None,
                    None => self.code[innermost].outer,
                },
                _ => return None,
            };
            Some((index, outside))
        });
        let (last, outside) = exits.next()?;
        // `continue` before it goes on with the loop.
        let goes_on = statements[..last].iter().rposition(has_continue);
        Some(Exit { first: goes_on.map_or(0, |index| index + 1), last, outside })
    }

    /// Walks what runs no more than once in the loops that an exit leaves.
    pub(super) fn before_exit(&mut self, exit: &Exit, walk: impl FnOnce(&mut Self)) {
        let around = std::mem::replace(&mut self.innermost_loop, exit.outside);
        walk(self);
        self.innermost_loop = around;
    }

    pub(super) fn switch(&mut self, statement: &SwitchStmt) {
        let around = std::mem::replace(&mut self.is_in_switch, true);
        self.expression(&statement.discriminant);
        self.step(Step::Branch);
        for case in &statement.cases {
            case.visit_with(self);
            self.step(Step::Or);
        }
        // Without a default, none of them may run.
        if statement.cases.iter().any(|case| case.test.is_none()) {
            self.step(Step::Exit);
        }
        self.step(Step::Join);
        self.is_in_switch = around;
    }

    pub(super) fn labelled(&mut self, statement: &LabeledStmt) {
        self.labels.push((statement.label.sym.clone(), self.innermost_loop));
        statement.body.visit_with(self);
        self.labels.pop();
    }
}

fn has_continue(statement: &Stmt) -> bool {
    struct Found(bool);
    impl Visit for Found {
        fn visit_continue_stmt(&mut self, _: &ContinueStmt) {
            self.0 = true;
        }
        fn visit_function(&mut self, _: &Function) {}
    }
    let mut found = Found(false);
    statement.visit_with(&mut found);
    found.0
}
