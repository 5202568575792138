//! Diagnostics and remarks on a terminal, or wherever standard error leads.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use codespan_reporting::term::termcolor::{BufferWriter, ColorChoice, NoColor};
use zigts_compiler::ConsoleLine;
use zigts_compiler::report::{Report, ReportView, pretty};
use zigts_rules::printable::{printable, printable_lines};
use zigts_rules::record::Severity;
use zigttp_abi::guest::LogLevel;

use crate::output::{self, Stream};

/// Work that takes longer than this says what it is doing.
const PATIENCE: Duration = Duration::from_millis(300);
const A_SECOND: Duration = Duration::from_secs(1);

/// Shows why a command could not run, on one line.
pub fn error(error: &anyhow::Error) {
    remark(&format!("error: {error:#}"));
}

/// Shows every diagnostic, each with its lines of source.
///
/// # Errors
/// When standard error is closed.
pub fn diagnostics(reports: &[ReportView<'_>]) -> anyhow::Result<()> {
    let mut buffer = BufferWriter::stderr(color_choice()).buffer();
    for view in reports {
        pretty::write(*view, width(), &mut buffer)?;
    }
    Ok(output::try_write(Stream::Error, buffer.as_slice())?)
}

/// The same as text without colours, its lines as long as they are.
///
/// # Errors
/// Never: memory can be written.
pub fn plain(reports: &[ReportView<'_>]) -> anyhow::Result<Vec<u8>> {
    let mut text = NoColor::new(Vec::new());
    for view in reports {
        pretty::write(*view, None, &mut text)?;
    }
    Ok(text.into_inner())
}

/// Shows how many errors and warnings there were, if there were any.
pub fn tally<'a>(reports: impl Iterator<Item = &'a Report> + Clone) {
    let count = |severity| reports.clone().map(|report| report.count(severity)).sum::<usize>();
    let omitted = reports.clone().map(|report| report.omitted).sum::<usize>();
    let words = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")]
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect::<Vec<_>>();
    if !words.is_empty() {
        let more =
            if omitted > 0 { format!("; {omitted} more are not shown") } else { String::new() };
        remark(&(words.join(", ") + &more));
    }
}

/// Shows what top-level code printed while a handler was built.
pub fn console(lines: &[ConsoleLine]) {
    for line in lines {
        remark(&format!("console.{} while building: {}", console_method(line), line.text));
    }
}

/// The method of `console` that a line is from.
pub fn console_method(line: &ConsoleLine) -> &'static str {
    match line.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "log",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// Does some work. If it takes long, a terminal shows what it is and how long it has taken.
pub fn while_working<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let what = printable(what);
    if !stderr().is_terminal() {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        scope.spawn(move || {
            let started = Instant::now();
            let mut patience = PATIENCE;
            // Until the sender is gone.
            while is_done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                patience = A_SECOND;
                let line = format!("\r{what} … {} s", started.elapsed().as_secs());
                output::write(Stream::Error, line.as_bytes());
            }
            if patience == A_SECOND {
                output::write(Stream::Error, b"\r\x1b[2K");
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Shows a line, with unprintable characters escaped.
pub fn remark(line: &str) {
    let line = printable_lines(line);
    output::write(Stream::Error, format!("{line}\n").as_bytes());
}

/// Colours for a terminal, unless the user wants none (<https://no-color.org>).
fn color_choice() -> ColorChoice {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_unwanted || !stderr().is_terminal() { ColorChoice::Never } else { ColorChoice::Auto }
}

/// How many characters a line has room for: what `COLUMNS` says, or else the terminal.
fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.or_else(|| {
        let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(stderr())?;
        Some(usize::from(width))
    })
}

/// So many of each, as words. Only the first is named if it is none.
pub(crate) fn counted(counts: &[(u64, &str)]) -> String {
    let named = counts.iter().enumerate().filter(|(index, (count, _))| *index == 0 || *count > 0);
    let words = named.map(|(_, (count, noun))| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    });
    words.collect::<Vec<_>>().join(", ")
}
