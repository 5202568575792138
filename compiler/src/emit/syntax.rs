//! Small corrections of what is printed: what the printer leaves out, and what the engine does not do.

use swc_core::common::DUMMY_SP;
use swc_core::common::util::take::Take;
use swc_core::ecma::ast::{
    Class, Decl, Expr, Ident, ModuleItem, ParenExpr, Pat, Stmt, UsingDecl, VarDecl, VarDeclKind,
    VarDeclarator,
};
use swc_core::ecma::utils::private_ident;
use swc_core::ecma::visit::{VisitMut, VisitMutWith};

/// Parentheses around what a class extends, where the grammar wants them.
pub(super) struct Heritage;

impl VisitMut for Heritage {
    fn visit_mut_class(&mut self, class: &mut Class) {
        class.visit_mut_children_with(self);
        if let Some(parent) = &mut class.super_class
            && !matches!(
                **parent,
                Expr::Ident(_)
                    | Expr::Member(_)
                    | Expr::SuperProp(_)
                    | Expr::Call(_)
                    | Expr::New(_)
                    | Expr::Class(_)
                    | Expr::Fn(_)
                    | Expr::This(_)
                    | Expr::Lit(_)
                    | Expr::Array(_)
                    | Expr::Object(_)
                    | Expr::Tpl(_)
                    | Expr::TaggedTpl(_)
                    | Expr::OptChain(_)
                    | Expr::MetaProp(_)
                    | Expr::Paren(_)
            )
        {
            **parent = Expr::Paren(ParenExpr { span: DUMMY_SP, expr: parent.take() });
        }
    }
}

/// Variables of `using` outside of functions: functions of the module would find them without a value in
/// the engine, so they get a constant beside.
pub(super) struct ModuleUsing;

impl VisitMut for ModuleUsing {
    fn visit_mut_module_items(&mut self, items: &mut Vec<ModuleItem>) {
        for item in items.take() {
            match item {
                ModuleItem::Stmt(Stmt::Decl(Decl::Using(using))) => {
                    for variable in using.decls {
                        let (resource, constant) = split(variable);
                        let using = UsingDecl { decls: vec![resource], ..*using };
                        items.push(ModuleItem::Stmt(Stmt::Decl(Decl::Using(Box::new(using)))));
                        items.push(ModuleItem::Stmt(constant.into()));
                    }
                }
                item => items.push(item),
            }
        }
    }
}

/// `a = b` as `resource = b` and `const a = resource`.
fn split(variable: VarDeclarator) -> (VarDeclarator, VarDecl) {
    let resource: Ident = private_ident!("resource");
    let constant = VarDeclarator {
        span: DUMMY_SP,
        name: variable.name.clone(),
        init: Some(Box::new(resource.clone().into())),
        definite: false,
    };
    let constant = VarDecl {
        span: variable.span,
        kind: VarDeclKind::Const,
        decls: vec![constant],
        ..VarDecl::default()
    };
    (VarDeclarator { name: Pat::Ident(resource.into()), ..variable }, constant)
}
