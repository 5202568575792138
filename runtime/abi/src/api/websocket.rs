//! The functions of `zigttp:websocket`.

use super::function::{ApiFunction, Effect, Module, optional, required};

const DATA: &str = "string | ArrayBuffer | ArrayBufferView";

/// Every function of the module, in the order the documentation shows them.
pub(super) const FUNCTIONS: &[ApiFunction] = &[
    ApiFunction {
        module: Module::Websocket,
        name: "send",
        path: "send",
        writes: true,
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
        module: Module::Websocket,
        name: "close",
        path: "close",
        writes: true,
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
        module: Module::Websocket,
        name: "serializeAttachment",
        path: "serializeAttachment",
        writes: true,
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
        module: Module::Websocket,
        name: "deserializeAttachment",
        path: "deserializeAttachment",
        writes: false,
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
        module: Module::Websocket,
        name: "getWebSockets",
        path: "getWebSockets",
        writes: false,
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
        module: Module::Websocket,
        name: "roomFromPath",
        path: "roomFromPath",
        writes: false,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket"), required("param", "string")],
        returns: "string",
        effect: Effect::Pure,
        purpose: "Returns a percent-decoded :param of the route a connection opened under.",
        details: "Throws a RangeError when that route has no such parameter or the connection is gone.",
        import: "room_from_path",
    },
    ApiFunction {
        module: Module::Websocket,
        name: "setAutoResponse",
        path: "setAutoResponse",
        writes: true,
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
