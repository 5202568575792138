//! What a rule is: a record and a check.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::RuleRecord;
use crate::suppression::BadSuppression;

/// One kind of mistake in a handler.
pub trait Rule: Sync {
    /// The rule's record, from which everything about it is printed.
    fn record(&self) -> &'static RuleRecord;

    /// Looks for the mistake and reports each instance.
    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>);

    /// Looks at the comments that suppress rules, once it is known what they suppress.
    fn review(&self, _unheeded: &[BadSuppression<'_>], _sink: &mut Sink<'_>) {}

    /// Whether the rule also runs on a handler that could not be read to its end, as after a syntax error.
    fn reads_partial_handlers(&self) -> bool {
        false
    }

    /// Whether the rule also speaks of what lies in packages, which is not the author's to change.
    fn reads_packages(&self) -> bool {
        false
    }
}
