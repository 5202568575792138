//! Several handlers at once: found in folders, checked in parallel, each diagnostic reported once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use zigts_compiler::report::Report;
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;

use crate::handler_file::{HandlerFile, is_source};
use crate::overlay::Overlay;

/// A handler and its report.
pub struct Checked {
    pub file: HandlerFile,
    pub report: Report,
}

/// A file that may be a handler.
#[derive(Clone, Debug)]
pub struct Candidate {
    path: PathBuf,
    /// Whether the user named it, so that it is checked as a handler in any case.
    is_named: bool,
}

impl Candidate {
    /// A file that is checked as a handler in any case.
    pub fn named(path: &Path) -> Candidate {
        Candidate { path: path.to_owned(), is_named: true }
    }

    /// A file that may be a handler or a module of one.
    pub fn found(path: &Path) -> Candidate {
        Candidate { path: path.to_owned(), is_named: false }
    }
}

/// The files named, and the source files in the folders named.
///
/// What git ignores, hidden files, `node_modules` and declarations (`.d.ts`) are left out.
///
/// # Errors
/// When a folder cannot be read, or has no source file.
pub fn candidates(paths: &[PathBuf]) -> anyhow::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for path in paths {
        if !path.is_dir() {
            candidates.push(Candidate::named(path));
            continue;
        }
        let before = candidates.len();
        for file in source_files(path) {
            let file = file.with_context(|| format!("cannot read `{}`", path.display()))?;
            candidates.extend(file.map(|file| Candidate::found(&file)));
        }
        if candidates.len() == before {
            bail!("there is no handler in `{}`", path.display());
        }
    }
    Ok(candidates)
}

/// The entries of a folder: each source file, and `None` for everything else.
pub fn source_files(
    folder: &Path,
) -> impl Iterator<Item = Result<Option<PathBuf>, ignore::Error>> + use<> {
    let mut walk = ignore::WalkBuilder::new(folder);
    walk.require_git(false)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(|entry| entry.file_name() != "node_modules");
    walk.build().map(|entry| {
        entry.map(|entry| {
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            (is_file && may_be_handler(entry.path())).then(|| entry.into_path())
        })
    })
}

/// Whether a file may be a handler or a module of one, by its name.
pub fn may_be_handler(path: &Path) -> bool {
    is_source(path) && !is_declaration(path)
}

/// Checks candidates, and returns those that are handlers.
///
/// A file that was found in a folder is no handler if it has no event and no use of the API, or if
/// another candidate imports it: its diagnostics are reported with that one.
///
/// # Errors
/// When a file cannot be read.
pub fn check(
    candidates: &[Candidate],
    overlay: &Overlay,
    levels: &Levels,
) -> anyhow::Result<Vec<Checked>> {
    let checked = check_side_by_side(candidates, overlay, levels)?;
    let imported = imported(&checked);
    let mut handlers = Vec::new();
    for ((candidate, checked), is_imported) in candidates.iter().zip(checked).zip(imported) {
        if candidate.is_named || (checked.report.is_handler && !is_imported) {
            handlers.push(checked);
        }
    }
    report_once(&mut handlers);
    Ok(handlers)
}

fn check_side_by_side(
    candidates: &[Candidate],
    overlay: &Overlay,
    levels: &Levels,
) -> anyhow::Result<Vec<Checked>> {
    let check_one = |candidate: &Candidate| {
        let file = HandlerFile::open(&candidate.path, overlay)?;
        let report = zigts_compiler::check(file.entry(), &mut file.modules(overlay), levels);
        Ok(Checked { file, report })
    };
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<anyhow::Result<Checked>>>> =
        candidates.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(candidate) = candidates.get(index) else { return };
            let result = check_one(candidate);
            *results[index].lock().expect("no thread panics while holding it") = Some(result);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(candidates.len()) {
            scope.spawn(work);
        }
        work();
    });
    let results = results.into_iter().map(|result| {
        let result = result.into_inner().expect("no thread panics while holding it");
        result.expect("every candidate was taken by a thread, and all have ended")
    });
    results.collect()
}

/// For each handler, whether another one imports it. In a circle the first counts as importing.
fn imported(checked: &[Checked]) -> Vec<bool> {
    let path = |checked: &Checked, module: &ModuleName| checked.file.path_of(module);
    let index_of: BTreeMap<String, usize> = checked
        .iter()
        .enumerate()
        .map(|(index, it)| (path(it, it.report.sources.files()[0].name()), index))
        .collect();
    let modules_of: Vec<BTreeSet<usize>> = checked
        .iter()
        .map(|it| {
            // What a test imports of a handler is the handler's still.
            if zigts_compiler::is_test(it.file.entry().name.as_str()) {
                return BTreeSet::new();
            }
            let others = it.report.sources.files().iter().skip(1);
            others.filter_map(|file| index_of.get(&path(it, file.name())).copied()).collect()
        })
        .collect();
    let mut is_imported = vec![false; checked.len()];
    for (importer, modules) in modules_of.iter().enumerate() {
        for &module in modules {
            let is_circle = modules_of[module].contains(&importer);
            is_imported[module] |= module != importer && (!is_circle || importer < module);
        }
    }
    is_imported
}

/// Removes from later reports what an earlier one reports about a module that they share.
fn report_once(handlers: &mut [Checked]) {
    let mut reported = BTreeSet::new();
    for Checked { file, report } in handlers {
        let sources = &report.sources;
        report.diagnostics.retain(|diagnostic| {
            let span = diagnostic.span;
            let path = file.path_of(sources.file(span.module).name());
            let message = diagnostic.message.clone();
            reported.insert((path, span.start, span.end, diagnostic.rule.code, message))
        });
    }
}

fn is_declaration(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [".d.ts", ".d.mts"].iter().any(|ending| name.ends_with(ending))
}
