//! Results for people: a line for each file, each failed test with what was expected and where, and a summary.

use std::fmt::Write;
use std::io::IsTerminal;

use clap::builder::styling::{AnsiColor, Style};
use zigttp_abi::guest::LogLevel;
use zigttp_abi::printable::printable;
use zigttp_testing::outcome::{Failure, FileOutcome, SnapshotCounts, State, Summary, TestOutcome};

use super::frame;
use super::reporter::{Reporter, Sink, lines, time, title};
use crate::output::{self, Stream};
use crate::show::counted;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const STRONG_GOOD: Style = GOOD.bold();
const STRONG_BAD: Style = BAD.bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// Most calls that are listed below the place of a failure.
const MAX_CALLERS: usize = 4;

pub(super) struct Pretty {
    sink: Sink,
    files: usize,
    done: usize,
    snapshots: SnapshotCounts,
    /// Whether a line on a terminal says how far the tests are.
    has_progress: bool,
}

impl Pretty {
    pub(super) fn new(sink: Sink) -> Pretty {
        let has_progress = std::io::stderr().is_terminal();
        Pretty { sink, files: 0, done: 0, snapshots: SnapshotCounts::default(), has_progress }
    }

    /// Replaces the line that says how far the tests are.
    fn show_progress(&self, line: &str) {
        if self.has_progress {
            output::write(Stream::Error, format!("\r\x1b[2K{line}").as_bytes());
        }
    }
}

impl Reporter for Pretty {
    fn begin(&mut self, files: usize) -> anyhow::Result<()> {
        (self.files, self.done, self.snapshots) = (files, 0, SnapshotCounts::default());
        self.show_progress(&format!("0 of {files} files"));
        Ok(())
    }

    fn file(&mut self, file: &FileOutcome) -> anyhow::Result<()> {
        self.done += 1;
        let SnapshotCounts { written, updated, obsolete } = file.snapshots;
        self.snapshots.written += written;
        self.snapshots.updated += updated;
        self.snapshots.obsolete += obsolete;
        self.show_progress("");
        self.sink.write(&told_of(file))?;
        if self.done < self.files {
            self.show_progress(&format!("{} of {} files", self.done, self.files));
        }
        Ok(())
    }

    fn end(&mut self, summary: &Summary) -> anyhow::Result<()> {
        self.sink.write(&(snapshots(&self.snapshots) + &summed_up(summary)))
    }
}

/// A file's line, and its failures.
fn told_of(file: &FileOutcome) -> String {
    let mut text = String::new();
    let count = |state| file.tests.iter().filter(|test| test.state == state).count();
    let path = printable(&file.path);
    let mut words = vec![tests(file.tests.len())];
    for (state, word) in
        [(State::Failed, "failed"), (State::Skipped, "skipped"), (State::Todo, "todo")]
    {
        words.extend(
            Some(count(state)).filter(|&count| count > 0).map(|count| format!("{count} {word}")),
        );
    }
    words.push(time(file.took));
    let mark = match file.has_failed() {
        true => format!("{STRONG_BAD}FAIL{STRONG_BAD:#}"),
        false => format!("{STRONG_GOOD}ok{STRONG_GOOD:#}  "),
    };
    line(&mut text, &format!("{mark}  {path}  {DIM}{}{DIM:#}", words.join(", ")));
    if let Some(error) = &file.error {
        line(&mut text, "");
        failure(&mut text, error);
    }
    for test in file.tests.iter().filter(|test| test.state == State::Failed) {
        failed(&mut text, &path, test);
    }
    if file.has_failed() {
        line(&mut text, "");
    }
    text
}

fn failed(text: &mut String, path: &str, test: &TestOutcome) {
    let title = printable(&title(&test.titles)).into_owned();
    line(
        text,
        &format!("\n{STRONG_BAD}FAIL{STRONG_BAD:#}  {path} > {STRONG_BAD}{title}{STRONG_BAD:#}"),
    );
    for one in &test.failures {
        failure(text, one);
    }
    for printed in &test.output {
        let method = match printed.level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "log",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let from = printed.from.map_or_else(String::new, |event| format!(" in {event}"));
        let printed = lines(&printed.text).collect::<Vec<_>>().join("\n    ");
        line(text, &format!("  {DIM}console.{method}{from}:{DIM:#} {printed}"));
    }
    if let Some(seed) = test.seed {
        line(text, &format!("  {NOTE}the order of events that failed:{NOTE:#} --seed {seed}"));
    }
}

fn failure(text: &mut String, failure: &Failure) {
    // The matchers' own errors say in their first line what was expected of what.
    let is_expectation = failure.name == "AssertionError";
    let name = printable(&failure.name);
    for (index, written) in lines(&failure.message).enumerate() {
        let written = match written {
            _ if index == 0 && !is_expectation => format!("{BAD}{name}:{BAD:#} {written}"),
            _ if is_expectation && written.starts_with("Expected") => {
                format!("{GOOD}{written}{GOOD:#}")
            }
            _ if is_expectation && written.starts_with("Received") => {
                format!("{BAD}{written}{BAD:#}")
            }
            _ => written,
        };
        line(text, &written);
    }
    if let Some(diff) = &failure.diff {
        line(text, "");
        for written in lines(diff) {
            line(
                text,
                &match written.as_bytes().first() {
                    Some(b'-') => format!("{GOOD}{written}{GOOD:#}"),
                    Some(b'+') => format!("{BAD}{written}{BAD:#}"),
                    Some(b'@') => format!("{DIM}{written}{DIM:#}"),
                    _ => written,
                },
            );
        }
    }
    if let Some((first, callers)) = failure.frames.split_first() {
        text.push_str(&frame::framed(first));
        for caller in callers.iter().take(MAX_CALLERS) {
            let function = caller
                .function
                .as_deref()
                .map_or_else(String::new, |name| format!(" {}", printable(name)));
            let path = printable(&caller.path);
            line(
                text,
                &format!(
                    "  {DIM}called from{function} ({path}:{}:{}){DIM:#}",
                    caller.line, caller.column
                ),
            );
        }
    }
}

fn snapshots(counts: &SnapshotCounts) -> String {
    let SnapshotCounts { written, updated, obsolete } = *counts;
    let mut words = Vec::new();
    if written > 0 {
        words.push(format!("{written} written"));
    }
    if updated > 0 {
        words.push(format!("{updated} updated"));
    }
    if obsolete > 0 {
        words.push(format!(
            "{NOTE}{obsolete} obsolete{NOTE:#} (no test asks for them; --update removes them)"
        ));
    }
    if words.is_empty() { String::new() } else { format!("snapshots: {}\n", words.join(", ")) }
}

fn summed_up(summary: &Summary) -> String {
    let Summary { files, files_failed, passed, failed, skipped, todo, took, seed } = *summary;
    let mut words = vec![format!("{STRONG_GOOD}{passed} passed{STRONG_GOOD:#}")];
    if failed > 0 {
        words.push(format!("{STRONG_BAD}{failed} failed{STRONG_BAD:#}"));
    }
    if skipped > 0 {
        words.push(format!("{skipped} skipped"));
    }
    if todo > 0 {
        words.push(format!("{todo} todo"));
    }
    let files = counted(&[(files as u64, "file")]);
    let broken = match files_failed {
        0 => String::new(),
        _ => format!(", {files_failed} of them failed"),
    };
    let seed = seed.map_or_else(String::new, |seed| format!(", --seed {seed}"));
    format!("tests: {} in {files}{broken}, {}{seed}\n", words.join(", "), time(took))
}

fn tests(count: usize) -> String {
    counted(&[(count as u64, "test")])
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}
