//! Expressions that the grammar's supplements forbid.

use swc_core::ecma::ast::{
    AssignPatProp, CallExpr, Callee, Expr, NewExpr, ObjectLit, Program, Prop, PropName,
    PropOrSpread,
};
use swc_core::ecma::visit::{Visit, VisitWith};

use super::errors::Errors;

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    program.visit_with(&mut Finder { errors });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
}

/// Whether it sets the prototype, which may be set once (13.2.5.1).
fn is_prototype(property: &PropOrSpread) -> bool {
    let PropOrSpread::Prop(property) = property else { return false };
    let Prop::KeyValue(property) = &**property else { return false };
    match &property.key {
        PropName::Ident(name) => name.sym == "__proto__",
        PropName::Str(name) => name.value.as_str() == Some("__proto__"),
        _ => false,
    }
}

/// Whether what is called or read first is `import()`.
fn begins_with_import(expression: &Expr) -> bool {
    match expression {
        Expr::Call(CallExpr { callee: Callee::Import(_), .. }) => true,
        Expr::Call(CallExpr { callee: Callee::Expr(callee), .. }) => begins_with_import(callee),
        Expr::Member(member) => begins_with_import(&member.obj),
        _ => false,
    }
}

impl Visit for Finder<'_, '_> {
    fn visit_object_lit(&mut self, object: &ObjectLit) {
        for second in object.props.iter().filter(|it| is_prototype(it)).skip(1) {
            self.errors.report(second, "`__proto__` is set twice");
        }
        object.visit_children_with(self);
    }

    fn visit_assign_pat_prop(&mut self, property: &AssignPatProp) {
        if matches!(&*property.key.sym, "eval" | "arguments") {
            let message = format!("nothing can be assigned to `{}`", property.key.sym);
            self.errors.report(&property.key, message);
        }
        property.visit_children_with(self);
    }

    fn visit_new_expr(&mut self, expression: &NewExpr) {
        if begins_with_import(&expression.callee) {
            self.errors.report(&expression.callee, "`import()` cannot be called with `new`");
        }
        expression.visit_children_with(self);
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        if matches!(call.callee, Callee::Import(_))
            && let Some(spread) = call.args.iter().find(|argument| argument.spread.is_some())
        {
            self.errors.report(spread, "`import()` takes no `...`");
        }
        call.visit_children_with(self);
    }
}
