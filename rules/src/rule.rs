//! What a rule is: a record and a check.

use crate::diagnostic::Sink;
use crate::model::HandlerModel;
use crate::record::RuleRecord;
use crate::suppression::BadSuppression;

/// One thing that can be wrong with a handler.
pub trait Rule: Sync {
    /// Everything there is to say about the rule.
    fn record(&self) -> &'static RuleRecord;

    /// Looks for what the rule is about and reports each place.
    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>);

    /// Looks at the comments that ask for silence, once it is known what they silence.
    fn review(&self, _unheeded: &[BadSuppression<'_>], _sink: &mut Sink<'_>) {}

    /// Whether the rule has something true to say about a handler that could not be read to its
    /// end, as after a syntax error.
    fn reads_partial_handlers(&self) -> bool {
        false
    }
}
