//! Names that one scope declares twice (ECMAScript, the early errors of 14.2.1, 15.2.1, 16.2.1).
//!
//! The parser accepts them and the engine refuses them, which would be reported only when the handler
//! is built. What TypeScript erases or merges (overloads, interfaces, `declare`, enums,
//! namespaces) declares nothing here.

use std::collections::HashMap;

use super::errors::Errors;
use swc_core::atoms::Atom;
use swc_core::ecma::ast::{
    ArrowExpr, ArrowFunctionBody, BlockStmt, CatchClause, ClassDecl, Constructor, DefaultDecl,
    ExportDefaultDecl, FnDecl, ForInStmt, ForOfStmt, ForStmt, Function, Ident, ImportDecl,
    ImportSpecifier, ParamOrTsParamProp, Pat, Program, StaticBlock, SwitchStmt, TsModuleDecl,
    TsParamPropParam, UsingDecl, VarDecl, VarDeclKind,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};

/// Reports every second declaration.
pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    let scopes = vec![Scope::new(true, 0)];
    let mut finder = Finder { errors, scopes, vars: 0 };
    finder.scopes[0].functions_are_lexical = true;
    program.visit_with(&mut finder);
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
    scopes: Vec<Scope>,
    /// How many `var`s there have been.
    vars: usize,
}

/// A block, a function's body with its parameters, or the module.
struct Scope {
    names: HashMap<Atom, Kind>,
    /// Of a function: the names of `var`s in it and in its blocks, each with the number of the last
    /// one. Kept here alone, since every block around a `var` could have to know it.
    vars: HashMap<Atom, usize>,
    /// The number of the next `var` when the scope began: what comes later, while it is open, lies
    /// in it.
    first_var: usize,
    /// Whether a `var` goes no further.
    is_function: bool,
    /// In blocks, and in the module itself; in functions they are as `var`s.
    functions_are_lexical: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `let`, `const`, `class`, an import, and some functions.
    Lexical,
    Parameter,
}

impl Scope {
    fn new(is_function: bool, first_var: usize) -> Scope {
        Scope {
            names: HashMap::new(),
            vars: HashMap::new(),
            first_var,
            is_function,
            functions_are_lexical: !is_function,
        }
    }
}

impl Finder<'_, '_> {
    fn within(&mut self, is_function: bool, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope::new(is_function, self.vars));
        visit(self);
        self.scopes.pop();
    }

    fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("the module's scope stays")
    }

    fn lexical(&mut self, name: &Ident) {
        let is_taken = self.scope().names.insert(name.sym.clone(), Kind::Lexical).is_some();
        let first_var = self.scope().first_var;
        let function = self.scopes.iter().rev().find(|scope| scope.is_function);
        let var = function.and_then(|function| function.vars.get(&name.sym));
        if is_taken || var.is_some_and(|&last| last >= first_var) {
            self.report(name);
        }
    }

    /// A `var`, or a function that is like one, passes through the blocks around it and ends up in
    /// the function.
    fn var(&mut self, name: &Ident) {
        for index in (0..self.scopes.len()).rev() {
            let scope = &mut self.scopes[index];
            if scope.names.get(&name.sym) == Some(&Kind::Lexical) {
                return self.report(name);
            }
            if scope.is_function {
                scope.vars.insert(name.sym.clone(), self.vars);
                self.vars += 1;
                return;
            }
        }
    }

    fn parameters<'p>(&mut self, patterns: impl Iterator<Item = &'p Pat>) {
        for name in patterns.flat_map(names) {
            self.parameter(&name);
        }
    }

    fn parameter(&mut self, name: &Ident) {
        if self.scope().names.insert(name.sym.clone(), Kind::Parameter).is_some() {
            self.report(name);
        }
    }

    fn report(&mut self, name: &Ident) {
        self.errors.report(name, format!("`{}` is declared twice", name.sym));
    }
}

fn names(pattern: &Pat) -> Vec<Ident> {
    find_pat_ids(pattern)
}

impl Visit for Finder<'_, '_> {
    fn visit_import_decl(&mut self, import: &ImportDecl) {
        if import.type_only {
            return;
        }
        for specifier in &import.specifiers {
            match specifier {
                ImportSpecifier::Named(named) if named.is_type_only => {}
                specifier => self.lexical(specifier.local()),
            }
        }
    }

    fn visit_var_decl(&mut self, declaration: &VarDecl) {
        if declaration.declare {
            return;
        }
        for name in declaration.decls.iter().flat_map(|declarator| names(&declarator.name)) {
            match declaration.kind {
                VarDeclKind::Var => self.var(&name),
                VarDeclKind::Let | VarDeclKind::Const => self.lexical(&name),
            }
        }
        declaration.visit_children_with(self);
    }

    fn visit_using_decl(&mut self, declaration: &UsingDecl) {
        for name in declaration.decls.iter().flat_map(|declarator| names(&declarator.name)) {
            self.lexical(&name);
        }
        declaration.visit_children_with(self);
    }

    fn visit_export_default_decl(&mut self, export: &ExportDefaultDecl) {
        match &export.decl {
            DefaultDecl::Fn(function) if function.function.body.is_some() => {
                function.ident.iter().for_each(|name| self.lexical(name));
                function.function.visit_with(self);
            }
            DefaultDecl::Class(class) => {
                class.ident.iter().for_each(|name| self.lexical(name));
                class.class.visit_with(self);
            }
            _ => {}
        }
    }

    fn visit_fn_decl(&mut self, declaration: &FnDecl) {
        // One without a body is an overload.
        if declaration.declare || declaration.function.body.is_none() {
            return;
        }
        if self.scope().functions_are_lexical {
            self.lexical(&declaration.ident);
        } else {
            self.var(&declaration.ident);
        }
        declaration.function.visit_with(self);
    }

    fn visit_class_decl(&mut self, declaration: &ClassDecl) {
        if !declaration.declare {
            self.lexical(&declaration.ident);
            declaration.class.visit_with(self);
        }
    }

    // Its contents are merged with others of its name.
    fn visit_ts_module_decl(&mut self, _: &TsModuleDecl) {}

    fn visit_block_stmt(&mut self, block: &BlockStmt) {
        self.within(false, |finder| block.visit_children_with(finder));
    }

    fn visit_switch_stmt(&mut self, switch: &SwitchStmt) {
        switch.discriminant.visit_with(self);
        self.within(false, |finder| switch.cases.visit_with(finder));
    }

    fn visit_for_stmt(&mut self, it: &ForStmt) {
        self.within(false, |finder| it.visit_children_with(finder));
    }

    fn visit_for_in_stmt(&mut self, it: &ForInStmt) {
        self.within(false, |finder| it.visit_children_with(finder));
    }

    fn visit_for_of_stmt(&mut self, it: &ForOfStmt) {
        self.within(false, |finder| it.visit_children_with(finder));
    }

    fn visit_catch_clause(&mut self, catch: &CatchClause) {
        self.within(false, |finder| {
            // A `var` may have the name of a plain one (B.3.4), not of one in a pattern.
            match &catch.param {
                Some(Pat::Ident(name)) => finder.parameter(name),
                Some(pattern) => names(pattern).iter().for_each(|name| finder.lexical(name)),
                None => {}
            }
            catch.param.visit_with(finder);
            catch.body.visit_children_with(finder);
        });
    }

    fn visit_function(&mut self, function: &Function) {
        // One without a body is an overload.
        if function.body.is_none() {
            return;
        }
        self.within(true, |finder| {
            finder.parameters(function.params.iter().map(|parameter| &parameter.pat));
            function.params.visit_with(finder);
            if let Some(body) = &function.body {
                body.visit_children_with(finder);
            }
        });
    }

    fn visit_constructor(&mut self, constructor: &Constructor) {
        if constructor.body.is_none() {
            return;
        }
        self.within(true, |finder| {
            for parameter in &constructor.params {
                match parameter {
                    ParamOrTsParamProp::Param(parameter) => {
                        finder.parameters(std::iter::once(&parameter.pat));
                    }
                    ParamOrTsParamProp::TsParamProp(property) => {
                        let name = match &property.param {
                            TsParamPropParam::Ident(name) => Some(name.id.clone()),
                            TsParamPropParam::Assign(assign) => {
                                assign.left.as_ident().map(|name| name.id.clone())
                            }
                        };
                        if let Some(name) = name {
                            finder.parameter(&name);
                        }
                    }
                }
            }
            constructor.params.visit_with(finder);
            if let Some(body) = &constructor.body {
                body.visit_children_with(finder);
            }
        });
    }

    fn visit_arrow_expr(&mut self, arrow: &ArrowExpr) {
        self.within(true, |finder| {
            finder.parameters(arrow.params.iter());
            arrow.params.visit_with(finder);
            match &*arrow.body {
                ArrowFunctionBody::FunctionBody(body) => {
                    body.visit_children_with(finder);
                }
                ArrowFunctionBody::Expr(body) => body.visit_with(finder),
            }
        });
    }

    fn visit_static_block(&mut self, block: &StaticBlock) {
        self.within(true, |finder| block.body.visit_children_with(finder));
    }
}
