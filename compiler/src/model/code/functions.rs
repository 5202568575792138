//! Functions, and what has them as members: object literals and classes.

use swc_core::ecma::ast::{
    ArrowExpr, ArrowFunctionBody, Class, ClassMember, Ident, MethodKind, ObjectLit,
    ParamOrTsParamProp, Pat, Prop, PropName, PropOrSpread, TsParamPropParam,
};
use swc_core::ecma::visit::VisitWith;
use zigts_rules::code::{
    BindingId, Expression, Function, FunctionId, Origin, Receiver, Step, Value,
};
use zigts_rules::span::Span;

use super::{Collector, Name};

impl Collector<'_> {
    pub(super) fn own_name(&self, name: &Ident) -> Name {
        Name {
            text: name.sym.to_string(),
            span: self.positions.of(name),
            docs: vec![self.statement],
            is_member: false,
        }
    }

    pub(super) fn property_name(&mut self, name: &PropName) -> Option<String> {
        match name {
            PropName::Ident(name) => Some(name.sym.to_string()),
            PropName::Str(text) => text.value.as_str().map(str::to_owned),
            PropName::Num(number) => Some(number.value.to_string()),
            PropName::Computed(computed) => match self.expression(&computed.expr).value {
                Value::Text(text) => Some(text),
                _ => None,
            },
            PropName::BigInt(_) => None,
        }
    }

    pub(super) fn object(&mut self, object: &ObjectLit) -> Value {
        let mut properties = Vec::new();
        let receiver = Receiver {
            span: self.positions.of(object),
            is_itself: true,
            written_in: self.function,
        };
        let around = self.members_of.replace(receiver);
        for property in &object.props {
            let property = match property {
                PropOrSpread::Spread(spread) => {
                    let from = self.expression(&spread.expr);
                    (None, Expression { span: from.span, value: Value::Spread(Box::new(from)) })
                }
                PropOrSpread::Prop(property) => self.property(property),
            };
            properties.push(property);
            self.members_of = Some(receiver);
        }
        self.members_of = around;
        Value::Object { properties, is_class: false }
    }

    pub(super) fn property(&mut self, property: &Prop) -> (Option<String>, Expression) {
        let span = self.positions.of(property);
        match property {
            Prop::Shorthand(name) => {
                (Some(name.sym.to_string()), Expression { span, value: self.name(name) })
            }
            Prop::KeyValue(pair) => {
                let key = self.property_name(&pair.key);
                let name = self.key_name(&pair.key, key.as_deref(), span.start);
                (key, self.named_expression(&pair.value, Some(name)))
            }
            Prop::Method(method) => {
                let key = self.property_name(&method.key);
                let name = self.key_name(&method.key, key.as_deref(), span.start);
                let value = self
                    .function(&method.function, span, Some(name))
                    .map_or(Value::Unknown, Value::Function);
                (key, Expression { span, value })
            }
            // Reading or writing such a property calls it; all code that has the object may do that.
            Prop::Getter(getter) => {
                self.getters.extend(static_name(&getter.key));
                (None, self.accessor(&getter.key, &getter.function, span))
            }
            Prop::Setter(setter) => (None, self.accessor(&setter.key, &setter.function, span)),
            Prop::Assign(assign) => (None, self.expression(&assign.value)),
        }
    }

    pub(super) fn accessor(
        &mut self,
        key: &PropName,
        function: &swc_core::ecma::ast::Function,
        span: Span,
    ) -> Expression {
        let text = self.property_name(key);
        let name = self.key_name(key, text.as_deref(), span.start);
        let id = self.function(function, span, Some(name));
        Expression { span, value: id.map_or(Value::Unknown, Value::Function) }
    }

    pub(super) fn key_name(&self, key: &PropName, name: Option<&str>, start: u32) -> Name {
        let text = name.unwrap_or_default().to_owned();
        Name { text, span: self.positions.of(key), docs: vec![start], is_member: true }
    }

    /// Walks what belongs to a new function.
    pub(super) fn enter(
        &mut self,
        name: Option<Name>,
        span: Span,
        receiver: Option<Receiver>,
        walk: impl FnOnce(&mut Self),
    ) -> FunctionId {
        let id = FunctionId(self.code.functions.len());
        let mut starts = vec![span.start];
        let (text, name_span, is_member) = match name {
            Some(name) => {
                starts.extend(name.docs);
                (name.text, name.span, name.is_member)
            }
            None => (String::new(), Span::new(span.module, span.start, span.start + 1), false),
        };
        let annotation =
            starts.into_iter().find_map(|start| self.docs.before(start)).or_else(|| {
                let (_, annotation) = self.signature.take_if(|(name, _)| *name == text)?;
                Some(annotation)
            });
        self.code.functions.push(Function {
            name: text,
            span: name_span,
            is_async: false,
            is_generator: false,
            parent: self.function,
            is_member,
            parameters: Vec::new(),
            receiver,
            steps: Vec::new(),
            returns: Vec::new(),
            turn_of: None,
            annotation,
        });
        let function = std::mem::replace(&mut self.function, id);
        let innermost_loop = self.innermost_loop.take();
        let is_in_switch = std::mem::replace(&mut self.is_in_switch, false);
        let labels = std::mem::take(&mut self.labels);
        let receiver = std::mem::replace(&mut self.receiver, receiver);
        let members_of = self.members_of.take();
        let statement = self.statement;
        walk(self);
        (self.function, self.innermost_loop, self.statement) =
            (function, innermost_loop, statement);
        (self.is_in_switch, self.labels) = (is_in_switch, labels);
        (self.receiver, self.members_of) = (receiver, members_of);
        id
    }

    /// A function with a body; one without is a signature and gone at run time.
    pub(super) fn function(
        &mut self,
        function: &swc_core::ecma::ast::Function,
        span: Span,
        name: Option<Name>,
    ) -> Option<FunctionId> {
        let body = function.body.as_ref()?;
        let receiver = self.members_of.filter(|_| name.as_ref().is_some_and(|name| name.is_member));
        let id = self.enter(name, span, receiver, |this| {
            for parameter in &function.params {
                this.parameter(&parameter.pat);
            }
            body.visit_with(this);
        });
        let added = &mut self.code.functions[id.0];
        (added.is_async, added.is_generator) = (function.is_async, function.is_generator);
        Some(id)
    }

    pub(super) fn arrow(
        &mut self,
        arrow: &ArrowExpr,
        span: Span,
        name: Option<Name>,
    ) -> FunctionId {
        let id = self.enter(name, span, self.receiver, |this| {
            for parameter in &arrow.params {
                this.parameter(parameter);
            }
            match &*arrow.body {
                ArrowFunctionBody::FunctionBody(body) => body.visit_with(this),
                ArrowFunctionBody::Expr(body) => {
                    let value = this.expression(body);
                    let function = this.function;
                    this.code.functions[function.0].returns.push(value);
                    this.step(Step::Exit);
                }
            }
        });
        self.code.functions[id.0].is_async = arrow.is_async;
        id
    }

    /// `constructor(private rooms = new Map())`
    fn parameter_property(&self, name: &Ident, id: BindingId) -> (Option<String>, Expression) {
        let span = self.positions.of(name);
        (Some(name.sym.to_string()), Expression { span, value: Value::Binding(id) })
    }

    pub(super) fn class(&mut self, class: &Class) -> Value {
        let mut properties = Vec::new();
        if let Some(parent) = &class.super_class {
            properties.push((None, self.expression(parent)));
        }
        for member in &class.body {
            if let ClassMember::ClassProp(field) = member
                && let PropName::Ident(name) = &field.key
            {
                self.own_property(&name.sym, field.type_ann.as_deref());
            }
        }
        let span = self.positions.of(class);
        let written_in = self.function;
        let receiver = |is_itself| Some(Receiver { span, is_itself, written_in });
        let around = self.members_of.take();
        let constructor = class.body.iter().find_map(|member| match member {
            ClassMember::Constructor(constructor) => Some(constructor),
            _ => None,
        });
        let is_instance = |member: &&ClassMember| {
            matches!(member, ClassMember::ClassProp(property) if !property.is_static)
                || matches!(member, ClassMember::PrivateProp(property) if !property.is_static)
        };
        let name_span = constructor.map_or(span, |it| self.positions.of(&it.key));
        let name = Name {
            text: "constructor".to_owned(),
            span: name_span,
            docs: vec![name_span.start],
            is_member: false,
        };
        // Initial values of an instance's fields are computed when one is made.
        let id = self.enter(Some(name), name_span, receiver(false), |this| {
            for field in class.body.iter().filter(is_instance) {
                match field {
                    ClassMember::ClassProp(field) => {
                        if let Some(value) = &field.value {
                            let key = this.property_name(&field.key);
                            let start = this.positions.of(field).start;
                            let name = this.key_name(&field.key, key.as_deref(), start);
                            properties.push((key, this.named_expression(value, Some(name))));
                        }
                    }
                    ClassMember::PrivateProp(field) => {
                        if let Some(value) = &field.value {
                            let key = format!("#{}", field.key.name);
                            properties.push((Some(key), this.expression(value)));
                        }
                    }
                    _ => {}
                }
            }
            let Some(constructor) = constructor else { return };
            for parameter in &constructor.params {
                match parameter {
                    ParamOrTsParamProp::Param(parameter) => this.parameter(&parameter.pat),
                    ParamOrTsParamProp::TsParamProp(property) => match &property.param {
                        TsParamPropParam::Ident(name) => {
                            this.own_property(&name.id.sym, name.type_ann.as_deref());
                            let id = this.declare(&name.id, Origin::Unknown);
                            let ty = name.type_ann.as_ref().and_then(|ty| this.declared_type(ty));
                            this.code.bindings[id.0].declared_type = ty;
                            properties.push(this.parameter_property(&name.id, id));
                        }
                        TsParamPropParam::Assign(assign) => {
                            this.parameter(&Pat::Assign(assign.clone()));
                            if let Pat::Ident(name) = &*assign.left {
                                let id = this.binding(&name.id);
                                properties.push(this.parameter_property(&name.id, id));
                            }
                        }
                    },
                }
            }
            constructor.body.visit_with(this);
        });
        let constructor = Expression { span: name_span, value: Value::Function(id) };
        properties.push((Some("constructor".to_owned()), constructor));
        for member in class.body.iter().filter(|member| !is_instance(member)) {
            let span = self.positions.of(member);
            self.members_of = receiver(is_static(member));
            let this = std::mem::replace(&mut self.receiver, receiver(true));
            match member {
                ClassMember::Method(method) => {
                    if method.kind == MethodKind::Getter {
                        self.getters.extend(static_name(&method.key));
                    }
                    let key = self.property_name(&method.key);
                    let name = self.key_name(&method.key, key.as_deref(), span.start);
                    if let Some(id) = self.function(&method.function, span, Some(name)) {
                        properties.push((key, Expression { span, value: Value::Function(id) }));
                    }
                }
                ClassMember::PrivateMethod(method) => {
                    let key = format!("#{}", method.key.name);
                    if method.kind == MethodKind::Getter {
                        self.getters.insert(key.clone());
                    }
                    let name_span = self.positions.of(&method.key);
                    let name = Name {
                        text: key.clone(),
                        span: name_span,
                        docs: vec![span.start],
                        is_member: true,
                    };
                    if let Some(id) = self.function(&method.function, span, Some(name)) {
                        let value = Expression { span, value: Value::Function(id) };
                        properties.push((Some(key), value));
                    }
                }
                ClassMember::ClassProp(field) => {
                    let key = self.property_name(&field.key);
                    if let Some(value) = &field.value {
                        let name = self.key_name(&field.key, key.as_deref(), span.start);
                        properties.push((key, self.named_expression(value, Some(name))));
                    }
                }
                other => {
                    if !matches!(other, ClassMember::Constructor(_)) {
                        other.visit_children_with(self);
                    }
                }
            }
            self.receiver = this;
        }
        self.members_of = around;
        Value::Object { properties, is_class: true }
    }
}

fn is_static(member: &ClassMember) -> bool {
    match member {
        ClassMember::Method(method) => method.is_static,
        ClassMember::PrivateMethod(method) => method.is_static,
        // Fields of instances are computed in the constructor.
        _ => true,
    }
}

fn static_name(key: &PropName) -> Option<String> {
    match key {
        PropName::Ident(name) => Some(name.sym.to_string()),
        _ => None,
    }
}
