//! The early errors that are found, and what their finders share.

use swc_core::common::Spanned;
use swc_core::ecma::ast::Expr;
use zigts_rules::model::SyntaxError;

use crate::source::Positions;

/// What has been found so far.
pub(super) struct Errors<'a> {
    positions: Positions<'a>,
    found: Vec<SyntaxError>,
}

impl<'a> Errors<'a> {
    pub(super) fn new(positions: Positions<'a>) -> Errors<'a> {
        Errors { positions, found: Vec::new() }
    }

    pub(super) fn report(&mut self, place: &impl Spanned, message: impl Into<String>) {
        let span = self.positions.of(place);
        self.found.push(SyntaxError { span, message: message.into() });
    }

    /// The text of a piece of syntax.
    pub(super) fn text_of(&self, syntax: &impl Spanned) -> &'a str {
        self.positions.text_of(syntax)
    }

    /// In the order of the source.
    pub(super) fn in_order(self) -> Vec<SyntaxError> {
        let mut found = self.found;
        found.sort_by_key(|error| error.span);
        // One place may break two laws.
        found.dedup_by_key(|error| error.span);
        found
    }
}

/// An expression without the parentheses and types around it.
pub(super) fn bare(mut expression: &Expr) -> &Expr {
    loop {
        expression = match expression {
            Expr::Paren(it) => &it.expr,
            Expr::TsAs(it) => &it.expr,
            Expr::TsNonNull(it) => &it.expr,
            Expr::TsSatisfies(it) => &it.expr,
            Expr::TsTypeAssertion(it) => &it.expr,
            Expr::TsConstAssertion(it) => &it.expr,
            Expr::TsInstantiation(it) => &it.expr,
            expression => return expression,
        }
    }
}
