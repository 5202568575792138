//! The project's own `tsc`, run beside the rules, which look at no types.
//!
//! It is the one in the nearest `node_modules` from the handler's folder upward, and runs with the nearest
//! `tsconfig.json`, once for all handlers of a project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use zigts_compiler::report::Report;
use zigts_compiler::report::typescript::{self, Output, TypeError};
use zigts_rules::span::ModuleId;

use crate::checking::Checked;
use crate::show;

/// Its name below the folder of a project.
const TSC: &str = "node_modules/.bin/tsc";
const CONFIG: &str = "tsconfig.json";

/// Largest file of which the line of an error is shown.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The errors of files that belong to no handler, each with its path.
type Others = BTreeMap<PathBuf, Vec<TypeError>>;

/// What `tsc` and the project are for some handlers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Project {
    tsc: PathBuf,
    config: PathBuf,
}

/// Adds what `tsc` says about the modules of handlers to their reports, and returns a report on the other files of
/// their projects, if it says something about these.
///
/// # Errors
/// When there is no TypeScript or no `tsconfig.json`, `tsc` cannot run, or it does not look at one of the handlers.
pub(crate) fn add_errors(checked: &mut [Checked]) -> anyhow::Result<Option<Report>> {
    let mut projects: BTreeMap<Project, Vec<PathBuf>> = BTreeMap::new();
    for handler in checked.iter() {
        let entry = real(Path::new(&path_of(handler, 0)))?;
        projects.entry(project_of(&entry)?).or_default().push(entry);
    }
    let places = places(checked);
    let mut errors: Vec<Vec<(ModuleId, TypeError)>> = checked.iter().map(|_| Vec::new()).collect();
    let mut others = Others::new();
    for (project, entries) in projects {
        let folder = project.config.parent().unwrap_or(Path::new("/")).to_owned();
        let output = show::while_working("tsc", || run(&project))?;
        check_coverage(&project, &entries, &output)?;
        for error in output.errors {
            let path = match &error.place {
                Some((file, ..)) => folder.join(file),
                None => project.config.clone(),
            };
            let path = path.canonicalize().unwrap_or(path);
            match places.get(&path) {
                Some(&(handler, module)) => errors[handler].push((module, error)),
                None => others.entry(path).or_default().push(error),
            }
        }
    }
    for (handler, errors) in checked.iter_mut().zip(&errors) {
        handler.report.add_type_errors(errors.iter().map(|(module, error)| (*module, error)));
    }
    Ok((!others.is_empty()).then(|| report_on(&others)))
}

/// Where each module of the handlers is; one of several handlers belongs to the first.
fn places(checked: &[Checked]) -> BTreeMap<PathBuf, (usize, ModuleId)> {
    let mut places = BTreeMap::new();
    for (index, handler) in checked.iter().enumerate() {
        for module in 0..handler.report.sources.files().len() {
            if let Ok(path) = real(Path::new(&path_of(handler, module))) {
                places.entry(path).or_insert((index, ModuleId::new(module)));
            }
        }
    }
    places
}

fn path_of(handler: &Checked, module: usize) -> String {
    handler.file.path_of(handler.report.sources.files()[module].name())
}

fn real(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot find `{}`", path.display()))
}

fn project_of(entry: &Path) -> anyhow::Result<Project> {
    let nearest = |name: &str| {
        entry.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file())
    };
    let shown = entry.parent().unwrap_or(entry).display();
    let Some(tsc) = nearest(TSC) else {
        bail!(
            "there is no TypeScript in `{shown}` or above it; install it with `npm install --save-dev typescript`"
        );
    };
    let Some(config) = nearest(CONFIG) else {
        bail!("there is no {CONFIG} in `{shown}` or above it; `zigttp init` writes one");
    };
    Ok(Project { tsc, config })
}

fn run(project: &Project) -> anyhow::Result<Output> {
    let Project { tsc, config } = project;
    let folder = config.parent().unwrap_or(Path::new("/"));
    let output = Command::new(tsc)
        .args(["--noEmit", "--pretty", "false", "--listFiles", "--project"])
        .arg(config)
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot run `{}`", tsc.display()))?;
    let parsed = typescript::parse(&String::from_utf8_lossy(&output.stdout));
    if !output.status.success() && parsed.errors.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said
            .lines()
            .chain(parsed.remarks.iter().map(String::as_str))
            .find(|it| !it.trim().is_empty());
        bail!("`{}` failed: {}", tsc.display(), said.unwrap_or("it printed nothing"));
    }
    Ok(parsed)
}

/// A handler that the project leaves out would seem to have no errors.
fn check_coverage(project: &Project, entries: &[PathBuf], output: &Output) -> anyhow::Result<()> {
    if output.errors.iter().any(|error| error.place.is_none()) {
        return Ok(());
    }
    let files: BTreeSet<_> =
        output.files.iter().filter_map(|file| Path::new(file).canonicalize().ok()).collect();
    match entries.iter().find(|entry| !files.contains(*entry)) {
        Some(entry) => bail!(
            "`{}` leaves `{}` out, so that `tsc` does not check it",
            project.config.display(),
            entry.display()
        ),
        None => Ok(()),
    }
}

fn report_on(others: &Others) -> Report {
    let here = std::env::current_dir().and_then(|folder| folder.canonicalize()).unwrap_or_default();
    let files = others.keys().map(|path| {
        let shown = path.strip_prefix(&here).unwrap_or(path).display().to_string();
        let is_small =
            fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_FILE_BYTES);
        let text = is_small.then(|| fs::read_to_string(path).ok()).flatten();
        (shown, text.unwrap_or_default())
    });
    let mut report = Report::of_files(files);
    let errors = others
        .values()
        .enumerate()
        .flat_map(|(index, errors)| errors.iter().map(move |error| (ModuleId::new(index), error)));
    report.add_type_errors(errors);
    report
}
