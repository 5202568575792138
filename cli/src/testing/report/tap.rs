//! The Test Anything Protocol, version 14 (<https://testanything.org/tap-version-14-specification.html>): each file is
//! a test point, with its tests in a subtest before it.

use std::fmt::Write;

use zigttp_abi::printable::printable;
use zigttp_testing::outcome::{Failure, FileOutcome, State, Summary, TestOutcome};

use super::reporter::{Reporter, Sink, lines, milliseconds, title};

pub(super) struct Tap {
    sink: Sink,
    files: usize,
}

impl Tap {
    pub(super) fn new(sink: Sink) -> Tap {
        Tap { sink, files: 0 }
    }
}

impl Reporter for Tap {
    fn begin(&mut self, files: usize) -> anyhow::Result<()> {
        self.files = 0;
        self.sink.write(&format!("TAP version 14\n1..{files}\n"))
    }

    fn file(&mut self, file: &FileOutcome) -> anyhow::Result<()> {
        self.files += 1;
        let mut text = String::new();
        point(&mut text, file, self.files).expect("writing to a string cannot fail");
        self.sink.write(&text)
    }

    fn end(&mut self, _summary: &Summary) -> anyhow::Result<()> {
        Ok(())
    }
}

fn point(text: &mut String, file: &FileOutcome, number: usize) -> std::fmt::Result {
    let path = description(&file.path);
    writeln!(text, "# Subtest: {path}")?;
    writeln!(text, "    1..{}", file.tests.len())?;
    for (index, test) in file.tests.iter().enumerate() {
        test_point(text, test, index + 1)?;
    }
    let ok = if file.has_failed() { "not ok" } else { "ok" };
    writeln!(text, "{ok} {number} - {path}")?;
    let error = file.error.iter().collect::<Vec<_>>();
    diagnostics(text, "  ", &error, &[("duration_ms", milliseconds(file.took).to_string())])
}

fn test_point(text: &mut String, test: &TestOutcome, number: usize) -> std::fmt::Result {
    let (ok, directive) = match test.state {
        State::Passed => ("ok", ""),
        State::Failed => ("not ok", ""),
        State::Skipped => ("ok", " # SKIP"),
        State::Todo => ("not ok", " # TODO"),
    };
    writeln!(text, "    {ok} {number} - {}{directive}", description(&title(&test.titles)))?;
    if matches!(test.state, State::Skipped | State::Todo) {
        return Ok(());
    }
    let mut facts = vec![("duration_ms", milliseconds(test.took).to_string())];
    facts.extend(test.seed.map(|seed| ("seed", seed.to_string())));
    diagnostics(text, "      ", &test.failures.iter().collect::<Vec<_>>(), &facts)
}

/// A block of YAML: facts, and of the first failure everything, of others the message.
fn diagnostics(
    text: &mut String,
    indent: &str,
    failures: &[&Failure],
    facts: &[(&str, String)],
) -> std::fmt::Result {
    writeln!(text, "{indent}---")?;
    for (name, value) in facts {
        writeln!(text, "{indent}{name}: {value}")?;
    }
    if let Some((first, others)) = failures.split_first() {
        writeln!(text, "{indent}type: {}", json(&first.name))?;
        literal(text, indent, "message", &first.message)?;
        if let Some(diff) = &first.diff {
            literal(text, indent, "diff", diff)?;
        }
        if let Some(frame) = first.frames.first() {
            let place = format!("{}:{}:{}", frame.path, frame.line, frame.column);
            writeln!(text, "{indent}at: {}", json(&place))?;
        }
        for other in others {
            literal(text, indent, "also", &other.message)?;
        }
    }
    writeln!(text, "{indent}...")
}

/// A text of several lines. The number says how deep it is indented: its own first line may be as well.
fn literal(text: &mut String, indent: &str, name: &str, value: &str) -> std::fmt::Result {
    writeln!(text, "{indent}{name}: |2-")?;
    for line in lines(value) {
        writeln!(text, "{}", format!("{indent}  {line}").trim_end())?;
    }
    Ok(())
}

/// A text in quotes: JSON's are YAML's.
fn json(value: &str) -> String {
    serde_json::to_string(&printable(value)).expect("text always serialises")
}

/// A description: `#` begins a directive, unless it is escaped.
fn description(value: &str) -> String {
    printable(value).replace('\\', "\\\\").replace('#', "\\#")
}
