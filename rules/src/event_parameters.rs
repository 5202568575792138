//! The parameters of the functions that are exported as events, and which of them have the name of another.

use zigttp_abi::api;
use zigttp_abi::events::EventExport;

use crate::code::{BindingId, Code, FunctionId, Parameter};
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::{ModuleId, Span};

/// An exported event with the function that it is.
pub(crate) struct EventFunction<'a> {
    pub(crate) event: &'static EventExport,
    pub(crate) module: ModuleId,
    pub(crate) function: FunctionId,
    code: &'a Code,
    parameters: &'a [Parameter],
}

/// A parameter whose name says that something else is expected.
pub(crate) struct Mistaken<'a> {
    pub(crate) span: Span,
    /// Its name, unless it is a pattern.
    pub(crate) name: Option<&'a str>,
    /// Its place, from 0.
    pub(crate) index: usize,
    /// What the event passes there.
    pub(crate) given: &'static api::Parameter,
    pub(crate) kind: MistakenKind,
}

/// What a name stands for that is not what the parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MistakenKind {
    /// It is the name of another parameter of the event, or of something that the event has not.
    Other,
    /// Other platforms pass an object with everything in it: `event`.
    EventObject,
    /// The connection comes first, and is missing.
    NoConnection,
}

/// Names that people give to a parameter of an event, beside its own.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("ws", &["socket", "connection", "conn", "client", "peer", "websocket", "webSocket"]),
    ("data", &["message", "msg", "payload", "frame", "text"]),
    ("room", &["roomId", "roomName", "channel"]),
    ("url", &["uri", "href"]),
    ("code", &["closeCode"]),
    ("reason", &["closeReason"]),
    ("req", &["request"]),
];

/// Names of what other platforms pass where here is something else.
const FOREIGN: &[&str] = &["context", "ctx", "env", "isBinary", "server", "wasClean"];

/// Names for an object that has all that an event tells.
const EVENT_OBJECTS: &[&str] = &["event", "ev", "evt"];

/// The events that a handler exports as functions of its own.
pub(crate) fn of_handler(handler: &HandlerModel) -> Vec<EventFunction<'_>> {
    let exports = handler.event_exports().into_iter();
    let function = |event: &'static EventExport| {
        let meaning = handler.meaning_of_export(ModuleId::ENTRY, event.name);
        let Meaning::Function(module, function) = meaning else { return None };
        let code = &handler.module(module).code;
        let parameters = code[function].parameters.as_slice();
        Some(EventFunction { event, module, function, code, parameters })
    };
    exports.filter_map(|(event, _)| function(event)).collect()
}

impl<'a> EventFunction<'a> {
    /// The name in the function of what the event passes under a name, if it is a name, and no misleading one.
    pub(crate) fn binding_of(&self, name: &str) -> Option<BindingId> {
        let index = self.event.parameters.iter().position(|given| given.name == name)?;
        let parameter = self.parameters.get(index).filter(|_| !self.is_mistaken(index))?;
        parameter.binding
    }

    /// The first parameter whose name misleads: those behind it follow from it.
    pub(crate) fn first_mistaken(&self) -> Option<Mistaken<'a>> {
        (0..self.parameters.len()).find_map(|index| self.mistaken(index))
    }

    /// Whether a parameter is not what its name says, or stands behind one that is not.
    pub(crate) fn is_mistaken(&self, index: usize) -> bool {
        (0..=index).any(|index| self.mistaken(index).is_some())
    }

    fn mistaken(&self, index: usize) -> Option<Mistaken<'a>> {
        let parameter = self.parameters.get(index).filter(|parameter| parameter.is_required)?;
        let given = self.event.parameters.get(index)?;
        let binding = parameter.binding.map(|id| &self.code[id]);
        let name = binding.map(|binding| binding.name.as_str());
        let kind = match binding {
            // `{ data }`
            None if given.ty == "WebSocket" => MistakenKind::EventObject,
            None => return None,
            Some(binding) => {
                let ty = binding.declared_type.as_ref().map(|ty| ty.name.as_str());
                if ty == Some(given.ty) {
                    return None;
                }
                self.mistaken_name(binding.name.trim_start_matches('_'), index, given.name)?
            }
        };
        Some(Mistaken { span: parameter.span, name, index, given, kind })
    }

    fn mistaken_name(&self, name: &str, index: usize, given: &str) -> Option<MistakenKind> {
        if stands_for(name, given) {
            return None;
        }
        if EVENT_OBJECTS.contains(&name) {
            return Some(MistakenKind::EventObject);
        }
        let mut others =
            self.event.parameters.iter().map(|parameter| parameter.name).chain(["ws", "req"]);
        if !FOREIGN.contains(&name) && !others.any(|other| stands_for(name, other)) {
            return None;
        }
        let is_connection =
            index == 0 && given == "ws" && !stands_for(name, "req") && !FOREIGN.contains(&name);
        Some(if is_connection { MistakenKind::NoConnection } else { MistakenKind::Other })
    }
}

/// Whether a name is that of a parameter, or one that people give to it.
fn stands_for(name: &str, parameter: &str) -> bool {
    let synonyms = SYNONYMS.iter().find(|(of, _)| *of == parameter).map(|(_, names)| *names);
    name == parameter || synonyms.is_some_and(|synonyms| synonyms.contains(&name))
}
