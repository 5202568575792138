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
        parameters: &[
            required("ws", "WebSocket"),
            required("data", DATA),
            optional("options", "SendOptions"),
        ],
        returns: "boolean",
        effect: Effect::Io,
        purpose: "Queues one frame for a connection: a string as text, bytes as binary.",
        details: "Answers false when the connection is gone or closing, or when its queue is over \
                  the bound; never throws for a peer's fault. The frame leaves when the event \
                  returns; an event that throws sends nothing. With volatile it is also dropped \
                  (false) when older frames wait in the connection's queue.",
        import: Some("send"),
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
        import: Some("close"),
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
        import: Some("serialize_attachment"),
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
        import: Some("deserialize_attachment"),
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
        purpose: "Lists every member of a room, the caller included, in the order in which they became members.",
        details: "Members are the connections whose own room it is, and those that have joined it. Sees \
                  this event's own joins, leaves and moves, and otherwise goes on with the list of its first \
                  call. The list is never truncated.",
        import: Some("get_web_sockets"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "broadcast",
        path: "broadcast",
        writes: true,
        type_parameters: "",
        parameters: &[
            required("room", "string"),
            required("data", DATA),
            optional("options", "WebSocket | readonly WebSocket[] | BroadcastOptions"),
        ],
        returns: "number",
        effect: Effect::Io,
        purpose: "Sends one frame to every member of a room, and returns how many took it.",
        details: "The same as getWebSockets and send in a loop, in less time. Options leave connections out \
                  (except: one or an array of them, which may also be given in place of the options), and \
                  volatile is that of send.",
        import: Some("broadcast"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "join",
        path: "join",
        writes: true,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket"), required("room", "string")],
        returns: "void",
        effect: Effect::Io,
        purpose: "Lists a connection in another room too, once this event has committed.",
        details: "The room is any string of 1 to 1,024 bytes of UTF-8, such as user:42; no onUpgrade of \
                  that room is asked. A connection may join 100 rooms (the server's --max-joins), more is a \
                  RangeError. Its messages stay events of its own room. What it has joined ends with the \
                  connection, and comes back with its attachment when it is resumed. Joining a room twice, or \
                  for a connection that is gone, does nothing.",
        import: Some("join"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "leave",
        path: "leave",
        writes: true,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket"), required("room", "string")],
        returns: "void",
        effect: Effect::Io,
        purpose: "Lists a connection in a room that it has joined no longer, once this event has committed.",
        details: "Leaving its own room is a RangeError: move or close it. Does nothing for a room that it \
                  has not joined, or a connection that is gone.",
        import: Some("leave"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "move",
        path: "move",
        writes: true,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket"), required("room", "string")],
        returns: "void",
        effect: Effect::Io,
        purpose: "Makes a room the connection's own, once this event has committed.",
        details: "Its later messages and its onClose are events of that room; it keeps its attachment and \
                  what it has joined. No onUpgrade, onOpen or onClose is run for it: tell the rooms by \
                  signal. The room is any string of 1 to 1,024 bytes of UTF-8. A RangeError for the room \
                  that is its own already, and for a connection that this event has closed or whose onClose it \
                  is. Does nothing for any other connection that is gone or closing.",
        import: Some("move_to"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "getRooms",
        path: "getRooms",
        writes: false,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket")],
        returns: "string[]",
        effect: Effect::Io,
        purpose: "Lists the rooms of a connection: its own first, then those that it has joined.",
        details: "In onClose those that it was in. Sees this event's own joins, leaves and moves. Returns an \
                  empty list when the connection is gone.",
        import: Some("get_rooms"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "listRooms",
        path: "listRooms",
        writes: false,
        type_parameters: "",
        parameters: &[optional("options", "ListRoomsOptions")],
        returns: "{ room: string; members: number }[]",
        effect: Effect::Io,
        purpose: "Lists rooms that have members, or state, in the order of their names' bytes.",
        details: "The list is never cut: more than 1,000 rooms is a RangeError. Page with limit, which is at \
                  most 1,000, and startAfter. A snapshot: other rooms go on meanwhile.",
        import: Some("list_rooms"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "connectionId",
        path: "connectionId",
        writes: false,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket")],
        returns: "string",
        effect: Effect::Pure,
        purpose: "Returns the id of a connection as text, for messages and keys.",
        details: "Ids are never used twice. They can be guessed: none is a secret.",
        import: None,
    },
    ApiFunction {
        module: Module::Websocket,
        name: "webSocketById",
        path: "webSocketById",
        writes: false,
        type_parameters: "",
        parameters: &[required("id", "string")],
        returns: "WebSocket | undefined",
        effect: Effect::Io,
        purpose: "Returns the connection with an id that connectionId has returned.",
        details: "Returns undefined when it is gone, or for a text that is no id.",
        import: Some("is_open"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "bufferedAmount",
        path: "bufferedAmount",
        writes: false,
        type_parameters: "",
        parameters: &[required("ws", "WebSocket")],
        returns: "number",
        effect: Effect::Io,
        purpose: "Returns how many bytes are queued for a connection.",
        details: "What this event has sent is included. Returns 0 when the connection is gone or closing.",
        import: Some("buffered_amount"),
    },
    ApiFunction {
        module: Module::Websocket,
        name: "param",
        path: "param",
        writes: false,
        type_parameters: "",
        parameters: &[required("of", "WebSocket | Request | string"), required("name", "string")],
        returns: "string",
        effect: Effect::Pure,
        purpose: "Returns a percent-decoded :param of a connection's route, of a request, or of a room's name.",
        details: "Throws a RangeError when there is no parameter of that name, or the connection is gone.",
        import: Some("path_param"),
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
        import: Some("room_from_path"),
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
        import: Some("set_auto_response"),
    },
];
