//! The functions of `zigttp:storage` and of `zigttp:memory`: the same ones, of two places.

use super::function::{ApiFunction, Effect, Module, optional, required};

/// What both modules say of the rooms that an event may write.
macro_rules! own_room {
    () => {
        "Only an event of this room may call it; for another room it is a RangeError."
    };
}

macro_rules! functions {
    ($module:expr, $name:literal) => {
        &[
            ApiFunction {
                module: $module,
                name: "get",
                path: concat!($name, ".get"),
                writes: false,
                type_parameters: "<T = unknown>",
                parameters: &[required("room", "string"), required("key", "string")],
                returns: "NoInfer<T> | undefined",
                effect: Effect::State,
                purpose: "Returns the value that a room stores under a key, with the type it was stored with.",
                details: "Returns undefined when there is none. Sees what this event has stored. Of another \
                          room than the event's own it returns what one committed state of that room holds: \
                          the state at the event's first read of it. Each call returns a value of its own.",
                import: Some(concat!($name, "_get")),
            },
            ApiFunction {
                module: $module,
                name: "put",
                path: concat!($name, ".put"),
                writes: true,
                type_parameters: "<T>",
                parameters: &[
                    required("room", "string"),
                    required("key", "string"),
                    required("value", "T & Storable<T>"),
                    optional("options", "PutOptions"),
                ],
                returns: "void",
                effect: Effect::State,
                purpose: "Stores a value under a key of a room.",
                details: concat!(
                    own_room!(),
                    " A key has 1 to 512 bytes of UTF-8. Takes a string, an ArrayBuffer, a typed array or \
                     JSON: null, a boolean, a finite number, an array or a plain object. What would not be \
                     read back as it is (a Date, a Map, a class instance, NaN) is a TypeError that names its \
                     path; an undefined property is left out. A value over the limit (128 KiB by default), or \
                     a room over its limit (64 MiB by default), is a RangeError. With ttl the value is gone \
                     after that time."
                ),
                import: Some(concat!($name, "_put")),
            },
            ApiFunction {
                module: $module,
                name: "delete",
                path: concat!($name, ".delete"),
                writes: true,
                type_parameters: "",
                parameters: &[required("room", "string"), required("key", "string")],
                returns: "boolean",
                effect: Effect::State,
                purpose: "Removes a key of a room, and returns whether it was there.",
                details: own_room!(),
                import: Some(concat!($name, "_delete")),
            },
            ApiFunction {
                module: $module,
                name: "list",
                path: concat!($name, ".list"),
                writes: false,
                type_parameters: "<T = unknown>",
                parameters: &[required("room", "string"), optional("options", "ListOptions")],
                returns: "[key: string, value: NoInfer<T>][]",
                effect: Effect::State,
                purpose: "Lists keys of a room with their values, in the order of the keys' bytes.",
                details: "The list is never cut: more than 1,000 entries or 1 MiB is a RangeError that says \
                          what fits. Page with limit and startAfter. Sees what this event has stored.",
                import: Some(concat!($name, "_list")),
            },
            ApiFunction {
                module: $module,
                name: "deleteAll",
                path: concat!($name, ".deleteAll"),
                writes: true,
                type_parameters: "",
                parameters: &[required("room", "string")],
                returns: "void",
                effect: Effect::State,
                purpose: "Removes all keys of a room.",
                details: own_room!(),
                import: Some(concat!($name, "_delete_all")),
            },
            ApiFunction {
                module: $module,
                name: "usage",
                path: concat!($name, ".usage"),
                writes: false,
                type_parameters: "",
                parameters: &[required("room", "string")],
                returns: "Usage",
                effect: Effect::State,
                purpose: "Returns how many keys and bytes a room stores, and how many bytes it may store.",
                details: "Each key counts its bytes, those of its value and 64 more. Sees what this event has \
                          stored.",
                import: Some(concat!($name, "_usage")),
            },
        ]
    };
}

/// The functions of `zigttp:storage`.
pub(super) const STORAGE: &[ApiFunction] = functions!(Module::Storage, "storage");

/// The functions of `zigttp:memory`.
pub(super) const MEMORY: &[ApiFunction] = functions!(Module::Memory, "memory");
