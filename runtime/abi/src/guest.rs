//! The wasm interface between the engine (guest) and its host.
//!
//! Memory is the guest's. A host never allocates in it: where the guest needs bytes it passes a
//! place for them, so all memory an event uses is the guest's own and counts against its limit.
//! All pointers and lengths are `i32` bytes; ids are `i64`; strings are UTF-8 (from the guest, a
//! lone surrogate makes bytes that are no UTF-8: the host replaces those).
//!
//! **Building** (called by the compiler, in this order):
//!
//! | export | signature | |
//! |---|---|---|
//! | `_initialize` | `()` | WASI's own: constructors of the C library |
//! | `initialize` | `(seed: i64)` | make the JavaScript runtime and its globals |
//! | `allocate` | `(len) -> ptr` | space for an argument of the next two |
//! | `add_module` | `(name, name_len, source, source_len)` | register one module under its resolved name; takes both allocations |
//! | `link` | `(name, name_len) -> status` | evaluate the entry module, look its exports up, forget the sources |
//! | `exports` | `() -> bits` | bit *n* is set when export *n* of [`crate::events::EXPORTS`] is a function |
//!
//! **Events** (each on a fresh copy of the snapshot; the answer is a [`Status`]):
//!
//! | export | signature | inputs |
//! |---|---|---|
//! | `on_open` | `(seed: i64, ws: i64, url_len, room_len)` | 0 url, 1 room |
//! | `on_message` | `(seed: i64, ws: i64, kind, data_len, room_len)` | 0 data, 1 room |
//! | `on_close` | `(seed: i64, ws: i64, code, reason_len, room_len)` | 0 reason, 1 room |
//! | `handler` | `(seed: i64, method_len, target_len, headers_len, body_len)` | 0 method, 1 target, 2 headers, 3 body |
//! | `on_request` | `(seed: i64, method_len, target_len, headers_len, body_len, room_len)` | the same, and 4 room |
//! | `on_upgrade` | the same | the same; the body is empty |
//!
//! Headers are `name: value` lines ended by `\n`, which no header can contain. A target is three lines
//! with a `\n` between them, which no part of a target can contain: scheme and host
//! (`https://host:port`), the path, and the query with its `?`, empty without one. Header values of
//! `respond` are ByteStrings: characters up to U+00FF, each of which is a byte on the wire.
//!
//! **Imports** from module `zigttp`:
//!
//! | import | signature | |
//! |---|---|---|
//! | `inputs` | `(ptr, ptr, ptr, ptr, ptr)` | copy the event's inputs, each to its place; of one that is empty, or that there is not, the place is not looked at |
//! | `take` | `(ptr)` | copy the last answer that did not fit to `ptr` |
//! | `send` | `(ws: i64, kind, ptr, len) -> i32` | 1 queued, 0 refused |
//! | `close` | `(ws: i64, code, reason, reason_len)` | the guest has checked code and reason |
//! | `serialize_attachment` | `(ws: i64, kind, ptr, len) -> i32` | 0 stored, else the limit in bytes it exceeds |
//! | `deserialize_attachment` | `(ws: i64, ptr, cap) -> i64` | -1 none, else `kind << 32 \| len`; written if `len <= cap`, else kept for `take` |
//! | `resumable` | `(ptr, cap) -> i64` | the same of the value that the client of `on_upgrade` has left; -1 in other events |
//! | `get_web_sockets` | `(room, room_len, ptr, cap) -> i32` | number of ids, each written as an `f64`; if they do not fit `cap` bytes, kept for `take` |
//! | `room_from_path` | `(ws: i64, param, param_len, ptr, cap) -> i32` | -1 none, else the length; likewise |
//! | `set_auto_response` | `(ws: i64, request, request_len, response, response_len)` | the guest has checked the lengths |
//! | `log` | `(level, ptr, len)` | one line of `console`, a [`LogLevel`] |
//! | `fail` | `(message, message_len, stack, stack_len)` | why the call is about to answer [`Status::Threw`] |
//! | `respond` | `(status, headers, headers_len, body_kind, body, body_len)` | the response of `handler`, or of an `on_upgrade` that refuses |
//! | `accept` | `(kind, ptr, len) -> i32` | the first attachment of the connection that `on_upgrade` accepts: 0 stored, else the limit in bytes it exceeds |
//!
//! A kind is the number of a [`crate::value::ValueKind`]. The guest writes and parses JSON; of its bytes the host
//! checks that they are UTF-8, and traps where they are not. A guest gets them back as they were stored.
//!
//! Besides these the guest imports a few functions of `wasi_snapshot_preview1`, of which
//! `clock_time_get` and `random_get` answer, `fd_write` logs, and the rest are stubs.

/// The module name of the imports above.
pub const IMPORT_MODULE: &str = "zigttp";

/// Version of everything on this page. An artifact names the one it was built for.
pub const ABI_VERSION: u32 = 6;

/// Most inputs that an event has: `inputs` takes so many places.
pub const MAX_INPUTS: usize = 5;

/// What a dispatch or `link` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Done = 0,
    /// JavaScript threw, or a returned promise rejected or can never settle; `fail` said what.
    Threw = 1,
}

/// Levels of `console` calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum LogLevel {
    Debug = 0,
    /// `console.log` and `console.info`.
    Info = 1,
    Warn = 2,
    Error = 3,
}

impl LogLevel {
    /// The level with this number; numbers beyond the table are errors.
    pub const fn from_number(number: i32) -> LogLevel {
        match number {
            0 => LogLevel::Debug,
            1 => LogLevel::Info,
            2 => LogLevel::Warn,
            _ => LogLevel::Error,
        }
    }
}
