//! What TypeScript's own compiler reports, as diagnostics beside those of the rules.
//!
//! Its output is read as `tsc --pretty false --listFiles` prints it: one line for each error, with lines that are
//! indented behind it, and the paths of the files that it has read.

use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::import::ModuleName;
use zigts_rules::printable::printable;
use zigts_rules::record::{Category, RuleRecord, Severity};
use zigts_rules::span::ModuleId;

use super::{Facts, Report, omit};
use crate::source::{SourceFile, Sources};

/// The record of all its errors; each has a code of its own.
static RECORD: RuleRecord = RuleRecord {
    code: "TS",
    name: "typescript",
    severity: Severity::Error,
    category: Category::Syntax,
    since: "0.1.0",
    summary: "has an error that TypeScript's compiler reports",
    explanation: "",
    help: "Correct the types; the project's own `tsc` reports this.",
};

/// What a run of `tsc` has printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub errors: Vec<TypeError>,
    /// The files that it has read.
    pub files: Vec<String>,
    /// Other lines.
    pub remarks: Vec<String>,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// The path as it is printed, with line and column from 1; nothing for an error of the project.
    pub place: Option<(String, u32, u32)>,
    pub code: String,
    pub message: String,
    /// The lines behind it.
    pub details: Vec<String>,
}

/// Reads the output of `tsc`.
pub fn parse(output: &str) -> Output {
    let mut parsed = Output::default();
    for line in output.lines() {
        if let Some(error) = error_of(line) {
            parsed.errors.push(error);
        } else if let Some(detail) = line.strip_prefix("  ") {
            if let Some(last) = parsed.errors.last_mut() {
                last.details.push(detail.trim().to_owned());
            }
        } else if line.starts_with('/') {
            parsed.files.push(line.to_owned());
        } else if !line.trim().is_empty() {
            parsed.remarks.push(line.to_owned());
        }
    }
    parsed
}

fn error_of(line: &str) -> Option<TypeError> {
    let (place, rest) = match line.strip_prefix("error ") {
        Some(rest) => (None, rest),
        None => {
            let (place, rest) = line.split_once("): error ")?;
            let (file, at) = place.rsplit_once('(')?;
            let (line, column) = at.split_once(',')?;
            (Some((file.to_owned(), line.parse().ok()?, column.parse().ok()?)), rest)
        }
    };
    let (code, message) = rest.split_once(": ")?;
    let digits = code.strip_prefix("TS")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| TypeError {
        place,
        code: code.to_owned(),
        message: message.to_owned(),
        details: Vec::new(),
    })
}

impl Report {
    /// A report on files that belong to no handler, by their names and texts.
    pub fn of_files(files: impl IntoIterator<Item = (String, String)>) -> Report {
        let mut sources = Sources::default();
        for (name, text) in files {
            sources.push(SourceFile::new(ModuleName::new(name), text));
        }
        Report {
            diagnostics: Vec::new(),
            omitted: 0,
            facts: Facts::default(),
            is_handler: false,
            api_names: Vec::new(),
            event_names: Vec::new(),
            sources,
        }
    }

    /// Adds errors about modules, but none where an error of a rule says it already.
    pub fn add_type_errors<'e>(
        &mut self,
        errors: impl IntoIterator<Item = (ModuleId, &'e TypeError)>,
    ) {
        let mut added = Vec::new();
        for (module, error) in errors {
            let (line, column) =
                error.place.as_ref().map_or((1, 1), |(_, line, column)| (*line, *column));
            let file = self.sources.file(module);
            let span = file.word_at(module, line.saturating_sub(1), column.saturating_sub(1));
            let is_told = self.diagnostics.iter().any(|told| {
                told.severity == Severity::Error
                    && told.span.module == module
                    && (told.span.start..=told.span.end).contains(&span.start)
            });
            if is_told {
                continue;
            }
            let escaped = |text: &str| printable(text).into_owned();
            added.push(Diagnostic {
                rule: &RECORD,
                code: error.code.clone().into(),
                severity: Severity::Error,
                message: escaped(error.message.trim_end_matches('.')),
                span,
                label: String::new(),
                secondary: Vec::new(),
                note: (!error.details.is_empty()).then(|| escaped(&error.details.join(" "))),
                help: RECORD.help.to_owned(),
                fix: None,
            });
        }
        self.diagnostics.extend(added);
        self.diagnostics.sort_by(|a, b| (a.span, &a.code).cmp(&(b.span, &b.code)));
        self.omitted += omit(&mut self.diagnostics);
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, TypeError, parse};

    #[test]
    fn errors_have_a_place_a_code_and_what_is_indented_behind_them() {
        let output = "src/a (1).ts(3,9): error TS2322: Type 'A' is not assignable to type 'B'.\n  \
                      Types of property 'a' are incompatible.\n    Type 'x' is not.\n\
                      error TS18003: No inputs were found in config file.\n\
                      /lib/lib.d.ts\nFound nothing else.\n";
        let error = |place, code: &str, message: &str, details: &[&str]| TypeError {
            place,
            code: code.to_owned(),
            message: message.to_owned(),
            details: details.iter().map(|&it| it.to_owned()).collect(),
        };
        assert_eq!(
            parse(output),
            Output {
                errors: vec![
                    error(
                        Some(("src/a (1).ts".to_owned(), 3, 9)),
                        "TS2322",
                        "Type 'A' is not assignable to type 'B'.",
                        &["Types of property 'a' are incompatible.", "Type 'x' is not."],
                    ),
                    error(None, "TS18003", "No inputs were found in config file.", &[]),
                ],
                files: vec!["/lib/lib.d.ts".to_owned()],
                remarks: vec!["Found nothing else.".to_owned()],
            }
        );
    }
}
