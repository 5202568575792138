//! Loops over the members of a room, without iterators.
//!
//! `for (const peer of getWebSockets(room))` is how handlers send to a room. QuickJS makes an
//! iterator for it and calls that for each member; here the elements are taken by their index, which
//! saves a tenth of an event of the chat example. No other code has the array, so this does the same
//! unless the handler replaces the iterator of all arrays.

use std::collections::HashSet;

use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, Mark, SyntaxContext};
use swc_core::ecma::ast::{
    BinExpr, BinaryOp, BlockStmt, CallExpr, Callee, ComputedPropName, Expr, ForHead, ForOfStmt,
    ForStmt, Id, Ident, IdentName, MemberExpr, MemberProp, Pat, Stmt, UpdateExpr, UpdateOp,
    VarDecl, VarDeclKind, VarDeclarator,
};
use swc_core::ecma::utils::private_ident;
use swc_core::ecma::visit::{VisitMut, VisitMutWith};
use zigts_rules::import::{ImportKind, Target};
use zigts_rules::model::Module;
use zigttp_abi::api::Module as Builtin;

/// The API function whose result is looped over.
const GET_WEB_SOCKETS: &str = "getWebSockets";

/// Rewrites the loops of one module.
pub(super) struct MemberLoops {
    /// What the module calls the function.
    names: HashSet<Id>,
}

impl MemberLoops {
    pub(super) fn of(module: &Module, top_level: Mark) -> MemberLoops {
        let context = SyntaxContext::empty().apply_mark(top_level);
        let names = module
            .imports
            .iter()
            .filter(|it| {
                it.target == Target::Builtin(Builtin::Websocket) && it.kind == ImportKind::Static
            })
            .flat_map(|import| &import.names)
            .filter(|name| name.imported.as_deref() == Some(GET_WEB_SOCKETS))
            .map(|name| (name.local.as_str().into(), context));
        MemberLoops { names: names.collect() }
    }

    fn is_members(&self, expression: &Expr) -> bool {
        let Expr::Call(CallExpr { callee: Callee::Expr(callee), .. }) = expression else {
            return false;
        };
        callee.as_ident().is_some_and(|callee| self.names.contains(&callee.to_id()))
    }

    /// The same loop over indices, if it is one over members that binds each to a new name.
    fn by_index(&self, of: &mut ForOfStmt) -> Option<ForStmt> {
        let ForHead::VarDecl(head) = &mut of.left else { return None };
        if of.is_await || head.kind == VarDeclKind::Var || !self.is_members(&of.right) {
            return None;
        }
        let [bound] = &mut *head.decls else { return None };

        let [members, index, count] =
            ["members", "index", "count"].map(|name| private_ident!(name));
        let length = MemberProp::Ident(IdentName::new("length".into(), DUMMY_SP));
        let element = MemberProp::Computed(ComputedPropName {
            span: DUMMY_SP,
            expr: Box::new(index.clone().into()),
        });
        bound.init = Some(member(&members, element));
        let each = Stmt::Decl(head.take().into());
        Some(ForStmt {
            span: of.span,
            init: Some(
                Box::new(VarDecl {
                    kind: VarDeclKind::Let,
                    decls: vec![
                        variable(&members, of.right.take()),
                        variable(&index, Box::new(0.into())),
                        variable(&count, member(&members, length)),
                    ],
                    ..VarDecl::dummy()
                })
                .into(),
            ),
            test: Some(Box::new(Expr::Bin(BinExpr {
                span: DUMMY_SP,
                op: BinaryOp::Lt,
                left: Box::new(index.clone().into()),
                right: Box::new(count.into()),
            }))),
            update: Some(Box::new(Expr::Update(UpdateExpr {
                span: DUMMY_SP,
                op: UpdateOp::PlusPlus,
                prefix: false,
                arg: Box::new(index.into()),
            }))),
            // The body stays a statement of its own: it may declare the name of the member again.
            body: Box::new(Stmt::Block(BlockStmt {
                span: DUMMY_SP,
                ctxt: SyntaxContext::empty(),
                stmts: vec![each, *of.body.take()],
            })),
        })
    }
}

fn variable(name: &Ident, value: Box<Expr>) -> VarDeclarator {
    VarDeclarator {
        span: DUMMY_SP,
        name: Pat::Ident(name.clone().into()),
        init: Some(value),
        definite: false,
    }
}

fn member(object: &Ident, prop: MemberProp) -> Box<Expr> {
    Box::new(Expr::Member(MemberExpr {
        span: DUMMY_SP,
        obj: Box::new(object.clone().into()),
        prop,
    }))
}

impl VisitMut for MemberLoops {
    fn visit_mut_stmt(&mut self, statement: &mut Stmt) {
        statement.visit_mut_children_with(self);
        if let Stmt::ForOf(of) = statement
            && let Some(by_index) = self.by_index(of)
        {
            *statement = Stmt::For(by_index);
        }
    }
}
