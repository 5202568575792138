//! Tells when files have changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long files must have been left alone before a change is told: editors and builds write in
/// several steps.
const QUIET: Duration = Duration::from_millis(100);

/// Watches files, also while they are replaced or not there.
pub struct Watch {
    changes: mpsc::Receiver<()>,
    /// What a change concerns us of: the files, or what is missing on the way to them.
    watched: Arc<Mutex<HashSet<PathBuf>>>,
    folders: BTreeSet<PathBuf>,
    /// Stops watching when dropped.
    watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches these files.
    ///
    /// # Errors
    /// When a folder of theirs cannot be watched.
    pub fn files<'a>(files: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<Watch> {
        let watched: Arc<Mutex<HashSet<PathBuf>>> = Arc::default();
        // One that is waiting says all: what has changed is looked at when it is taken.
        let (changed, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher({
            let watched = Arc::clone(&watched);
            move |event: notify::Result<Event>| {
                let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                let concerns_us = event.is_ok_and(|event| {
                    !matches!(event.kind, EventKind::Access(_))
                        && (event.need_rescan()
                            || event.paths.iter().any(|path| watched.contains(path)))
                });
                if concerns_us {
                    let _ = changed.try_send(());
                }
            }
        })
        .context("cannot watch files")?;
        let mut watch = Watch { changes, watched, folders: BTreeSet::new(), watcher };
        watch.set(files)?;
        Ok(watch)
    }

    /// Watches these files instead.
    ///
    /// # Errors
    /// When a folder of theirs cannot be watched.
    pub fn set<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
        let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            // What a folder reports has absolute paths.
            let file = std::path::absolute(file)
                .with_context(|| format!("cannot watch `{}`", file.display()))?;
            let (folder, name) = place(&file);
            folders.entry(folder).or_default().push(name);
        }
        for folder in self.folders.iter().filter(|folder| !folders.contains_key(*folder)) {
            // It may have gone, and its watch with it.
            let _ = self.watcher.unwatch(folder);
        }
        let mut watched = HashSet::new();
        for (folder, names) in &folders {
            // The folder, not the file: a build replaces the file by another. Also if it is watched
            // already, for it may be another of the same name.
            self.watcher
                .watch(folder, RecursiveMode::NonRecursive)
                .with_context(|| format!("cannot watch `{}`", folder.display()))?;
            watched.insert(folder.clone());
            watched.extend(names.iter().map(|name| folder.join(name)));
        }
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = watched;
        self.folders = folders.into_keys().collect();
        Ok(())
    }

    /// Waits for a change, and until the files are left alone.
    pub async fn changed(&mut self) {
        const OPEN: &str = "the watcher lives as long as this";
        self.changes.recv().await.expect(OPEN);
        while let Ok(more) = timeout(QUIET, self.changes.recv()).await {
            more.expect(OPEN);
        }
    }
}

/// The folder that has to be watched for an absolute path, and what in it: the file, or the first
/// folder that is missing on the way there.
fn place(file: &Path) -> (PathBuf, PathBuf) {
    let mut path = file;
    while let Some(folder) = path.parent() {
        if folder.is_dir() {
            return (folder.to_owned(), path.file_name().unwrap_or_default().into());
        }
        path = folder;
    }
    (path.to_owned(), PathBuf::new())
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn what_is_missing_on_the_way_to_a_file_is_waited_for() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let root = folder.path();
        for (file, name) in [("a.ts", "a.ts"), ("lib/a.ts", "lib"), ("lib/rooms/a.ts", "lib")] {
            assert_eq!(place(&root.join(file)), (root.to_owned(), name.into()));
        }
    }
}
