//! Makes the fixes of diagnostics, in copies of the texts.

use std::collections::BTreeMap;
use std::ops::Range;

use zigts_rules::diagnostic::{Diagnostic, Edit};
use zigts_rules::span::ModuleId;

use crate::report::Report;

/// The new texts of the modules that the safe fixes change.
///
/// If two fixes touch, the later one is left out: the next check of the changed handler may offer it again.
pub fn fixed(report: &Report) -> Vec<(ModuleId, String)> {
    let mut texts = Vec::new();
    for (module, edits) in choose(&report.diagnostics) {
        texts.push((module, apply(report.sources.file(module).text(), edits)));
    }
    texts
}

/// Which bytes of a module's text an edit replaces.
///
/// What is inserted at the start goes behind a first line that begins with `#!`, which is not part of the
/// program.
pub fn range(text: &str, edit: &Edit) -> Range<usize> {
    if edit.span.end == 0 && text.starts_with("#!") {
        let start = text.find('\n').map_or(text.len(), |newline| newline + 1);
        return start..start;
    }
    edit.span.start as usize..edit.span.end as usize
}

/// The edits of as many safe fixes as go together, by module.
fn choose(diagnostics: &[Diagnostic]) -> BTreeMap<ModuleId, Vec<&Edit>> {
    let mut chosen: BTreeMap<ModuleId, Vec<&Edit>> = BTreeMap::new();
    let fixes = diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_ref());
    for fix in fixes.filter(|fix| fix.is_safe) {
        let fits = fix.edits.iter().all(|edit| {
            let others = chosen.get(&edit.span.module).into_iter().flatten();
            // The same change for two reasons is one change.
            others.into_iter().all(|other| *other == edit || !touch(other, edit))
        });
        if !fits {
            continue;
        }
        for edit in &fix.edits {
            let edits = chosen.entry(edit.span.module).or_default();
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    chosen
}

fn touch(a: &Edit, b: &Edit) -> bool {
    a.span.start <= b.span.end && b.span.start <= a.span.end
}

fn apply(text: &str, mut edits: Vec<&Edit>) -> String {
    edits.sort();
    let (mut changed, mut done) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        let range = range(text, edit);
        changed.push_str(&text[done..range.start]);
        changed.push_str(&edit.replacement);
        done = range.end;
    }
    changed.push_str(&text[done..]);
    changed
}

#[cfg(test)]
mod tests {
    use zigts_rules::diagnostic::{Diagnostic, Edit, Fix};
    use zigts_rules::record::Severity;
    use zigts_rules::registry;
    use zigts_rules::span::{ModuleId, Span};

    use super::{apply, choose};

    fn edit(start: u32, end: u32, replacement: &str) -> Edit {
        let span = Span::new(ModuleId::ENTRY, start, end);
        Edit { span, replacement: replacement.to_owned() }
    }

    fn finding(edits: Vec<Edit>, is_safe: bool) -> Diagnostic {
        Diagnostic {
            rule: registry::records().next().expect("there are rules"),
            code: "".into(),
            severity: Severity::Error,
            message: String::new(),
            span: Span::start_of(ModuleId::ENTRY),
            label: String::new(),
            secondary: Vec::new(),
            note: None,
            help: String::new(),
            fix: Some(Fix { message: String::new(), edits, is_safe }),
        }
    }

    fn fixed(text: &str, fixes: &[(&[Edit], bool)]) -> String {
        let found: Vec<_> =
            fixes.iter().map(|(edits, is_safe)| finding(edits.to_vec(), *is_safe)).collect();
        let edits = choose(&found).remove(&ModuleId::ENTRY).unwrap_or_default();
        apply(text, edits)
    }

    #[test]
    fn all_edits_of_a_fix_are_made_or_none() {
        let first = [edit(4, 6, "EF"), edit(0, 0, ">")];
        let second = [edit(2, 3, "?"), edit(5, 5, "!")];
        assert_eq!(fixed("abcdefg", &[(&first, true), (&second, true)]), ">abcdEFg");
    }

    #[test]
    fn only_safe_fixes_are_made() {
        assert_eq!(fixed("abc", &[(&[edit(0, 1, "A")], false)]), "abc");
    }

    #[test]
    fn the_same_edit_is_made_once() {
        let both = [edit(1, 2, "B")];
        assert_eq!(fixed("abc", &[(&both, true), (&both, true)]), "aBc");
    }

    #[test]
    fn what_goes_first_goes_behind_the_line_of_an_interpreter() {
        let first = [edit(0, 0, "import;\n")];
        assert_eq!(fixed("#!/bin/x\na", &[(&first, true)]), "#!/bin/x\nimport;\na");
    }
}
