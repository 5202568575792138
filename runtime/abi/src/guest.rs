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
//! | `add_script` | `(name, name_len, source, source_len)` | the same for a script, whose value becomes the default export of a module |
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
//! | `room_of` | that of `handler` | the same; the body is empty |
//! | `on_signal` | `(seed: i64, room_len, name_len, kind, data_len, info_len)` | 0 room, 1 name, 2 data (of `kind`; -1 is none), 3 JSON of the `SignalInfo` |
//! | `on_stream` | `(seed: i64, room_len, name_len, piece_len, bytes_len)` | 0 room, 1 name, 2 JSON of the `StreamPiece`, whose headers are one text, 3 its bytes |
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
//! | `send` | `(ws: i64, kind, ptr, len, is_volatile) -> i32` | 1 queued, 0 refused |
//! | `close` | `(ws: i64, code, reason, reason_len)` | the guest has checked code and reason |
//! | `serialize_attachment` | `(ws: i64, kind, ptr, len) -> i32` | 0 stored, else the limit in bytes it exceeds |
//! | `deserialize_attachment` | `(ws: i64, ptr, cap) -> i64` | -1 none, else `kind << 32 \| len`; written if `len <= cap`, else kept for `take` |
//! | `resumable` | `(ptr, cap) -> i64` | the same of the value that the client of `on_upgrade` has left; -1 in other events |
//! | `get_web_sockets` | `(room, room_len, ptr, cap) -> i32` | number of ids, each written as an `f64`; if they do not fit `cap` bytes, kept for `take` |
//! | `room_from_path` | `(ws: i64, param, param_len, ptr, cap) -> i32` | -1 none, else the length; likewise |
//! | `broadcast` | `(room, room_len, kind, ptr, len, is_volatile, except, except_count) -> i32` | how many took it; `except` are ids as `f64` |
//! | `join`, `leave`, `move_to` | `(ws: i64, room, room_len) -> i32` | 0 done |
//! | `get_rooms` | `(ws: i64, ptr, cap) -> i32` | the length of the list in the form of [`rooms`], written or kept |
//! | `list_rooms` | `(of_state, limit, prefix, prefix_len, after, after_len, ptr, cap) -> i32` | likewise; an `after_len` of -1 is none, `limit` is 0 without one |
//! | `is_open` | `(ws: i64) -> i32` | 1 the connection is there, 0 it is gone |
//! | `buffered_amount` | `(ws: i64) -> f64` | bytes that are queued for it |
//! | `path_param` | `(is_room, path, path_len, param, param_len, ptr, cap) -> i32` | as `room_from_path`, of the path of a request or the name of a room |
//! | `path_params` | `(path, path_len, ptr, cap) -> i32` | all parameters of the path of a request, as a JSON object: its length, written or kept |
//! | `set_auto_response` | `(ws: i64, request, request_len, response, response_len)` | the guest has checked the lengths |
//! | `storage_get` | `(room, room_len, key, key_len, ptr, cap) -> i64` | as `deserialize_attachment` |
//! | `storage_put` | `(room, room_len, key, key_len, kind, ptr, len, ttl: f64) -> i32` | 0 stored; `ttl` is in milliseconds, 0 without one |
//! | `storage_delete` | `(room, room_len, key, key_len) -> i32` | 1 it was there, 0 it was not |
//! | `storage_list` | `(room, room_len, flags, limit, prefix, prefix_len, start, start_len, end, end_len, ptr, cap) -> i32` | the length of the entries in the form of [`list`], which are written or kept; `limit` is 0 without one |
//! | `storage_delete_all` | `(room, room_len) -> i32` | 0 done |
//! | `storage_usage` | `(room, room_len, ptr)` | writes keys, bytes and their limit, each as an `f64` |
//! | `memory_…` | the same six | the same for `zigttp:memory` |
//! | `signal` | `(room, room_len, name, name_len, kind, ptr, len, on_fail, on_fail_len) -> i32` | 0 done; a `kind` or a length of -1 is none |
//! | `signal_at` | `(room, room_len, name, name_len, at: f64, kind, ptr, len) -> i32` | likewise; `at` is in milliseconds since 1970 |
//! | `signal_every` | `(room, room_len, name, name_len, period: f64, kind, ptr, len) -> i32` | likewise; `period` is in milliseconds |
//! | `cancel_signal` | `(room, room_len, name, name_len) -> i32` | 1 it was there, 0 it was not |
//! | `signal_time` | `(room, room_len, name, name_len, ptr) -> i32` | 1 and the time as an `f64`, 0 without a timer |
//! | `crypto` | `(request, request_len, ptr, cap) -> i64` | the length of an answer of `zigttp-crypto` (its `operation.rs` has the requests), which is written or kept; a negative one is that of a failure, as JSON (`error`, the name of the exception, and `message`); [`COMPUTED_LATER`] |
//! | `env_get` | `(name, name_len, ptr, cap) -> i32` | -1 none, else the length of the setting, which is written or kept |
//! | `fetch` | `(method, method_len, url, url_len, headers, headers_len, body_kind, body, body_len, redirect, timeout: f64, key, key_len) -> i32` | begins a request: twice the number of a question, and 1 more if an earlier run has made this request with other content; a `body_kind` or a `key_len` of -1 is none; `redirect` is 0 follow, 1 manual, 2 error; `timeout` is in milliseconds, -1 without one; a URL `room:NAME` asks a room |
//! | `repeated` | `(what, what_len, stack, stack_len)` | where that request is made, for the log |
//! | `set_timer` | `(delay: f64) -> i32` | begins a timer, in milliseconds: the number of a question |
//! | `give_up` | `(question)` | the guest waits for it no longer |
//! | `next_settled` | `() -> i32` | the earliest question that is settled, to whose time the clock steps; [`NOTHING_SETTLED`], [`NOTHING_TO_WAIT_FOR`] |
//! | `answer_head` | `(question, ptr, cap) -> i32` | the length of what there is to know of the answer, as JSON (`status`, `statusText`, `headers`, `url`, `redirected`; or `error`, the name of the exception, and `message`), written or kept |
//! | `answer_body` | `(question, ptr, cap) -> i32` | likewise of its bytes |
//! | `open_stream` | `(room, room_len, name, name_len, method, method_len, url, url_len, headers, headers_len, body, body_len, redirect, cut) -> i32` | 0 done; a `body_len` of -1 is none; `redirect`: 0 follow, 1 manual, 2 error; `cut`: 0 events, 1 lines, 2 bytes, -1 by the type of the response |
//! | `cancel_stream` | `(room, room_len, name, name_len) -> i32` | 1 it was there, 0 it was not |
//! | `log` | `(level, ptr, len)` | one line of `console`, a [`LogLevel`] |
//! | `fail` | `(message, message_len, stack, stack_len)` | why the call is about to answer [`Status::Threw`] |
//! | `respond` | `(status, headers, headers_len, body_kind, body, body_len)` | the response of `handler`, or of an `on_upgrade` that refuses |
//! | `accept` | `(kind, ptr, len) -> i32` | the first attachment of the connection that `on_upgrade` accepts, or that `on_request` makes a member by its response; a kind of -1 is none: 0 stored, else the limit in bytes it exceeds |
//! | `name_room` | `(ptr, len)` | the room that `room_of` has named |
//!
//! A negative result of a function of the state, of signals or of rooms is a RangeError: its text has so many bytes, and is kept for
//! `take`. The guest has checked that rooms and keys are UTF-8 of a length in bounds.
//!
//! A kind is the number of a [`crate::value::ValueKind`]. The guest writes and parses JSON; of its bytes the host
//! checks that they are UTF-8, and traps where they are not. A guest gets them back as they were stored.
//!
//! Besides these the guest imports a few functions of `wasi_snapshot_preview1`, of which
//! `clock_time_get` and `random_get` answer, `fd_write` logs, and the rest are stubs.

/// The module name of the imports above.
pub const IMPORT_MODULE: &str = "zigttp";

/// Version of everything on this page. An artifact names the one it was built for.
pub const ABI_VERSION: u32 = 9;

/// Most inputs that an event has: `inputs` takes so many places.
pub const MAX_INPUTS: usize = 5;

/// The form of what `storage_list` returns: for each entry [`HEAD_BYTES`](list::HEAD_BYTES) bytes (length of
/// the key, kind and length of the value, each a little-endian `u32`), the key, the value and a zero byte.
pub mod list {
    /// What stands before each entry.
    pub const HEAD_BYTES: usize = 12;

    /// The last key comes first.
    pub const REVERSE: u32 = 1;
    /// The list begins after its start.
    pub const AFTER_START: u32 = 2;
    /// It has an end.
    pub const HAS_END: u32 = 4;
}

/// The form of a list of rooms: for each [`HEAD_BYTES`](rooms::HEAD_BYTES) bytes (how many members it has, which
/// `get_rooms` does not tell, and the length of its name, each a little-endian `u32`), and the name.
pub mod rooms {
    /// What stands before each name.
    pub const HEAD_BYTES: usize = 8;
}

/// What `fetch` adds for a request that an earlier run has made with other content.
pub const REPEATED: i32 = 1;

/// What `crypto` returns for what takes long: the guest waits for it, and a later run gets the answer at once.
pub const COMPUTED_LATER: i64 = i64::MIN;

/// What `next_settled` returns while the guest waits for something that is not settled yet.
pub const NOTHING_SETTLED: i32 = -1;

/// What `next_settled` returns if the guest waits for nothing.
pub const NOTHING_TO_WAIT_FOR: i32 = -2;

/// What a dispatch or `link` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Done = 0,
    /// JavaScript threw, or a returned promise rejected or can never settle; `fail` said what.
    Threw = 1,
    /// The handler waits for a question that is not settled: its event is to be run again when it is.
    Waiting = 2,
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
