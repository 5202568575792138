//! Lone surrogates before an escape in braces, as in `"\ud800\u{1f980}"`, which the parser cannot read.
//!
//! It takes what follows for the second half of a pair, of four digits. So it is given another
//! character, written as long, which the tree then has no more.

use std::collections::{HashMap, HashSet};

use swc_core::atoms::wtf8::{CodePoint, Wtf8Buf};
use swc_core::atoms::{Atom, Wtf8Atom};
use swc_core::ecma::ast::{Program, Regex, Str, TplElement};
use swc_core::ecma::visit::{VisitMut, VisitMutWith};

/// What stands for what in a text.
#[derive(Default)]
pub(crate) struct Replaced {
    surrogates: HashMap<char, CodePoint>,
    /// How a stand-in is written, and what was written there.
    escapes: Vec<(String, String)>,
}

/// The text for the parser, and what it has of its own, if anything.
pub(crate) fn replace(text: &str) -> (String, Replaced) {
    let mut replaced = Replaced::default();
    let places: Vec<usize> = places(text).collect();
    let mut result = text.to_owned();
    if places.is_empty() {
        return (result, replaced);
    }
    let used = private_characters(text);
    let mut free = ('\u{e000}'..='\u{f8ff}').filter(|character| !used.contains(character));
    let mut known: HashMap<&str, String> = HashMap::new();
    for place in places {
        let escape = &text[place..place + ESCAPE];
        if !known.contains_key(escape) {
            let unit = u32::from_str_radix(&escape[2..], 16).ok();
            let Some(surrogate) = unit.and_then(CodePoint::from_u32) else { continue };
            let Some(stand_in) = free.next() else { break };
            let written = format!("\\u{:04x}", u32::from(stand_in));
            replaced.surrogates.insert(stand_in, surrogate);
            replaced.escapes.push((written.clone(), escape.to_owned()));
            known.insert(escape, written);
        }
        result.replace_range(place..place + ESCAPE, &known[escape]);
    }
    (result, replaced)
}

/// Bytes of `\ud800`.
const ESCAPE: usize = 6;

/// Where there are escapes of surrogates that one in braces follows.
fn places(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices("\\u{").filter_map(|(end, _)| {
        let start = end.checked_sub(ESCAPE)?;
        let digits = text.get(start..end)?.strip_prefix("\\u")?;
        let unit = u16::from_str_radix(digits, 16).ok()?;
        let backslashes = text[..start].bytes().rev().take_while(|&byte| byte == b'\\').count();
        ((0xd800..0xe000).contains(&unit) && backslashes % 2 == 0).then_some(start)
    })
}

/// The characters for private use that a text has, written as such or as escapes.
fn private_characters(text: &str) -> HashSet<char> {
    let escaped = text.match_indices("\\u").filter_map(|(at, _)| {
        let digits = text[at + 2..].trim_start_matches(['{', '0']);
        let end = digits.find(|it: char| !it.is_ascii_hexdigit()).unwrap_or(digits.len());
        char::from_u32(u32::from_str_radix(&digits[..end.min(4)], 16).ok()?)
    });
    text.chars().chain(escaped).collect()
}

impl Replaced {
    /// Puts the surrogates back.
    pub(crate) fn restore(&mut self, program: &mut Program) {
        if !self.escapes.is_empty() {
            program.visit_mut_with(self);
        }
    }

    fn source(&self, source: &mut Atom) {
        for (written, escape) in &self.escapes {
            if source.contains(written) {
                *source = source.replace(written, escape).into();
            }
        }
    }

    fn value(&self, value: &mut Wtf8Atom) {
        let mut restored = Wtf8Buf::new();
        for point in value.code_points() {
            let surrogate = point.to_char().and_then(|it| self.surrogates.get(&it));
            restored.push(surrogate.copied().unwrap_or(point));
        }
        *value = restored.into();
    }
}

impl VisitMut for Replaced {
    fn visit_mut_str(&mut self, text: &mut Str) {
        self.value(&mut text.value);
        if let Some(raw) = &mut text.raw {
            self.source(raw);
        }
    }

    fn visit_mut_tpl_element(&mut self, element: &mut TplElement) {
        if let Some(cooked) = &mut element.cooked {
            self.value(cooked);
        }
        self.source(&mut element.raw);
    }

    fn visit_mut_regex(&mut self, regex: &mut Regex) {
        self.source(&mut regex.exp);
    }
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn only_surrogates_before_an_escape_in_braces_are_replaced() {
        for (text, replaced) in [
            (r"'\ud800\u{1f980}'", r"'\ue000\u{1f980}'"),
            (
                r"'\uD800\u{1f980}\udc00\u{1}\uD800\u{2}'",
                r"'\ue000\u{1f980}\ue001\u{1}\ue000\u{2}'",
            ),
            (r"'\ue000\ud800\u{1}'", r"'\ue000\ue001\u{1}'"),
            (r"'\ud83d\ude00'", r"'\ud83d\ude00'"),
            (r"'\\ud800\u{1}'", r"'\\ud800\u{1}'"),
            (r"'\u0041\u{1}é\u{1}'", r"'\u0041\u{1}é\u{1}'"),
        ] {
            assert_eq!(replace(text).0, replaced, "{text}");
        }
    }
}
