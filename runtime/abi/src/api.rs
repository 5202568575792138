//! The functions of the module `zigttp:websocket`.
//!
//! One row is one function. Types are written as TypeScript; `zigttp.d.ts`, the documentation
//! table and the checker's knowledge of imports are printed from here.

/// The module specifier a handler imports from.
pub const MODULE: &str = "zigttp:websocket";

/// What calling a function can do to the world outside the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Talks to connections or asks which there are.
    Io,
    /// Reads or writes what a connection keeps between events.
    State,
    /// Neither: the answer depends on the arguments and the connection's opening alone.
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

const fn required(name: &'static str, ty: &'static str) -> Parameter {
    Parameter { name, ty, optional: false }
}

const fn optional(name: &'static str, ty: &'static str) -> Parameter {
    Parameter { name, ty, optional: true }
}

/// One function of `zigttp:websocket`.
#[derive(Clone, Copy, Debug)]
pub struct ApiFunction {
    /// The JavaScript name.
    pub name: &'static str,
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
    /// Name of the wasm import in module [`crate::guest::IMPORT_MODULE`] that does the work.
    pub import: &'static str,
}

const DATA: &str = "string | ArrayBuffer | ArrayBufferView";

/// Every API function, in the order the documentation shows them.
pub const FUNCTIONS: &[ApiFunction] = &[
    ApiFunction {
        name: "send",
        type_parameters: "",
        parameters: &[required("ws", "WebSocket"), required("data", DATA)],
        returns: "boolean",
        effect: Effect::Io,
        purpose: "Queues one frame for a connection: a string as text, bytes as binary.",
        details: "Answers false when the connection is gone or closing, or when its queue is over \
                  the bound; never throws for a peer's fault. The frame leaves when the event \
                  returns; an event that throws sends nothing.",
        import: "send",
    },
    ApiFunction {
        name: "close",
        type_parameters: "",
        parameters: &[
            required("ws", "WebSocket"),
            optional("code", "number"),
            optional("reason", "string"),
        ],
        returns: "void",
        effect: Effect::Io,
        purpose: "Closes a connection gracefully (RFC 6455, 5.5.1), with code 1000 unless told otherwise.",
        details: "Throws a RangeError for a code that may not be sent (RFC 6455, 7.4) or a reason \
                  over 123 bytes of UTF-8. Frames sent before it are delivered first. Does nothing \
                  for a connection that is gone or already closing.",
        import: "close",
    },
    ApiFunction {
        name: "serializeAttachment",
        type_parameters: "<T>",
        parameters: &[required("ws", "WebSocket"), required("value", "T & Storable<T>")],
        returns: "void",
        effect: Effect::State,
        purpose: "Keeps a value with a connection until its next event, and on disk when serving with --durable.",
        details: "Takes a string, an ArrayBuffer, a typed array or JSON: null, a boolean, a finite \
                  number, an array or a plain object. What would not be read back as it is (a Date, a \
                  Map, a class instance, NaN) is a TypeError that names its path; an undefined \
                  property is left out. A value over the configured size (64 KiB by default; of JSON \
                  the bytes of its text count) is a RangeError. Does nothing for a connection that is \
                  gone.",
        import: "serialize_attachment",
    },
    ApiFunction {
        name: "deserializeAttachment",
        type_parameters: "<T = any>",
        parameters: &[required("ws", "WebSocket")],
        returns: "NoInfer<T> | undefined",
        effect: Effect::State,
        purpose: "Returns the value kept with a connection, with the type it was stored with.",
        details: "Returns undefined when nothing was stored or the connection is gone. Sees what \
                  this event has stored. Each call returns a value of its own.",
        import: "deserialize_attachment",
    },
    ApiFunction {
        name: "getWebSockets",
        type_parameters: "",
        parameters: &[required("room", "string")],
        returns: "WebSocket[]",
        effect: Effect::Io,
        purpose: "Lists every open connection of a room, the caller included, in the order they opened.",
        details: "A room is named by the request path its connections opened with, without the \
                  query. The list is never truncated.",
        import: "get_web_sockets",
    },
    ApiFunction {
        name: "roomFromPath",
        type_parameters: "",
        parameters: &[required("ws", "WebSocket"), required("param", "string")],
        returns: "string",
        effect: Effect::Pure,
        purpose: "Returns a percent-decoded :param of the route a connection opened under.",
        details: "Throws a RangeError when that route has no such parameter or the connection is gone.",
        import: "room_from_path",
    },
    ApiFunction {
        name: "setAutoResponse",
        type_parameters: "",
        parameters: &[
            required("ws", "WebSocket"),
            required("request", DATA),
            required("response", DATA),
        ],
        returns: "void",
        effect: Effect::State,
        purpose: "Answers a message of exactly these bytes from now on without running the handler.",
        details: "One pair a connection; a second call replaces the first and (\"\", \"\") clears it. \
                  The answer has the opcode of the message. Request and response are at most 2048 \
                  bytes each, else a RangeError. Does nothing for a connection that is gone.",
        import: "set_auto_response",
    },
];

/// Most bytes of an auto-response's request or response.
pub const MAX_AUTO_RESPONSE_BYTES: usize = 2048;

/// Looks a function up by its JavaScript name.
pub fn find(name: &str) -> Option<&'static ApiFunction> {
    FUNCTIONS.iter().find(|function| function.name == name)
}
