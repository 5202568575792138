//! Regular expressions, escapes in texts and templates, and escapes in names.

use swc_core::common::Spanned;
use swc_core::ecma::ast::{
    Ident, IdentName, PrivateName, Program, Regex, Str, TaggedTpl, TplElement, TsEnumDecl,
    TsEnumMember, TsInterfaceDecl, TsType,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use swc_ecma_regexp::{LiteralParser, Options};

use super::errors::Errors;

pub(super) fn find(program: &Program, errors: &mut Errors<'_>) {
    program.visit_with(&mut Finder { errors });
}

struct Finder<'e, 'a> {
    errors: &'e mut Errors<'a>,
}

/// Words that name nothing in a module, however they are written (12.7.2).
const RESERVED: [&str; 46] = [
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

impl Finder<'_, '_> {
    /// A name is valid if its escapes stand for characters that may stand there.
    fn name(&mut self, name: &str, place: &impl Spanned) {
        let is_escaped = self.errors.text_of(place).contains('\\');
        if is_escaped && !name.starts_with(Ident::is_valid_start) {
            self.errors.report(place, "a name cannot begin with this escape");
        }
    }

    fn escapes(&mut self, raw: &str, place: &impl Spanned) {
        if let Some(message) = wrong_escape(raw) {
            self.errors.report(place, message);
        }
    }
}

/// What is wrong with the escapes of a text, in its source (12.9.4.1).
fn wrong_escape(raw: &str) -> Option<&'static str> {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let mut after = rest[at + 1..].chars();
        let Some(kind) = after.next() else { break };
        let tail = after.as_str();
        let is_wrong = match kind {
            '8' | '9' | '1'..='7' => {
                return Some("a number after `\\` is an escape of sloppy mode");
            }
            '0' => {
                if tail.starts_with(|digit: char| digit.is_ascii_digit()) {
                    return Some("a number after `\\` is an escape of sloppy mode");
                }
                false
            }
            'x' => !has_digits(tail, 2),
            'u' => match tail.strip_prefix('{') {
                Some(braced) => braced.split_once('}').is_none_or(|(digits, _)| {
                    !digits.chars().all(|digit| digit.is_ascii_hexdigit())
                        || u32::from_str_radix(digits, 16).is_ok_and(|it| it > 0x10_ffff)
                        || digits.trim_start_matches('0').len() > 6
                        || digits.is_empty()
                }),
                None => !has_digits(tail, 4),
            },
            _ => false,
        };
        if is_wrong {
            return Some("this text has an escape that stands for no character");
        }
        rest = tail;
    }
    None
}

fn has_digits(text: &str, count: usize) -> bool {
    text.chars().take_while(char::is_ascii_hexdigit).take(count).count() == count
}

/// Scripts of Unicode 16 and 17, which the engine has and the validator has not.
const NEW_SCRIPTS: [&str; 22] = [
    "Garay",
    "Gara",
    "Gurung_Khema",
    "Gukh",
    "Kirat_Rai",
    "Krai",
    "Ol_Onal",
    "Onao",
    "Sunuwar",
    "Sunu",
    "Todhri",
    "Todr",
    "Tulu_Tigalari",
    "Tutg",
    "Beria_Erfe",
    "Berf",
    "Sidetic",
    "Sidt",
    "Tai_Yo",
    "Tayo",
    "Tolong_Siki",
    "Tols",
];

/// What is wrong with a regular expression.
fn wrong_pattern(pattern: &str, flags: &str) -> Option<String> {
    let parsed =
        |pattern: &str| LiteralParser::new(pattern, Some(flags), Options::default()).parse().err();
    let error = parsed(pattern)?;
    let known = NEW_SCRIPTS.iter().fold(pattern.to_owned(), |pattern, script| {
        pattern.replace(&format!("={script}}}"), "=Latin}")
    });
    if known != pattern && parsed(&known).is_none() {
        return None;
    }
    let message = error.to_string();
    Some(message.trim_start_matches("Invalid regular expression:").trim().to_owned())
}

impl Visit for Finder<'_, '_> {
    fn visit_regex(&mut self, regex: &Regex) {
        if let Some(reason) = wrong_pattern(&regex.exp, &regex.flags) {
            self.errors.report(regex, format!("this regular expression is not valid: {reason}"));
        } else if regex.exp.contains(['\u{2028}', '\u{2029}']) {
            self.errors.report(regex, "a regular expression cannot go over the end of a line");
        }
    }

    fn visit_str(&mut self, text: &Str) {
        if let Some(raw) = &text.raw {
            self.escapes(raw, text);
        }
    }

    fn visit_tpl_element(&mut self, element: &TplElement) {
        self.escapes(&element.raw, element);
    }

    // Its function gets the source of a part that has a wrong escape.
    fn visit_tagged_tpl(&mut self, tagged: &TaggedTpl) {
        tagged.tag.visit_with(self);
        tagged.tpl.exprs.visit_with(self);
    }

    // The names of properties in types and of members of enums may be any words.
    fn visit_ts_type(&mut self, _: &TsType) {}

    fn visit_ts_interface_decl(&mut self, _: &TsInterfaceDecl) {}

    fn visit_ts_enum_decl(&mut self, declaration: &TsEnumDecl) {
        if RESERVED.contains(&&*declaration.id.sym) {
            let message = format!("`{}` is a reserved word", declaration.id.sym);
            self.errors.report(&declaration.id, message);
        }
        declaration.members.visit_with(self);
    }

    fn visit_ts_enum_member(&mut self, member: &TsEnumMember) {
        member.init.visit_with(self);
    }

    fn visit_ident(&mut self, name: &Ident) {
        let is_escaped = self.errors.text_of(name).contains('\\');
        if (is_escaped && RESERVED.contains(&&*name.sym)) || name.sym == "await" {
            self.errors.report(name, format!("`{}` is a reserved word", name.sym));
        } else {
            self.name(&name.sym, name);
        }
    }

    fn visit_ident_name(&mut self, name: &IdentName) {
        self.name(&name.sym, name);
    }

    fn visit_private_name(&mut self, name: &PrivateName) {
        self.name(&name.name, name);
    }
}

#[cfg(test)]
mod tests {
    use super::{wrong_escape, wrong_pattern};

    #[test]
    fn scripts_of_the_engine_s_unicode_are_known() {
        for pattern in [r"\p{Script=Tai_Yo}", r"[\p{scx=Gara}\p{L}]", r"\p{Script=Latin}"] {
            assert_eq!(wrong_pattern(pattern, "u"), None, "{pattern}");
        }
        assert!(wrong_pattern(r"\p{Script=Klingon}", "u").is_some());
        assert!(wrong_pattern(r"\p{Script=Tai_Yo}(", "u").is_some());
    }

    #[test]
    fn escapes_of_sloppy_mode_and_broken_ones_are_found() {
        for raw in
            [r"\8", r"\07", r"a\1", r"\x4", r"\u12", r"\u{}", r"\u{110000}", r"\u{1_0}", r"\u{1"]
        {
            assert!(wrong_escape(raw).is_some(), "{raw}");
        }
        for raw in [
            r"\0",
            r"\\8",
            r"\x41",
            r"\u0041",
            r"\u{1F980}",
            r"\u{000000041}",
            r"\ud800\u{1f980}",
            r"\é",
            "\\",
        ] {
            assert_eq!(wrong_escape(raw), None, "{raw}");
        }
    }
}
