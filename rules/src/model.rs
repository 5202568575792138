//! A handler as plain values: what rules read, and nothing of how it was parsed.
//!
//! The compiler collects it. A rule that needs a new kind of fact adds a field here and its
//! collector there. A test of a rule can write a model down by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use zigttp_abi::{api, events};

use crate::code::Code;
use crate::effects::Effects;
use crate::span::{ModuleId, Span};

/// A module's place relative to the folder of the handler's entry module, as a path with `/`.
///
/// `chat.ts`, `lib/rooms.ts` and `../shared/names.ts` are names. They stand in stack traces and
/// artifacts, so they never say where on a disk the handler was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(String);

impl ModuleName {
    /// A name from a path that is relative and has `/` between its parts.
    pub fn new(path: impl Into<String>) -> ModuleName {
        ModuleName(path.into())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A handler: its entry module and everything reached from it.
#[derive(Clone, Debug, Default)]
pub struct HandlerModel {
    /// The entry module first, then in the order they were reached.
    pub modules: Vec<Module>,
    /// The module whose text went past the bound on a handler's source, which ended the reading.
    pub oversized: Option<Oversized>,
    /// What came of running the top-level code, once that was tried.
    pub evaluation: Option<Evaluation>,
    /// What its functions do to the world.
    pub effects: Effects,
}

/// One module of a handler.
#[derive(Clone, Debug)]
pub struct Module {
    pub name: ModuleName,
    /// What the parser could not make sense of. With any, the other facts are incomplete.
    pub syntax_errors: Vec<SyntaxError>,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// `export const routes`, if the module has one.
    pub routes: Option<Routes>,
    /// `export const protocols`, if the module has one.
    pub protocols: Option<Protocols>,
    /// Names that are used as values and declared nowhere in the module, each time they are.
    pub globals: Vec<Reference>,
    /// What its functions do.
    pub code: Code,
    /// Comments that ask for silence.
    pub suppressions: Vec<Suppression>,
}

/// A comment that asks for some rules' silence: `// zigts-ignore ZTS320: reason`.
#[derive(Clone, Debug)]
pub struct Suppression {
    pub span: Span,
    /// The bytes of the module it speaks for.
    pub covers: Range<u32>,
    /// The codes it names.
    pub codes: Vec<Reference>,
    pub has_reason: bool,
}

/// A complaint of the parser.
#[derive(Clone, Debug)]
pub struct SyntaxError {
    pub span: Span,
    pub message: String,
}

/// A use of a name.
#[derive(Clone, Debug)]
pub struct Reference {
    pub name: String,
    pub span: Span,
}

/// One `import`, or `export … from`, or call of `import()`.
#[derive(Clone, Debug)]
pub struct Import {
    /// What stands between the quotes.
    pub specifier: String,
    /// Where it stands, without the quotes; of a dynamic import that has none, its argument.
    pub span: Span,
    pub kind: ImportKind,
    /// Whether TypeScript erases it whatever the names are used for (`import type`).
    pub is_type_only: bool,
    pub target: Target,
    pub names: Vec<ImportedName>,
}

/// How a module is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// `import … from "…"`
    Static,
    /// `export { … } from "…"`
    ReExport,
    /// `export * from "…"`
    ReExportAll,
    /// `import("…")`
    Dynamic,
    /// `import x = require("…")`
    Require,
}

/// What an import leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another module of the handler.
    Module(ModuleId),
    /// The module [`api::MODULE`].
    Websocket,
    /// Nothing, for this reason.
    Unresolved(Unresolved),
}

/// Why an import leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// None of these modules exists.
    NotFound { tried: Vec<ModuleName> },
    /// The module exists and cannot be read, for the reason given.
    Unreadable { module: ModuleName, reason: String },
    /// The specifier names a package.
    Package,
    /// The specifier is an absolute path or a URL.
    Absolute,
    /// The specifier names a file of another kind.
    NotSource { extension: String },
    /// `zigttp:` and something this version does not have.
    UnknownBuiltin,
    /// The argument of a dynamic import is no string literal.
    NotLiteral,
    /// The form of import belongs to another module system.
    CommonJs,
    /// It was not looked for, because the handler is too large already.
    NotRead,
}

/// One name an import asks for.
#[derive(Clone, Debug)]
pub struct ImportedName {
    /// The name in the other module; `None` is all of it (`* as`).
    pub imported: Option<String>,
    /// The name in this module.
    pub local: String,
    /// Where the name in the other module stands, or the local one of `* as` and default imports.
    pub span: Span,
    pub uses: Uses,
    /// The text to take out of a declaration that is to import it no more.
    pub removal: Option<Span>,
}

/// What a module does with an imported name.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Where it is used as a value, re-exports included.
    pub values: Vec<Span>,
    /// Whether it is declared to be a type (`type`) or used as one.
    pub is_type: bool,
}

/// One name a module exports.
#[derive(Clone, Debug)]
pub struct Export {
    pub name: String,
    /// Where the exported name stands.
    pub span: Span,
    pub source: ExportSource,
}

/// Where what is exported comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportSource {
    /// Declared in the module; `is_type` when nothing of it is left at run time.
    Local { is_type: bool },
    /// Passed on from an import of the module: `import` is its index in [`Module::imports`],
    /// `name` the name there (`None`: the module's namespace).
    Import { import: usize, name: Option<String>, is_type: bool },
}

/// `export const routes = […]`
#[derive(Clone, Debug)]
pub struct Routes {
    /// Where the name `routes` stands.
    pub span: Span,
    /// The patterns; `None` when they are no array of constant strings.
    pub patterns: Option<Vec<Reference>>,
}

/// `export const protocols = […]`
#[derive(Clone, Debug)]
pub struct Protocols {
    /// Where the name `protocols` stands.
    pub span: Span,
    /// The names of the subprotocols; `None` when they are no array of constant strings.
    pub names: Option<Vec<Reference>>,
}

/// How large a handler was when reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oversized {
    /// The module that went past the bound.
    pub module: ModuleId,
    /// Bytes of all modules read, this one included.
    pub bytes: usize,
    /// The bound.
    pub limit: usize,
}

/// What came of running a handler's top-level code.
#[derive(Clone, Debug)]
pub enum Evaluation {
    /// It ran to its end, and these exports are functions.
    Completed { callable: Vec<&'static str> },
    /// It threw, or awaits something that never comes.
    Threw {
        /// The error as text.
        message: String,
        /// Where it was thrown, and from where that was called, innermost first.
        frames: Vec<Frame>,
    },
    /// It was still running when its time was up.
    OutOfTime { seconds: u64 },
    /// It asked for more memory than a handler may start with.
    OutOfMemory { mebibytes: usize },
    /// The sandbox stopped it, for the reason given.
    Trapped { reason: String },
}

/// One line of a stack trace that lies in the handler.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The function's name; empty at the top level.
    pub function: String,
    pub span: Span,
}

/// Everything a module exports, its `export *` included.
#[derive(Clone, Debug, Default)]
pub struct ExportTable {
    /// By name.
    pub names: BTreeMap<String, ResolvedExport>,
    /// Whether other names may exist: the module passes on everything of one that is unknown.
    pub is_open: bool,
}

/// One entry of an [`ExportTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedExport {
    /// Where the export is written down.
    pub span: Span,
    /// Whether it is gone at run time.
    pub is_type: bool,
}

impl HandlerModel {
    /// The module with this id.
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.index()]
    }

    /// Whether the parser gave up or reading stopped early, so that most facts are missing.
    pub fn is_partial(&self) -> bool {
        self.oversized.is_some()
            || self.modules.iter().any(|module| !module.syntax_errors.is_empty())
    }

    /// Every import with the module it stands in.
    pub fn imports(&self) -> impl Iterator<Item = (ModuleId, &Import)> {
        self.modules.iter().enumerate().flat_map(|(index, module)| {
            module.imports.iter().map(move |import| (ModuleId::new(index), import))
        })
    }

    /// The imports of [`api::MODULE`] that are there at run time, the entry's first.
    pub fn websocket_imports(&self) -> impl Iterator<Item = &Import> {
        self.imports()
            .map(|(_, import)| import)
            .filter(|import| import.target == Target::Websocket && !import.is_type_only)
    }

    /// Whether a module is asked for that cannot be had, so that not all of the handler is known.
    pub fn has_unresolved_imports(&self) -> bool {
        self.imports().any(|(_, import)| {
            matches!(import.target, Target::Unresolved(_)) && !import.is_type_only
        })
    }

    /// Everything a module exports.
    pub fn exports_of(&self, id: ModuleId) -> ExportTable {
        let mut table = ExportTable::default();
        self.gather_exports(id, &mut BTreeSet::new(), &mut table);
        table
    }

    /// The event exports the entry has, in the order of [`events::EXPORTS`].
    pub fn event_exports(&self) -> Vec<(&'static events::EventExport, Span)> {
        if self.modules.is_empty() {
            return Vec::new();
        }
        let table = self.exports_of(ModuleId::ENTRY);
        events::EXPORTS
            .iter()
            .filter_map(|event| {
                let export = table.names.get(event.name).filter(|export| !export.is_type)?;
                Some((event, export.span))
            })
            .collect()
    }

    /// The API functions that the handler can reach, by name, sorted.
    ///
    /// Where all of the module is taken (`* as`, `import()`, `export *`) that is every function.
    pub fn imported_functions(&self) -> Vec<&'static str> {
        let mut functions = BTreeSet::new();
        for import in self.websocket_imports() {
            let takes_all = matches!(import.kind, ImportKind::Dynamic | ImportKind::ReExportAll)
                || import.names.iter().any(|name| name.imported.is_none());
            functions.extend(api::FUNCTIONS.iter().map(|function| function.name).filter(|&name| {
                takes_all || import.names.iter().any(|it| it.imported.as_deref() == Some(name))
            }));
        }
        functions.into_iter().collect()
    }

    /// The route patterns, if the entry declares any that can be read.
    pub fn route_patterns(&self) -> Option<Vec<&str>> {
        let patterns = self.modules.first()?.routes.as_ref()?.patterns.as_ref()?;
        Some(patterns.iter().map(|pattern| pattern.name.as_str()).collect())
    }

    /// The subprotocols, if the entry declares any that can be read.
    pub fn protocol_names(&self) -> Option<Vec<&str>> {
        let names = self.modules.first()?.protocols.as_ref()?.names.as_ref()?;
        Some(names.iter().map(|name| name.name.as_str()).collect())
    }

    /// Names of the module itself win over those of its `export *`; the first `export *` over
    /// the next, as none of the places that ask care which module a doubled name comes from.
    fn gather_exports(
        &self,
        id: ModuleId,
        visited: &mut BTreeSet<ModuleId>,
        table: &mut ExportTable,
    ) {
        if !visited.insert(id) {
            return;
        }
        let module = self.module(id);
        let is_outermost = visited.len() == 1;
        for export in &module.exports {
            // `export *` passes on everything but the default.
            if export.name == "default" && !is_outermost {
                continue;
            }
            let is_type = match &export.source {
                ExportSource::Local { is_type } => *is_type,
                ExportSource::Import { import, name, is_type } => {
                    *is_type || self.is_type_there(&module.imports[*import], name.as_deref())
                }
            };
            table
                .names
                .entry(export.name.clone())
                .and_modify(|known| known.is_type &= is_type)
                .or_insert(ResolvedExport { span: export.span, is_type });
        }
        for import in &module.imports {
            if import.kind != ImportKind::ReExportAll || import.is_type_only {
                continue;
            }
            match import.target {
                Target::Module(next) => {
                    let mut passed_on = ExportTable::default();
                    self.gather_exports(next, visited, &mut passed_on);
                    table.is_open |= passed_on.is_open;
                    for (name, export) in passed_on.names {
                        table.names.entry(name).or_insert(export);
                    }
                }
                Target::Websocket => {
                    for function in api::FUNCTIONS {
                        table
                            .names
                            .entry(function.name.to_owned())
                            .or_insert(ResolvedExport { span: import.span, is_type: false });
                    }
                }
                Target::Unresolved(_) => table.is_open = true,
            }
        }
    }

    /// Whether a name that is passed on is a type where it is declared, so that
    /// `export { Message } from "./types"` is no export at run time.
    fn is_type_there(&self, import: &Import, name: Option<&str>) -> bool {
        let mut target = &import.target;
        let mut name = name;
        // As many steps as there are modules, so that a circle of re-exports ends.
        for _ in 0..=self.modules.len() {
            let (Target::Module(id), Some(wanted)) = (target, name) else { return false };
            let module = self.module(*id);
            let found: Vec<&Export> =
                module.exports.iter().filter(|export| export.name == wanted).collect();
            match found.as_slice() {
                [] => return false,
                [
                    Export {
                        source: ExportSource::Import { import, name: next, is_type: false },
                        ..
                    },
                ] => {
                    target = &module.imports[*import].target;
                    name = next.as_deref();
                }
                all => {
                    return all.iter().all(|export| match export.source {
                        ExportSource::Local { is_type } => is_type,
                        ExportSource::Import { is_type, .. } => is_type,
                    });
                }
            }
        }
        false
    }
}
