//! What a handler itself uses of what its entry exports. What it does not use is meant for the runtime.

use std::collections::BTreeSet;

use crate::code::{Expression, Value};
use crate::import::{ImportKind, Target};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::ModuleId;

/// What a handler uses of its own entry.
pub(crate) struct EntryUses<'a> {
    /// Names that modules import from the entry.
    imported: BTreeSet<&'a str>,
    /// Whether a module imports all of it.
    all_imported: bool,
    /// Classes of which instances are made.
    made: BTreeSet<*const Expression>,
}

impl<'a> EntryUses<'a> {
    /// Looks through the modules of a handler.
    pub(crate) fn of(handler: &'a HandlerModel) -> EntryUses<'a> {
        let mut uses =
            EntryUses { imported: BTreeSet::new(), all_imported: false, made: BTreeSet::new() };
        for (_, import) in handler.imports() {
            if import.target != Target::Module(ModuleId::ENTRY) || import.is_type_only {
                continue;
            }
            uses.all_imported |=
                matches!(import.kind, ImportKind::Dynamic | ImportKind::ReExportAll)
                    || import.names.iter().any(|name| name.imported.is_none());
            uses.imported.extend(import.names.iter().filter_map(|name| name.imported.as_deref()));
        }
        for (module, call) in handler.calls().filter(|(_, call)| call.is_new) {
            if let Meaning::Value(_, class) = handler.meaning(module, &call.callee) {
                uses.made.insert(std::ptr::from_ref(class));
            }
        }
        uses
    }

    /// Whether an instance of a class is made somewhere.
    pub(crate) fn is_made(&self, class: &Expression) -> bool {
        self.made.contains(&std::ptr::from_ref(class))
    }

    /// Whether another module imports what the entry exports under a name.
    pub(crate) fn is_imported(&self, name: &str) -> bool {
        self.all_imported || self.imported.contains(name)
    }
}

/// Whether the entry itself uses what it exports under a name.
pub(crate) fn is_used_in_entry(handler: &HandlerModel, name: &str) -> bool {
    let code = &handler.module(ModuleId::ENTRY).code;
    let Some(Expression { value: Value::Binding(id), .. }) = code.exports.get(name) else {
        return false;
    };
    let binding = &code[*id];
    // `export { name }` counts as a use.
    let is_passed_on = |export: &&Expression| {
        matches!(export.value, Value::Binding(other) if other == *id) && export.span != binding.span
    };
    binding.uses > code.exports.values().filter(is_passed_on).count()
}
