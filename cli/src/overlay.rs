//! Texts that are used instead of files: standard input, fixes not written yet, what an editor has open.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Texts by path. A path means the same however it is written (`./a`, `b/../a`).
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    texts: BTreeMap<PathBuf, String>,
}

impl Overlay {
    /// The text that is used instead of a file, if there is one.
    pub fn get(&self, path: &Path) -> Option<&str> {
        self.texts.get(&plain(path)).map(String::as_str)
    }

    /// Uses a text instead of a file.
    pub fn set(&mut self, path: &Path, text: String) {
        self.texts.insert(plain(path), text);
    }

    /// Uses the file again.
    pub fn remove(&mut self, path: &Path) {
        self.texts.remove(&plain(path));
    }

    /// Every file that has a text here.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }
}

/// A path as its user would write it: without `.`, and without `..` where that leads back.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let last = plain.components().next_back();
        match (part, last) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                plain.pop();
            }
            (Component::CurDir, _) => {}
            (part, _) => plain.push(part),
        }
    }
    plain
}
