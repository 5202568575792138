//! Limits how deep a syntax tree may be.
//!
//! Everything that walks a tree recurses: parser, collectors, type stripping, printing, and the
//! engine's own parser. The text is not trusted, and a stack that overflows ends the
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

/// Stack that the parser, and dropping what it made, take at most for a token of source. The worst
/// found among 118 ways to nest, parentheses and tuple types, took 3.4 KiB.
const STACK_BYTES_PER_TOKEN: usize = 6 * 1024;

/// Stack for everything that walks a tree that has been accepted.
pub(crate) const WALKING_STACK_BYTES: usize = 64 * 1024 * 1024;

/// The stack to parse a text on. It is reserved, and used only when needed.
pub(crate) fn stack_bytes(text: &str) -> usize {
    1024 * 1024 + most_tokens(text) * STACK_BYTES_PER_TOKEN
}

/// An upper limit of the tokens of a text: its words, and every character that is neither word nor space.
fn most_tokens(text: &str) -> usize {
    let mut was_word = false;
    text.chars()
        .filter(|&character| {
            let is_word = character.is_alphanumeric() || character == '_';
            let is_token = !(is_word && was_word || character.is_whitespace());
            was_word = is_word;
            is_token
        })
        .count()
}

/// What is nested too deep first, if anything is.
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
                // What is nested further may be long; its beginning is enough.
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

#[cfg(test)]
mod tests {
    use super::most_tokens;

    #[test]
    fn every_token_is_counted() {
        for (text, tokens) in
            [("", 0), ("  \n", 0), ("((((", 4), ("let x1 = 'a b';", 8), ("a=>b", 4), ("`${é}`", 6)]
        {
            assert_eq!(most_tokens(text), tokens, "{text}");
        }
    }
}
