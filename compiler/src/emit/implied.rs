//! Writes down an import that a package leaves out.

use swc_core::common::{DUMMY_SP, SyntaxContext};
use swc_core::ecma::ast::{
    Expr, ExprStmt, Ident, IdentName, ImportDecl, ImportNamedSpecifier, ImportSpecifier, Lit,
    MemberExpr, ModuleDecl, ModuleItem, Program, Stmt, Str, VarDecl, VarDeclKind, VarDeclarator,
};
use swc_core::ecma::utils::ExprFactory;

/// Imports a name from a module, or requires it in a CommonJS module. It is the name that the text uses undeclared.
pub(super) fn add(program: &mut Program, name: &str, module: &str, undeclared: SyntaxContext) {
    let local = Ident::new(name.into(), DUMMY_SP, undeclared);
    match program {
        Program::Module(tree) => {
            let specifier = ImportSpecifier::Named(ImportNamedSpecifier {
                span: DUMMY_SP,
                local,
                imported: None,
                is_type_only: false,
            });
            let import = ImportDecl {
                span: DUMMY_SP,
                specifiers: vec![specifier],
                src: Box::new(Str::from(module)),
                type_only: false,
                with: None,
                phase: Default::default(),
            };
            tree.body.insert(0, ModuleItem::ModuleDecl(ModuleDecl::Import(import)));
        }
        Program::Script(tree) => {
            let require = Ident::new("require".into(), DUMMY_SP, undeclared);
            let required = require.as_call(DUMMY_SP, vec![Str::from(module).as_arg()]);
            let member = MemberExpr {
                span: DUMMY_SP,
                obj: Box::new(required),
                prop: IdentName::from(local.clone()).into(),
            };
            let declarator = VarDeclarator {
                span: DUMMY_SP,
                name: local.into(),
                init: Some(Box::new(Expr::Member(member))),
                definite: false,
            };
            let declaration =
                VarDecl { kind: VarDeclKind::Var, decls: vec![declarator], ..VarDecl::default() };
            let is_directive = |statement: &Stmt| matches!(statement, Stmt::Expr(ExprStmt { expr, .. }) if matches!(**expr, Expr::Lit(Lit::Str(_))));
            let at = tree.body.iter().position(|it| !is_directive(it)).unwrap_or(tree.body.len());
            tree.body.insert(at, Stmt::Decl(declaration.into()));
        }
    }
}
