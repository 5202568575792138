//! `export const routes = ["/room/:name"]`, read without running it.

use swc_core::ecma::ast::{
    Decl, ExportDecl, Expr, Lit, ModuleDecl, ModuleItem, Pat, Program, VarDecl,
};
use zigts_rules::model::{Reference, Routes};

use crate::source::Positions;

/// The routes a module exports, if it does.
pub(super) fn collect(program: &Program, positions: Positions<'_>) -> Option<Routes> {
    let items = &program.as_module()?.body;
    items.iter().find_map(|item| match item {
        ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(ExportDecl {
            decl: Decl::Var(declaration),
            ..
        })) => from_declaration(declaration, positions),
        _ => None,
    })
}

fn from_declaration(declaration: &VarDecl, positions: Positions<'_>) -> Option<Routes> {
    declaration.decls.iter().find_map(|declarator| match &declarator.name {
        Pat::Ident(name) if name.id.sym == *"routes" => Some(Routes {
            span: positions.of(&name.id),
            patterns: declarator.init.as_deref().and_then(|value| patterns(value, positions)),
        }),
        _ => None,
    })
}

fn patterns(value: &Expr, positions: Positions<'_>) -> Option<Vec<Reference>> {
    let Expr::Array(array) = without_types(value) else { return None };
    array
        .elems
        .iter()
        .map(|element| {
            let element = element.as_ref().filter(|element| element.spread.is_none())?;
            let name = literal(without_types(&element.expr))?;
            Some(Reference { name, span: positions.inside_quotes(&*element.expr) })
        })
        .collect()
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(Lit::Str(text)) => text.value.as_str().map(str::to_owned),
        Expr::Tpl(template) if template.exprs.is_empty() => {
            let text = template.quasis.first()?.cooked.as_ref()?;
            text.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// What is left of `["/a"] as const` and its like at run time.
fn without_types(mut expression: &Expr) -> &Expr {
    loop {
        expression = match expression {
            Expr::Paren(inner) => &inner.expr,
            Expr::TsAs(inner) => &inner.expr,
            Expr::TsConstAssertion(inner) => &inner.expr,
            Expr::TsSatisfies(inner) => &inner.expr,
            Expr::TsTypeAssertion(inner) => &inner.expr,
            Expr::TsNonNull(inner) => &inner.expr,
            other => return other,
        }
    }
}
