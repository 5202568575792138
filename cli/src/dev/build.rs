//! One build of a handler under development, and its sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zigts_compiler::report::{Report, ReportView, pretty};
use zigts_compiler::{
    Artifact, BuildError, Builder, ConsoleLine, Counters, Entry, Modules, PackageType, ReadError,
    Rejected, Request,
};
use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigttp_runtime::{Finding, LastBuild};

use crate::handler_file::HandlerFile;
use crate::overlay::{self, Overlay};

/// A build and its sources.
pub struct Build {
    /// The entry and what it imports; `None` if the entry could not be read.
    pub file: Option<HandlerFile>,
    pub outcome: Outcome,
    pub took: Duration,
    sources: Sources,
}

/// The result of a build.
pub enum Outcome {
    Built(Box<Artifact>),
    /// Its errors are the author's.
    Rejected(Box<Rejected>),
    /// The entry cannot be read, or the engine fails.
    Failed(anyhow::Error),
}

impl Build {
    /// Builds the handler at a path.
    pub fn of(path: &Path, builder: &Builder) -> Build {
        Build::with(path, |entry, modules| {
            zigts_compiler::build(builder, entry, modules, &Levels::default())
        })
    }

    /// The same of a handler that counts what of it runs, and where it counts, unless it has errors.
    pub fn counting(path: &Path, builder: &Builder) -> (Build, Option<Counters>) {
        let mut counters = None;
        let build = Build::with(path, |entry, modules| {
            let levels = Levels::default();
            let (artifact, found) =
                zigts_compiler::build_counting(builder, entry, modules, &levels)?;
            counters = Some(found);
            Ok(artifact)
        });
        (build, counters)
    }

    fn with(
        path: &Path,
        compile: impl FnOnce(Entry, &mut dyn Modules) -> Result<Artifact, BuildError>,
    ) -> Build {
        let started = Instant::now();
        let mut sources = Sources::default();
        sources.look_at(path);
        let (file, outcome) = match HandlerFile::open(path, &Overlay::default()) {
            Ok(file) => {
                let outcome = build(&file, compile, &mut sources).unwrap_or_else(Outcome::Failed);
                (Some(file), outcome)
            }
            Err(error) => (None, Outcome::Failed(error)),
        };
        Build { file, outcome, took: started.elapsed(), sources }
    }

    /// Every file it has read, and those that it has not found.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.texts.keys().map(PathBuf::as_path)
    }

    /// The handler's files.
    pub fn modules(&self) -> impl Iterator<Item = &Path> {
        let texts = self.sources.texts.iter();
        texts.filter(|(_, text)| text.is_some()).map(|(path, _)| path.as_path())
    }

    /// Whether a file is not as it was when this was built.
    pub fn is_stale(&self) -> bool {
        self.sources.are_stale()
    }

    /// The handler's diagnostics, if it could be read.
    pub fn report(&self) -> Option<&Report> {
        match &self.outcome {
            Outcome::Built(artifact) => Some(&artifact.report),
            Outcome::Rejected(rejected) => Some(&rejected.report),
            Outcome::Failed(_) => None,
        }
    }

    /// The build for the inspector's page. `refusal` is why a build that succeeded is not served.
    pub fn for_page(&self, handler: &Path, refusal: Option<String>, note: &str) -> LastBuild {
        let findings = match (&self.file, self.report()) {
            (Some(file), Some(report)) => {
                let path_of = &|module: &ModuleName| file.path_of(module);
                let view = ReportView { report, path_of };
                report.diagnostics.iter().map(|diagnostic| finding(view, diagnostic)).collect()
            }
            _ => Vec::new(),
        };
        let error = match &self.outcome {
            Outcome::Failed(error) => Some(format!("{error:#}")),
            _ => refusal,
        };
        LastBuild {
            handler: handler.display().to_string(),
            is_served: matches!(self.outcome, Outcome::Built(_)) && error.is_none(),
            note: note.to_owned(),
            took: self.took,
            findings,
            error,
        }
    }

    /// What its top-level code has printed.
    pub fn console(&self) -> &[ConsoleLine] {
        match &self.outcome {
            Outcome::Built(artifact) => &artifact.console,
            Outcome::Rejected(rejected) => &rejected.console,
            Outcome::Failed(_) => &[],
        }
    }
}

fn finding(view: ReportView<'_>, diagnostic: &Diagnostic) -> Finding {
    let text = pretty::to_string(view, diagnostic);
    // The first line says the message again.
    let (_, frame) = text.split_once('\n').unwrap_or_default();
    Finding {
        severity: diagnostic.severity.name(),
        code: diagnostic.rule.code,
        message: diagnostic.message.clone(),
        frame: frame.trim_end().to_owned(),
    }
}

fn build(
    file: &HandlerFile,
    compile: impl FnOnce(Entry, &mut dyn Modules) -> Result<Artifact, BuildError>,
    sources: &mut Sources,
) -> anyhow::Result<Outcome> {
    let overlay = Overlay::default();
    let mut modules = Watched { file, sources, modules: file.modules(&overlay) };
    match compile(file.entry(), &mut modules) {
        Ok(artifact) => Ok(Outcome::Built(Box::new(artifact))),
        Err(BuildError::Rejected(rejected)) => Ok(Outcome::Rejected(rejected)),
        Err(error) => Err(error.into()),
    }
}

/// The modules of a handler, whose own files are watched from the moment they are read. Those of packages are not:
/// they are many, and change when packages are installed.
struct Watched<'a, M> {
    file: &'a HandlerFile,
    sources: &'a mut Sources,
    modules: M,
}

impl<M: Modules> Modules for Watched<'_, M> {
    fn read(&mut self, module: &ModuleName) -> Result<String, ReadError> {
        if module.package().is_none() {
            self.sources.look_at(Path::new(&self.file.path_of(module)));
        }
        self.modules.read(module)
    }

    fn find(
        &mut self,
        importer: &ModuleName,
        specifier: &str,
        request: Request,
    ) -> Result<Option<ModuleName>, String> {
        self.modules.find(importer, specifier, request)
    }

    fn package_type(&mut self, module: &ModuleName) -> Option<PackageType> {
        self.modules.package_type(module)
    }
}

/// Texts by path, as a build has read them.
#[derive(Default)]
struct Sources {
    texts: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Sources {
    /// Reads a file just before the build does: a change in between makes the build stale.
    fn look_at(&mut self, path: &Path) {
        let path = overlay::plain(path);
        let text = read(&path);
        self.texts.insert(path, text);
    }

    fn are_stale(&self) -> bool {
        self.texts.iter().any(|(path, text)| read(path) != *text)
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    // Only a plain file is a module; others may never end.
    let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    is_file.then(|| std::fs::read(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::Sources;

    #[test]
    fn a_file_that_comes_or_goes_is_a_change_and_one_written_anew_is_none() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let (here, missing) = (folder.path().join("a.ts"), folder.path().join("b.ts"));
        std::fs::write(&here, "1").expect("it is writable");
        let mut sources = Sources::default();
        sources.look_at(&here);
        sources.look_at(&missing);
        std::fs::write(&here, "1").expect("it is writable");
        assert!(!sources.are_stale());
        std::fs::write(&missing, "").expect("it is writable");
        assert!(sources.are_stale());
        std::fs::remove_file(&missing).expect("it is there");
        std::fs::remove_file(&here).expect("it is there");
        assert!(sources.are_stale());
    }
}
