//! Reads a handler: its entry module and every module reached from it.

use swc_core::common::{GLOBALS, Globals};
use zigts_rules::import::{ModuleName, Target, Unresolved};
use zigts_rules::model::{HandlerModel, Oversized};
use zigts_rules::span::ModuleId;

use crate::parse::{Parsed, parse};
use crate::resolve::{Candidates, candidates};
use crate::source::{SourceFile, Sources};
use crate::{Decorators, Entry, ReadError, ReadModule, effects, model};

/// Most bytes that all modules of a handler may have together.
///
/// A snapshot is about 16 times its source (1 MB of it made 16.5 MB), and every event starts from
/// a copy of that.
pub const MAX_SOURCE_BYTES: usize = 512 * 1024;

/// A handler in every form that later phases need.
pub(crate) struct Handler {
    pub(crate) model: HandlerModel,
    pub(crate) sources: Sources,
    /// By module; `None` for one that cannot be parsed.
    pub(crate) parsed: Vec<Option<Parsed>>,
    pub(crate) decorators: Decorators,
    /// The parser's state that the trees refer to.
    pub(crate) globals: Globals,
}

/// Reads and parses all modules and finds out where each import leads.
///
/// What is wrong with them becomes part of the model, for the rules to report.
pub(crate) fn load(entry: Entry, read: &mut ReadModule<'_>) -> Handler {
    let globals = Globals::new();
    let mut loader = Loader {
        read,
        model: HandlerModel::default(),
        sources: Sources::default(),
        parsed: Vec::new(),
        decorators: entry.decorators,
    };
    GLOBALS.set(&globals, || {
        loader.add(entry.name, entry.text);
        let mut next = 0;
        while next < loader.model.modules.len() && loader.model.oversized.is_none() {
            loader.follow_imports(ModuleId::new(next));
            next += 1;
        }
    });
    let Loader { mut model, sources, parsed, decorators, .. } = loader;
    model.add_lists();
    model.effects = effects::infer(&model);
    Handler { model, sources, parsed, decorators, globals }
}

struct Loader<'a, 'read> {
    read: &'a mut ReadModule<'read>,
    model: HandlerModel,
    sources: Sources,
    parsed: Vec<Option<Parsed>>,
    decorators: Decorators,
}

impl Loader<'_, '_> {
    fn add(&mut self, name: ModuleName, text: String) -> ModuleId {
        let id = self.sources.push(SourceFile::new(name.clone(), text));
        let bytes = self.sources.total_bytes();
        let parsed = if bytes > MAX_SOURCE_BYTES {
            let oversized = Oversized { module: id, bytes, limit: MAX_SOURCE_BYTES };
            self.model.oversized = Some(oversized);
            Err(Vec::new())
        } else {
            parse(id, self.sources.file(id), self.decorators)
        };
        let (module, parsed) = match parsed {
            Ok(parsed) => (model::collect(id, self.sources.file(id), &parsed), Some(parsed)),
            Err(errors) => (model::unreadable(name, errors), None),
        };
        self.model.modules.push(module);
        self.parsed.push(parsed);
        id
    }

    fn follow_imports(&mut self, id: ModuleId) {
        for index in 0..self.model.module(id).imports.len() {
            let import = &self.model.module(id).imports[index];
            let is_settled = import.target != Target::Unresolved(Unresolved::NotRead);
            if import.is_type_only || is_settled || self.model.oversized.is_some() {
                continue;
            }
            let importer = self.model.module(id).name.clone();
            let target = match candidates(&importer, &import.specifier) {
                Ok(Candidates::Builtin(module)) => Target::Builtin(module),
                Ok(Candidates::Modules(names)) => self.first_of(names),
                Err(reason) => Target::Unresolved(reason),
            };
            self.model.modules[id.index()].imports[index].target = target;
        }
    }

    fn first_of(&mut self, names: Vec<ModuleName>) -> Target {
        for name in &names {
            if let Some(index) = self.model.modules.iter().position(|it| it.name == *name) {
                return Target::Module(ModuleId::new(index));
            }
            match (self.read)(name) {
                Ok(text) => return Target::Module(self.add(name.clone(), text)),
                Err(ReadError::NotFound) => {}
                Err(ReadError::Unreadable(reason)) => {
                    let module = name.clone();
                    return Target::Unresolved(Unresolved::Unreadable { module, reason });
                }
            }
        }
        Target::Unresolved(Unresolved::NotFound { tried: names })
    }
}
