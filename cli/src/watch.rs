//! Notices when files change.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long files must be unchanged before a change is reported: editors and builds write in several
/// steps.
const QUIET: Duration = Duration::from_millis(100);

/// How often files without a message are looked at. A folder reports only what happens in it: not that a link
/// in its path has changed its target, as Kubernetes does with `..data` and Capistrano with `current`, nor
/// what another machine has done to a shared disk.
const LOOK: Duration = Duration::from_secs(1);

/// Watches files, also while they are replaced or missing, and links in their paths.
pub struct Watch {
    /// What each file was at the last look.
    files: BTreeMap<PathBuf, Option<Identity>>,
    changes: mpsc::Receiver<()>,
    /// The paths whose changes matter: the files, or the first missing folder of their paths.
    watched: Arc<Mutex<HashSet<PathBuf>>>,
    folders: BTreeSet<PathBuf>,
    /// Stops watching when dropped.
    watcher: RecommendedWatcher,
}

/// What is behind a path: another file, or the same one with another content.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    /// The identity of the file at the end of all links; `None` while there is none.
    fn of(path: &Path) -> Option<Identity> {
        let found = std::fs::metadata(path).ok()?;
        Some(Identity {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

impl Watch {
    /// Watches these files.
    ///
    /// # Errors
    /// When a folder of theirs cannot be watched.
    pub fn files<'a>(files: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<Watch> {
        let watched: Arc<Mutex<HashSet<PathBuf>>> = Arc::default();
        // One waiting message is enough: what has changed is looked up when it is received.
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
        let mut watch =
            Watch { files: BTreeMap::new(), changes, watched, folders: BTreeSet::new(), watcher };
        watch.set(files)?;
        Ok(watch)
    }

    /// Watches these files instead.
    ///
    /// # Errors
    /// When a folder of theirs cannot be watched.
    pub fn set<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
        let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        self.files.clear();
        for file in files {
            // What a folder reports has absolute paths.
            let file = std::path::absolute(file)
                .with_context(|| format!("cannot watch `{}`", file.display()))?;
            self.files.insert(file.clone(), Identity::of(&file));
            let (folder, name) = watched_entry(&file);
            folders.entry(folder).or_default().push(name);
        }
        for folder in self.folders.iter().filter(|folder| !folders.contains_key(*folder)) {
            // It may have been removed, and its watch with it.
            let _ = self.watcher.unwatch(folder);
        }
        let mut watched = HashSet::new();
        for (folder, names) in &folders {
            // The folder, not the file: a build replaces the file by another. Also if it is watched already,
            // for it may be another folder of the same name.
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

    /// Waits for a change, and then until the files stay unchanged.
    pub async fn changed(&mut self) {
        while !self.change_within(LOOK).await {}
        self.look();
        while self.change_within(QUIET).await {}
    }

    /// Whether a change is reported within the time, or seen at its end.
    async fn change_within(&mut self, time: Duration) -> bool {
        match timeout(time, self.changes.recv()).await {
            Ok(told) => told.map(|()| true).expect("the watcher lives as long as this"),
            Err(_elapsed) => self.look(),
        }
    }

    /// Whether a file is another one than at the last look.
    fn look(&mut self) -> bool {
        let mut is_changed = false;
        for (path, last) in &mut self.files {
            let now = Identity::of(path);
            is_changed |= *last != now;
            *last = now;
        }
        is_changed
    }
}

/// The folder that has to be watched for an absolute path, and the name in it: of the file, or of the first
/// missing folder of the path.
fn watched_entry(file: &Path) -> (PathBuf, PathBuf) {
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
    use super::watched_entry;

    #[test]
    fn what_is_missing_on_the_way_to_a_file_is_waited_for() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let root = folder.path();
        for (file, name) in [("a.ts", "a.ts"), ("lib/a.ts", "lib"), ("lib/rooms/a.ts", "lib")] {
            assert_eq!(watched_entry(&root.join(file)), (root.to_owned(), name.into()));
        }
    }
}
