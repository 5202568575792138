//! Results for programs: one JSON object on each line, for each test as its file ends, for each file, and at the end.
//!
//! The shape is a promise to the programs that read it, so it is written down here, apart from the types that are
//! reported.

use serde::Serialize;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::printable::printable_json;
use zigttp_testing::outcome::{
    ConsoleLine, Failure, FileOutcome, Frame, State, Summary, TestOutcome,
};

use super::reporter::{Reporter, Sink, milliseconds};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Test(Test<'a>),
    File(File<'a>),
    Summary(Sums),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Test<'a> {
    file: &'a str,
    titles: &'a [String],
    state: &'static str,
    duration_ms: f64,
    line: Option<u32>,
    assertions: usize,
    seed: Option<u64>,
    failures: Vec<Failed<'a>>,
    output: Vec<Printed<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed<'a> {
    name: &'a str,
    message: &'a str,
    diff: Option<&'a str>,
    frames: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    function: Option<&'a str>,
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Printed<'a> {
    level: &'static str,
    text: &'a str,
    /// The handler's event, or `null` for the test itself.
    event: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    file: &'a str,
    success: bool,
    tests: usize,
    duration_ms: f64,
    error: Option<Failed<'a>>,
    snapshots: Snapshots,
}

#[derive(Serialize)]
struct Snapshots {
    written: usize,
    updated: usize,
    obsolete: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sums {
    success: bool,
    files: usize,
    files_failed: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    todo: usize,
    duration_ms: f64,
    seed: Option<u64>,
}

pub(super) struct Json {
    sink: Sink,
}

impl Json {
    pub(super) fn new(sink: Sink) -> Json {
        Json { sink }
    }

    fn write(&mut self, line: &Line<'_>) -> anyhow::Result<()> {
        let line = serde_json::to_string(line).expect("text and numbers always serialise");
        self.sink.write(&printable_json(line + "\n"))
    }
}

impl Reporter for Json {
    fn begin(&mut self, _files: usize) -> anyhow::Result<()> {
        Ok(())
    }

    fn file(&mut self, file: &FileOutcome) -> anyhow::Result<()> {
        for test in &file.tests {
            self.write(&Line::Test(of_test(&file.path, test)))?;
        }
        self.write(&Line::File(File {
            file: &file.path,
            success: !file.has_failed(),
            tests: file.tests.len(),
            duration_ms: milliseconds(file.took),
            error: file.error.as_ref().map(of_failure),
            snapshots: Snapshots {
                written: file.snapshots.written,
                updated: file.snapshots.updated,
                obsolete: file.snapshots.obsolete,
            },
        }))
    }

    fn end(&mut self, summary: &Summary) -> anyhow::Result<()> {
        let Summary { files, files_failed, passed, failed, skipped, todo, took, seed } = *summary;
        let duration_ms = milliseconds(took);
        let success = !summary.has_failed();
        self.write(&Line::Summary(Sums {
            success,
            files,
            files_failed,
            passed,
            failed,
            skipped,
            todo,
            duration_ms,
            seed,
        }))
    }
}

fn of_test<'a>(file: &'a str, test: &'a TestOutcome) -> Test<'a> {
    Test {
        file,
        titles: &test.titles,
        state: match test.state {
            State::Passed => "passed",
            State::Failed => "failed",
            State::Skipped => "skipped",
            State::Todo => "todo",
        },
        duration_ms: milliseconds(test.took),
        line: test.line,
        assertions: test.assertions,
        seed: test.seed,
        failures: test.failures.iter().map(of_failure).collect(),
        output: test.output.iter().map(of_line).collect(),
    }
}

fn of_failure(failure: &Failure) -> Failed<'_> {
    let Failure { name, message, diff, frames } = failure;
    let frames = frames.iter().map(of_frame).collect();
    Failed { name, message, diff: diff.as_deref(), frames }
}

fn of_frame(frame: &Frame) -> Place<'_> {
    let Frame { function, path, line, column, .. } = frame;
    Place { function: function.as_deref(), file: path, line: *line, column: *column }
}

fn of_line(line: &ConsoleLine) -> Printed<'_> {
    let level = match line.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    Printed { level, text: &line.text, event: line.from }
}
