//! Takes out the findings that comments ask to be silent about.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::model::{HandlerModel, Suppression};
use crate::registry;
use crate::rule::{Category, RuleRecord};
use crate::span::{ModuleId, Span};

/// The rule about suppressions, which cannot be about those of itself.
const OWN_CODE: &str = "ZTS900";

/// Something wrong with a suppression.
pub struct Unheeded<'a> {
    pub span: Span,
    pub complaint: Complaint<'a>,
}

/// What is wrong with it; where it is one code, by that.
pub enum Complaint<'a> {
    NothingFound(&'a str),
    CannotBeSuppressed(&'a str),
    UnknownCode(&'a str),
    NoCode,
    NoReason,
}

/// Takes the suppressed findings out of a list, and says which suppressions were of no use.
pub(crate) fn apply<'a>(
    handler: &'a HandlerModel,
    found: &mut Vec<Diagnostic>,
) -> Vec<Unheeded<'a>> {
    let mut unheeded = Vec::new();
    let mut by_place: BTreeMap<(ModuleId, &str, u32), Vec<usize>> = BTreeMap::new();
    for (index, finding) in found.iter().enumerate() {
        let place = (finding.span.module, finding.rule.code, finding.span.start);
        by_place.entry(place).or_default().push(index);
    }
    let mut suppressed = BTreeSet::new();
    // The same comment many times over is looked into once.
    let mut is_heeded: BTreeMap<(ModuleId, &str, u32, u32), bool> = BTreeMap::new();
    for suppression in handler.modules.iter().flat_map(|module| &module.suppressions) {
        let Suppression { span, codes, has_reason, .. } = suppression;
        if codes.is_empty() {
            unheeded.push(Unheeded { span: *span, complaint: Complaint::NoCode });
        } else if !has_reason {
            unheeded.push(Unheeded { span: *span, complaint: Complaint::NoReason });
        }
        for code in codes {
            let name = code.name.as_str();
            let complaint = match registry::records().find(|record| record.code == name) {
                None => Complaint::UnknownCode(name),
                Some(record) if !may_be_suppressed(record) => Complaint::CannotBeSuppressed(name),
                Some(record) if record.code == OWN_CODE => continue,
                Some(record) => {
                    let place = |start| (span.module, record.code, start);
                    let Range { start, end } = suppression.covers;
                    let is_heeded = *is_heeded
                        .entry((span.module, record.code, start, end))
                        .or_insert_with(|| {
                            let covered = by_place.range(place(start)..place(end));
                            let mut covered = covered.flat_map(|(_, it)| it).copied().peekable();
                            let is_heeded = covered.peek().is_some();
                            suppressed.extend(covered);
                            is_heeded
                        });
                    if is_heeded {
                        continue;
                    }
                    Complaint::NothingFound(name)
                }
            };
            unheeded.push(Unheeded { span: code.span, complaint });
        }
    }
    let mut index = 0;
    found.retain(|_| {
        index += 1;
        !suppressed.contains(&(index - 1))
    });
    unheeded
}

/// Takes out the findings about suppressions that are suppressed themselves.
pub(crate) fn apply_own(handler: &HandlerModel, found: &mut Vec<Diagnostic>) {
    for suppression in handler.modules.iter().flat_map(|module| &module.suppressions) {
        if suppression.codes.iter().any(|code| code.name == OWN_CODE) {
            found.retain(|finding| {
                finding.rule.code != OWN_CODE
                    || finding.span.module != suppression.span.module
                    || !suppression.covers.contains(&finding.span.start)
            });
        }
    }
}

/// Whether there is anything left to build when nothing is said.
pub(crate) fn may_be_suppressed(record: &RuleRecord) -> bool {
    !matches!(record.category, Category::Syntax | Category::Build) && record.code != "ZTS037"
}
