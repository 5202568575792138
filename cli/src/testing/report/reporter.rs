//! What every reporter is, where it writes, and how it writes titles and times.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anstream::adapter::strip_str;
use zigttp_abi::printable::printable;
use zigttp_testing::outcome::{FileOutcome, Summary};

use crate::output::{self, Stream};

/// Tells what running tests has shown.
pub trait Reporter {
    /// So many files are about to run.
    ///
    /// # Errors
    /// When the output is closed.
    fn begin(&mut self, files: usize) -> anyhow::Result<()>;

    /// A file has ended.
    ///
    /// # Errors
    /// When the output is closed.
    fn file(&mut self, file: &FileOutcome) -> anyhow::Result<()>;

    /// All have ended.
    ///
    /// # Errors
    /// When the output is closed.
    fn end(&mut self, summary: &Summary) -> anyhow::Result<()>;
}

/// Where a reporter writes.
pub(super) enum Sink {
    /// Standard output, in colours if it wants them.
    Out,
    File(File),
}

impl Sink {
    pub(super) fn write(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Sink::Out => output::try_write_styled(Stream::Out, text)?,
            Sink::File(file) => file.write_all(strip_str(text).to_string().as_bytes())?,
        }
        Ok(())
    }
}

/// The lines of a text, fit for a terminal.
pub(super) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| printable(line).into_owned())
}

/// A test's titles as one.
pub(super) fn title(titles: &[String]) -> String {
    titles.join(" > ")
}

/// `12 ms` or `1.2 s`.
pub(super) fn time(took: Duration) -> String {
    match took.as_millis() {
        0..1_000 => format!("{} ms", took.as_millis()),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

pub(super) fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
