//! Statements, in the order of the source.

use swc_core::common::Spanned;
use swc_core::ecma::ast::{
    BinExpr, BlockStmt, CatchClause, ClassDecl, Decl, DefaultDecl, DoWhileStmt, ExportDecl,
    ExportDefaultDecl, ExportDefaultExpr, ExportSpecifier, Expr, ExprStmt, FnDecl, ForHead,
    ForInStmt, ForOfStmt, ForStmt, Ident, IfStmt, ImportDecl, LabeledStmt, MemberExpr, MemberProp,
    ModuleExportName, NamedExport, Pat, ReturnStmt, Stmt, SwitchCase, SwitchStmt, ThrowStmt,
    TryStmt, TsEnumDecl, TsExprWithTypeArgs, TsModuleDecl, TsType, UsingDecl, VarDecl, VarDeclKind,
    VarDeclOrExpr, VarDeclarator, WhileStmt,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::code::{Expression, Loop, LoopId, Origin, Step, Value};
use zigts_rules::span::Span;

use super::{Collector, Name};

impl Visit for Collector<'_> {
    fn visit_expr(&mut self, expression: &Expr) {
        self.expression(expression);
    }

    fn visit_stmt(&mut self, statement: &Stmt) {
        self.begin_statement(statement);
        statement.visit_children_with(self);
    }

    fn visit_expr_stmt(&mut self, statement: &ExprStmt) {
        let result = self.expression(&statement.expr);
        self.dropped(&statement.expr, result);
    }

    fn visit_stmts(&mut self, statements: &[Stmt]) {
        let mut is_dead = false;
        let guards = self.guards.len();
        let exit = self.exit_of(statements);
        for (index, statement) in statements.iter().enumerate() {
            if !is_dead || matches!(statement, Stmt::Decl(Decl::Fn(_))) {
                match exit.as_ref().filter(|exit| exit.holds_at(index)) {
                    Some(exit) => self.before_exit(exit, |this| statement.visit_with(this)),
                    None => statement.visit_with(self),
                }
            }
            // `if (typeof fetch === "undefined") return;` is for all that follows.
            if let Stmt::If(IfStmt { test, cons, alt: None, .. }) = statement
                && leaves(cons)
            {
                self.guard(test);
            }
            is_dead |= matches!(
                statement,
                Stmt::Return(_) | Stmt::Throw(_) | Stmt::Break(_) | Stmt::Continue(_)
            );
        }
        self.unguard(guards);
    }

    fn visit_block_stmt(&mut self, block: &BlockStmt) {
        self.visit_stmts(&block.stmts);
    }

    fn visit_import_decl(&mut self, declaration: &ImportDecl) {
        for specifier in &declaration.specifiers {
            let local = specifier.local();
            let Some((import, _, name)) = self.imports.of_local(&local.to_id()) else { continue };
            let name = name.imported.clone();
            self.declare(local, Origin::Import { import, name });
        }
    }

    fn visit_export_decl(&mut self, export: &ExportDecl) {
        self.begin_statement(export);
        export.decl.visit_with(self);
        // What a namespace exports is a part of the namespace.
        if self.namespaces == 0 {
            self.export_names(&export.decl);
        }
    }

    fn visit_export_default_expr(&mut self, export: &ExportDefaultExpr) {
        self.begin_statement(export);
        let value = self.expression(&export.expr);
        self.export("default", value.span, value.value);
    }

    fn visit_export_default_decl(&mut self, export: &ExportDefaultDecl) {
        self.begin_statement(export);
        let span = match &export.decl {
            DefaultDecl::Class(class) => self.positions.of(&*class.class),
            _ => self.positions.of(export),
        };
        let (name, value) = match &export.decl {
            DefaultDecl::Fn(function) => {
                let name =
                    function.ident.as_ref().map(|name| self.own_name(name)).unwrap_or(Name {
                        text: "default".to_owned(),
                        span: self.positions.word_in("default", export),
                        docs: vec![self.statement],
                        is_member: false,
                    });
                let id = self.function(&function.function, span, Some(name));
                (&function.ident, id.map(Value::Function))
            }
            DefaultDecl::Class(class) => (&class.ident, Some(self.class(&class.class))),
            DefaultDecl::TsInterfaceDecl(_) => (&None, None),
        };
        let Some(value) = value else { return };
        if let Some(name) = name {
            self.declare(name, Origin::Value(Expression { span, value: value.clone() }));
        }
        self.export("default", span, value);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if export.src.is_some() || export.type_only {
            return;
        }
        for specifier in &export.specifiers {
            let ExportSpecifier::Named(named) = specifier else { continue };
            let ModuleExportName::Ident(local) = &named.orig else { continue };
            let is_import = self.imports.of_local(&local.to_id()).is_some();
            if named.is_type_only || is_import || local.ctxt == self.undeclared {
                continue;
            }
            let id = self.binding(local);
            self.code.bindings[id.0].uses += 1;
            let name = named.exported.as_ref().unwrap_or(&named.orig).atom().to_string();
            self.export(&name, self.positions.of(local), Value::Binding(id));
        }
    }

    fn visit_fn_decl(&mut self, declaration: &FnDecl) {
        let name = self.own_name(&declaration.ident);
        let span = self.positions.of(declaration);
        if declaration.function.body.is_none() {
            let annotation =
                [self.statement, span.start].into_iter().find_map(|start| self.docs.before(start));
            self.signature = annotation.map(|annotation| (name.text, annotation));
            return;
        }
        // Declared first, so that the body may call itself.
        self.binding(&declaration.ident);
        if let Some(id) = self.function(&declaration.function, span, Some(name)) {
            let value = Expression { span, value: Value::Function(id) };
            self.declare(&declaration.ident, Origin::Value(value));
        }
    }

    fn visit_class_decl(&mut self, declaration: &ClassDecl) {
        if declaration.declare {
            return;
        }
        let span = self.positions.of(&*declaration.class);
        let value = self.class(&declaration.class);
        self.declare(&declaration.ident, Origin::Value(Expression { span, value }));
    }

    fn visit_var_decl(&mut self, variables: &VarDecl) {
        if variables.declare {
            return;
        }
        for declarator in &variables.decls {
            self.declarator(declarator, variables.kind == VarDeclKind::Const);
        }
    }

    fn visit_using_decl(&mut self, variables: &UsingDecl) {
        for declarator in &variables.decls {
            self.declarator(declarator, false);
        }
    }

    fn visit_ts_enum_decl(&mut self, enumeration: &TsEnumDecl) {
        if enumeration.declare {
            return;
        }
        let mut properties = Vec::new();
        for member in &enumeration.members {
            let name = match &member.id {
                swc_core::ecma::ast::TsEnumMemberId::Ident(name) => Some(name.sym.to_string()),
                swc_core::ecma::ast::TsEnumMemberId::Str(text) => {
                    text.value.as_str().map(str::to_owned)
                }
            };
            self.unqualified.extend(name.clone());
            let Some(value) = &member.init else { continue };
            let value = self.expression(value);
            properties.push((name, value));
        }
        let span = self.positions.of(enumeration);
        let value = Value::Object { properties, is_class: false };
        self.declare(&enumeration.id, Origin::Value(Expression { span, value }));
    }

    fn visit_ts_module_decl(&mut self, namespace: &TsModuleDecl) {
        if namespace.declare {
            return;
        }
        self.namespaces += 1;
        namespace.body.visit_with(self);
        self.namespaces -= 1;
        let Some(name) = namespace.id.as_ident() else { return };
        let mut properties = Vec::new();
        for item in namespace
            .body
            .iter()
            .filter_map(|body| body.as_ts_module_block())
            .flat_map(|block| &block.body)
        {
            let Some(export) = item.as_module_decl().and_then(|item| item.as_export_decl()) else {
                continue;
            };
            for name in declared_names(&export.decl) {
                self.unqualified.insert(name.sym.to_string());
                let span = self.positions.of(&name);
                let value = Value::Binding(self.binding(&name));
                properties.push((Some(name.sym.to_string()), Expression { span, value }));
            }
        }
        let span = self.positions.of(name);
        let value = Value::Object { properties, is_class: false };
        self.declare(name, Origin::Value(Expression { span, value }));
    }

    fn visit_if_stmt(&mut self, branch: &IfStmt) {
        let test = self.expression(&branch.test);
        self.tested(&test);
        let truth = self.truth(&test);
        let guards = self.guard(&branch.test);
        if truth.is_none() {
            self.step(Step::Branch);
        }
        if truth != Some(false) {
            branch.cons.visit_with(self);
        }
        if truth.is_none() {
            self.step(Step::Or);
        }
        if truth != Some(true) {
            branch.alt.visit_with(self);
        }
        if truth.is_none() {
            self.step(Step::Join);
        }
        self.unguard(guards);
    }

    fn visit_switch_case(&mut self, case: &SwitchCase) {
        if let Some(test) = &case.test {
            let test = self.expression(test);
            self.compared(&test);
        }
        self.visit_stmts(&case.cons);
    }

    fn visit_while_stmt(&mut self, statement: &WhileStmt) {
        let test = self.expression(&statement.test);
        self.tested(&test);
        if self.truth(&test) != Some(false) {
            self.in_loop(Expression::unknown(test.span), |this| statement.body.visit_with(this));
        }
    }

    fn visit_do_while_stmt(&mut self, statement: &DoWhileStmt) {
        let over = Expression::unknown(self.positions.of(statement));
        self.in_loop(over, |this| statement.body.visit_with(this));
        let test = self.expression(&statement.test);
        self.tested(&test);
    }

    fn visit_for_stmt(&mut self, statement: &ForStmt) {
        match &statement.init {
            Some(VarDeclOrExpr::VarDecl(variables)) => self.visit_var_decl(variables),
            Some(VarDeclOrExpr::Expr(expression)) => {
                self.expression(expression);
            }
            None => {}
        }
        let over = statement.test.as_ref().and_then(|test| self.counted(test));
        let over = over.unwrap_or(Expression::unknown(self.positions.of(statement)));
        if let Some(test) = &statement.test {
            let test = self.expression(test);
            self.tested(&test);
        }
        self.in_loop(over, |this| {
            statement.update.visit_with(this);
            statement.body.visit_with(this);
        });
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        let over = self.expression(&statement.right);
        self.loop_head(&statement.left, Some(&over));
        self.in_loop(over, |this| statement.body.visit_with(this));
    }

    fn visit_for_in_stmt(&mut self, statement: &ForInStmt) {
        let over = self.expression(&statement.right);
        self.loop_head(&statement.left, None);
        self.in_loop(over, |this| statement.body.visit_with(this));
    }

    fn visit_return_stmt(&mut self, statement: &ReturnStmt) {
        if let Some(value) = &statement.arg {
            let around = self.innermost_loop.take();
            let value = self.expression(value);
            self.innermost_loop = around;
            let function = self.function;
            self.code.functions[function.0].returns.push(value);
        }
        self.step(Step::Exit);
    }

    fn visit_throw_stmt(&mut self, statement: &ThrowStmt) {
        self.expression(&statement.arg);
        self.step(Step::Exit);
    }

    fn visit_try_stmt(&mut self, statement: &TryStmt) {
        self.branches += 1;
        statement.block.visit_with(self);
        self.branches -= 1;
        self.perhaps(|this| statement.handler.visit_with(this));
        statement.finalizer.visit_with(self);
    }

    fn visit_switch_stmt(&mut self, statement: &SwitchStmt) {
        self.switch(statement);
    }

    fn visit_labeled_stmt(&mut self, statement: &LabeledStmt) {
        self.labelled(statement);
    }

    fn visit_catch_clause(&mut self, clause: &CatchClause) {
        if let Some(pattern) = &clause.param {
            self.declare_pattern(pattern, None, false);
        }
        clause.body.visit_with(self);
    }

    // Types, and expressions that stand for types, are gone at run time.
    fn visit_ts_type(&mut self, _: &TsType) {}

    fn visit_ts_expr_with_type_args(&mut self, _: &TsExprWithTypeArgs) {}
}

impl Collector<'_> {
    pub(super) fn add_loop(&mut self, over: Expression) -> LoopId {
        self.code.loops.push(Loop { over, outer: self.innermost_loop });
        LoopId(self.code.loops.len() - 1)
    }

    pub(super) fn in_loop(&mut self, over: Expression, walk: impl FnOnce(&mut Self)) {
        let id = self.add_loop(over);
        let outer = self.innermost_loop.replace(id);
        let is_in_switch = std::mem::replace(&mut self.is_in_switch, false);
        self.step(Step::Loop);
        walk(self);
        self.step(Step::Join);
        (self.innermost_loop, self.is_in_switch) = (outer, is_in_switch);
    }

    /// Declares the names of a loop, each an element of `over` in turn.
    pub(super) fn loop_head(&mut self, head: &ForHead, over: Option<&Expression>) {
        let variables = match head {
            ForHead::VarDecl(variables) => &variables.decls,
            ForHead::UsingDecl(variables) => &variables.decls,
            ForHead::Pat(pattern) => return self.assign_pattern(pattern),
        };
        for variable in variables {
            let element = over.map(|over| self.member_of(over, None, over.span));
            self.declare_pattern(&variable.name, element, false);
        }
    }

    /// What `index < peers.length` counts up to, if that is a name.
    pub(super) fn counted(&self, test: &Expr) -> Option<Expression> {
        let Expr::Bin(BinExpr { right, .. }) = test else { return None };
        let Expr::Member(MemberExpr { obj, prop: MemberProp::Ident(length), .. }) = &**right else {
            return None;
        };
        let Expr::Ident(name) = &**obj else { return None };
        let id = self.by_id.get(&name.to_id()).filter(|_| length.sym == *"length")?;
        Some(Expression { span: self.positions.of(name), value: Value::Binding(*id) })
    }

    pub(super) fn declarator(&mut self, declarator: &VarDeclarator, is_const: bool) {
        let value = declarator.init.as_ref().map(|value| {
            let name = match &declarator.name {
                Pat::Ident(name) => Some(self.own_name(&name.id)),
                _ => None,
            };
            self.named_expression(value, name)
        });
        self.declare_pattern(&declarator.name, value, is_const);
    }

    pub(super) fn export(&mut self, name: &str, span: Span, value: Value) {
        self.code.exports.insert(name.to_owned(), Expression { span, value });
    }

    pub(super) fn begin_statement(&mut self, statement: &impl Spanned) {
        self.statement = self.positions.of(statement).start;
    }

    /// Notes what the names of a declaration are exported as.
    pub(super) fn export_names(&mut self, declaration: &Decl) {
        for name in declared_names(declaration) {
            let id = self.binding(&name);
            self.export(&name.sym, self.positions.of(&name), Value::Binding(id));
        }
    }
}

/// Whether nothing behind a statement is reached through it.
fn leaves(statement: &Stmt) -> bool {
    match statement {
        Stmt::Return(_) | Stmt::Throw(_) | Stmt::Break(_) | Stmt::Continue(_) => true,
        Stmt::Block(block) => block.stmts.last().is_some_and(leaves),
        _ => false,
    }
}

/// The names a declaration introduces for values.
pub(super) fn declared_names(declaration: &Decl) -> Vec<Ident> {
    match declaration {
        Decl::Fn(function) => vec![function.ident.clone()],
        Decl::Class(class) => vec![class.ident.clone()],
        Decl::Var(variables) => find_pat_ids(&variables.decls),
        Decl::TsEnum(enumeration) => vec![enumeration.id.clone()],
        Decl::TsModule(namespace) => namespace.id.as_ident().cloned().into_iter().collect(),
        _ => Vec::new(),
    }
}
