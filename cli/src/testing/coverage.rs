//! What of a handler its tests have run: a table for people, and lcov for programs
//! (<https://github.com/linux-test-project/lcov/blob/master/man/geninfo.1>).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use clap::builder::styling::{AnsiColor, Style};
use zigts_compiler::source::Sources;
use zigts_compiler::{Counted, CountedKind, Counters};
use zigts_rules::import::ModuleName;
use zigttp_abi::printable::printable;

use crate::handler_file::HandlerFile;
use crate::user_file;

/// Where the report goes without another place.
pub const DEFAULT_PATH: &str = "coverage/lcov.info";

const ALL: Style = AnsiColor::Green.on_default();
const MOST: Style = AnsiColor::Yellow.on_default();
const FEW: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

/// From these percentages on, a file is mostly and completely covered.
const MOST_PERCENT: f64 = 50.0;
const ALL_PERCENT: f64 = 90.0;

/// Most ranges of lines that the table names for a file.
const MAX_RANGES: usize = 8;

/// A handler that counts.
pub struct Measured {
    pub counters: Counters,
    pub sources: Sources,
    pub file: HandlerFile,
}

impl Measured {
    /// What has run of it, with what its events have counted.
    pub fn with(&self, in_events: &[u64]) -> Coverage {
        Coverage::of(&self.counters, in_events, &self.sources, &|module| self.file.path_of(module))
    }
}

/// What has run of each module of a handler's own, or of several handlers.
#[derive(Default)]
pub struct Coverage {
    files: Vec<FileCoverage>,
}

struct FileCoverage {
    path: String,
    /// How often each line was begun; only lines on which a statement begins.
    lines: BTreeMap<usize, u64>,
    functions: Vec<FunctionCoverage>,
    branches: Vec<BranchCoverage>,
}

struct FunctionCoverage {
    line: usize,
    name: String,
    calls: u64,
}

struct BranchCoverage {
    line: usize,
    place: usize,
    taken: u64,
}

/// So many of so many.
#[derive(Clone, Copy, Default)]
struct Share {
    covered: usize,
    all: usize,
}

impl Coverage {
    /// From what the top-level code has counted, and what events have counted since.
    fn of(
        counters: &Counters,
        in_events: &[u64],
        sources: &Sources,
        path_of: &dyn Fn(&ModuleName) -> String,
    ) -> Coverage {
        let mut files: BTreeMap<usize, FileCoverage> = BTreeMap::new();
        let counts = counters.at_build.iter().zip(in_events);
        for (Counted { kind, span }, (&at_build, &in_events)) in counters.counted.iter().zip(counts)
        {
            let count = u64::from(at_build) + in_events;
            let source = sources.file(span.module);
            let line = source.line_column(span.start).line;
            let file = files.entry(span.module.index()).or_insert_with(|| FileCoverage {
                path: path_of(source.name()),
                lines: BTreeMap::new(),
                functions: Vec::new(),
                branches: Vec::new(),
            });
            match kind {
                CountedKind::Statement => {
                    let of_line = file.lines.entry(line).or_default();
                    *of_line = count.max(*of_line);
                }
                CountedKind::Function(name) => {
                    let name = name.clone();
                    file.functions.push(FunctionCoverage {
                        line,
                        name: name.unwrap_or_default(),
                        calls: count,
                    });
                }
                CountedKind::Branch(place) => {
                    file.branches.push(BranchCoverage { line, place: *place, taken: count });
                }
            }
        }
        let mut files: Vec<_> = files.into_values().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        for file in &mut files {
            name_functions(&mut file.functions);
            file.branches.sort_by_key(|branch| branch.place);
        }
        Coverage { files }
    }

    /// Adds what has run of another handler. Both may share modules.
    pub fn add(&mut self, other: Coverage) {
        for file in other.files {
            match self.files.iter_mut().find(|known| known.path == file.path) {
                Some(known) => known.add(&file),
                None => self.files.push(file),
            }
        }
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Writes lcov to a file, whose folder is made if there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make `{}`", folder.display()))?;
        }
        user_file::write(path, self.lcov().as_bytes())
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// As lcov.
    fn lcov(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            file.write_lcov(&mut text).expect("writing to a string cannot fail");
        }
        text
    }

    /// As a table; nothing if no handler could be built.
    pub fn table(&self) -> String {
        if self.files.is_empty() {
            return String::new();
        }
        let names = self.files.iter().map(|file| printable(&file.path).chars().count());
        let width = names.max().unwrap_or(0).max("all files".len());
        let mut text = format!(
            "\n{DIM}{:<width$}  {:>7}  {:>9}  {:>8}  lines that did not run{DIM:#}\n",
            "coverage", "lines", "functions", "branches"
        );
        let mut sums = [Share::default(); 3];
        for file in &self.files {
            let shares = file.shares();
            for (sum, share) in sums.iter_mut().zip(shares) {
                sum.covered += share.covered;
                sum.all += share.all;
            }
            row(&mut text, width, &printable(&file.path), shares, &file.lines_not_run());
        }
        row(&mut text, width, "all files", sums, "");
        text
    }
}

/// Gives each function a name of its own, which lcov needs.
fn name_functions(functions: &mut [FunctionCoverage]) {
    functions.sort_by_key(|function| function.line);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for function in functions {
        if function.name.is_empty() {
            function.name = "(anonymous)".to_owned();
        }
        let count = seen.entry(function.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            function.name += &format!(" {count}");
        }
    }
}

impl FileCoverage {
    /// Adds what has run of the same module in another handler: the same is counted of it, in the same order.
    fn add(&mut self, other: &FileCoverage) {
        for (line, count) in &other.lines {
            *self.lines.entry(*line).or_default() += count;
        }
        for (function, other) in self.functions.iter_mut().zip(&other.functions) {
            function.calls += other.calls;
        }
        for (branch, other) in self.branches.iter_mut().zip(&other.branches) {
            branch.taken += other.taken;
        }
    }

    fn shares(&self) -> [Share; 3] {
        let share = |counts: &mut dyn Iterator<Item = u64>| {
            let mut share = Share::default();
            for count in counts {
                share.covered += usize::from(count > 0);
                share.all += 1;
            }
            share
        };
        [
            share(&mut self.lines.values().copied()),
            share(&mut self.functions.iter().map(|function| function.calls)),
            share(&mut self.branches.iter().map(|branch| branch.taken)),
        ]
    }

    fn write_lcov(&self, text: &mut String) -> std::fmt::Result {
        let [lines, functions, branches] = self.shares();
        writeln!(text, "TN:\nSF:{}", one_line(&self.path))?;
        for FunctionCoverage { line, name, .. } in &self.functions {
            writeln!(text, "FN:{line},{}", one_line(name))?;
        }
        for FunctionCoverage { name, calls, .. } in &self.functions {
            writeln!(text, "FNDA:{calls},{}", one_line(name))?;
        }
        writeln!(text, "FNF:{}\nFNH:{}", functions.all, functions.covered)?;
        let mut last = None;
        for &BranchCoverage { line, place, taken } in &self.branches {
            let index = match last {
                Some((of, index)) if of == place => index + 1,
                _ => 0,
            };
            last = Some((place, index));
            // What stands on a line that was never begun was not decided either.
            let is_reached = taken > 0 || self.branches_reached(place) || self.is_begun(line);
            let taken = if is_reached { taken.to_string() } else { "-".to_owned() };
            writeln!(text, "BRDA:{line},{place},{index},{taken}")?;
        }
        writeln!(text, "BRF:{}\nBRH:{}", branches.all, branches.covered)?;
        for (line, count) in &self.lines {
            writeln!(text, "DA:{line},{count}")?;
        }
        writeln!(text, "LF:{}\nLH:{}\nend_of_record", lines.all, lines.covered)
    }

    fn branches_reached(&self, place: usize) -> bool {
        self.branches.iter().any(|branch| branch.place == place && branch.taken > 0)
    }

    fn is_begun(&self, line: usize) -> bool {
        self.lines.get(&line).is_some_and(|&count| count > 0)
    }

    /// Ranges of lines, as `3, 7-9`. Lines without a statement do not end a range.
    fn lines_not_run(&self) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let mut is_open = false;
        for (&line, &count) in &self.lines {
            match ranges.last_mut() {
                Some((_, end)) if is_open && count == 0 => *end = line,
                _ if count == 0 => ranges.push((line, line)),
                _ => {}
            }
            is_open = count == 0;
        }
        let more = ranges.len().saturating_sub(MAX_RANGES);
        let mut words: Vec<String> = ranges
            .into_iter()
            .take(MAX_RANGES)
            .map(
                |(start, end)| {
                    if start == end { start.to_string() } else { format!("{start}-{end}") }
                },
            )
            .collect();
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        words.join(", ")
    }
}

impl Share {
    fn percent(self) -> f64 {
        if self.all == 0 { 100.0 } else { self.covered as f64 * 100.0 / self.all as f64 }
    }
}

fn row(text: &mut String, width: usize, name: &str, shares: [Share; 3], not_run: &str) {
    let [lines, functions, branches] = shares.map(Share::percent);
    let style = match lines {
        ALL_PERCENT.. => ALL,
        MOST_PERCENT.. => MOST,
        _ => FEW,
    };
    let line = format!(
        "{name:<width$}  {style}{lines:>5.1} %{style:#}  {functions:>7.1} %  {branches:>6.1} %  {not_run}"
    );
    writeln!(text, "{}", line.trim_end()).expect("writing to a string cannot fail");
}

/// A name of a record ends with its line.
fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}
