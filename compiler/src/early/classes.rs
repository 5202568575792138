//! Private names and the names of class members (15.7.1).

use std::collections::HashMap;

use swc_core::atoms::Atom;
use swc_core::ecma::ast::{
    BinExpr, BinaryOp, Class, ClassDecl, ClassMember, Expr, Function, Key, MemberExpr, MemberProp,
    MethodKind, OptChainBase, PrivateName, Program, PropName, UnaryExpr, UnaryOp,
};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::errors::{Errors, bare};

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    program.visit_with(&mut Finder { errors, classes: Vec::new() });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
    /// The private names of each class around.
    classes: Vec<HashMap<Atom, Private>>,
}

/// What has a private name. A getter and a setter may share one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Private {
    Getter { is_static: bool },
    Setter { is_static: bool },
    Whole,
}

impl Private {
    fn of(member: &ClassMember) -> Option<(&PrivateName, Private)> {
        match member {
            ClassMember::PrivateMethod(method) => {
                let is_static = method.is_static;
                let is_signature = method.function.body.is_none();
                let kind = match method.kind {
                    MethodKind::Getter => Private::Getter { is_static },
                    MethodKind::Setter => Private::Setter { is_static },
                    MethodKind::Method => Private::Whole,
                };
                (!is_signature).then_some((&method.key, kind))
            }
            ClassMember::PrivateProp(property) => Some((&property.key, Private::Whole)),
            ClassMember::AutoAccessor(accessor) => match &accessor.key {
                Key::Private(name) => Some((name, Private::Whole)),
                Key::Public(_) => None,
            },
            _ => None,
        }
    }

    fn completes(self, other: Private) -> bool {
        match (self, other) {
            (Private::Getter { is_static: a }, Private::Setter { is_static: b })
            | (Private::Setter { is_static: a }, Private::Getter { is_static: b }) => a == b,
            _ => false,
        }
    }
}

impl Finder<'_, '_> {
    fn declare(&mut self, class: &Class) {
        let mut names = HashMap::new();
        for (name, kind) in class.body.iter().filter_map(Private::of) {
            if name.name == "constructor" {
                self.errors.report(name, "no member can be called `#constructor`");
            }
            let kind = match names.get(&name.name) {
                Some(&other) if kind.completes(other) => Private::Whole,
                Some(_) => {
                    self.errors.report(name, format!("`#{}` is declared twice", name.name));
                    Private::Whole
                }
                None => kind,
            };
            names.insert(name.name.clone(), kind);
        }
        self.classes.push(names);
    }

    fn used(&mut self, name: &PrivateName) {
        if !self.classes.iter().any(|names| names.contains_key(&name.name)) {
            let message = format!("`#{}` is declared in no class around", name.name);
            self.errors.report(name, message);
        }
    }

    fn member(&mut self, member: &ClassMember) {
        let name = match member {
            ClassMember::Method(method) => {
                let Function { is_async, is_generator, .. } = *method.function;
                let is_plain = method.kind == MethodKind::Method && !is_async && !is_generator;
                match name_of(&method.key) {
                    Some("constructor") if !method.is_static && !is_plain => Some(&method.key),
                    Some("prototype") if method.is_static => Some(&method.key),
                    _ => None,
                }
            }
            ClassMember::ClassProp(property) if !property.declare && !property.is_abstract => {
                field(&property.key, property.is_static)
            }
            ClassMember::AutoAccessor(accessor) if !accessor.is_abstract => match &accessor.key {
                Key::Public(key) => field(key, accessor.is_static),
                Key::Private(_) => None,
            },
            _ => None,
        };
        if let Some(name) = name {
            let text = name_of(name).unwrap_or_default();
            self.errors.report(name, format!("this member cannot be called `{text}`"));
        }
    }
}

/// The key of a field that may not be called so.
fn field(key: &PropName, is_static: bool) -> Option<&PropName> {
    let name = name_of(key)?;
    (name == "constructor" || name == "prototype" && is_static).then_some(key)
}

fn name_of(key: &PropName) -> Option<&str> {
    match key {
        PropName::Ident(name) => Some(&name.sym),
        PropName::Str(name) => name.value.as_str(),
        _ => None,
    }
}

/// Whether an expression ends in a private member.
fn is_private_member(expression: &Expr) -> bool {
    let is_private = |member: &MemberExpr| matches!(member.prop, MemberProp::PrivateName(_));
    match bare(expression) {
        Expr::Member(member) => is_private(member),
        Expr::OptChain(chain) => match &*chain.base {
            OptChainBase::Member(member) => is_private(member),
            OptChainBase::Call(_) => false,
        },
        _ => false,
    }
}

impl Visit for Finder<'_, '_> {
    fn visit_class_decl(&mut self, declaration: &ClassDecl) {
        if !declaration.declare {
            declaration.class.visit_with(self);
        }
    }

    fn visit_class(&mut self, class: &Class) {
        class.decorators.visit_with(self);
        class.super_class.visit_with(self);
        self.declare(class);
        for member in &class.body {
            self.member(member);
            member.visit_with(self);
        }
        self.classes.pop();
    }

    fn visit_class_member(&mut self, member: &ClassMember) {
        // The name of the member itself is not a use.
        match member {
            ClassMember::PrivateMethod(method) => method.function.visit_with(self),
            ClassMember::PrivateProp(property) => {
                property.decorators.visit_with(self);
                property.value.visit_with(self);
            }
            ClassMember::AutoAccessor(accessor) => {
                accessor.decorators.visit_with(self);
                if let Key::Public(key) = &accessor.key {
                    key.visit_with(self);
                }
                accessor.value.visit_with(self);
            }
            member => member.visit_children_with(self),
        }
    }

    fn visit_bin_expr(&mut self, expression: &BinExpr) {
        match (&*expression.left, expression.op) {
            (Expr::PrivateName(name), BinaryOp::In) => self.used(name),
            (left, _) => left.visit_with(self),
        }
        expression.right.visit_with(self);
    }

    fn visit_expr(&mut self, expression: &Expr) {
        if let Expr::PrivateName(name) = expression {
            let message = format!("`#{}` stands alone: only `#{} in …` does", name.name, name.name);
            self.errors.report(name, message);
            return;
        }
        expression.visit_children_with(self);
    }

    fn visit_private_name(&mut self, name: &PrivateName) {
        self.used(name);
    }

    fn visit_unary_expr(&mut self, expression: &UnaryExpr) {
        if expression.op == UnaryOp::Delete {
            if is_private_member(&expression.arg) {
                self.errors.report(expression, "a private member cannot be deleted");
            } else if let Expr::Ident(name) = bare(&expression.arg) {
                let message = format!("`{}` is a variable, which cannot be deleted", name.sym);
                self.errors.report(expression, message);
            }
        }
        expression.visit_children_with(self);
    }
}
