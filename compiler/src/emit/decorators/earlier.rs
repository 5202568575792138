//! TypeScript's earlier decorators: what the pass that applies them does otherwise than `tsc`.
//!
//! - Those of static members are applied after those of all other members.
//! - Inside of a class, its name means what the decorators made of it.

use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, Mark, SyntaxContext};
use swc_core::ecma::ast::{
    AssignExpr, AssignOp, BlockStmt, Class, ClassMember, Decl, DefaultDecl, Expr, Ident, Key,
    ModuleDecl, ModuleItem, Program, PropName, StaticBlock, Stmt, ThisExpr, VarDecl, VarDeclKind,
    VarDeclarator,
};
use swc_core::ecma::utils::{ExprFactory, IdentUsageFinder, replace_ident};
use swc_core::ecma::visit::{VisitMut, VisitMutWith};

use super::any::has_decorators;

/// Names of decorated classes, each with the variable that stands for it inside of the class.
pub(super) type Aliases = Vec<(Ident, Ident)>;

/// What has to be done before the pass.
pub(super) fn prepare(program: &mut Program) -> Aliases {
    let mut preparer = Preparer { aliases: Vec::new() };
    program.visit_mut_with(&mut preparer);
    preparer.aliases
}

/// What has to be done after it.
pub(super) fn finish(program: &mut Program, aliases: Aliases) {
    if !aliases.is_empty() {
        program.visit_mut_with(&mut Finisher { aliases });
    }
}

struct Preparer {
    aliases: Aliases,
}

impl Preparer {
    /// Puts a variable in place of the class's name inside of it, if the name is used there.
    fn alias(&mut self, name: &Ident, class: &mut Class) -> Option<Stmt> {
        if class.decorators.is_empty() || !IdentUsageFinder::find(name, &class.body) {
            return None;
        }
        let context = SyntaxContext::empty().apply_mark(Mark::new());
        let alias = Ident::new(format!("{}_1", name.sym).into(), DUMMY_SP, context);
        replace_ident(&mut class.body, name.to_id(), &alias);
        let itself = assign(&alias, ThisExpr { span: DUMMY_SP }.into()).into_stmt();
        let block = BlockStmt { stmts: vec![itself], ..BlockStmt::default() };
        let block = ClassMember::StaticBlock(StaticBlock { span: DUMMY_SP, body: block });
        class.body.insert(0, block);
        self.aliases.push((name.clone(), alias.clone()));
        let variable =
            VarDeclarator { span: DUMMY_SP, name: alias.into(), init: None, definite: false };
        let variables =
            VarDecl { kind: VarDeclKind::Let, decls: vec![variable], ..VarDecl::default() };
        Some(variables.into())
    }
}

fn assign(variable: &Ident, value: Box<Expr>) -> Expr {
    let (span, op) = (DUMMY_SP, AssignOp::Assign);
    AssignExpr { span, op, left: variable.clone().into(), right: value }.into()
}

/// Puts static members behind the others, where that changes nothing else.
fn static_last(class: &mut Class) {
    let is_computed = class.body.iter().any(|member| match member {
        ClassMember::Method(method) => method.key.is_computed(),
        ClassMember::ClassProp(property) => property.key.is_computed(),
        ClassMember::AutoAccessor(accessor) => {
            matches!(&accessor.key, Key::Public(PropName::Computed(_)))
        }
        _ => false,
    });
    if !is_computed && has_decorators(class) {
        class.body.sort_by_key(is_static);
    }
}

fn is_static(member: &ClassMember) -> bool {
    match member {
        ClassMember::Method(method) => method.is_static,
        ClassMember::PrivateMethod(method) => method.is_static,
        ClassMember::ClassProp(property) => property.is_static,
        ClassMember::PrivateProp(property) => property.is_static,
        ClassMember::AutoAccessor(accessor) => accessor.is_static,
        ClassMember::StaticBlock(_) => true,
        ClassMember::Constructor(_) | ClassMember::TsIndexSignature(_) | ClassMember::Empty(_) => {
            false
        }
    }
}

impl VisitMut for Preparer {
    fn visit_mut_class(&mut self, class: &mut Class) {
        class.visit_mut_children_with(self);
        static_last(class);
    }

    fn visit_mut_module_items(&mut self, items: &mut Vec<ModuleItem>) {
        for mut item in items.take() {
            item.visit_mut_with(self);
            let variable = match &mut item {
                ModuleItem::Stmt(Stmt::Decl(Decl::Class(class))) => {
                    self.alias(&class.ident, &mut class.class)
                }
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => match &mut export.decl {
                    Decl::Class(class) => self.alias(&class.ident, &mut class.class),
                    _ => None,
                },
                ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => {
                    match &mut export.decl {
                        DefaultDecl::Class(class) => {
                            class.ident.as_ref().and_then(|name| self.alias(name, &mut class.class))
                        }
                        _ => None,
                    }
                }
                _ => None,
            };
            items.extend(variable.map(ModuleItem::Stmt));
            items.push(item);
        }
    }

    fn visit_mut_stmts(&mut self, statements: &mut Vec<Stmt>) {
        for mut statement in statements.take() {
            statement.visit_mut_with(self);
            let variable = match &mut statement {
                Stmt::Decl(Decl::Class(class)) => self.alias(&class.ident, &mut class.class),
                _ => None,
            };
            statements.extend(variable);
            statements.push(statement);
        }
    }
}

struct Finisher {
    aliases: Aliases,
}

impl VisitMut for Finisher {
    /// The pass ends with `Room = _ts_decorate([…], Room)`.
    fn visit_mut_assign_expr(&mut self, expression: &mut AssignExpr) {
        expression.visit_mut_children_with(self);
        let Expr::Call(call) = &*expression.right else { return };
        let callee = call.callee.as_expr().and_then(|callee| callee.as_ident());
        if callee.is_none_or(|callee| callee.sym != "_ts_decorate") {
            return;
        }
        let Some(class) = expression.left.as_ident() else { return };
        let alias = self.aliases.iter().find(|(name, _)| name.to_id() == class.to_id());
        if let Some((_, alias)) = alias {
            *expression.right = assign(alias, expression.right.take());
        }
    }
}
