//! Names that are used and declared nowhere, each with what was probably meant.
//!
//! Several rules ask, so that one slip is one diagnostic: the import whose name is misspelled where it is used
//! is not called unused as well.

use std::collections::BTreeMap;

use zigttp_abi::api::{ApiFunction, Module};

use crate::code::{MemberKind, Value};
use crate::globals;
use crate::import::{Reference, Target};
use crate::model::HandlerModel;
use crate::span::ModuleId;
use crate::spelling;

/// A name that a module uses and nobody declares.
pub(crate) struct Undeclared<'a> {
    pub(crate) module: ModuleId,
    /// Where it is used first.
    pub(crate) first: &'a Reference,
    /// How often besides.
    pub(crate) others: usize,
    pub(crate) meant: Option<Meant>,
}

/// What a name was probably meant to be.
pub(crate) enum Meant {
    /// A name of the module, or a global.
    Name(String),
    /// A function of a built-in module that is not imported.
    Function(&'static ApiFunction),
    /// A built-in module whose functions are taken from one name.
    Namespace(Module),
}

/// Most names for which it is looked up what was meant. More are artificial.
const MAX_EXPLAINED: usize = 100;

/// The names that the modules of a handler use and nobody declares, in the order of the source.
pub(crate) fn find(handler: &HandlerModel) -> Vec<Undeclared<'_>> {
    if gives_itself_globals(handler) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, module) in handler.modules.iter().enumerate() {
        let id = ModuleId::new(index);
        let mut uses: BTreeMap<&str, (&Reference, usize)> = BTreeMap::new();
        for reference in &module.code.needed_globals {
            let name = reference.name.as_str();
            if name == "arguments"
                || globals::is_available(name)
                || globals::instead_of(name).is_some()
            {
                continue;
            }
            uses.entry(name).and_modify(|(_, others)| *others += 1).or_insert((reference, 0));
        }
        let mut uses: Vec<_> = uses.into_values().collect();
        uses.sort_by_key(|(first, _)| first.span);
        for (nth, (first, others)) in uses.into_iter().enumerate() {
            let meant = if nth < MAX_EXPLAINED { meant(handler, id, &first.name) } else { None };
            found.push(Undeclared { module: id, first, others, meant });
        }
    }
    found
}

/// Whether a handler sets properties of `globalThis`, or hands it on, so that it may have more globals.
fn gives_itself_globals(handler: &HandlerModel) -> bool {
    let is_it = |value: &Value| matches!(value, Value::Global(name) if name == "globalThis");
    let sets = handler.modules.iter().flat_map(|module| &module.code.members);
    let is_set =
        sets.into_iter().any(|it| is_it(&it.object.value) && it.kind == MemberKind::Written);
    is_set
        || handler
            .calls()
            .any(|(_, call)| call.arguments.iter().any(|argument| is_it(&argument.value)))
}

fn meant(handler: &HandlerModel, id: ModuleId, name: &str) -> Option<Meant> {
    let module = handler.module(id);
    let builtin = || Module::ALL.into_iter().flat_map(|module| module.functions());
    let exact = builtin().find(|function| function.name == name && function.path == name);
    if let Some(function) = exact {
        return Some(Meant::Function(function));
    }
    let namespace = Module::ALL.into_iter().find(|module| {
        module.specifier().ends_with(&format!(":{name}"))
            && module.functions().iter().all(|function| function.path != function.name)
    });
    if let Some(module) = namespace {
        return Some(Meant::Namespace(module));
    }
    let own = module.code.bindings.iter().map(|binding| binding.name.as_str());
    let mut names: Vec<&str> = own.filter(|own| *own != name).collect();
    names.extend_from_slice(globals::AVAILABLE);
    if let Some(meant) = spelling::closest(name, names) {
        return Some(Meant::Name(meant.to_owned()));
    }
    let functions = builtin().filter(|function| function.path == function.name);
    let closest = spelling::closest(name, functions.map(|function| function.name))?;
    builtin().find(|function| function.path == closest).map(Meant::Function)
}

/// Whether a module imports a name that is not exported where it comes from, and probably meant this one.
pub(crate) fn is_misspelled_import(handler: &HandlerModel, module: ModuleId, name: &str) -> bool {
    let imports = &handler.module(module).imports;
    imports.iter().filter(|import| !import.is_type_only).any(|import| {
        let asked = import.names.iter().filter_map(|name| name.imported.as_deref());
        let close: Vec<_> =
            asked.filter(|asked| spelling::closest(asked, [name]).is_some()).collect();
        if close.is_empty() {
            return false;
        }
        match import.target {
            Target::Builtin(from) => close.iter().any(|asked| from.find(asked).is_none()),
            Target::Module(id) => {
                let exports = handler.exports_of(id);
                !exports.is_open && close.iter().any(|it| !exports.names.contains_key(*it))
            }
            Target::Unresolved(_) => false,
        }
    })
}
