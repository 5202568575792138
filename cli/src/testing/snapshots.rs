//! The snapshots of a test file, in `__snapshots__/<its name>.snap` beside it.
//!
//! The file is read and reviewed by people, and written as Jest writes its own: one `exports[...]` for each
//! snapshot, sorted by name, numbers in names by their value.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zigttp_testing::SnapshotMode;
use zigttp_testing::outcome::{FileOutcome, SnapshotCounts, State};

use crate::user_file;

/// The first line.
const HEADING: &str = "// zigttp snapshots, version 1: written by `zigttp test`";

/// Largest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// The snapshots of one test file.
pub struct Snapshots {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl Snapshots {
    /// Reads the snapshots of a test file; there may be none yet.
    ///
    /// # Errors
    /// When they cannot be read, or are not written as snapshots are.
    pub fn of(test_file: &Path) -> anyhow::Result<Snapshots> {
        let mut name = test_file.file_name().unwrap_or_default().to_owned();
        name.push(".snap");
        let path = test_file.with_file_name("__snapshots__").join(name);
        let shown = path.display();
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Snapshots { path, values: BTreeMap::new() });
            }
            Ok(found) if found.len() > MAX_BYTES => {
                bail!(
                    "`{shown}` is too large for snapshots: {} bytes, at most {MAX_BYTES}",
                    found.len()
                );
            }
            _ => {}
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{shown}`"))?;
        let values = parse(&text).map_err(|line| {
            anyhow::anyhow!("{shown}:{line}: this is not written as snapshots are; remove the file, and the tests write it again")
        })?;
        Ok(Snapshots { path, values })
    }

    /// What the file holds, by name.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Writes what the tests have used, as far as `mode` allows, and says what has changed.
    ///
    /// With [`SnapshotMode::All`] those that no test has asked for are removed, but not those of tests that did not run
    /// to their end.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn update(
        mut self,
        file: &FileOutcome,
        mode: SnapshotMode,
    ) -> anyhow::Result<SnapshotCounts> {
        let mut counts = SnapshotCounts::default();
        let mut obsolete = self.values.clone();
        for used in file.tests.iter().flat_map(|test| &test.snapshots) {
            obsolete.remove(&used.key);
            if mode == SnapshotMode::None {
                continue;
            }
            match self.values.insert(used.key.clone(), used.value.clone()) {
                None => counts.written += 1,
                Some(old) if old != used.value => counts.updated += 1,
                Some(_) => {}
            }
        }
        // A test that did not end may have had more to ask for.
        let unfinished: Vec<String> = file
            .tests
            .iter()
            .filter(|test| test.state != State::Passed)
            .map(|test| test.titles.join(" > "))
            .collect();
        obsolete.retain(|key, _| !unfinished.iter().any(|title| key.starts_with(title.as_str())));
        if file.error.is_some() {
            obsolete.clear();
        }
        let is_changed = counts.written + counts.updated > 0;
        if mode == SnapshotMode::All && !obsolete.is_empty() {
            self.values.retain(|key, _| !obsolete.contains_key(key));
            self.write()?;
        } else {
            counts.obsolete = obsolete.len();
            if is_changed {
                self.write()?;
            }
        }
        Ok(counts)
    }

    fn write(&self) -> anyhow::Result<()> {
        let shown = self.path.display();
        if self.values.is_empty() {
            return fs::remove_file(&self.path).with_context(|| format!("cannot remove `{shown}`"));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make `{}`", folder.display()))?;
        }
        user_file::write(&self.path, print(&self.values).as_bytes())
            .with_context(|| format!("cannot write `{shown}`"))
    }
}

fn print(values: &BTreeMap<String, String>) -> String {
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| natural(a, b));
    let mut text = HEADING.to_owned() + "\n";
    for (key, value) in sorted {
        // A value of several lines stands on lines of its own.
        let value = if value.contains('\n') { format!("\n{value}\n") } else { value.clone() };
        text += &format!("\nexports[`{}`] = `{}`;\n", escape(key), escape(&value));
    }
    text
}

/// As in a template literal.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${")
}

/// The snapshots of a file's text, or the number of the line that is wrong.
fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let text = text.replace("\r\n", "\n");
    let mut values = BTreeMap::new();
    let mut rest = skip_comments(&text);
    while !rest.is_empty() {
        let here = &text[..text.len() - rest.len()];
        let line = here.matches('\n').count() + 1;
        let (key, value, after) = entry(rest).ok_or(line)?;
        if values.insert(key, value).is_some() {
            return Err(line);
        }
        rest = skip_comments(after);
    }
    Ok(values)
}

fn skip_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if !text.starts_with("//") {
            return text;
        }
        text = text.split_once('\n').map_or("", |(_, rest)| rest);
    }
}

fn entry(text: &str) -> Option<(String, String, &str)> {
    let (key, rest) = literal(text.strip_prefix("exports[")?)?;
    let (value, rest) = literal(rest.strip_prefix("] = ")?)?;
    let lines = value.strip_prefix('\n').and_then(|value| value.strip_suffix('\n'));
    Some((key, lines.unwrap_or(&value).to_owned(), rest.strip_prefix(";")?))
}

/// A template literal at the beginning of a text, and what comes after it.
fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('`')?;
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '`' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// Numbers in names are compared by their value: `a 2` comes before `a 10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let digits =
            |text: &str| text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (of_left, of_right) = (digits(left), digits(right));
        if of_left > 0 && of_right > 0 {
            let number = |text: &str, len: usize| text[..len].trim_start_matches('0').to_owned();
            let (one, other) = (number(left, of_left), number(right, of_right));
            let order = one.len().cmp(&other.len()).then(one.cmp(&other));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (&left[of_left..], &right[of_right..]);
            continue;
        }
        match (left.chars().next(), right.chars().next()) {
            (Some(one), Some(other)) if one == other => {
                (left, right) = (&left[one.len_utf8()..], &right[other.len_utf8()..]);
            }
            // The same but for zeros before numbers.
            (None, None) => return a.cmp(b),
            (one, other) => return one.cmp(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let all = values(&[
            ("plain 1", "1"),
            ("with `ticks`, \\ and ${x} 1", "\"`${x}` \\ \\n\""),
            ("lines 1", "{\n  \"a\": 1,\n}"),
            ("é😀 1", "\"\u{1b}[31m\""),
            ("empty 1", ""),
        ]);
        assert_eq!(parse(&print(&all)), Ok(all));
    }

    #[test]
    fn snapshots_are_sorted_and_readable() {
        let all = values(&[("a 10", "10"), ("a 2", "[\n  1,\n]"), ("a 1", "\"`\"")]);
        let expected = format!(
            "{HEADING}\n\nexports[`a 1`] = `\"\\`\"`;\n\nexports[`a 2`] = `\n[\n  1,\n]\n`;\n\nexports[`a 10`] = `10`;\n"
        );
        assert_eq!(print(&all), expected);
    }

    #[test]
    fn a_broken_file_is_told_by_its_line() {
        let good = "// heading\n\nexports[`a 1`] = `1`;\n";
        assert!(parse(good).is_ok());
        for (bad, line) in [
            ("exports[`b 1`] = 1;\n", 4),
            ("exports[`b 1`] = `1`\n", 4),
            ("exports[`b 1] = `1`;\n", 4),
            ("\n\nexports[`a 1`] = `2`;\n", 6),
            ("<<<<<<< ours\n", 4),
        ] {
            assert_eq!(parse(&format!("{good}{bad}")), Err(line), "{bad}");
        }
    }

    #[test]
    fn lines_of_windows_are_lines() {
        assert_eq!(parse("exports[`a 1`] = `\r\n[\r\n]\r\n`;\r\n"), Ok(values(&[("a 1", "[\n]")])));
    }
}
