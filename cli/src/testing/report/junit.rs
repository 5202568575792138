//! XML as JUnit's, which CI servers read: a `testsuite` for each file, a `testcase` for each test.

use std::fmt::Write;
use std::time::Duration;

use zigttp_testing::outcome::{Failure, FileOutcome, State, Summary, TestOutcome};

use super::reporter::{Reporter, Sink, title};

pub(super) struct Junit {
    sink: Sink,
    /// The first element has the sums of all files, so it is written last.
    suites: String,
    /// Files that have no tests because of what concerns them as a whole.
    errors: usize,
}

impl Junit {
    pub(super) fn new(sink: Sink) -> Junit {
        Junit { sink, suites: String::new(), errors: 0 }
    }
}

impl Reporter for Junit {
    fn begin(&mut self, _files: usize) -> anyhow::Result<()> {
        self.suites.clear();
        self.errors = 0;
        Ok(())
    }

    fn file(&mut self, file: &FileOutcome) -> anyhow::Result<()> {
        self.errors += errors_of(file);
        suite(&mut self.suites, file).expect("writing to a string cannot fail");
        Ok(())
    }

    fn end(&mut self, summary: &Summary) -> anyhow::Result<()> {
        let Summary { passed, failed, skipped, todo, took, .. } = *summary;
        let errors = self.errors;
        let tests = passed + failed + skipped + todo + errors;
        self.sink.write(&format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"zigttp test\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\" skipped=\"{}\" time=\"{}\">\n\
             {}</testsuites>\n",
            skipped + todo,
            seconds(took),
            self.suites
        ))
    }
}

/// What concerns the whole file counts as a case.
fn errors_of(file: &FileOutcome) -> usize {
    usize::from(file.error.is_some())
}

fn suite(text: &mut String, file: &FileOutcome) -> std::fmt::Result {
    let count =
        |states: &[State]| file.tests.iter().filter(|test| states.contains(&test.state)).count();
    let path = attribute(&file.path);
    let errors = errors_of(file);
    writeln!(
        text,
        "  <testsuite name=\"{path}\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\" skipped=\"{}\" time=\"{}\">",
        file.tests.len() + errors,
        count(&[State::Failed]),
        count(&[State::Skipped, State::Todo]),
        seconds(file.took),
    )?;
    if let Some(error) = &file.error {
        writeln!(text, "    <testcase classname=\"{path}\" name=\"{path}\" time=\"0.000000\">")?;
        failure(text, "error", error)?;
        writeln!(text, "    </testcase>")?;
    }
    for test in &file.tests {
        case(text, &path, test)?;
    }
    writeln!(text, "  </testsuite>")
}

fn case(text: &mut String, path: &str, test: &TestOutcome) -> std::fmt::Result {
    let line = test.line.map_or_else(String::new, |line| format!(" line=\"{line}\""));
    let (name, time) = (attribute(&title(&test.titles)), seconds(test.took));
    write!(
        text,
        "    <testcase classname=\"{path}\" name=\"{name}\" file=\"{path}\"{line} time=\"{time}\""
    )?;
    if test.state == State::Passed && test.output.is_empty() {
        return writeln!(text, "/>");
    }
    writeln!(text, ">")?;
    match test.state {
        State::Skipped => writeln!(text, "      <skipped/>")?,
        State::Todo => writeln!(text, "      <skipped message=\"todo\"/>")?,
        State::Passed | State::Failed => {}
    }
    for one in &test.failures {
        failure(text, "failure", one)?;
    }
    if !test.output.is_empty() {
        let lines: Vec<_> = test.output.iter().map(|line| line.text.as_str()).collect();
        writeln!(text, "      <system-out>{}</system-out>", content(&lines.join("\n")))?;
    }
    writeln!(text, "    </testcase>")
}

fn failure(text: &mut String, element: &str, failure: &Failure) -> std::fmt::Result {
    let heading = failure.message.lines().next().unwrap_or_default();
    let mut told = failure.message.clone();
    if let Some(diff) = &failure.diff {
        told += &format!("\n\n{diff}");
    }
    for frame in &failure.frames {
        let function =
            frame.function.as_deref().map_or_else(String::new, |name| format!("{name} "));
        told += &format!("\n    at {function}({}:{}:{})", frame.path, frame.line, frame.column);
    }
    writeln!(
        text,
        "      <{element} message=\"{}\" type=\"{}\">{}</{element}>",
        attribute(heading),
        attribute(&failure.name),
        content(&told)
    )
}

fn seconds(took: Duration) -> String {
    format!("{:.6}", took.as_secs_f64())
}

/// The text of an element. XML has no way at all to write most control characters.
fn content(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\t' | '\n' => escaped.push(character),
            '\r' => escaped.push_str("&#13;"),
            '\0'..' ' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push_str(&character.escape_default().to_string());
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The value of an attribute, in which line ends would become spaces.
fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}
