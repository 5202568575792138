//! Members that are taken of a connection, which has none, each with what does its work.
//!
//! Several rules ask, so that one mistake is one diagnostic: an import that the right call would use is not
//! called unused, and is not missing twice.

use std::collections::{BTreeMap, BTreeSet};

use zigttp_abi::api::{ApiFunction, Module};

use crate::code::{MemberKind, MemberUse, Origin};
use crate::diagnostic::Edit;
use crate::host_values::{HostValue, HostValues};
use crate::import::{ImportKind, ImportedName, Target};
use crate::model::HandlerModel;
use crate::span::{ModuleId, Span};

/// A member that is taken of a connection.
pub(crate) struct MemberMistake<'a> {
    pub(crate) module: ModuleId,
    pub(crate) member: &'a MemberUse,
    pub(crate) remedy: Remedy,
}

/// What does the work of a member.
#[derive(Clone, Copy)]
pub(crate) enum Remedy {
    /// A function that takes the connection first.
    Function(&'static ApiFunction),
    /// Something that is told in whole sentences.
    Advice(&'static str),
    /// A value of the author's own.
    OwnValue,
}

/// The call that a member is replaced with, and what the module has to import for it.
pub(crate) struct Replacement {
    pub(crate) edits: Vec<Edit>,
    /// A name that the module does not import yet.
    pub(crate) missing: Option<&'static str>,
}

/// Members of the connections of other platforms, and the functions that do their work.
const SYNONYMS: &[(&str, &str)] = &[
    ("disconnect", "close"),
    ("id", "connectionId"),
    ("subscribe", "join"),
    ("terminate", "close"),
    ("unsubscribe", "leave"),
];

const EVENTS: &str =
    "Export `onOpen`, `onMessage(ws, data, room)` and `onClose`: the runtime calls them.";
const BROADCAST: &str = "Send to a room: `broadcast(room, data)`, or `broadcast(room, data, ws)` without this connection.";
const VALUE: &str = "Keep a value with a connection: `serializeAttachment(ws, value)`, and `deserializeAttachment(ws)` \
                     returns it.";
const STATE: &str =
    "There is nothing to ask: `send` returns false for a connection that is gone or closing.";
const REQUEST: &str = "Keep what is needed of the request: `onUpgrade(req, room)` sees it, and `onOpen(ws, url, room)` its path.";
const PINGS: &str =
    "Leave it out: the server pings by itself, and closes connections that do not answer.";

/// Members for which no one function does the work.
const ADVICE: &[(&[&str], &str)] = &[
    (
        &[
            "addEventListener",
            "addListener",
            "dispatchEvent",
            "off",
            "on",
            "onclose",
            "onerror",
            "onmessage",
            "onopen",
            "once",
            "removeAllListeners",
            "removeEventListener",
            "removeListener",
        ],
        EVENTS,
    ),
    (&["broadcast", "emit", "in", "of", "publish", "rooms", "to"], BROADCAST),
    (&["attachment", "context", "data", "session", "setState", "state", "user"], VALUE),
    (
        &["CLOSED", "CLOSING", "CONNECTING", "OPEN", "closed", "isAlive", "isOpen", "readyState"],
        STATE,
    ),
    (
        &[
            "cf",
            "handshake",
            "headers",
            "ip",
            "origin",
            "params",
            "protocol",
            "query",
            "remoteAddress",
            "req",
            "request",
            "upgradeReq",
            "url",
        ],
        REQUEST,
    ),
    (&["ping", "pong", "heartbeat"], PINGS),
    (&["accept"], "Leave it out: a connection is open when its first event comes."),
    (&["binaryType"], "Leave it out: binary messages come as an `ArrayBuffer`."),
    (
        &["cork", "pause", "resume"],
        "Leave it out: what an event sends leaves together when it returns.",
    ),
];

/// What every value has, so that it is no mistake to take it.
const OF_EVERY_VALUE: &[&str] = &[
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toExponential",
    "toFixed",
    "toLocaleString",
    "toPrecision",
    "toString",
    "valueOf",
];

/// The members that a handler takes of connections, in the order of the source.
pub(crate) fn find(handler: &HandlerModel) -> Vec<MemberMistake<'_>> {
    let values = HostValues::of(handler);
    let mut found = Vec::new();
    for (index, module) in handler.modules.iter().enumerate() {
        let id = ModuleId::new(index);
        for member in &module.code.members {
            if !OF_EVERY_VALUE.contains(&member.name.as_str())
                && values.value_of(id, &member.object) == Some(HostValue::Connection)
            {
                found.push(MemberMistake { module: id, member, remedy: remedy(&member.name) });
            }
        }
    }
    found
}

/// The functions that the right calls in place of the members would use, by module.
pub(crate) fn used(mistakes: &[MemberMistake<'_>]) -> BTreeSet<(ModuleId, &'static str)> {
    let functions = Module::Websocket.functions();
    let told = |advice: &str, name: &str| {
        advice.contains(&format!("`{name}(")) || advice.contains(&format!("`{name}`"))
    };
    let mut used = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for mistake in mistakes {
        let advice = match mistake.remedy {
            Remedy::Function(function) => {
                used.insert((mistake.module, function.name));
                continue;
            }
            Remedy::Advice(advice) => advice,
            Remedy::OwnValue => VALUE,
        };
        if seen.insert((mistake.module, advice)) {
            let told = functions.iter().filter(|function| told(advice, function.name));
            used.extend(told.map(|function| (mistake.module, function.name)));
        }
    }
    used
}

fn remedy(name: &str) -> Remedy {
    let synonym = SYNONYMS.iter().find(|(of, _)| *of == name).map(|(_, function)| *function);
    let function = Module::Websocket.find(synonym.unwrap_or(name));
    if let Some(function) = function.filter(|function| takes_connection(function)) {
        return Remedy::Function(function);
    }
    match ADVICE.iter().find(|(names, _)| names.contains(&name)) {
        Some((_, advice)) => Remedy::Advice(advice),
        None => Remedy::OwnValue,
    }
}

fn takes_connection(function: &ApiFunction) -> bool {
    function.parameters.first().is_some_and(|first| first.ty.starts_with("WebSocket"))
}

impl MemberMistake<'_> {
    /// The right call in place of the member, where it is certain to be what was meant.
    pub(crate) fn replacement(
        &self,
        handler: &HandlerModel,
        names: &mut LocalNames,
    ) -> Option<Replacement> {
        let Remedy::Function(function) = self.remedy else { return None };
        let MemberUse { span, object_span, kind, is_optional, .. } = *self.member;
        let code = &handler.module(self.module).code;
        // `webSocketById(id)?.send(data)` may be a call of nothing.
        if is_optional {
            return None;
        }
        let key = (self.module, function.name);
        let name = names.entry(key).or_insert_with(|| local_name(handler, key.0, key.1));
        let LocalName { name, missing } = name.clone()?;
        let end = match kind {
            MemberKind::Called(call) => {
                let call = &code[call];
                let given = call.arguments.len() + 1;
                let required = function.parameters.iter().filter(|it| !it.optional).count();
                // The second argument of `send` is another thing elsewhere: a callback, options.
                let most = if function.name == "send" { 2 } else { function.parameters.len() };
                if call.is_new || call.has_spread || !(required..=most).contains(&given) {
                    return None;
                }
                let (at, text) = match call.first_argument {
                    Some(first) => (first, ", "),
                    None => (call.next_argument?, ""),
                };
                Edit {
                    span: Span { start: object_span.end, end: at.start, ..span },
                    replacement: text.to_owned(),
                }
            }
            // Only a value that takes nothing but the connection is a property elsewhere.
            MemberKind::Read | MemberKind::Object if function.parameters.len() == 1 => Edit {
                span: Span { start: object_span.end, end: span.end, ..span },
                replacement: ")".to_owned(),
            },
            _ => return None,
        };
        let start = Edit {
            span: Span { end: object_span.start, start: object_span.start, ..span },
            replacement: format!("{name}("),
        };
        Some(Replacement { edits: vec![start, end], missing })
    }
}

/// How modules name functions of `zigttp:websocket`.
pub(crate) type LocalNames = BTreeMap<(ModuleId, &'static str), Option<LocalName>>;

/// How a module names a function.
#[derive(Clone)]
pub(crate) struct LocalName {
    name: String,
    /// The name, if it has to be imported first.
    missing: Option<&'static str>,
}

/// How a module names a function of `zigttp:websocket`. Nothing where something else has that name.
fn local_name(
    handler: &HandlerModel,
    module: ModuleId,
    function: &'static str,
) -> Option<LocalName> {
    let module = handler.module(module);
    let imports = module.imports.iter().filter(|import| {
        import.target == Target::Builtin(Module::Websocket)
            && import.kind == ImportKind::Static
            && !import.is_type_only
    });
    // Somewhere in the module; whether it is there too is not looked at.
    let is_taken = |name: &str| {
        let mut bindings = module.code.bindings.iter();
        bindings.any(|it| it.name == name && !matches!(it.origin, Origin::Import { .. }))
    };
    let is_it = |name: &&ImportedName| name.imported.as_deref().is_none_or(|it| it == function);
    match imports.flat_map(|import| &import.names).find(is_it) {
        Some(name) if is_taken(&name.local) => None,
        Some(ImportedName { imported: None, local, .. }) => {
            Some(LocalName { name: format!("{local}.{function}"), missing: None })
        }
        Some(name) => Some(LocalName { name: name.local.clone(), missing: None }),
        None => (!is_taken(function))
            .then(|| LocalName { name: function.to_owned(), missing: Some(function) }),
    }
}
