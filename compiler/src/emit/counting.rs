//! Puts counters into a module: before each statement, into each function, and into what may be left out.
//!
//! What a module does and what its functions are called stay the same, and so do the lines of its stack traces: what is
//! inserted has no place in the source.

use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, Spanned, SyntaxContext};
use swc_core::ecma::ast::{
    ArrowExpr, ArrowFunctionBody, BinExpr, BinaryOp, BlockStmt, ClassMethod, ComputedPropName,
    CondExpr, Constructor, Decl, DoWhileStmt, ExportDecl, Expr, ExprStmt, FnDecl, FnExpr,
    ForInStmt, ForOfStmt, ForStmt, Function, FunctionBody, Ident, IfStmt, KeyValueProp,
    LabeledStmt, Lit, MemberExpr, MemberProp, MethodProp, ModuleDecl, ModuleItem, Number, Pat,
    PropName, SeqExpr, Stmt, SwitchCase, SwitchStmt, UpdateExpr, UpdateOp, VarDeclarator,
    WhileStmt,
};
use swc_core::ecma::visit::{VisitMut, VisitMutWith};

use crate::coverage::{ARRAY, Counted, CountedKind};
use crate::source::Positions;

/// Counts in one module.
pub(super) struct Counting<'a> {
    pub(super) counted: &'a mut Vec<Counted>,
    pub(super) positions: Positions<'a>,
    /// The context of names that the module does not declare.
    pub(super) undeclared: SyntaxContext,
    /// What the next function is called, if it has no name of its own.
    pub(super) name: Option<String>,
    /// How many places of the module have branches.
    pub(super) places: usize,
}

impl Counting<'_> {
    /// Adds a counter for a piece of syntax; none for one that another pass has made.
    fn count(&mut self, kind: CountedKind, syntax: &impl Spanned) -> Option<Expr> {
        if syntax.span().is_dummy() {
            return None;
        }
        let number = self.counted.len();
        self.counted.push(Counted { kind, span: self.positions.of(syntax) });
        let index = Expr::Lit(Lit::Num(Number { span: DUMMY_SP, value: number as f64, raw: None }));
        let counter = MemberExpr {
            span: DUMMY_SP,
            obj: Box::new(Ident::new(ARRAY.into(), DUMMY_SP, self.undeclared).into()),
            prop: MemberProp::Computed(ComputedPropName { span: DUMMY_SP, expr: Box::new(index) }),
        };
        Some(Expr::Update(UpdateExpr {
            span: DUMMY_SP,
            op: UpdateOp::PlusPlus,
            prefix: false,
            arg: Box::new(counter.into()),
        }))
    }

    fn count_statement(&mut self, statement: &Stmt) -> Option<Stmt> {
        is_counted(statement)
            .then(|| self.count(CountedKind::Statement, statement))?
            .map(statement_of)
    }

    /// The number that the branches of another place have.
    fn place(&mut self) -> usize {
        self.places += 1;
        self.places
    }

    /// Makes a statement a block that counts a branch first.
    fn branch(&mut self, number: usize, statement: &mut Stmt) {
        let counter = self.count(CountedKind::Branch(number), &*statement);
        let block = as_block(statement);
        block.stmts.splice(0..0, counter.map(statement_of));
    }

    /// Makes an expression one that counts a branch first.
    fn branch_expression(&mut self, number: usize, expression: &mut Box<Expr>) {
        if let Some(counter) = self.count(CountedKind::Branch(number), &**expression) {
            put_before(counter, expression);
        }
    }

    /// Counts in a statement that belongs to another one.
    fn block_of(&mut self, body: &mut Stmt) {
        as_block(body);
        body.visit_mut_with(self);
    }

    fn named(&mut self, name: Option<String>, within: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.name, name);
        within(self);
        self.name = outer;
    }
}

impl VisitMut for Counting<'_> {
    fn visit_mut_module_items(&mut self, items: &mut Vec<ModuleItem>) {
        for mut item in items.take() {
            let counter = match &item {
                ModuleItem::Stmt(statement) => self.count_statement(statement),
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(ExportDecl { decl, .. })) => {
                    self.count_statement(&Stmt::Decl(decl.clone()))
                }
                ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultExpr(default)) => {
                    self.count(CountedKind::Statement, default).map(statement_of)
                }
                ModuleItem::ModuleDecl(_) => None,
            };
            items.extend(counter.map(ModuleItem::Stmt));
            item.visit_mut_with(self);
            items.push(item);
        }
    }

    fn visit_mut_stmts(&mut self, statements: &mut Vec<Stmt>) {
        // Directives are no statements.
        let all = statements.take();
        let directives = all.iter().take_while(|it| is_directive(it)).count();
        for (index, mut statement) in all.into_iter().enumerate() {
            if index >= directives {
                statements.extend(self.count_statement(&statement));
                statement.visit_mut_with(self);
            }
            statements.push(statement);
        }
    }

    fn visit_mut_function_body(&mut self, body: &mut FunctionBody) {
        let name = self.name.take();
        let counter = self.count(CountedKind::Function(name), body);
        body.visit_mut_children_with(self);
        let directives = body.stmts.iter().take_while(|it| is_directive(it)).count();
        body.stmts.splice(directives..directives, counter.map(statement_of));
    }

    fn visit_mut_arrow_expr(&mut self, arrow: &mut ArrowExpr) {
        let name = self.name.take();
        arrow.params.visit_mut_with(self);
        self.name = name;
        match &mut *arrow.body {
            ArrowFunctionBody::FunctionBody(body) => body.visit_mut_with(self),
            ArrowFunctionBody::Expr(expression) => {
                let name = self.name.take();
                let function = self.count(CountedKind::Function(name), &**expression);
                let statement = self.count(CountedKind::Statement, &**expression);
                expression.visit_mut_with(self);
                for counter in [statement, function].into_iter().flatten() {
                    put_before(counter, expression);
                }
            }
        }
    }

    fn visit_mut_fn_decl(&mut self, function: &mut FnDecl) {
        let name = Some(function.ident.sym.to_string());
        self.named(name, |it| function.visit_mut_children_with(it));
    }

    fn visit_mut_fn_expr(&mut self, function: &mut FnExpr) {
        let own = function.ident.as_ref().map(|name| name.sym.to_string());
        let name = own.or_else(|| self.name.take());
        self.named(name, |it| function.visit_mut_children_with(it));
    }

    fn visit_mut_class_method(&mut self, method: &mut ClassMethod) {
        method.key.visit_mut_with(self);
        self.named(key_of(&method.key), |it| method.function.visit_mut_with(it));
    }

    fn visit_mut_method_prop(&mut self, method: &mut MethodProp) {
        method.key.visit_mut_with(self);
        self.named(key_of(&method.key), |it| method.function.visit_mut_with(it));
    }

    fn visit_mut_constructor(&mut self, constructor: &mut Constructor) {
        constructor.params.visit_mut_with(self);
        self.named(Some("constructor".to_owned()), |it| constructor.body.visit_mut_with(it));
    }

    // What stands in the parameters has not the function's name.
    fn visit_mut_function(&mut self, function: &mut Function) {
        let name = self.name.take();
        function.params.visit_mut_with(self);
        self.named(name, |it| function.body.visit_mut_with(it));
    }

    fn visit_mut_var_declarator(&mut self, variable: &mut VarDeclarator) {
        let name = match &variable.name {
            Pat::Ident(name) => Some(name.id.sym.to_string()),
            _ => None,
        };
        variable.name.visit_mut_with(self);
        let is_function = variable.init.as_deref().is_some_and(is_function);
        self.named(name.filter(|_| is_function), |it| variable.init.visit_mut_with(it));
    }

    fn visit_mut_key_value_prop(&mut self, property: &mut KeyValueProp) {
        property.key.visit_mut_with(self);
        let name = key_of(&property.key).filter(|_| is_function(&property.value));
        self.named(name, |it| property.value.visit_mut_with(it));
    }

    fn visit_mut_if_stmt(&mut self, choice: &mut IfStmt) {
        choice.test.visit_mut_with(self);
        let (place, whole) = (self.place(), choice.span());
        self.block_of(&mut choice.cons);
        self.branch(place, &mut choice.cons);
        match &mut choice.alt {
            Some(alternative) => {
                self.block_of(alternative);
                self.branch(place, alternative);
            }
            // To go past it is a branch as well.
            None => {
                let counter = self.count(CountedKind::Branch(place), &whole);
                choice.alt = counter.map(statement_of).map(Box::new);
            }
        }
    }

    fn visit_mut_cond_expr(&mut self, choice: &mut CondExpr) {
        choice.visit_mut_children_with(self);
        let place = self.place();
        self.branch_expression(place, &mut choice.cons);
        self.branch_expression(place, &mut choice.alt);
    }

    fn visit_mut_bin_expr(&mut self, expression: &mut BinExpr) {
        expression.visit_mut_children_with(self);
        let may_end_early = matches!(
            expression.op,
            BinaryOp::LogicalAnd | BinaryOp::LogicalOr | BinaryOp::NullishCoalescing
        );
        if may_end_early {
            let place = self.place();
            self.branch_expression(place, &mut expression.right);
        }
    }

    fn visit_mut_switch_stmt(&mut self, switch: &mut SwitchStmt) {
        switch.discriminant.visit_mut_with(self);
        let place = self.place();
        for case in &mut switch.cases {
            let SwitchCase { test, cons, .. } = &mut *case;
            test.visit_mut_with(self);
            cons.visit_mut_with(self);
            let counter = self.count(CountedKind::Branch(place), &*case);
            case.cons.splice(0..0, counter.map(statement_of));
        }
    }

    fn visit_mut_while_stmt(&mut self, of: &mut WhileStmt) {
        of.test.visit_mut_with(self);
        self.block_of(&mut of.body);
    }

    fn visit_mut_do_while_stmt(&mut self, of: &mut DoWhileStmt) {
        of.test.visit_mut_with(self);
        self.block_of(&mut of.body);
    }

    fn visit_mut_for_stmt(&mut self, of: &mut ForStmt) {
        of.init.visit_mut_with(self);
        of.test.visit_mut_with(self);
        of.update.visit_mut_with(self);
        self.block_of(&mut of.body);
    }

    fn visit_mut_for_in_stmt(&mut self, of: &mut ForInStmt) {
        of.left.visit_mut_with(self);
        of.right.visit_mut_with(self);
        self.block_of(&mut of.body);
    }

    fn visit_mut_for_of_stmt(&mut self, of: &mut ForOfStmt) {
        of.left.visit_mut_with(self);
        of.right.visit_mut_with(self);
        self.block_of(&mut of.body);
    }

    // `continue` needs the loop itself behind the label.
    fn visit_mut_labeled_stmt(&mut self, labeled: &mut LabeledStmt) {
        labeled.body.visit_mut_with(self);
    }
}

/// Whether a statement does something of its own when it is reached.
fn is_counted(statement: &Stmt) -> bool {
    match statement {
        Stmt::Block(_) | Stmt::Empty(_) | Stmt::Decl(Decl::Fn(_) | Decl::Class(_)) => false,
        Stmt::Decl(Decl::Var(variables)) => variables.decls.iter().any(|it| it.init.is_some()),
        _ => true,
    }
}

fn is_directive(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(ExprStmt { expr, .. }) if matches!(**expr, Expr::Lit(Lit::Str(_))))
}

fn is_function(expression: &Expr) -> bool {
    matches!(expression, Expr::Arrow(_) | Expr::Fn(_))
}

fn key_of(key: &PropName) -> Option<String> {
    match key {
        PropName::Ident(name) => Some(name.sym.to_string()),
        PropName::Str(text) => text.value.as_str().map(str::to_owned),
        _ => None,
    }
}

fn statement_of(expression: Expr) -> Stmt {
    Stmt::Expr(ExprStmt { span: DUMMY_SP, expr: Box::new(expression) })
}

fn put_before(counter: Expr, expression: &mut Box<Expr>) {
    let exprs = vec![Box::new(counter), expression.take()];
    **expression = Expr::Seq(SeqExpr { span: DUMMY_SP, exprs });
}

/// The block that a statement is, or becomes.
fn as_block(statement: &mut Stmt) -> &mut BlockStmt {
    if !matches!(statement, Stmt::Block(_)) {
        let stmts = vec![statement.take()];
        *statement =
            Stmt::Block(BlockStmt { span: stmts[0].span(), stmts, ..BlockStmt::default() });
    }
    match statement {
        Stmt::Block(block) => block,
        _ => unreachable!("it was just made one"),
    }
}
