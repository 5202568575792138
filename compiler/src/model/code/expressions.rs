//! Expressions, each visited once: constants, names, operators and assignments.

use swc_core::ecma::ast::{
    AssignExpr, AssignOp, AssignTarget, BinExpr, BinaryOp, Expr, ExprOrSpread, Ident, Invalid, Lit,
    OptChainBase, SimpleAssignTarget, Tpl, UnaryExpr, UnaryOp, UpdateExpr,
};
use swc_core::ecma::visit::VisitWith;
use zigts_rules::code::{Expression, MemberKind, Origin, Step, Value, WriteKind};
use zigts_rules::import::Reference;

use super::{Collector, Name, steps};

/// Most bytes of text that are concatenated. Each of 30 lines could double the one before.
const MAX_JOINED_BYTES: usize = 4 * 1024;

impl Collector<'_> {
    pub(super) fn name(&mut self, name: &Ident) -> Value {
        if name.ctxt == self.undeclared && self.imports.of_local(&name.to_id()).is_none() {
            if name.sym == *"undefined" {
                return Value::Undefined;
            }
            let text = name.sym.to_string();
            if !self.guarded.contains_key(&name.sym) {
                let span = self.positions.of(name);
                self.code.needed_globals.push(Reference { name: text.clone(), span });
            }
            if text == "globalThis" {
                self.reads_name(name, Value::Global(text.clone()));
            }
            return Value::Global(text);
        }
        let id = self.binding(name);
        self.code.bindings[id.0].uses += 1;
        self.reads_name(name, Value::Binding(id));
        Value::Binding(id)
    }

    fn reads_name(&mut self, name: &Ident, value: Value) {
        let span = self.positions.of(name);
        self.step(Step::Read(Expression { span, value }));
    }

    pub(super) fn expression(&mut self, expression: &Expr) -> Expression {
        self.named_expression(expression, None)
    }

    /// An expression that, if it is a function, is named after what it is assigned to.
    pub(super) fn named_expression(&mut self, expression: &Expr, name: Option<Name>) -> Expression {
        let span = self.positions.of(expression);
        let value = match expression {
            Expr::Paren(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsAs(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsConstAssertion(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsSatisfies(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsTypeAssertion(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsNonNull(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsInstantiation(inner) => return self.named_expression(&inner.expr, name),
            // A promise counts as the value it resolves to.
            Expr::Await(inner) => {
                let promise = self.expression(&inner.arg);
                if matches!(
                    promise.value,
                    Value::Call(_) | Value::Binding(_) | Value::Member(..) | Value::OneOf(_)
                ) {
                    let awaited = self.copy(&promise);
                    self.step(Step::Await(awaited));
                }
                return promise;
            }
            Expr::Lit(literal) => constant(literal),
            Expr::Tpl(template) => self.template(template),
            Expr::Ident(name) => self.name(name),
            Expr::This(_) => {
                self.step(Step::Read(Expression { span, value: Value::This }));
                Value::This
            }
            Expr::Array(array) => {
                let items = array.elems.iter().map(|item| match item {
                    Some(ExprOrSpread { spread: None, expr }) => self.expression(expr),
                    Some(ExprOrSpread { spread: Some(_), expr }) => {
                        let items = self.expression(expr);
                        Expression { span: items.span, value: Value::Spread(Box::new(items)) }
                    }
                    None => Expression { span, value: Value::Undefined },
                });
                Value::Array(items.collect())
            }
            Expr::Object(object) => self.object(object),
            Expr::Fn(function) => {
                let own = function.ident.as_ref().map(|ident| self.own_name(ident));
                let name = own.or(name);
                if let Some(ident) = &function.ident {
                    self.declare(ident, Origin::Unknown);
                }
                match self.function(&function.function, span, name) {
                    Some(id) => Value::Function(id),
                    None => Value::Unknown,
                }
            }
            Expr::Arrow(arrow) => Value::Function(self.arrow(arrow, span, name)),
            Expr::Class(class) => {
                if let Some(ident) = &class.ident {
                    self.declare(ident, Origin::Unknown);
                }
                self.class(&class.class)
            }
            Expr::Unary(unary) => self.unary(unary),
            Expr::Update(update) => self.update(update),
            Expr::Bin(binary) => match binary.op {
                BinaryOp::LogicalAnd | BinaryOp::LogicalOr | BinaryOp::NullishCoalescing => {
                    self.logical(binary)
                }
                _ => self.binary(binary),
            },
            Expr::Assign(assign) => self.assign(assign),
            Expr::Member(access) => self.member(access, false),
            Expr::Cond(condition) => self.condition(condition),
            Expr::Call(call) => self.call_expression(call),
            Expr::New(new) => self.new_expression(new),
            Expr::OptChain(chain) => match &*chain.base {
                OptChainBase::Member(access) => self.member(access, chain.optional),
                OptChainBase::Call(call) => {
                    let value = self.call(&call.callee, &call.args, false);
                    if let (Value::Call(id), true) = (&value, chain.optional) {
                        self.is_only_read(*id);
                    }
                    value
                }
            },
            Expr::Seq(sequence) => {
                let last = sequence.exprs.iter().map(|part| self.expression(part)).last();
                return last.unwrap_or(Expression::unknown(span));
            }
            Expr::TaggedTpl(tagged) => {
                let strings = Box::new(Expr::Invalid(Invalid { span: tagged.tpl.span }));
                let parts = tagged.tpl.exprs.iter().cloned();
                let arguments: Vec<_> = std::iter::once(strings)
                    .chain(parts)
                    .map(|expr| ExprOrSpread { spread: None, expr })
                    .collect();
                self.call(&tagged.tag, &arguments, false)
            }
            other => {
                other.visit_children_with(self);
                Value::Unknown
            }
        };
        Expression { span, value }
    }

    pub(super) fn template(&mut self, template: &Tpl) -> Value {
        let texts = template.quasis.iter().map(|text| {
            let value = match text.cooked.as_ref().and_then(|text| text.as_str()) {
                Some(text) => Value::Text(text.to_owned()),
                None => Value::SomeText,
            };
            Expression { span: self.positions.of(text), value }
        });
        let mut texts = texts.collect::<Vec<_>>().into_iter();
        // Text and expressions take turns, and the first and the last are text.
        let mut parts: Vec<_> = texts.next().into_iter().collect();
        for part in &template.exprs {
            parts.push(self.expression(part));
            parts.extend(texts.next());
        }
        match parts.pop() {
            Some(only) if parts.is_empty() => only.value,
            last => {
                parts.extend(last);
                Value::Joined(parts)
            }
        }
    }

    pub(super) fn unary(&mut self, unary: &UnaryExpr) -> Value {
        match unary.op {
            // Testing the type of a name is allowed whether it exists or not.
            UnaryOp::TypeOf => {
                if !matches!(&*unary.arg, Expr::Ident(name) if name.ctxt == self.undeclared) {
                    self.expression(&unary.arg);
                }
                Value::SomeText
            }
            UnaryOp::Delete => {
                let at = self.next_step();
                let target = self.expression(&unary.arg);
                self.is_now(target.span, MemberKind::Written);
                self.unread(at, &target);
                self.write(target, WriteKind::Delete);
                Value::Unknown
            }
            UnaryOp::Void => {
                let result = self.expression(&unary.arg);
                self.dropped(&unary.arg, result);
                Value::Undefined
            }
            UnaryOp::Minus => match self.expression(&unary.arg).value {
                Value::Number(number) => Value::Number(-number),
                Value::Global(name) if name == "Infinity" => Value::Number(f64::NEG_INFINITY),
                _ => Value::Unknown,
            },
            UnaryOp::Bang => {
                let argument = self.expression(&unary.arg);
                self.tested(&argument);
                self.truth(&argument).map_or(Value::SomeBoolean, |is_true| Value::Boolean(!is_true))
            }
            _ => {
                self.expression(&unary.arg);
                Value::Unknown
            }
        }
    }

    pub(super) fn update(&mut self, update: &UpdateExpr) -> Value {
        let target = self.expression(&update.arg);
        self.is_now(target.span, MemberKind::Written);
        self.assigned(&target, None);
        self.write(target, WriteKind::Assign);
        Value::Unknown
    }

    pub(super) fn binary(&mut self, binary: &BinExpr) -> Value {
        let left = self.expression(&binary.left);
        let at = self.next_step();
        let right = self.expression(&binary.right);
        if binary.op == BinaryOp::In && steps::is_followed(&right) {
            self.read_member(at, right.span, None);
        }
        match binary.op {
            BinaryOp::Add => {}
            BinaryOp::EqEq | BinaryOp::NotEq | BinaryOp::EqEqEq | BinaryOp::NotEqEq => {
                self.compared(&left);
                self.compared(&right);
                return Value::SomeBoolean;
            }
            BinaryOp::Lt
            | BinaryOp::LtEq
            | BinaryOp::Gt
            | BinaryOp::GtEq
            | BinaryOp::In
            | BinaryOp::InstanceOf => return Value::SomeBoolean,
            _ => return Value::Unknown,
        }
        match (&self.constant_of(&left).value, &self.constant_of(&right).value) {
            (Value::Text(left), Value::Text(right))
                if left.len() + right.len() <= MAX_JOINED_BYTES =>
            {
                Value::Text(format!("{left}{right}"))
            }
            _ => joined(left, right),
        }
    }

    pub(super) fn assign(&mut self, assign: &AssignExpr) -> Value {
        let at = self.next_step();
        self.computed_key = None;
        let target = match &assign.left {
            AssignTarget::Simple(simple) => match simple {
                SimpleAssignTarget::Ident(name) => Some(Expression {
                    span: self.positions.of(&name.id),
                    value: self.name(&name.id),
                }),
                SimpleAssignTarget::Member(access) => {
                    let span = self.positions.of(access);
                    let value = self.member(access, false);
                    self.is_now(span, MemberKind::Written);
                    Some(Expression { span, value })
                }
                SimpleAssignTarget::Paren(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsAs(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsSatisfies(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsNonNull(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsTypeAssertion(inner) => Some(self.expression(&inner.expr)),
                other => {
                    other.visit_children_with(self);
                    None
                }
            },
            AssignTarget::Pat(_) => None,
        };
        let name = match &target {
            Some(Expression { span, value: Value::Binding(id) }) => Some(Name {
                text: self.code[*id].name.clone(),
                span: *span,
                docs: vec![self.statement],
                is_member: false,
            }),
            _ => None,
        };
        let key = self.computed_key.take();
        let is_perhaps =
            matches!(assign.op, AssignOp::AndAssign | AssignOp::OrAssign | AssignOp::NullishAssign);
        if let Some(target) = target.as_ref().filter(|_| assign.op == AssignOp::Assign) {
            self.unread(at, target);
        }
        if is_perhaps {
            self.step(Step::Branch);
        }
        let value = self.named_expression(&assign.right, name);
        // What is taken apart is computed before.
        if let AssignTarget::Pat(pattern) = &assign.left {
            self.assign_pattern(&pattern.clone().into());
        }
        let before = target.as_ref().filter(|_| is_perhaps).map(|target| self.copy(target));
        if let Some(target) = target {
            self.assigned(&target, Some(&value));
            let assigned = self.copy(&value);
            if let Some(write) = self.write(target, WriteKind::Assign) {
                (write.key, write.value) = (key, Some(assigned));
                write.replaces = assign.op == AssignOp::Assign || is_perhaps;
            }
        }
        if is_perhaps {
            self.step(Step::Or);
            self.step(Step::Join);
        }
        match before {
            Some(before) => Value::OneOf(vec![before, value]),
            None if assign.op == AssignOp::Assign => value.value,
            None => Value::Unknown,
        }
    }
}

/// `left + right`, unless that is certainly no string.
fn joined(left: Expression, right: Expression) -> Value {
    let may_be_text = |it: &Expression| {
        use Value::{Binding, Call, Joined, Member, OneOf, SomeText, Text};
        matches!(
            it.value,
            Text(_) | SomeText | Joined(_) | Binding(_) | Member(..) | OneOf(_) | Call(_)
        )
    };
    if !may_be_text(&left) && !may_be_text(&right) {
        return Value::Unknown;
    }
    let mut parts = match left.value {
        // `a + b + c` is as long as it is written, and no deeper.
        Value::Joined(parts) => parts,
        value => vec![Expression { span: left.span, value }],
    };
    parts.push(right);
    Value::Joined(parts)
}

fn constant(literal: &Lit) -> Value {
    match literal {
        Lit::Str(text) => {
            text.value.as_str().map_or(Value::SomeText, |text| Value::Text(text.to_owned()))
        }
        Lit::Num(number) => Value::Number(number.value),
        Lit::Bool(boolean) => Value::Boolean(boolean.value),
        Lit::Null(_) => Value::Null,
        Lit::BigInt(_) => Value::BigInt,
        Lit::Regex(_) => Value::RegExp,
        _ => Value::Unknown,
    }
}
