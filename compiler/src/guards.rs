//! Code that never runs here, because a test closes it: `typeof process`, `process.env.NODE_ENV`.
//!
//! Packages are written for several platforms, and say so with such tests. What is behind one that is
//! false here need not be there: it is not looked for, and not emitted.
//!
//! In events there is a `process` that has the settings as `process.env`, and nothing else. A function that looks for
//! these alone keeps its tests of `typeof process`, and they are made when it runs; any other looks for Node.js, which
//! is not here.

use swc_core::common::{SyntaxContext, util::take::Take};
use swc_core::ecma::ast::{
    ArrowExpr, BinaryOp, BlockStmt, Constructor, Decl, Expr, Function, Ident, IfStmt, Lit,
    MemberProp, OptChainBase, Program, Stmt, Str, UnaryOp, VarDecl, VarDeclKind, VarDeclarator,
};
use swc_core::ecma::utils::extract_var_ids;
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};
use zigts_rules::model::Format;
use zigts_rules::span::Span;

use crate::source::Positions;

/// What `process.env.NODE_ENV` is: a handler that is built is one that is served.
const NODE_ENV: &str = "production";

/// Names whose `typeof` is "undefined" in every handler, but for what looks for settings.
const MISSING: [&str; 16] = [
    "Buffer",
    "Bun",
    "Deno",
    "EdgeRuntime",
    "WorkerGlobalScope",
    "XMLHttpRequest",
    "define",
    "document",
    "global",
    "importScripts",
    "localStorage",
    "navigator",
    "process",
    "self",
    "window",
    "WorkerNavigator",
];

/// A value that is known before the code runs.
#[derive(Clone, Debug, PartialEq)]
enum Constant {
    Text(String),
    Boolean(bool),
    Number(f64),
    Undefined,
    Null,
}

impl Constant {
    fn is_truthy(&self) -> bool {
        match self {
            Constant::Text(text) => !text.is_empty(),
            Constant::Boolean(value) => *value,
            Constant::Number(value) => *value != 0.0 && !value.is_nan(),
            Constant::Undefined | Constant::Null => false,
        }
    }
}

/// What is known of names that no module declares.
#[derive(Clone, Copy)]
pub(crate) struct Guards {
    undeclared: SyntaxContext,
    format: Format,
    /// What the functions around ask of `process`.
    process: ProcessUse,
}

/// What some code asks of `process`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProcessUse {
    /// Not looked at yet.
    Unknown,
    Nothing,
    /// `process.env`, besides whether it is there.
    Settings,
    /// Something else, too, or modules that it may have for Node.js.
    Other,
}

impl Guards {
    /// For a module of a format, in which such names have this context.
    pub(crate) fn new(undeclared: SyntaxContext, format: Format) -> Guards {
        Guards { undeclared, format, process: ProcessUse::Unknown }
    }

    /// The same inside of a function.
    fn inside(self, function: &impl VisitWith<ProcessUses>) -> Guards {
        // A part of what asks for nothing asks for nothing, and need not be looked at again.
        if self.process == ProcessUse::Nothing {
            return self;
        }
        let mut uses = ProcessUses { guards: self, found: ProcessUse::Nothing };
        function.visit_with(&mut uses);
        Guards { process: uses.found, ..self }
    }

    /// The parts of a module that never run.
    pub(crate) fn dead_code(self, program: &Program, positions: Positions<'_>) -> Vec<Span> {
        let mut finder = Finder { guards: self, positions, dead: Vec::new() };
        program.visit_with(&mut finder);
        finder.dead
    }

    /// Removes them.
    pub(crate) fn remover(self) -> impl VisitMut {
        Remover { guards: self }
    }

    fn is_undeclared(self, name: &Ident) -> bool {
        name.ctxt == self.undeclared
    }

    fn constant(self, expression: &Expr) -> Option<Constant> {
        match expression {
            Expr::Paren(inner) => self.constant(&inner.expr),
            Expr::Lit(Lit::Str(text)) => Some(Constant::Text(text.value.as_str()?.to_owned())),
            Expr::Lit(Lit::Bool(value)) => Some(Constant::Boolean(value.value)),
            Expr::Lit(Lit::Num(value)) => Some(Constant::Number(value.value)),
            Expr::Lit(Lit::Null(_)) => Some(Constant::Null),
            Expr::Ident(name) if name.sym == "undefined" && self.is_undeclared(name) => {
                Some(Constant::Undefined)
            }
            Expr::Unary(unary) => match unary.op {
                UnaryOp::TypeOf => self.type_of(&unary.arg),
                UnaryOp::Bang => Some(Constant::Boolean(!self.constant(&unary.arg)?.is_truthy())),
                UnaryOp::Void => self.constant(&unary.arg).map(|_| Constant::Undefined),
                _ => None,
            },
            Expr::Bin(binary) => {
                let left = self.constant(&binary.left);
                match binary.op {
                    BinaryOp::LogicalAnd if left.as_ref()?.is_truthy() => {
                        self.constant(&binary.right)
                    }
                    BinaryOp::LogicalOr if !left.as_ref()?.is_truthy() => {
                        self.constant(&binary.right)
                    }
                    BinaryOp::LogicalAnd | BinaryOp::LogicalOr => left,
                    BinaryOp::EqEqEq | BinaryOp::NotEqEq | BinaryOp::EqEq | BinaryOp::NotEq => {
                        let (left, right) = (left?, self.constant(&binary.right)?);
                        let is_strict = matches!(binary.op, BinaryOp::EqEqEq | BinaryOp::NotEqEq);
                        let are_of_one_type =
                            std::mem::discriminant(&left) == std::mem::discriminant(&right);
                        if !is_strict && !are_of_one_type {
                            return None;
                        }
                        let is_negated = matches!(binary.op, BinaryOp::NotEqEq | BinaryOp::NotEq);
                        Some(Constant::Boolean((left == right) != is_negated))
                    }
                    _ => None,
                }
            }
            _ if self.is_node_env(expression) => Some(Constant::Text(NODE_ENV.to_owned())),
            _ => None,
        }
    }

    fn type_of(self, of: &Expr) -> Option<Constant> {
        let Expr::Ident(name) = of else { return None };
        if !self.is_undeclared(name) {
            return None;
        }
        let ty = match (name.sym.as_str(), self.format) {
            ("module" | "exports", Format::CommonJs) => "object",
            ("require", Format::CommonJs) => "function",
            ("module" | "exports" | "require", _) => "undefined",
            ("process", _) if self.process == ProcessUse::Settings => return None,
            (name, _) if MISSING.contains(&name) => "undefined",
            _ => return None,
        };
        Some(Constant::Text(ty.to_owned()))
    }

    /// `process.env.NODE_ENV`, with or without `?.`, or `process.env["NODE_ENV"]`
    fn is_node_env(self, expression: &Expr) -> bool {
        let Some((env, "NODE_ENV")) = member(expression) else { return false };
        let Some((process, "env")) = member(env) else { return false };
        matches!(process, Expr::Ident(name) if name.sym == "process" && self.is_undeclared(name))
    }
}

fn member(expression: &Expr) -> Option<(&Expr, &str)> {
    let member = match expression {
        Expr::Member(member) => member,
        Expr::OptChain(chain) => match &*chain.base {
            OptChainBase::Member(member) => member,
            OptChainBase::Call(_) => return None,
        },
        _ => return None,
    };
    let name = match &member.prop {
        MemberProp::Ident(name) => &name.sym,
        MemberProp::Computed(name) => match &*name.expr {
            Expr::Lit(Lit::Str(text)) => text.value.as_str()?,
            _ => return None,
        },
        MemberProp::PrivateName(_) => return None,
    };
    Some((&member.obj, name))
}

/// Looks for what code asks of `process`.
struct ProcessUses {
    guards: Guards,
    found: ProcessUse,
}

impl Visit for ProcessUses {
    fn visit_expr(&mut self, expression: &Expr) {
        let is_undeclared = |of: &Expr, text: &str| matches!(of, Expr::Ident(name) if name.sym == *text && self.guards.is_undeclared(name));
        match expression {
            Expr::Unary(unary)
                if unary.op == UnaryOp::TypeOf && is_undeclared(&unary.arg, "process") => {}
            _ if self.guards.is_node_env(expression) => {}
            _ if member(expression)
                .is_some_and(|(of, name)| name == "env" && is_undeclared(of, "process")) =>
            {
                if self.found == ProcessUse::Nothing {
                    self.found = ProcessUse::Settings;
                }
            }
            _ if is_undeclared(expression, "process") || is_undeclared(expression, "require") => {
                self.found = ProcessUse::Other;
            }
            Expr::Call(call) if call.callee.is_import() => self.found = ProcessUse::Other,
            _ => expression.visit_children_with(self),
        }
    }
}

struct Finder<'a> {
    guards: Guards,
    positions: Positions<'a>,
    dead: Vec<Span>,
}

impl Finder<'_> {
    fn inside(&mut self, function: &impl VisitWith<ProcessUses>, visit: impl FnOnce(&mut Self)) {
        let guards = self.guards.inside(function);
        let around = std::mem::replace(&mut self.guards, guards);
        visit(self);
        self.guards = around;
    }
}

impl Visit for Finder<'_> {
    fn visit_function(&mut self, function: &Function) {
        self.inside(function, |this| function.visit_children_with(this));
    }

    fn visit_arrow_expr(&mut self, function: &ArrowExpr) {
        self.inside(function, |this| function.visit_children_with(this));
    }

    fn visit_constructor(&mut self, function: &Constructor) {
        self.inside(function, |this| function.visit_children_with(this));
    }

    fn visit_if_stmt(&mut self, statement: &IfStmt) {
        statement.test.visit_with(self);
        match self.guards.constant(&statement.test).map(|test| test.is_truthy()) {
            Some(true) => {
                self.dead.extend(statement.alt.as_ref().map(|dead| self.positions.of(dead)));
                statement.cons.visit_with(self);
            }
            Some(false) => {
                self.dead.push(self.positions.of(&statement.cons));
                statement.alt.visit_with(self);
            }
            None => {
                statement.cons.visit_with(self);
                statement.alt.visit_with(self);
            }
        }
    }

    fn visit_expr(&mut self, expression: &Expr) {
        match expression {
            Expr::Cond(choice) => {
                choice.test.visit_with(self);
                match self.guards.constant(&choice.test).map(|test| test.is_truthy()) {
                    Some(true) => {
                        self.dead.push(self.positions.of(&choice.alt));
                        choice.cons.visit_with(self);
                    }
                    Some(false) => {
                        self.dead.push(self.positions.of(&choice.cons));
                        choice.alt.visit_with(self);
                    }
                    None => {
                        choice.cons.visit_with(self);
                        choice.alt.visit_with(self);
                    }
                }
            }
            Expr::Bin(binary)
                if matches!(binary.op, BinaryOp::LogicalAnd | BinaryOp::LogicalOr) =>
            {
                binary.left.visit_with(self);
                let goes_on = binary.op == BinaryOp::LogicalAnd;
                match self.guards.constant(&binary.left) {
                    Some(left) if left.is_truthy() != goes_on => {
                        self.dead.push(self.positions.of(&binary.right));
                    }
                    _ => binary.right.visit_with(self),
                }
            }
            // A name that is only asked for here is not needed.
            _ if self.guards.is_node_env(expression) => {
                self.dead.push(self.positions.of(expression));
            }
            _ => expression.visit_children_with(self),
        }
    }
}

struct Remover {
    guards: Guards,
}

impl Remover {
    /// Whether an expression asks for the type of `process`.
    fn is_type_of(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Paren(inner) => self.is_type_of(&inner.expr),
            Expr::Unary(unary) => {
                unary.op == UnaryOp::TypeOf
                    && matches!(&*unary.arg, Expr::Ident(name) if name.sym == "process")
            }
            _ => false,
        }
    }

    fn inside<F: VisitWith<ProcessUses>>(
        &mut self,
        function: &mut F,
        visit: impl FnOnce(&mut Self, &mut F),
    ) {
        let guards = self.guards.inside(function);
        let around = std::mem::replace(&mut self.guards, guards);
        visit(self, function);
        self.guards = around;
    }
}

impl VisitMut for Remover {
    fn visit_mut_function(&mut self, function: &mut Function) {
        self.inside(function, |this, function| function.visit_mut_children_with(this));
    }

    fn visit_mut_arrow_expr(&mut self, function: &mut ArrowExpr) {
        self.inside(function, |this, function| function.visit_mut_children_with(this));
    }

    fn visit_mut_constructor(&mut self, function: &mut Constructor) {
        self.inside(function, |this, function| function.visit_mut_children_with(this));
    }

    fn visit_mut_stmt(&mut self, statement: &mut Stmt) {
        if let Stmt::If(choice) = statement
            && let Some(test) = self.guards.constant(&choice.test)
        {
            let (kept, dead) = if test.is_truthy() {
                (Some(choice.cons.take()), choice.alt.take())
            } else {
                (choice.alt.take(), Some(choice.cons.take()))
            };
            // What it declares with `var` is declared around it.
            let declared = dead.map(|dead| extract_var_ids(&*dead)).unwrap_or_default();
            let hoisted = (!declared.is_empty()).then(|| {
                let decls = declared
                    .into_iter()
                    .map(|name| VarDeclarator { name: name.into(), ..VarDeclarator::dummy() });
                Stmt::Decl(Decl::Var(Box::new(VarDecl {
                    kind: VarDeclKind::Var,
                    decls: decls.collect(),
                    ..VarDecl::dummy()
                })))
            });
            let stmts = hoisted.into_iter().chain(kept.map(|kept| *kept)).collect();
            *statement = Stmt::Block(BlockStmt { stmts, ..BlockStmt::dummy() });
        }
        statement.visit_mut_children_with(self);
    }

    fn visit_mut_expr(&mut self, expression: &mut Expr) {
        if self.guards.is_node_env(expression) {
            *expression = Expr::Lit(Lit::Str(Str::from(NODE_ENV)));
            return;
        }
        // `const isNode = () => typeof process !== "undefined"`
        if let Expr::Bin(binary) = expression
            && (self.is_type_of(&binary.left) || self.is_type_of(&binary.right))
            && let Some(Constant::Boolean(value)) = self.guards.constant(expression)
        {
            *expression = Expr::Lit(Lit::Bool(value.into()));
            return;
        }
        let kept = match expression {
            Expr::Cond(choice) => self
                .guards
                .constant(&choice.test)
                .map(|test| if test.is_truthy() { choice.cons.take() } else { choice.alt.take() }),
            Expr::Bin(binary)
                if matches!(binary.op, BinaryOp::LogicalAnd | BinaryOp::LogicalOr) =>
            {
                let goes_on = binary.op == BinaryOp::LogicalAnd;
                self.guards
                    .constant(&binary.left)
                    .filter(|left| left.is_truthy() != goes_on)
                    .map(|_| binary.left.take())
            }
            _ => None,
        };
        if let Some(kept) = kept {
            *expression = *kept;
            return self.visit_mut_expr(expression);
        }
        expression.visit_mut_children_with(self);
    }
}
