//! A handler as plain values: what rules read, without how it was parsed.
//!
//! The compiler collects it. A rule that needs a new kind of fact adds a field here and its
//! collector there. A test of a rule can write a model down by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zigttp_abi::manifest::Schedule;
use zigttp_abi::route::Route;
use zigttp_abi::{api, events};

use crate::code::{Code, Value};
use crate::effects::Effects;
use crate::import::{Import, ImportKind, ImportedName, ModuleName, Reference, Target};
use crate::span::{ModuleId, Span};

/// A handler: its entry module and everything reached from it.
#[derive(Clone, Debug, Default)]
pub struct HandlerModel {
    /// The entry module first, then in the order they were reached.
    pub modules: Vec<Module>,
    /// The module whose text exceeded the limit on a handler's source, which ended the reading.
    pub oversized: Option<Oversized>,
    /// The result of running the top-level code, once it has run.
    pub evaluation: Option<Evaluation>,
    /// The effects of its functions.
    pub effects: Effects,
}

/// One module of a handler.
#[derive(Clone, Debug)]
pub struct Module {
    pub name: ModuleName,
    pub format: Format,
    /// Errors of the parser. If there are any, the other facts are incomplete.
    pub syntax_errors: Vec<SyntaxError>,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// `export const routes`, if the module has one.
    pub routes: Option<Routes>,
    /// `export const schedules`, if the module has one.
    pub schedules: Option<Schedules>,
    /// `export const protocols`, if the module has one.
    pub protocols: Option<Protocols>,
    /// Names that are used as values and declared nowhere in the module, each time they are.
    pub globals: Vec<Reference>,
    /// Texts that are written in it, unless it belongs to a package.
    pub texts: Vec<NamedText>,
    /// What its functions do.
    pub code: Code,
    /// Comments that suppress rules.
    pub suppressions: Vec<Suppression>,
}

/// A text that is written in a module: a literal, or a part of a template.
#[derive(Clone, Debug)]
pub struct NamedText {
    pub span: Span,
    /// The name that it is given to or compared with, as far as there is one.
    pub name: Option<String>,
    pub text: String,
}

/// What kind of text a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An ECMAScript module.
    Module,
    /// A CommonJS module: what it exports is known when it runs.
    CommonJs,
    /// A text of JSON, which is its default export.
    Json,
}

/// A comment that suppresses rules: `// zigts-ignore ZTS320: reason`.
#[derive(Clone, Debug)]
pub struct Suppression {
    pub span: Span,
    /// The bytes of the module in which it holds.
    pub covers: Range<u32>,
    /// The codes it names.
    pub codes: Vec<Reference>,
    pub has_reason: bool,
}

/// An error of the parser.
#[derive(Clone, Debug)]
pub struct SyntaxError {
    pub span: Span,
    pub message: String,
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
    /// Its elements; `None` when it is not an array that is written down.
    pub elements: Option<Vec<Result<RouteElement, RouteMistake>>>,
}

/// One of the routes: a pattern, or an object that says more.
#[derive(Clone, Debug)]
pub struct RouteElement {
    pub path: Reference,
    pub room: Option<Reference>,
    pub upgrades: bool,
}

/// Why one of the routes cannot be read, and where that is written.
#[derive(Clone, Debug)]
pub struct RouteMistake {
    pub span: Span,
    pub kind: RouteMistakeKind,
}

/// What is wrong with the way in which a route is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteMistakeKind {
    /// It is neither a constant string nor an object.
    Element,
    /// An object without a path.
    NoPath,
    /// A property that no route has.
    UnknownProperty(String),
    /// A property whose name or value is only known when it runs.
    UnreadableProperty,
    /// This property is not a constant string.
    NoText(&'static str),
    /// `upgrade` is neither `true` nor `false`.
    NoBoolean,
    /// Code changes the list.
    Changed,
}

impl RouteElement {
    /// What stands in the manifest.
    pub fn route(&self) -> Route {
        Route {
            path: self.path.name.clone(),
            room: self.room.as_ref().map(|room| room.name.clone()),
            upgrades: self.upgrades,
        }
    }
}

/// `export const schedules = […]`
#[derive(Clone, Debug)]
pub struct Schedules {
    /// Where the name `schedules` stands.
    pub span: Span,
    /// Its elements; `None` when it is not an array that is written down.
    pub elements: Option<Vec<Result<ScheduleElement, ScheduleMistake>>>,
}

/// One of the schedules.
#[derive(Clone, Debug)]
pub struct ScheduleElement {
    /// All of it.
    pub span: Span,
    pub cron: Reference,
    pub room: Reference,
    pub name: Reference,
}

/// Why one of the schedules cannot be read, and where that is written.
#[derive(Clone, Debug)]
pub struct ScheduleMistake {
    pub span: Span,
    pub kind: ScheduleMistakeKind,
}

/// What is wrong with the way in which a schedule is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleMistakeKind {
    /// It is no object.
    Element,
    /// It lacks this property.
    Missing(&'static str),
    /// A property that no schedule has.
    UnknownProperty(String),
    /// A property whose name or value is only known when it runs.
    UnreadableProperty,
    /// This property is not a constant string.
    NoText(&'static str),
    /// Code changes the list.
    Changed,
}

impl ScheduleElement {
    /// What stands in the manifest.
    pub fn schedule(&self) -> Schedule {
        let text = |reference: &Reference| reference.name.clone();
        Schedule { cron: text(&self.cron), room: text(&self.room), name: text(&self.name) }
    }
}

/// `export const protocols = […]`
#[derive(Clone, Debug)]
pub struct Protocols {
    /// Where the name `protocols` stands.
    pub span: Span,
    /// The names of the subprotocols, or where one is no constant string; `None` when they are not an array that is
    /// written down.
    pub names: Option<Vec<Result<Reference, Span>>>,
}

/// How large a handler was when reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oversized {
    /// The module that exceeded the limit.
    pub module: ModuleId,
    /// Bytes of all modules read, this one included.
    pub bytes: usize,
    /// The limit.
    pub limit: usize,
}

/// The result of running a handler's top-level code.
#[derive(Clone, Debug)]
pub enum Evaluation {
    /// It ran to its end, and these exports are functions.
    Completed { callable: Vec<&'static str> },
    /// It threw, or awaits a promise that never settles.
    Threw {
        /// The error as text.
        message: String,
        /// Where it was thrown, and from where that was called, innermost first.
        frames: Vec<Frame>,
    },
    /// The engine cannot compile a module, though nothing else found fault with it.
    Refused {
        /// Its reason as text.
        message: String,
        /// Where it stopped, or the beginning of the module.
        span: Span,
    },
    /// It ran longer than its time limit.
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

    /// Whether a module could not be parsed or reading stopped early, so that most facts are missing.
    pub fn is_partial(&self) -> bool {
        self.oversized.is_some()
            || self.modules.iter().any(|module| !module.syntax_errors.is_empty())
    }

    /// Whether a place lies in a package, whose code is nobody's here to change.
    pub fn is_in_package(&self, span: Span) -> bool {
        self.module(span.module).name.package().is_some()
    }

    /// Every import with the module it stands in.
    pub fn imports(&self) -> impl Iterator<Item = (ModuleId, &Import)> {
        self.modules.iter().enumerate().flat_map(|(index, module)| {
            module.imports.iter().map(move |import| (ModuleId::new(index), import))
        })
    }

    /// Those in modules of the handler's own.
    pub fn own_imports(&self) -> impl Iterator<Item = (ModuleId, &Import)> {
        self.imports().filter(|(id, _)| self.module(*id).name.package().is_none())
    }

    /// The imports of built-in modules that are there at run time, the entry's first.
    pub fn builtin_imports(&self) -> impl Iterator<Item = (api::Module, &Import)> {
        self.imports().filter_map(|(_, import)| match import.target {
            Target::Builtin(module) if !import.is_type_only => Some((module, import)),
            _ => None,
        })
    }

    /// The imports of `zigttp:websocket` among them.
    pub fn websocket_imports(&self) -> impl Iterator<Item = &Import> {
        self.builtin_imports()
            .filter(|(module, _)| *module == api::Module::Websocket)
            .map(|(_, import)| import)
    }

    /// Whether an imported module is missing, so that not all of the handler is known.
    pub fn has_unresolved_imports(&self) -> bool {
        self.own_imports().any(|(_, import)| {
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

    /// Whether the runtime would call nothing of the handler.
    pub fn calls_nothing(&self) -> bool {
        self.event_exports().is_empty() && !self.exports_of(ModuleId::ENTRY).is_open
    }

    /// Whether a name of the entry stands only where it is declared and exported, so that changing it there is
    /// enough.
    pub fn is_named_once(&self, name: &str, span: Span) -> bool {
        let Some(entry) = self.modules.first() else { return false };
        match entry.code.exports.get(name).map(|exported| &exported.value) {
            Some(Value::Binding(id)) => {
                let binding = &entry.code[*id];
                binding.span == span && binding.uses == 0
            }
            _ => false,
        }
    }

    /// The API functions that the handler can reach, by path, sorted.
    ///
    /// Where all of the module is taken (`import()`, `export *`) that is every function; of a namespace (`* as`) too,
    /// if it is used for more than properties by their names.
    pub fn imported_functions(&self) -> Vec<&'static str> {
        let mut functions = BTreeSet::new();
        for (module, import) in self.builtin_imports() {
            let takes_all = matches!(import.kind, ImportKind::Dynamic | ImportKind::ReExportAll);
            let taken = module.functions().iter().filter(|function| {
                let takes = |name: &ImportedName| match &name.imported {
                    Some(imported) => imported == function.name,
                    None => {
                        name.uses.members.len() < name.uses.values.len()
                            || name.uses.members.iter().any(|member| member == function.name)
                    }
                };
                takes_all || import.names.iter().any(takes)
            });
            functions.extend(taken.map(|function| function.path));
        }
        functions.into_iter().collect()
    }

    /// The routes, if the entry declares any, and all of them can be read.
    pub fn routes(&self) -> Option<Vec<Route>> {
        let elements = self.modules.first()?.routes.as_ref()?.elements.as_ref()?;
        elements.iter().map(|element| Some(element.as_ref().ok()?.route())).collect()
    }

    /// The schedules of `export const schedules`, those left out that cannot be read.
    pub fn schedules(&self) -> Vec<Schedule> {
        let schedules = self.modules.first().and_then(|entry| entry.schedules.as_ref());
        let elements =
            schedules.into_iter().flat_map(|schedules| schedules.elements.iter().flatten());
        elements.filter_map(|it| it.as_ref().ok()).map(ScheduleElement::schedule).collect()
    }

    /// The subprotocols, if the entry declares any that can be read.
    pub fn protocol_names(&self) -> Option<Vec<&str>> {
        let names = self.modules.first()?.protocols.as_ref()?.names.as_ref()?;
        names.iter().map(|name| Some(name.as_ref().ok()?.name.as_str())).collect()
    }

    /// Names of the module itself win over those of its `export *`; the first `export *` over
    /// the next, as no caller needs to know which module a repeated name comes from.
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
        table.is_open |= module.format == Format::CommonJs;
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
                Target::Builtin(module) => {
                    for function in module.functions() {
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
