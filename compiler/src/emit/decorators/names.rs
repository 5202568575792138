//! Gives decorated classes without a name the name they would get from where they stand.
//!
//! `const Room = @dec class {}` makes a class called `Room`. The pass that applies decorators puts other
//! code around the class, after which the engine would not name it.

use swc_core::common::DUMMY_SP;
use swc_core::common::util::take::Take;
use swc_core::ecma::ast::{
    AssignExpr, AssignPat, ClassProp, Expr, Ident, KeyValueProp, Pat, Program, PropName,
    VarDeclarator,
};
use swc_core::ecma::utils::private_ident;
use swc_core::ecma::visit::{VisitMut, VisitMutWith};

use super::any::has_decorators;

pub(super) fn give(program: &mut Program) {
    program.visit_mut_with(&mut Names);
}

struct Names;

/// Calls a value by a name, if it is a class with decorators and without a name.
fn name(value: &mut Box<Expr>, name: impl FnOnce() -> Option<Ident>) {
    match &mut **value {
        Expr::Paren(inside) if is_unnamed(&inside.expr) => *value = inside.expr.take(),
        _ => {}
    }
    if is_unnamed(value)
        && let Expr::Class(class) = &mut **value
        && let Some(name) = name()
    {
        class.ident = Some(name);
    }
}

fn is_unnamed(value: &Expr) -> bool {
    let Expr::Class(class) = value else { return false };
    class.ident.is_none() && has_decorators(&*class.class)
}

fn of_key(key: &PropName) -> Option<Ident> {
    let name = match key {
        PropName::Ident(name) => &name.sym,
        PropName::Str(name) => name.value.as_atom()?,
        _ => return None,
    };
    let is_word = Ident::verify_symbol(name).is_ok() && name != "__proto__";
    is_word.then(|| private_ident!(DUMMY_SP, name.clone()))
}

impl VisitMut for Names {
    // The variable and the class's own name mean the same class from inside of it.
    fn visit_mut_var_declarator(&mut self, variable: &mut VarDeclarator) {
        if let (Pat::Ident(variable), Some(value)) = (&variable.name, &mut variable.init) {
            name(value, || Some(variable.id.clone()));
        }
        variable.visit_mut_children_with(self);
    }

    fn visit_mut_assign_expr(&mut self, assign: &mut AssignExpr) {
        if let Some(variable) = assign.left.as_ident() {
            let variable = private_ident!(DUMMY_SP, variable.sym.clone());
            name(&mut assign.right, || Some(variable));
        }
        assign.visit_mut_children_with(self);
    }

    fn visit_mut_assign_pat(&mut self, pattern: &mut AssignPat) {
        if let Pat::Ident(variable) = &*pattern.left {
            name(&mut pattern.right, || Some(private_ident!(DUMMY_SP, variable.sym.clone())));
        }
        pattern.visit_mut_children_with(self);
    }

    fn visit_mut_key_value_prop(&mut self, property: &mut KeyValueProp) {
        name(&mut property.value, || of_key(&property.key));
        property.visit_mut_children_with(self);
    }

    fn visit_mut_class_prop(&mut self, property: &mut ClassProp) {
        if let Some(value) = &mut property.value {
            name(value, || of_key(&property.key));
        }
        property.visit_mut_children_with(self);
    }
}
