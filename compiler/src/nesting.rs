//! Bounds how deep a syntax tree may be.
//!
//! Everything that walks a tree recurses: parser, collectors, type stripping, printing, and the
//! engine's own parser. The text is not to be trusted, and a stack that overflows ends the
//! process. So the parser gets a stack that no text of its length can exhaust, and what it
//! returns is refused when it is deeper than the rest could walk.

use swc_core::ecma::ast::{
    ClassMember, Expr, Pat, Program, Stmt, TsEntityName, TsModuleDecl, TsType,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::model::SyntaxError;

use crate::source::Positions;

/// Most expressions, statements, patterns and types within one another. Hand-written code stays
/// below 50; a sum of 500 strings, which nests to the left, is 500.
const MAX_DEPTH: usize = 1_000;

/// Stack that the parser, and dropping what it made, take at most for a byte of source.
const STACK_BYTES_PER_SOURCE_BYTE: usize = 4 * 1024;

/// Stack for everything that walks a tree that has been let through.
pub(crate) const WALKING_STACK_BYTES: usize = 64 * 1024 * 1024;

/// The stack to parse a text of this length on. It is reserved, and used only when needed.
pub(crate) fn stack_bytes(source_bytes: usize) -> usize {
    1024 * 1024 + source_bytes * STACK_BYTES_PER_SOURCE_BYTE
}

/// The first place that is nested too deep, if there is one.
pub(crate) fn first_too_deep(program: &Program, positions: Positions<'_>) -> Option<SyntaxError> {
    let mut depth = Depth { positions, depth: 0, found: None };
    program.visit_with(&mut depth);
    depth.found
}

struct Depth<'a> {
    positions: Positions<'a>,
    depth: usize,
    found: Option<SyntaxError>,
}

/// Goes one level down, unless that is one too many.
macro_rules! count {
    ($($visit:ident: $node:ty),* $(,)?) => {
        $(fn $visit(&mut self, node: &$node) {
            if self.found.is_some() {
                return;
            }
            if self.depth == MAX_DEPTH {
                let mut span = self.positions.of(node);
                // What is nested further goes on and on; where it begins is enough.
                span.end = span.end.min(span.start + 1);
                let message = format!("more than {MAX_DEPTH} levels of nesting");
                self.found = Some(SyntaxError { span, message });
                return;
            }
            self.depth += 1;
            node.visit_children_with(self);
            self.depth -= 1;
        })*
    };
}

impl Visit for Depth<'_> {
    count! {
        visit_expr: Expr,
        visit_stmt: Stmt,
        visit_pat: Pat,
        visit_class_member: ClassMember,
        visit_ts_type: TsType,
        visit_ts_entity_name: TsEntityName,
        visit_ts_module_decl: TsModuleDecl,
    }
}
