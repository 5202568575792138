//! Exports of the entry that were meant for the runtime and have a name or a form that it does not call.
//!
//! Several rules ask, so that one mistake is one diagnostic: a rule that would say "`onMessage` is missing"
//! says nothing where another says "`onmessage` is misspelled".

use zigttp_abi::events::{self, EventExport};

use crate::entry_uses::{self, EntryUses};
use crate::event_containers::{self, Container};
use crate::foreign_events::{self, ForeignEvent};
use crate::import::Import;
use crate::model::{ExportTable, HandlerModel};
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};
use crate::spelling;

/// What of a handler was meant for the runtime and is not called by it.
#[derive(Default)]
pub(crate) struct MistakenExports<'a> {
    pub(crate) misspelled: Vec<Misspelled>,
    pub(crate) foreign: Vec<Foreign>,
    /// Classes and objects that have events as members, in the order of the source.
    pub(crate) containers: Vec<Container<'a>>,
}

/// A function whose name is almost that of an event.
pub(crate) struct Misspelled {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) meant: &'static EventExport,
}

/// A function whose name is an event of another platform.
pub(crate) struct Foreign {
    pub(crate) span: Span,
    pub(crate) event: &'static ForeignEvent,
}

impl<'a> MistakenExports<'a> {
    /// Looks through the exports of a handler's entry.
    pub(crate) fn of(handler: &'a HandlerModel) -> MistakenExports<'a> {
        let mut found = MistakenExports::default();
        if handler.modules.is_empty() {
            return found;
        }
        let table = handler.exports_of(ModuleId::ENTRY);
        let uses = EntryUses::of(handler);
        found.containers = event_containers::find(handler, &table, &uses);
        for (name, export) in &table.names {
            if export.is_type || events::find(name).is_some() || !is_function(handler, name) {
                continue;
            }
            if let Some(event) = foreign(handler, &table, &uses, name) {
                found.foreign.push(Foreign { span: export.span, event });
            } else if let Some(meant) = misspelled(&table, name) {
                let name = name.clone();
                found.misspelled.push(Misspelled { name, span: export.span, meant });
            }
        }
        found
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        !(self.misspelled.is_empty() && self.foreign.is_empty() && self.containers.is_empty())
    }

    /// Whether one of them was probably meant to be this event.
    pub(crate) fn stand_for(&self, event: &str) -> bool {
        !self.containers.is_empty()
            || self.misspelled.iter().any(|it| it.meant.name == event)
            || self.foreign.iter().any(|it| it.event.ours().any(|ours| ours.name == event))
    }

    /// Whether an import only gets the class that one of them extends.
    pub(crate) fn account_for(&self, import: &Import) -> bool {
        let is_base = |name: &Option<String>| {
            name.as_deref().is_some_and(|name| foreign_events::platform_of_class(name).is_some())
        };
        self.containers.iter().filter_map(|it| it.base).any(|base| base.span == import.span)
            && import.names.iter().all(|name| is_base(&name.imported))
    }
}

/// The event whose name a function's was meant to be.
fn misspelled(table: &ExportTable, name: &str) -> Option<&'static EventExport> {
    let missing = events::EXPORTS.iter().map(|event| event.name);
    let missing = missing.filter(|event| !table.names.contains_key(*event));
    let meant = spelling::closest(name, missing).filter(|event| is_slip(name, event))?;
    events::find(meant)
}

/// Whether a name that is close to an event's is a slip and not a word of its own, as `handle` and
/// `handlers` are.
fn is_slip(name: &str, event: &str) -> bool {
    let is_plural = |one: &str, other: &str| one.strip_suffix('s') == Some(other);
    name.eq_ignore_ascii_case(event)
        || event.starts_with("on")
            && name.to_lowercase().starts_with('o')
            && !is_plural(name, event)
}

/// The event of another platform that a function is, unless the handler uses the function itself.
fn foreign(
    handler: &HandlerModel,
    table: &ExportTable,
    uses: &EntryUses<'_>,
    name: &str,
) -> Option<&'static ForeignEvent> {
    let event = foreign_events::find(name)?;
    if uses.is_imported(name) || entry_uses::is_used_in_entry(handler, name) {
        return None;
    }
    // A common word is meant as an event if it is written here and the event is missing.
    let is_meant = !event.is_common_word
        || handler.module(ModuleId::ENTRY).code.exports.contains_key(name)
            && if event.has_ours() {
                !event.ours().any(|ours| table.names.contains_key(ours.name))
            } else {
                handler.event_exports().is_empty()
            };
    is_meant.then_some(event)
}

fn is_function(handler: &HandlerModel, name: &str) -> bool {
    matches!(handler.meaning_of_export(ModuleId::ENTRY, name), Meaning::Function(..))
}
