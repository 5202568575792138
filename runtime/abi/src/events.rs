//! The functions a handler may export, and the arguments each is called with.

use crate::api::{Module, Parameter};

/// One export that the runtime calls.
#[derive(Clone, Copy, Debug)]
pub struct EventExport {
    /// The JavaScript name.
    pub name: &'static str,
    /// The module whose typings have its type.
    pub module: Module,
    pub parameters: &'static [Parameter],
    /// TypeScript type of what it may return.
    pub returns: &'static str,
    /// Whether it is an event of an open WebSocket connection (`onUpgrade` and `handler` are not).
    pub is_websocket: bool,
    /// One sentence for typings and documentation.
    pub purpose: &'static str,
    /// Name of the engine's wasm export that dispatches to it.
    pub export: &'static str,
}

const fn parameter(name: &'static str, ty: &'static str) -> Parameter {
    Parameter { name, ty, optional: false }
}

/// Every export the runtime knows, in the order of a connection's life.
pub const EXPORTS: &[EventExport] = &[
    EventExport {
        name: "roomOf",
        module: Module::Websocket,
        parameters: &[parameter("req", "Request")],
        returns: "string | Response | undefined",
        is_websocket: false,
        purpose: "Names the room of an upgrade or a request by what it carries, before its turn; nothing leaves it to \
                  the route, and a Response is the answer. It reads alone and sees no body.",
        export: "room_of",
    },
    EventExport {
        name: "onUpgrade",
        module: Module::Websocket,
        parameters: &[parameter("req", "Request"), parameter("room", "string")],
        returns: "Admission | Promise<Admission>",
        is_websocket: false,
        purpose: "Called in the room's turn before a connection opens: a Response refuses it, nothing accepts it, \
                  and a string, bytes or a plain object accept it and become its first attachment.",
        export: "on_upgrade",
    },
    EventExport {
        name: "onOpen",
        module: Module::Websocket,
        parameters: &[
            parameter("ws", "WebSocket"),
            parameter("url", "string"),
            parameter("room", "string"),
        ],
        returns: "void | Promise<void>",
        is_websocket: true,
        purpose: "Called once for a connection, next in its room's turn; url is the full request path with its query.",
        export: "on_open",
    },
    EventExport {
        name: "onMessage",
        module: Module::Websocket,
        parameters: &[
            parameter("ws", "WebSocket"),
            parameter("data", "string | ArrayBuffer"),
            parameter("room", "string"),
        ],
        returns: "void | Promise<void>",
        is_websocket: true,
        purpose: "Called for every data message: text as a string, binary as an ArrayBuffer.",
        export: "on_message",
    },
    EventExport {
        name: "onClose",
        module: Module::Websocket,
        parameters: &[
            parameter("ws", "WebSocket"),
            parameter("code", "number"),
            parameter("reason", "string"),
            parameter("room", "string"),
        ],
        returns: "void | Promise<void>",
        is_websocket: true,
        purpose: "Called once when a connection has closed; its attachment can still be read.",
        export: "on_close",
    },
    EventExport {
        name: "onRequest",
        module: Module::Websocket,
        parameters: &[parameter("req", "Request"), parameter("room", "string")],
        returns: "Response | Promise<Response>",
        is_websocket: false,
        purpose: "Called in the room's turn for an HTTP request to a route that is not a WebSocket upgrade.",
        export: "on_request",
    },
    EventExport {
        name: "handler",
        module: Module::Websocket,
        parameters: &[parameter("req", "Request")],
        returns: "Response | Promise<Response>",
        is_websocket: false,
        purpose: "Called for every other HTTP request; it belongs to no room.",
        export: "handler",
    },
    EventExport {
        name: "onSignal",
        module: Module::Durable,
        parameters: &[
            parameter("room", "string"),
            parameter("name", "string"),
            parameter("data", "any"),
            parameter("info", "SignalInfo"),
        ],
        returns: "void | Promise<void>",
        is_websocket: false,
        purpose: "Called in the room's turn when a signal has come or a timer is due.",
        export: "on_signal",
    },
    EventExport {
        name: "onStream",
        module: Module::Durable,
        parameters: &[
            parameter("room", "string"),
            parameter("name", "string"),
            parameter("piece", "StreamPiece"),
        ],
        returns: "void | Promise<void>",
        is_websocket: false,
        purpose: "Called in the room's turn when a piece of a stream has come. If it throws, the stream is ended.",
        export: "on_stream",
    },
];

/// Looks an export up by its JavaScript name.
pub fn find(name: &str) -> Option<&'static EventExport> {
    EXPORTS.iter().find(|export| export.name == name)
}
