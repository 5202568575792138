//! The functions of `zigttp:durable`.

use super::function::{ApiFunction, Effect, Module, optional, required};

/// Every function of the module, in the order the documentation shows them.
pub(super) const FUNCTIONS: &[ApiFunction] = &[
    ApiFunction {
        module: Module::Durable,
        name: "signal",
        path: "signal",
        writes: true,
        type_parameters: "<T = undefined>",
        parameters: &[
            required("room", "string"),
            required("name", "string"),
            optional("data", "T & Storable<T>"),
            optional("options", "SignalOptions"),
        ],
        returns: "void",
        effect: Effect::State,
        purpose: "Sends a signal to a room: once this event has committed, onSignal runs in that room's turn.",
        details: "It is sent if and only if this event commits, and takes effect exactly once. Signals from \
                  one room to another keep their order. One that throws is tried again, 10 times in all; \
                  then it is parked, and this room gets the signal that onFail names, with the same data and \
                  the other room as info.from. The data is at most 16 KiB. Throws a TypeError when the \
                  handler exports no onSignal.",
        import: Some("signal"),
    },
    ApiFunction {
        module: Module::Durable,
        name: "signalAt",
        path: "signalAt",
        writes: true,
        type_parameters: "<T = undefined>",
        parameters: &[
            required("room", "string"),
            required("name", "string"),
            required("at", "number | Date"),
            optional("data", "T & Storable<T>"),
        ],
        returns: "void",
        effect: Effect::State,
        purpose: "Sets a timer of the event's own room: onSignal runs at this time, in milliseconds since 1970.",
        details: "A room has one timer of each name: the same name replaces it. It never fires before its \
                  time. Throws a RangeError for another room, for a time that is a delay by mistake, and \
                  when the room has 1,000 timers.",
        import: Some("signal_at"),
    },
    ApiFunction {
        module: Module::Durable,
        name: "signalEvery",
        path: "signalEvery",
        writes: true,
        type_parameters: "<T = undefined>",
        parameters: &[
            required("room", "string"),
            required("name", "string"),
            required("period", "number"),
            optional("data", "T & Storable<T>"),
        ],
        returns: "void",
        effect: Effect::State,
        purpose: "Sets a timer of the event's own room that fires again and again, every so many milliseconds.",
        details: "It fires on a fixed grid, for the first time one period from now. Periods that have passed \
                  meanwhile are skipped, and counted in info.missed. The same name replaces a timer. Throws \
                  a RangeError as signalAt does.",
        import: Some("signal_every"),
    },
    ApiFunction {
        module: Module::Durable,
        name: "cancelSignal",
        path: "cancelSignal",
        writes: true,
        type_parameters: "",
        parameters: &[required("room", "string"), required("name", "string")],
        returns: "boolean",
        effect: Effect::State,
        purpose: "Removes a timer of the event's own room, and returns whether it was there.",
        details: "Also one that is due and waits for its turn. It never removes a signal. Throws a RangeError \
                  for another room.",
        import: Some("cancel_signal"),
    },
    ApiFunction {
        module: Module::Durable,
        name: "signalTime",
        path: "signalTime",
        writes: false,
        type_parameters: "",
        parameters: &[required("room", "string"), required("name", "string")],
        returns: "number | undefined",
        effect: Effect::State,
        purpose: "Returns when a timer of the event's own room fires next, in milliseconds since 1970.",
        details: "Returns undefined when there is no timer of this name. Throws a RangeError for another room.",
        import: Some("signal_time"),
    },
    ApiFunction {
        module: Module::Durable,
        name: "stream",
        path: "stream",
        writes: true,
        type_parameters: "",
        parameters: &[
            required("room", "string"),
            required("name", "string"),
            required("url", "string | URL"),
            optional("init", "StreamInit"),
        ],
        returns: "void",
        effect: Effect::State,
        purpose: "Makes an HTTP request once this event has committed; its response comes to onStream in pieces.",
        details: "It is made at most once, if and only if this event commits. The room is the event's own, and has \
                  one stream of each name: the same name cancels the one before. Pieces come in order, none is \
                  stored, and the last is of kind end. After a restart of the server that is all that comes of it, \
                  with the error interrupted. Throws a RangeError for another room, when the room has 100 streams, \
                  and for a request of more than 1 MiB; a TypeError when the handler exports no onStream.",
        import: Some("open_stream"),
    },
    ApiFunction {
        module: Module::Durable,
        name: "cancelStream",
        path: "cancelStream",
        writes: true,
        type_parameters: "",
        parameters: &[required("room", "string"), required("name", "string")],
        returns: "boolean",
        effect: Effect::State,
        purpose: "Ends a stream of the event's own room, and returns whether it was there.",
        details: "From the commit of this event on nothing comes of it but its end, with the error cancelled. Throws a \
                  RangeError for another room.",
        import: Some("cancel_stream"),
    },
];
