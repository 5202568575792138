//! Reads a handler: its entry module and every module reached from it.

use std::collections::HashMap;

use swc_core::common::{GLOBALS, Globals};
use zigts_rules::import::{ModuleName, Target, Unresolved};
use zigts_rules::model::{HandlerModel, Oversized};
use zigts_rules::span::ModuleId;

use crate::modules::{Modules, ReadError, Request};
use crate::parse::{Language, Parsed, parse};
use crate::resolve::{Candidates, candidates, declarations};
use crate::source::{SourceFile, Sources};
use crate::{Decorators, Entry, effects, model, node_builtins, testing};

/// Most bytes that all modules of a handler's own may have together.
///
/// A snapshot is about 16 times its source (1 MB of it made 16.5 MB), and every event starts from
/// a copy of that.
pub const MAX_SOURCE_BYTES: usize = 512 * 1024;

/// Most bytes of the modules of packages that are loaded together.
pub const MAX_PACKAGE_BYTES: usize = 2 * 1024 * 1024;

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
pub(crate) fn load(entry: Entry, modules: &mut dyn Modules) -> Handler {
    let globals = Globals::new();
    let mut loader = Loader {
        modules,
        by_name: HashMap::new(),
        own_bytes: 0,
        package_bytes: 0,
        model: HandlerModel::default(),
        sources: Sources::default(),
        parsed: Vec::new(),
        decorators: entry.decorators,
        is_test: testing::is_test(entry.name.as_str()),
    };
    GLOBALS.set(&globals, || {
        if loader.is_test {
            let Entry { name, text, .. } = testing::entry_of(&entry);
            loader.add(name, text);
        }
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

struct Loader<'a> {
    modules: &'a mut dyn Modules,
    model: HandlerModel,
    sources: Sources,
    parsed: Vec<Option<Parsed>>,
    decorators: Decorators,
    /// Whether its entry is a test, which may import `zigttp:test`.
    is_test: bool,
    by_name: HashMap<ModuleName, ModuleId>,
    /// Bytes read so far of the handler's own modules, and of those of packages.
    own_bytes: usize,
    package_bytes: usize,
}

impl Loader<'_> {
    fn add(&mut self, name: ModuleName, text: String) -> ModuleId {
        let id = self.sources.push(SourceFile::new(name.clone(), text));
        self.by_name.insert(name.clone(), id);
        let parsed = if let Some(oversized) = self.oversized(id) {
            self.model.oversized = Some(oversized);
            Err(Vec::new())
        } else {
            let language = Language::of(&name, self.modules.package_type(&name), self.decorators);
            parse(id, self.sources.file(id), language)
        };
        let (module, parsed) = match parsed {
            Ok(parsed) => (model::collect(id, self.sources.file(id), &parsed), Some(parsed)),
            Err(errors) => (model::unreadable(name, errors), None),
        };
        self.model.modules.push(module);
        self.parsed.push(parsed);
        id
    }

    /// Counts a module, and says whether it is one too many.
    fn oversized(&mut self, id: ModuleId) -> Option<Oversized> {
        let file = self.sources.file(id);
        let (read, limit) = match file.name().package() {
            None => (&mut self.own_bytes, MAX_SOURCE_BYTES),
            Some(_) => (&mut self.package_bytes, MAX_PACKAGE_BYTES),
        };
        *read += file.text().len();
        let bytes = *read;
        (bytes > limit).then_some(Oversized { module: id, bytes, limit })
    }

    fn follow_imports(&mut self, id: ModuleId) {
        for index in 0..self.model.module(id).imports.len() {
            let import = &self.model.module(id).imports[index];
            let is_settled = import.target != Target::Unresolved(Unresolved::NotRead);
            if import.is_type_only || is_settled || self.model.oversized.is_some() {
                continue;
            }
            let specifier = import.specifier.clone();
            let request = Request::of(import.kind);
            let importer = self.model.module(id).name.clone();
            let target = match testing::resolve(&importer, &specifier) {
                Some(name) => self.of_tests(name),
                None => match candidates(&importer, &specifier) {
                    Ok(Candidates::Builtin(module)) => Target::Builtin(module),
                    Ok(Candidates::Modules(names)) => self.first_of(names),
                    Ok(Candidates::InPlaceOfNode(name)) => self.in_place_of_node(name),
                    Ok(Candidates::Elsewhere) => self.find(&importer, &specifier, request),
                    Err(reason) => Target::Unresolved(reason),
                },
            };
            let import = &mut self.model.modules[id.index()].imports[index];
            import.target = target;
            // TypeScript erases an import of which only types are used; declarations are enough for it. Those of
            // packages are `tsc`'s to find.
            if matches!(import.target, Target::Unresolved(_)) && import.has_only_types() {
                let declared = declarations(&importer, &specifier);
                let is_there = |name| self.modules.read(name).is_ok();
                import.is_type_only = match import.target {
                    Target::Unresolved(
                        Unresolved::NotInstalled
                        | Unresolved::NotOffered { .. }
                        | Unresolved::NodeModule,
                    ) => true,
                    _ => declared.iter().any(is_there),
                };
            }
        }
    }

    fn in_place_of_node(&mut self, name: ModuleName) -> Target {
        if let Some(&id) = self.by_name.get(&name) {
            return Target::Module(id);
        }
        let text = node_builtins::text(name.as_str()).expect("`candidates` names those there are");
        Target::Module(self.add(name, text.to_owned()))
    }

    fn of_tests(&mut self, name: ModuleName) -> Target {
        if !self.is_test {
            return Target::Unresolved(Unresolved::OnlyForTests);
        }
        if let Some(&id) = self.by_name.get(&name) {
            return Target::Module(id);
        }
        let text = testing::text(&name);
        Target::Module(self.add(name, text.to_owned()))
    }

    /// A module outside of what relative paths of the handler's own modules reach.
    fn find(&mut self, importer: &ModuleName, specifier: &str, request: Request) -> Target {
        match self.modules.find(importer, specifier, request) {
            Ok(Some(name)) => match name.as_str().rsplit_once('.') {
                Some((_, extension @ ("node" | "wasm"))) => {
                    Target::Unresolved(Unresolved::NotSource { extension: extension.to_owned() })
                }
                _ => self.first_of(vec![name]),
            },
            Ok(None) if node_builtins::is_missing(specifier) => {
                Target::Unresolved(Unresolved::NodeModule)
            }
            Ok(None) if ["@/", "~", "#", "$"].iter().any(|it| specifier.starts_with(it)) => {
                Target::Unresolved(Unresolved::UnknownAlias)
            }
            Ok(None) if specifier.starts_with('.') => {
                Target::Unresolved(Unresolved::NotFound { tried: Vec::new() })
            }
            Ok(None) => Target::Unresolved(Unresolved::NotInstalled),
            Err(reason) => Target::Unresolved(Unresolved::NotOffered { reason }),
        }
    }

    fn first_of(&mut self, names: Vec<ModuleName>) -> Target {
        for name in &names {
            if let Some(&id) = self.by_name.get(name) {
                return Target::Module(id);
            }
            match self.modules.read(name) {
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
