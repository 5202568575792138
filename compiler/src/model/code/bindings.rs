//! Names: where they are declared, what is assigned to them and added to them.

use swc_core::ecma::ast::{Expr, Ident, ObjectPatProp, Pat};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::code::{
    Binding, BindingId, Expression, MemberKind, Origin, Parameter, Step, Value, Write, WriteKind,
};
use zigts_rules::span::Span;

use super::Collector;
use super::members::Taken;
use super::steps::is_followed;

impl Collector<'_> {
    pub(super) fn binding(&mut self, name: &Ident) -> BindingId {
        let next = BindingId(self.code.bindings.len());
        let id = *self.by_id.entry(name.to_id()).or_insert(next);
        if id == next {
            self.code.bindings.push(Binding {
                name: name.sym.to_string(),
                span: self.positions.of(name),
                scope: self.function,
                origin: Origin::Unknown,
                uses: 0,
                inflow: Vec::new(),
                is_constant: true,
                declared_type: None,
            });
        }
        id
    }

    pub(super) fn declare(&mut self, name: &Ident, origin: Origin) -> BindingId {
        let id = self.binding(name);
        let (span, scope) = (self.positions.of(name), self.function);
        let binding = &mut self.code.bindings[id.0];
        (binding.span, binding.scope) = (span, scope);
        match (&binding.origin, origin) {
            (Origin::Unknown, origin) => binding.origin = origin,
            // A second `var` or `function` of one name.
            (_, Origin::Value(value)) => {
                binding.inflow.push(value);
                self.reassigned.insert(id);
            }
            _ => {}
        }
        id
    }

    /// Declares the names of a pattern that is given a value.
    pub(super) fn declare_pattern(
        &mut self,
        pattern: &Pat,
        value: Option<Expression>,
        is_const: bool,
    ) {
        match pattern {
            Pat::Ident(name) => {
                let id = self.declare(&name.id, value.map_or(Origin::Unknown, Origin::Value));
                let declared_type = name.type_ann.as_ref().and_then(|ty| self.declared_type(ty));
                self.code.bindings[id.0].declared_type = declared_type;
                if is_const {
                    self.constants.insert(id);
                }
            }
            Pat::Object(object) => {
                for property in &object.props {
                    match property {
                        ObjectPatProp::KeyValue(pair) => {
                            let key = self.property_name(&pair.key);
                            let span = self.positions.of(&pair.key);
                            let part = value.as_ref().map(|value| self.member_of(value, key, span));
                            self.declare_pattern(&pair.value, part, is_const);
                        }
                        ObjectPatProp::Assign(short) => {
                            let span = self.positions.of(&short.key);
                            let part = value.as_ref().map(|value| {
                                let name = short.key.sym.to_string();
                                self.member_of(value, Some(name), span)
                            });
                            let default = short.value.as_ref().map(|it| self.expression(it));
                            self.declare_with_default(&short.key.id, part, default);
                        }
                        ObjectPatProp::Rest(rest) => {
                            self.declare_pattern(&rest.arg, None, is_const);
                        }
                    }
                }
            }
            Pat::Array(array) => {
                for element in array.elems.iter().flatten() {
                    let part = match element {
                        Pat::Rest(_) => None,
                        _ => value.as_ref().map(|value| self.member_of(value, None, value.span)),
                    };
                    self.declare_pattern(element, part, is_const);
                }
            }
            Pat::Rest(rest) => self.declare_pattern(&rest.arg, None, is_const),
            Pat::Assign(assign) => {
                let default = self.expression(&assign.right);
                match &*assign.left {
                    Pat::Ident(name) => self.declare_with_default(&name.id, value, Some(default)),
                    pattern => self.declare_pattern(pattern, None, is_const),
                }
            }
            Pat::Expr(expression) => {
                self.expression(expression);
            }
            Pat::Invalid(_) => {}
        }
    }

    /// Declares a name that is given a value, or else a default.
    fn declare_with_default(
        &mut self,
        name: &Ident,
        value: Option<Expression>,
        default: Option<Expression>,
    ) {
        match (value, default) {
            (Some(value), Some(default)) => {
                let span = value.span;
                let value = Value::OneOf(vec![value, default]);
                self.declare(name, Origin::Value(Expression { span, value }));
            }
            (Some(value), None) => {
                self.declare(name, Origin::Value(value));
            }
            // What a caller passes is not known.
            (None, default) => {
                let id = self.declare(name, Origin::Unknown);
                self.code.bindings[id.0].inflow.extend(default);
            }
        }
    }

    /// Notes a write; `None` if it is one that is not kept: of anything but a name, `this` or what a call
    /// returns, or a part of its value.
    pub(super) fn write(&mut self, target: Expression, kind: WriteKind) -> Option<&mut Write> {
        if !is_followed(&target) && !matches!(target.root().value, Value::Call(_)) {
            return None;
        }
        self.step(Step::Write(self.code.writes.len()));
        let (span, function) = (target.span, self.function);
        self.code.writes.push(Write {
            span,
            function,
            target,
            kind,
            key: None,
            value: None,
            replaces: false,
            call: None,
        });
        self.code.writes.last_mut()
    }

    pub(super) fn flow_into(&mut self, target: &Expression, value: &Expression) {
        if let Value::Binding(id) = target.root().value {
            let value = self.copy(value);
            self.code.bindings[id.0].inflow.push(value);
        }
    }

    /// Notes that a target is assigned a value, so that its binding no longer has only one.
    pub(super) fn assigned(&mut self, target: &Expression, value: Option<&Expression>) {
        match &target.value {
            Value::Binding(id) => {
                self.reassigned.insert(*id);
            }
            Value::Member(_, Some(name)) => {
                self.code.assigned_members.insert(name.clone());
            }
            _ => {}
        }
        if let Some(value) = value {
            self.flow_into(target, value);
        }
    }

    /// `[a, b.c] = …`
    pub(super) fn assign_pattern(&mut self, pattern: &Pat) {
        let names: Vec<Ident> = find_pat_ids(pattern);
        for name in names {
            let at = self.next_step();
            let target = Expression { span: self.positions.of(&name), value: self.name(&name) };
            self.unread(at, &target);
            self.assigned(&target, None);
            if let Some(write) = self.write(target, WriteKind::Assign) {
                write.replaces = true;
            }
        }
        struct Targets<'a, 'b>(&'a mut Collector<'b>);
        impl Visit for Targets<'_, '_> {
            fn visit_pat(&mut self, pattern: &Pat) {
                match pattern {
                    Pat::Expr(expression) => {
                        let at = self.0.next_step();
                        let target = self.0.expression(expression);
                        self.0.unread(at, &target);
                        self.0.assigned(&target, None);
                        if let Some(write) = self.0.write(target, WriteKind::Assign) {
                            write.replaces = true;
                        }
                    }
                    other => other.visit_children_with(self),
                }
            }
            fn visit_expr(&mut self, default: &Expr) {
                self.0.expression(default);
            }
        }
        pattern.visit_with(&mut Targets(self));
    }

    pub(super) fn member_of(
        &mut self,
        object: &Expression,
        name: Option<String>,
        span: Span,
    ) -> Expression {
        let copy = self.copy(object);
        if let Some(name) = &name {
            self.taken(Taken {
                span,
                object: &copy,
                object_span: object.span,
                name,
                kind: MemberKind::Destructured,
                is_optional: false,
            });
        }
        Expression { span: object.span, value: Value::Member(Box::new(copy), name) }
    }

    pub(super) fn parameter(&mut self, pattern: &Pat) {
        let name = match pattern {
            Pat::Ident(name) => Some(&name.id),
            Pat::Assign(assign) => assign.left.as_ident().map(|name| &name.id),
            _ => None,
        };
        let is_required = match pattern {
            Pat::Rest(_) | Pat::Assign(_) => false,
            Pat::Ident(name) => !name.id.optional,
            _ => true,
        };
        self.declare_pattern(pattern, None, false);
        // `this` is a parameter only in TypeScript.
        if name.is_some_and(|name| name.sym == *"this") {
            return;
        }
        let mut span = name.map_or_else(|| self.positions.of(pattern), |it| self.positions.of(it));
        if let Some(name) = name {
            // The parser counts the type of an arrow function's parameter to its name.
            span.end = span.end.min(span.start + name.sym.len() as u32);
        }
        let parameter = Parameter {
            span,
            binding: name.map(|name| self.binding(name)),
            is_required,
            is_rest: pattern.is_rest(),
        };
        let function = self.function;
        self.code.functions[function.0].parameters.push(parameter);
    }
}
