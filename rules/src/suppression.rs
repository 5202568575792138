//! Removes the diagnostics that comments suppress.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::model::{HandlerModel, Suppression};
use crate::record::{Category, RuleRecord};
use crate::span::{ModuleId, Span};

/// The rule about suppressions, which does not report those of itself.
const OWN_CODE: &str = "ZTS900";

/// Something wrong with a suppression.
pub struct BadSuppression<'a> {
    pub span: Span,
    pub problem: SuppressionProblem<'a>,
}

/// What is wrong with it, and for which code.
pub enum SuppressionProblem<'a> {
    NothingFound(&'a str),
    CannotBeSuppressed(&'a str),
    UnknownCode(&'a str),
    NoCode,
    NoReason,
}

/// Removes the suppressed diagnostics from a list, and returns the suppressions that are wrong.
/// `records` has the rule of every code.
pub(crate) fn apply<'a>(
    handler: &'a HandlerModel,
    records: impl Fn(&str) -> Option<&'static RuleRecord>,
    found: &mut Vec<Diagnostic>,
) -> Vec<BadSuppression<'a>> {
    let mut bad_suppressions = Vec::new();
    let starts: BTreeSet<(ModuleId, &str, u32)> = found
        .iter()
        .map(|finding| (finding.span.module, finding.rule.code, finding.span.start))
        .collect();
    let mut covered = Covered::default();
    for suppression in handler.modules.iter().flat_map(|module| &module.suppressions) {
        let Suppression { span, codes, has_reason, .. } = suppression;
        if codes.is_empty() {
            bad_suppressions
                .push(BadSuppression { span: *span, problem: SuppressionProblem::NoCode });
        } else if !has_reason {
            bad_suppressions
                .push(BadSuppression { span: *span, problem: SuppressionProblem::NoReason });
        }
        for code in codes {
            let name = code.name.as_str();
            let problem = match records(name) {
                None => SuppressionProblem::UnknownCode(name),
                Some(record) if !may_be_suppressed(record) => {
                    SuppressionProblem::CannotBeSuppressed(name)
                }
                Some(record) if record.code == OWN_CODE => continue,
                Some(record) => {
                    let key = |start| (span.module, record.code, start);
                    let Range { start, end } = suppression.covers;
                    if starts.range(key(start)..key(end)).next().is_some() {
                        covered.add(span.module, record.code, start..end);
                        continue;
                    }
                    SuppressionProblem::NothingFound(name)
                }
            };
            bad_suppressions.push(BadSuppression { span: code.span, problem });
        }
    }
    covered.apply(found);
    bad_suppressions
}

/// Removes the diagnostics about suppressions that are suppressed themselves.
pub(crate) fn apply_own(handler: &HandlerModel, found: &mut Vec<Diagnostic>) {
    let mut covered = Covered::default();
    for suppression in handler.modules.iter().flat_map(|module| &module.suppressions) {
        if suppression.codes.iter().any(|code| code.name == OWN_CODE) {
            covered.add(suppression.span.module, OWN_CODE, suppression.covers.clone());
        }
    }
    covered.apply(found);
}

/// The ranges in which rules are suppressed. Thousands of suppressions may cover the same diagnostics.
#[derive(Default)]
struct Covered {
    by_rule: BTreeMap<(ModuleId, &'static str), Vec<Range<u32>>>,
}

impl Covered {
    fn add(&mut self, module: ModuleId, code: &'static str, covers: Range<u32>) {
        self.by_rule.entry((module, code)).or_default().push(covers);
    }

    /// Removes the diagnostics that are covered.
    fn apply(mut self, found: &mut Vec<Diagnostic>) {
        for ranges in self.by_rule.values_mut() {
            ranges.sort_unstable_by_key(|range| range.start);
            // Ranges that overlap become one, so that a diagnostic is in at most one.
            ranges.dedup_by(|next, range| {
                let is_joined = next.start <= range.end;
                if is_joined {
                    range.end = range.end.max(next.end);
                }
                is_joined
            });
        }
        found.retain(|finding| {
            let start = finding.span.start;
            let Some(ranges) = self.by_rule.get(&(finding.span.module, finding.rule.code)) else {
                return true;
            };
            let index = ranges.partition_point(|range| range.end <= start);
            ranges.get(index).is_none_or(|range| !range.contains(&start))
        });
    }
}

/// Whether the handler can still be built when the rule's diagnostics are suppressed.
pub(crate) fn may_be_suppressed(record: &RuleRecord) -> bool {
    !matches!(record.category, Category::Syntax | Category::Build) && record.code != "ZTS037"
}
