//! Tells when files have changed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
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
    /// Stops watching when dropped.
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches these files.
    ///
    /// # Errors
    /// When a folder of theirs cannot be watched.
    pub fn files<'a>(files: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<Watch> {
        // What a file's folder reports names the folder as it was given here.
        let files: HashSet<PathBuf> = files.into_iter().map(with_folder).collect();
        let folders: HashSet<PathBuf> =
            files.iter().filter_map(|file| file.parent().map(Path::to_owned)).collect();
        // One that is waiting says all: what has changed is looked at when it is taken.
        let (changed, changes) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let concerns_us = event.is_ok_and(|event| {
                !matches!(event.kind, EventKind::Access(_))
                    && event.paths.iter().any(|path| files.contains(path))
            });
            if concerns_us {
                let _ = changed.try_send(());
            }
        })
        .context("cannot watch files")?;
        for folder in folders {
            // The folder, not the file: a build replaces the file by another.
            watcher
                .watch(&folder, RecursiveMode::NonRecursive)
                .with_context(|| format!("cannot watch `{}`", folder.display()))?;
        }
        Ok(Watch { changes, _watcher: watcher })
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

/// The path with a folder that can be watched: the present one for a bare name.
fn with_folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new(".").join(file),
        _ => file.to_owned(),
    }
}
