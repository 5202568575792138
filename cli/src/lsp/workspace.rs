//! The files that a client has open, the handlers they belong to, and their reports.
//!
//! A module is checked as part of the handlers that import it. Those need not be open: the folders
//! of the client are searched when it starts and whenever a file is saved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;
use zigts_compiler::source::SourceFile;
use zigts_rules::levels::Levels;
use zigts_rules::span::ModuleId;

use super::uri;
use crate::checking::{self, Candidate, Checked};
use crate::overlay::Overlay;

/// Most files of the client's folders that are read, to find the handlers that import what is open. A
/// thousand of 200 lines take about a second on two cores.
const MAX_SCANNED_FILES: usize = 1_000;

/// Most entries of folders that are looked at for that.
const MAX_SCANNED_ENTRIES: usize = 50_000;

/// The client's texts, and the reports on them.
#[derive(Default)]
pub(super) struct Workspace {
    folders: Vec<PathBuf>,
    documents: BTreeMap<PathBuf, Document>,
    overlay: Overlay,
    /// Handlers in the folders, each with its modules.
    handlers: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    checked: Vec<Checked>,
    /// Whether the folders have to be searched.
    is_unscanned: bool,
    is_stale: bool,
}

/// A file that is open.
pub(super) struct Document {
    /// As the client writes it.
    pub(super) uri: Uri,
    pub(super) version: i32,
}

/// A module of a handler that was checked.
pub(super) struct Module<'a> {
    pub(super) checked: &'a Checked,
    pub(super) id: ModuleId,
    pub(super) source: &'a SourceFile,
}

impl Workspace {
    pub(super) fn set_folders(&mut self, folders: Vec<PathBuf>) {
        self.folders = folders;
        self.is_unscanned = true;
    }

    pub(super) fn open(&mut self, uri: &Uri, version: i32, text: String) {
        let Some(path) = uri::path(uri).filter(|path| checking::may_be_handler(path)) else {
            return;
        };
        self.overlay.set(&path, text);
        self.documents.insert(path, Document { uri: uri.clone(), version });
        self.is_stale = true;
    }

    pub(super) fn change(&mut self, uri: &Uri, version: i32, text: String) {
        // A file that is not open cannot be changed.
        if uri::path(uri).is_some_and(|path| self.documents.contains_key(&path)) {
            self.open(uri, version, text);
        }
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        let Some(path) = uri::path(uri) else { return };
        if self.documents.remove(&path).is_some() {
            self.overlay.remove(&path);
            self.is_stale = true;
        }
    }

    /// Files may have changed on the disk.
    pub(super) fn files_changed(&mut self) {
        self.is_unscanned = true;
        self.is_stale = true;
    }

    /// Whether there is something to check.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Checks every handler that something open belongs to.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.is_stale = false;
        self.checked.clear();
        if std::mem::take(&mut self.is_unscanned) {
            self.scan()?;
        }
        let importers = self
            .handlers
            .iter()
            .filter(|(_, modules)| self.documents.keys().any(|open| modules.contains(open)))
            .map(|(entry, _)| entry)
            .filter(|entry| !self.documents.contains_key(*entry) && is_readable(entry));
        let candidates: Vec<Candidate> =
            self.documents.keys().chain(importers).map(|path| Candidate::found(path)).collect();
        self.checked = checking::check(&candidates, &self.overlay, &Levels::default())?;
        Ok(())
    }

    fn scan(&mut self) -> anyhow::Result<()> {
        let files: Vec<PathBuf> = self
            .folders
            .iter()
            .flat_map(|folder| checking::source_files(folder).take(MAX_SCANNED_ENTRIES))
            .filter_map(|file| file.ok().flatten())
            .filter(|file| is_readable(file))
            .take(MAX_SCANNED_FILES)
            .collect();
        let candidates: Vec<Candidate> = files.iter().map(|path| Candidate::found(path)).collect();
        let checked = checking::check(&candidates, &self.overlay, &Levels::default())?;
        self.handlers = checked
            .iter()
            .map(|checked| {
                let mut modules = paths(checked);
                (modules.next().unwrap_or_default(), modules.collect())
            })
            .collect();
        Ok(())
    }

    /// What is open, by path.
    pub(super) fn documents(&self) -> &BTreeMap<PathBuf, Document> {
        &self.documents
    }

    /// Whether a text that is open begins with a byte order mark: the client counts it.
    pub(super) fn has_mark(&self, path: &Path) -> bool {
        self.overlay.get(path).is_some_and(|text| text.starts_with('\u{feff}'))
    }

    /// What was checked last.
    pub(super) fn checked(&self) -> &[Checked] {
        &self.checked
    }

    /// The URI of a file, as the client writes it if that has it open.
    pub(super) fn uri(&self, path: &Path) -> Uri {
        self.documents.get(path).map_or_else(|| uri::of(path), |document| document.uri.clone())
    }

    /// The file as a module of each handler that it belongs to.
    pub(super) fn modules(&self, uri: &Uri) -> impl Iterator<Item = Module<'_>> {
        let wanted = uri::path(uri);
        self.checked.iter().filter_map(move |checked| {
            let index = paths(checked).position(|path| Some(&path) == wanted.as_ref())?;
            let source = &checked.report.sources.files()[index];
            Some(Module { checked, id: ModuleId::new(index), source })
        })
    }
}

/// The paths of a handler's modules, its entry first.
fn paths(checked: &Checked) -> impl Iterator<Item = PathBuf> {
    let files = checked.report.sources.files();
    files.iter().map(|source| PathBuf::from(checked.file.path_of(source.name())))
}

fn is_readable(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok()
}
