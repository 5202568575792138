//! Uses of names: what imported names are used for, and undeclared names.

use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::{
    Expr, Ident, IdentName, MemberExpr, MemberProp, Program, Prop, SimpleAssignTarget,
    TsEntityName, TsExprWithTypeArgs,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::import::Reference;

use super::imports::Imports;
use crate::parse::Parsed;
use crate::source::Positions;

/// Notes the uses of imported names with their imports, and returns those of undeclared ones.
pub(super) fn collect(
    program: &Program,
    positions: Positions<'_>,
    parsed: &Parsed,
    imports: &mut Imports,
) -> Vec<Reference> {
    let undeclared = SyntaxContext::empty().apply_mark(parsed.unresolved);
    let mut collector = Collector { positions, undeclared, imports, globals: Vec::new() };
    program.visit_with(&mut collector);
    collector.globals
}

struct Collector<'a> {
    positions: Positions<'a>,
    undeclared: SyntaxContext,
    imports: &'a mut Imports,
    globals: Vec<Reference>,
}

impl Collector<'_> {
    fn value(&mut self, name: &Ident) {
        let span = self.positions.of(name);
        if let Some(uses) = self.imports.uses_mut(&name.to_id()) {
            uses.values.push(span);
        } else if name.ctxt == self.undeclared {
            self.globals.push(Reference { name: name.sym.to_string(), span });
        }
    }

    /// `name.property`
    fn member(&mut self, name: &Ident, property: &IdentName) {
        self.value(name);
        if let Some(uses) = self.imports.uses_mut(&name.to_id()) {
            uses.members.push(property.sym.to_string());
        }
    }

    fn ty(&mut self, name: &Ident) {
        if let Some(uses) = self.imports.uses_mut(&name.to_id()) {
            uses.is_type = true;
        }
    }
}

impl Visit for Collector<'_> {
    fn visit_expr(&mut self, expression: &Expr) {
        match expression {
            Expr::Ident(name) => self.value(name),
            Expr::Member(MemberExpr { obj, prop: MemberProp::Ident(property), .. }) => match &**obj
            {
                Expr::Ident(name) => self.member(name, property),
                other => other.visit_with(self),
            },
            other => other.visit_children_with(self),
        }
    }

    fn visit_prop(&mut self, property: &Prop) {
        match property {
            Prop::Shorthand(name) => self.value(name),
            other => other.visit_children_with(self),
        }
    }

    fn visit_simple_assign_target(&mut self, target: &SimpleAssignTarget) {
        match target {
            SimpleAssignTarget::Ident(name) => self.value(&name.id),
            other => other.visit_children_with(self),
        }
    }

    // Includes `typeof send` in a type: it asks for a value's type, and is gone at run time.
    fn visit_ts_entity_name(&mut self, name: &TsEntityName) {
        match name {
            TsEntityName::Ident(name) => self.ty(name),
            TsEntityName::TsQualifiedName(name) => name.left.visit_with(self),
        }
    }

    // `implements` and the `extends` of interfaces hold expressions that are types.
    fn visit_ts_expr_with_type_args(&mut self, parent: &TsExprWithTypeArgs) {
        let mut leftmost = &*parent.expr;
        while let Expr::Member(member) = leftmost {
            leftmost = &member.obj;
        }
        if let Expr::Ident(name) = leftmost {
            self.ty(name);
        }
        parent.type_args.visit_with(self);
    }
}
