//! What conditions mean: which of two values an expression has, what is known to be true, and which names are there
//! because a condition has asked for them.

use std::collections::hash_map::Entry;

use swc_core::atoms::Atom;
use swc_core::ecma::ast::{BinExpr, BinaryOp, CondExpr, Expr, MemberExpr, UnaryExpr, UnaryOp};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::code::{Expression, Origin, Step, Value};

use super::Collector;
use super::members::path_of_global;

impl Collector<'_> {
    pub(super) fn condition(&mut self, condition: &CondExpr) -> Value {
        let test = self.expression(&condition.test);
        self.tested(&test);
        match self.truth(&test) {
            Some(true) => self.expression(&condition.cons).value,
            Some(false) => self.expression(&condition.alt).value,
            None => {
                let guards = self.guard(&condition.test);
                self.step(Step::Branch);
                let cons = self.expression(&condition.cons);
                self.step(Step::Or);
                let alt = self.expression(&condition.alt);
                self.step(Step::Join);
                let options = [cons, alt];
                self.unguard(guards);
                Value::OneOf(options.into())
            }
        }
    }

    /// `&&`, `||` and `??`.
    pub(super) fn logical(&mut self, binary: &BinExpr) -> Value {
        let left = self.expression(&binary.left);
        let closed_by = match binary.op {
            BinaryOp::LogicalAnd => Some(false),
            BinaryOp::LogicalOr => Some(true),
            _ => None,
        };
        if closed_by.is_some() {
            self.tested(&left);
            if self.truth(&left) == closed_by {
                return left.value;
            }
        }
        let guards = self.guard(&binary.left);
        let right = self.perhaps(|this| this.expression(&binary.right));
        self.unguard(guards);
        Value::OneOf(vec![left, right])
    }

    /// Notes what a condition is, if it may be a promise.
    pub(super) fn tested(&mut self, expression: &Expression) {
        if matches!(expression.value, Value::Call(_) | Value::Binding(_) | Value::OneOf(_)) {
            let tested = self.copy(expression);
            self.code.tested.push(tested);
        }
    }

    /// Notes what something is compared with.
    pub(super) fn compared(&mut self, expression: &Expression) {
        if matches!(expression.value, Value::Text(_) | Value::Binding(_) | Value::Member(..)) {
            let compared = self.copy(expression);
            self.code.compared.push(compared);
        }
    }

    /// Notes the names whose type a condition tests; returns how many were known before.
    pub(super) fn guard(&mut self, test: &Expr) -> usize {
        struct Asked<'a>(&'a mut Vec<Atom>);
        impl Visit for Asked<'_> {
            fn visit_unary_expr(&mut self, unary: &UnaryExpr) {
                match (&unary.op, &*unary.arg) {
                    (UnaryOp::TypeOf, Expr::Ident(name)) => self.0.push(name.sym.clone()),
                    _ => unary.visit_children_with(self),
                }
            }

            // `if (crypto.subtle)`, `typeof console.table === "function"`
            fn visit_member_expr(&mut self, access: &MemberExpr) {
                self.0.extend(path_of_global(access).map(Atom::from));
                access.visit_children_with(self);
            }
        }
        let before = self.guards.len();
        test.visit_with(&mut Asked(&mut self.guards));
        for name in &self.guards[before..] {
            *self.guarded.entry(name.clone()).or_default() += 1;
        }
        before
    }

    /// Forgets all guards except those that were known before.
    pub(super) fn unguard(&mut self, before: usize) {
        for name in self.guards.drain(before..) {
            if let Entry::Occupied(mut count) = self.guarded.entry(name) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// Whether a value is known to be true, or to be false, in a condition.
    pub(super) fn truth(&self, expression: &Expression) -> Option<bool> {
        match &self.constant_of(expression).value {
            Value::Boolean(value) => Some(*value),
            Value::Number(number) => Some(*number != 0.0 && !number.is_nan()),
            Value::Text(text) => Some(!text.is_empty()),
            Value::Null | Value::Undefined => Some(false),
            _ => None,
        }
    }

    /// The value of a `const` that has been declared already. One step is enough for hand-written code;
    /// more would have to detect circles.
    pub(super) fn constant_of<'e>(&'e self, expression: &'e Expression) -> &'e Expression {
        match &expression.value {
            Value::Binding(id) if self.constants.contains(id) => match &self.code[*id].origin {
                Origin::Value(value) => value,
                _ => expression,
            },
            _ => expression,
        }
    }
}
