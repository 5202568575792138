//! Takes out the findings that comments ask to be silent about.

use crate::diagnostic::Diagnostic;
use crate::model::{HandlerModel, Suppression};
use crate::registry;
use crate::rule::{Category, RuleRecord};
use crate::span::Span;

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
                    let before = found.len();
                    found.retain(|finding| !covers(suppression, record, finding));
                    if found.len() < before {
                        continue;
                    }
                    Complaint::NothingFound(name)
                }
            };
            unheeded.push(Unheeded { span: code.span, complaint });
        }
    }
    unheeded
}

/// Takes out the findings about suppressions that are suppressed themselves.
pub(crate) fn apply_own(handler: &HandlerModel, found: &mut Vec<Diagnostic>) {
    for suppression in handler.modules.iter().flat_map(|module| &module.suppressions) {
        if suppression.codes.iter().any(|code| code.name == OWN_CODE) {
            found.retain(|finding| {
                finding.rule.code != OWN_CODE || !covers(suppression, finding.rule, finding)
            });
        }
    }
}

/// Whether there is anything left to build when nothing is said.
fn may_be_suppressed(record: &RuleRecord) -> bool {
    !matches!(record.category, Category::Syntax | Category::Build) && record.code != "ZTS037"
}

fn covers(suppression: &Suppression, record: &RuleRecord, finding: &Diagnostic) -> bool {
    finding.rule.code == record.code
        && finding.span.module == suppression.span.module
        && suppression.covers.contains(&finding.span.start)
}
