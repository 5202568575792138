//! The lines of source that failures came from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use zigttp_testing::outcome::{Failure, FileOutcome};

/// Largest file of which a line is shown.
const MAX_BYTES: u64 = 4 << 20;

/// Reads the line of each failure's first place, whose path is relative to a folder. A file that cannot be read has
/// none.
pub fn add_lines(file: &mut FileOutcome, folder: &Path) {
    let mut files = HashMap::new();
    let of_tests = file.tests.iter_mut().flat_map(|test| &mut test.failures);
    for failure in of_tests.chain(&mut file.error) {
        add_line(failure, folder, &mut files);
    }
}

fn add_line(failure: &mut Failure, folder: &Path, files: &mut HashMap<PathBuf, String>) {
    let Some(frame) = failure.frames.first_mut() else { return };
    let path = folder.join(&frame.path);
    let text = files.entry(path).or_insert_with_key(|path| {
        let is_small = std::fs::metadata(path).is_ok_and(|found| found.len() <= MAX_BYTES);
        is_small.then(|| std::fs::read_to_string(path).ok()).flatten().unwrap_or_default()
    });
    let line = text.lines().nth(frame.line.saturating_sub(1) as usize);
    frame.source_line = line.map(str::to_owned);
}
