//! Exported classes and objects whose members are events, as other platforms have them.

use std::collections::BTreeSet;

use zigttp_abi::events::{self, EventExport};

use crate::code::{Expression, Origin, Value};
use crate::entry_uses::EntryUses;
use crate::foreign_events::{self, ForeignEvent};
use crate::import::{Import, Target};
use crate::model::{ExportTable, HandlerModel};
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// An exported class or object with events as members.
pub(crate) struct Container<'a> {
    /// The name it is exported under.
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) is_class: bool,
    pub(crate) platform: &'static str,
    pub(crate) members: Vec<Member>,
    /// The import of the class of its platform that it extends.
    pub(crate) base: Option<&'a Import>,
}

/// One event of a [`Container`].
pub(crate) struct Member {
    pub(crate) span: Span,
    pub(crate) event: MemberEvent,
}

/// What a [`Member`] is named after.
pub(crate) enum MemberEvent {
    Ours(&'static EventExport),
    Foreign(&'static ForeignEvent),
}

impl MemberEvent {
    /// The events that do its work, the best first.
    pub(crate) fn ours(&self) -> Vec<&'static EventExport> {
        match self {
            MemberEvent::Ours(event) => vec![event],
            MemberEvent::Foreign(event) => event.ours().collect(),
        }
    }
}

/// Most members of a container, and most containers, that are told: more are artificial.
const MAX_TOLD: usize = 32;

/// The containers that the entry exports, in the order of the source.
pub(crate) fn find<'a>(
    handler: &'a HandlerModel,
    table: &ExportTable,
    uses: &EntryUses<'_>,
) -> Vec<Container<'a>> {
    let mut seen = BTreeSet::new();
    let exported = table.names.iter().filter(|(name, export)| {
        !export.is_type && events::find(name).is_none() && !uses.is_imported(name)
    });
    let mut found: Vec<_> = exported
        .filter_map(|(name, export)| {
            let (module, expression) = class_or_object(handler, name)?;
            // What is exported under several names is looked at once.
            seen.insert(std::ptr::from_ref(expression)).then_some(())?;
            container(handler, table, uses, (name, export.span), (module, expression))
        })
        .collect();
    found.sort_by_key(|container| container.span);
    found.truncate(MAX_TOLD);
    found
}

/// The class, or for the default export also the object, that is exported under a name.
fn class_or_object<'a>(
    handler: &'a HandlerModel,
    name: &str,
) -> Option<(ModuleId, &'a Expression)> {
    let Meaning::Value(module, expression) = handler.meaning_of_export(ModuleId::ENTRY, name)
    else {
        return None;
    };
    let is_default = name == "default";
    match &expression.value {
        Value::Object { is_class, .. } => (*is_class || is_default).then_some((module, expression)),
        // `export default new Server()`
        Value::Call(id) if is_default => {
            let call = &handler.module(module).code[*id];
            match handler.meaning(module, &call.callee) {
                Meaning::Value(module, class) if call.is_new => Some((module, class)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The container that an export is, if its members are meant to be called by the runtime. `class_or_object` is
/// what it exports.
fn container<'a>(
    handler: &'a HandlerModel,
    table: &ExportTable,
    uses: &EntryUses<'_>,
    (name, span): (&str, Span),
    (module, class_or_object): (ModuleId, &'a Expression),
) -> Option<Container<'a>> {
    let Value::Object { properties, is_class } = &class_or_object.value else { return None };
    let base = if *is_class { base_class(handler, module, properties) } else { None };
    let mut members = Vec::new();
    gather_members(handler, table, module, properties, &mut members);
    if members.is_empty() {
        return None;
    }
    let foreign = |member: &Member| match member.event {
        MemberEvent::Foreign(event) => Some(event),
        MemberEvent::Ours(_) => None,
    };
    let own_of_platform = members.iter().filter_map(foreign).find(|event| !event.is_common_word);
    let is_meant = if name == "default" {
        let is_fetch = |event: &ForeignEvent| event.name == "fetch";
        own_of_platform.is_some()
            || base.is_some()
            || has_websocket(properties)
            || members.iter().any(|member| foreign(member).is_none_or(is_fetch))
    } else {
        base.is_some() || own_of_platform.is_some() && !uses.is_made(class_or_object)
    };
    if !is_meant {
        return None;
    }
    let platform = match (base, own_of_platform) {
        (Some((platform, _)), _) => platform,
        _ if has_websocket(properties) => "Bun",
        (None, Some(event)) => event.platform,
        (None, None) => members.iter().find_map(foreign).map_or("PartyKit", |event| event.platform),
    };
    let base = base.map(|(_, import)| import);
    Some(Container { name: name.to_owned(), span, is_class: *is_class, platform, members, base })
}

/// Adds the members that are named after events which the handler does not have already.
fn gather_members(
    handler: &HandlerModel,
    table: &ExportTable,
    module: ModuleId,
    properties: &[(Option<String>, Expression)],
    members: &mut Vec<Member>,
) {
    for (name, property) in properties {
        let Some(name) = name else { continue };
        let event = match (events::find(name), foreign_events::find(name)) {
            (Some(event), _) => MemberEvent::Ours(event),
            (None, Some(event)) => MemberEvent::Foreign(event),
            // The one object of events that is inside of another.
            (None, None) if name == "websocket" => {
                let Meaning::Value(module, inner) = handler.meaning(module, property) else {
                    continue;
                };
                if let Value::Object { properties, is_class: false } = &inner.value
                    && !has_websocket(properties)
                {
                    gather_members(handler, table, module, properties, members);
                }
                continue;
            }
            (None, None) => continue,
        };
        let is_there = event.ours().first().is_some_and(|it| table.names.contains_key(it.name));
        let meaning = handler.meaning(module, property);
        let span = match &meaning {
            Meaning::Value(_, value) if value.value.kind().is_some() => continue,
            Meaning::Function(module, id) if matches!(property.value, Value::Function(_)) => {
                handler.module(*module).code[*id].span
            }
            _ => property.span,
        };
        if !is_there && members.len() < MAX_TOLD {
            members.push(Member { span, event });
        }
    }
}

fn has_websocket(properties: &[(Option<String>, Expression)]) -> bool {
    properties.iter().any(|(name, _)| name.as_deref() == Some("websocket"))
}

/// The platform whose class a class extends, and where that is imported.
fn base_class<'a>(
    handler: &'a HandlerModel,
    module: ModuleId,
    members: &[(Option<String>, Expression)],
) -> Option<(&'static str, &'a Import)> {
    // What it extends comes first, without a name.
    let (None, parent) = members.first()? else { return None };
    let module = handler.module(module);
    let (binding, member) = match &parent.value {
        Value::Binding(id) => (&module.code[*id], None),
        Value::Member(object, member) => match object.value {
            Value::Binding(id) => (&module.code[id], member.as_deref()),
            _ => return None,
        },
        _ => return None,
    };
    let Origin::Import { import, name } = &binding.origin else { return None };
    let import = module.imports.get(*import)?;
    let platform = foreign_events::platform_of_class(name.as_deref().or(member)?)?;
    matches!(import.target, Target::Unresolved(_)).then_some((platform, import))
}
