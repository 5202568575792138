//! NUL characters, which TypeScript allows in its texts and the engine's interface in no source.

use swc_core::ecma::ast::{Regex, Str, TplElement};
use swc_core::ecma::visit::VisitMut;

/// Writes them as escapes.
pub(super) struct Nul;

const NUL: char = '\0';

impl VisitMut for Nul {
    fn visit_mut_str(&mut self, text: &mut Str) {
        if text.raw.as_ref().is_some_and(|raw| raw.contains(NUL)) {
            text.raw = None;
        }
    }

    fn visit_mut_tpl_element(&mut self, element: &mut TplElement) {
        if element.raw.contains(NUL) {
            element.raw = element.raw.replace(NUL, "\\x00").into();
        }
    }

    fn visit_mut_regex(&mut self, regex: &mut Regex) {
        if regex.exp.contains(NUL) {
            regex.exp = regex.exp.replace(NUL, "\\x00").into();
        }
    }
}
