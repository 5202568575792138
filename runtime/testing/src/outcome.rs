//! What running tests has shown, for whoever reports it.

use std::time::Duration;

use serde::Deserialize;
use zigttp_abi::guest::LogLevel;

/// The tests of one file.
#[derive(Clone, Debug, Default)]
pub struct FileOutcome {
    /// As its user would write it.
    pub path: String,
    /// In the order of the file.
    pub tests: Vec<TestOutcome>,
    /// Why it has no tests, if something is wrong with all of it.
    pub error: Option<Failure>,
    pub took: Duration,
    pub snapshots: SnapshotCounts,
}

/// One test.
#[derive(Clone, Debug)]
pub struct TestOutcome {
    /// Those of its groups first.
    pub titles: Vec<String>,
    pub state: State,
    pub took: Duration,
    /// None if it has not failed.
    pub failures: Vec<Failure>,
    /// What the test and its handler have printed.
    pub output: Vec<ConsoleLine>,
    /// The seed of the order of events, if it was permuted.
    pub seed: Option<u64>,
    /// Where it is written, counted from 1.
    pub line: Option<u32>,
    pub snapshots: Vec<SnapshotUse>,
    /// How many expectations it has met.
    pub assertions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Passed,
    Failed,
    Skipped,
    Todo,
}

/// Why a test has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the error's class.
    pub name: String,
    pub message: String,
    /// Lines that begin with `- ` if they were expected, with `+ ` if they were received.
    pub diff: Option<String>,
    /// The innermost first; those of the library are left out.
    pub frames: Vec<Frame>,
}

/// A place in the TypeScript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub function: Option<String>,
    /// The module's name, relative to the test's folder.
    pub path: String,
    /// Counted from 1, as the column.
    pub line: u32,
    pub column: u32,
    /// The text of the line, for whoever reads the file.
    pub source_line: Option<String>,
}

/// A line of `console`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    pub level: LogLevel,
    pub text: String,
    /// The handler's event; `None`: the test itself.
    pub from: Option<&'static str>,
}

/// A snapshot that a test has used, with what its file is to hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SnapshotUse {
    pub key: String,
    pub value: String,
}

/// What became of the snapshots of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotCounts {
    pub written: usize,
    pub updated: usize,
    pub obsolete: usize,
}

/// All files together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: usize,
    pub files_failed: usize,
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub todo: usize,
    pub took: Duration,
    pub seed: Option<u64>,
}

impl FileOutcome {
    /// Whether it has failed, or any of its tests.
    pub fn has_failed(&self) -> bool {
        self.error.is_some() || self.tests.iter().any(|test| test.state == State::Failed)
    }
}

impl Summary {
    /// Adds a file.
    pub fn add(&mut self, file: &FileOutcome) {
        self.files += 1;
        self.files_failed += usize::from(file.has_failed());
        for test in &file.tests {
            *match test.state {
                State::Passed => &mut self.passed,
                State::Failed => &mut self.failed,
                State::Skipped => &mut self.skipped,
                State::Todo => &mut self.todo,
            } += 1;
        }
    }

    /// Whether anything has failed.
    pub fn has_failed(&self) -> bool {
        self.files_failed > 0
    }
}
