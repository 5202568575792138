//! What a row of the API table says.

/// A module that a handler may import from and that is no file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Module {
    /// Connections, and the rooms they are in.
    Websocket,
    /// What rooms store.
    Storage,
    /// The same, but only in memory.
    Memory,
    /// How rooms tell each other, or themselves later.
    Durable,
    /// The settings that the operator gives.
    Env,
}

impl Module {
    pub const ALL: [Module; 5] =
        [Module::Websocket, Module::Storage, Module::Memory, Module::Durable, Module::Env];

    /// What a handler imports from.
    pub const fn specifier(self) -> &'static str {
        match self {
            Module::Websocket => "zigttp:websocket",
            Module::Storage => "zigttp:storage",
            Module::Memory => "zigttp:memory",
            Module::Durable => "zigttp:durable",
            Module::Env => "zigttp:env",
        }
    }

    /// The module with this specifier.
    pub fn of_specifier(specifier: &str) -> Option<Module> {
        Module::ALL.into_iter().find(|module| module.specifier() == specifier)
    }

    /// One sentence for typings and documentation.
    pub const fn purpose(self) -> &'static str {
        match self {
            Module::Websocket => "Connections, and the rooms they are in.",
            Module::Storage => {
                "The state of rooms: values under keys, on disk when serving with --durable. Only the events \
                 of a room write its state."
            }
            Module::Memory => {
                "The same as zigttp:storage, but only in memory: for what changes often. It is gone when the \
                 server ends, or when the room has had no connection and no event for 60 seconds."
            }
            Module::Durable => {
                "Signals and timers: how one room tells another, or itself later. Streams: responses of other \
                 servers that come in pieces. They are part of the event that makes them."
            }
            Module::Env => {
                "Settings that the operator gives, such as keys of other services: with --env NAME=VALUE, --env NAME or \
                 --env-file FILE. Nothing else of the server's environment is there."
            }
        }
    }
}

/// What calling a function can do to the world outside the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Talks to connections or asks which there are.
    Io,
    /// Reads or writes what a connection or a room keeps between events.
    State,
    /// Neither: the answer depends on the arguments, the connection's opening and the operator's settings alone.
    Pure,
}

impl Effect {
    /// The word used in `@effects` annotations, manifests and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::Io => "io",
            Effect::State => "state",
            Effect::Pure => "pure",
        }
    }
}

/// One parameter of an API function or event export.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    /// TypeScript type.
    pub ty: &'static str,
    pub optional: bool,
}

pub(super) const fn required(name: &'static str, ty: &'static str) -> Parameter {
    Parameter { name, ty, optional: false }
}

pub(super) const fn optional(name: &'static str, ty: &'static str) -> Parameter {
    Parameter { name, ty, optional: true }
}

/// One function of a built-in module.
#[derive(Clone, Copy, Debug)]
pub struct ApiFunction {
    pub module: Module,
    /// The JavaScript name.
    pub name: &'static str,
    /// The name in manifests and messages, which no other function has: that of a function of
    /// `zigttp:storage` and `zigttp:memory` with its module (`storage.put`).
    pub path: &'static str,
    /// Whether it changes something outside the handler.
    pub writes: bool,
    /// TypeScript type parameters with their brackets; empty for most.
    pub type_parameters: &'static str,
    pub parameters: &'static [Parameter],
    /// TypeScript type of the answer.
    pub returns: &'static str,
    pub effect: Effect,
    /// One sentence for the documentation table and the editor.
    pub purpose: &'static str,
    /// What the typings add to the purpose: bounds, errors, and what happens for a connection
    /// that is gone.
    pub details: &'static str,
    /// Name of the wasm import in module [`crate::guest::IMPORT_MODULE`] that does the work; `None` where the
    /// guest needs no host for it.
    pub import: Option<&'static str>,
}
