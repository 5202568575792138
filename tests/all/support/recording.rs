//! Recordings of a server, and their replay.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::programs::{folder, program};

/// A folder in which a server records.
pub(crate) struct Recording {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Recording {
    pub(crate) fn new() -> Recording {
        let folder = folder();
        let path = folder.path().join("recording");
        Recording { _folder: folder, path }
    }

    fn text(&self) -> &str {
        self.path.to_str().expect("a UTF-8 path")
    }

    /// Arguments of a server that records here, also cookies.
    pub(crate) fn arguments(&self) -> [&str; 4] {
        ["--record", self.text(), "--record-redact", "none"]
    }

    /// Replays it: the exit code, and what is printed.
    pub(crate) fn replay(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = program("zigttp");
        let output = command.arg("replay").arg(&self.path).args(arguments).output();
        let output = output.expect("zigttp starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8(output.stdout).expect("it prints text");
        assert!(!errors.contains("panicked"), "{errors}");
        (output.status.code(), text + &errors)
    }

    /// Replays it, and returns the JSON.
    pub(crate) fn findings(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (code, text) = self.replay(&[&["--json"], arguments].concat());
        let json = serde_json::from_str(&text);
        (code, json.unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    /// Replays it on the handler that it was recorded with. Returns how many events that are.
    pub(crate) fn is_equal(&self, arguments: &[&str]) -> u64 {
        let (code, found) = self.findings(arguments);
        assert_eq!(code, Some(0), "{found:#}");
        for name in ["different", "redacted", "leftOut", "problemCount"] {
            assert_eq!(found[name], 0, "{name}: {found:#}");
        }
        assert_eq!(found["equal"], found["events"]);
        found["events"].as_u64().expect("a number")
    }

    /// The files of records, in their order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files(&self.path, "zrec")
    }
}

/// The files of a folder with this ending, in their order.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("it can be listed");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    paths.sort();
    paths
}
