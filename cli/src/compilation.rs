//! A handler that has been compiled: its diagnostics and, if it has no errors, its artifact.

use std::path::Path;

use zigts_compiler::report::{Report, ReportView};
use zigts_compiler::{BuildError, ConsoleLine};
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigttp_abi::manifest::Manifest;

use crate::handler_file::HandlerFile;
use crate::overlay::Overlay;
use crate::package_costs::PackageCost;
use crate::{building, show};

/// The result of compiling a handler.
pub struct Compilation {
    pub file: HandlerFile,
    pub report: Report,
    /// What its top-level code has printed.
    pub console: Vec<ConsoleLine>,
    /// The packages that were loaded: the name of each, its version if it has one, and what it costs.
    pub packages: Vec<(String, Option<String>, PackageCost)>,
    /// `None` if the handler has errors.
    pub artifact: Option<Artifact>,
}

/// A compiled handler.
pub struct Artifact {
    pub bytes: Vec<u8>,
    pub manifest: Manifest,
}

impl Compilation {
    /// Compiles the handler at a path.
    ///
    /// # Errors
    /// When the file cannot be read, or the engine does not run here. Errors of the handler are in the report.
    pub fn of(path: &Path, levels: &Levels) -> anyhow::Result<Compilation> {
        let overlay = Overlay::default();
        let file = HandlerFile::open(path, &overlay)?;
        let builder = building::builder()?;
        let mut modules = file.modules(&overlay);
        let (report, console, artifact) =
            match zigts_compiler::build(&builder, file.entry(), &mut modules, levels) {
                Ok(zigts_compiler::Artifact { bytes, manifest, report, console }) => {
                    (report, console, Some(Artifact { bytes, manifest }))
                }
                Err(BuildError::Rejected(rejected)) => (rejected.report, rejected.console, None),
                Err(error) => return Err(error.into()),
            };
        let packages = modules.into_packages();
        Ok(Compilation { file, report, console, packages, artifact })
    }

    /// Shows on standard error what its top-level code has printed, its diagnostics and their number.
    ///
    /// # Errors
    /// When standard error is closed.
    pub fn show_diagnostics(&self) -> anyhow::Result<()> {
        let path_of = |module: &ModuleName| self.file.path_of(module);
        show::console(&self.console);
        show::diagnostics(&[ReportView { report: &self.report, path_of: &path_of }])?;
        show::tally(std::iter::once(&self.report));
        Ok(())
    }
}
