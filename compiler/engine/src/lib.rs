//! The guest inside every `handler.wasm`: QuickJS, the module `zigttp:websocket`, the globals a
//! handler may use, and one entry for each event.
//!
//! ```text
//!   compiler                            host, once an event
//!      |  initialize, add_*, link          |  on_upgrade, on_open, on_message, on_close, on_request, handler
//!      v                                   v
//!   runtime.rs, modules.rs              event.rs, http.rs ---- calls the handler's export
//!      |  prelude/*.js, globals.rs         |
//!      v                                   v
//!   memory.rs  -- snapshot -->          api.rs: send, close, ... -> imports.rs -> host
//! ```
//!
//! The wasm interface is described in [`zigttp_abi::guest`]; what the functions of the API do, in
//! [`zigttp_abi::api`].
//!
//! Three things hold throughout:
//! - **Nothing is kept between events.** Each runs on a fresh copy of the snapshot that the
//!   compiler takes after [`link`], so events clean up nothing that dies with them anyway.
//! - **Events are cheap.** All that can happen before the snapshot does; an event makes its
//!   arguments, calls one function and drains the job queue, over QuickJS's own interface.
//! - **Arguments are checked here**, where a JavaScript exception can be thrown. The host checks
//!   again what its safety depends on, and traps.

mod allocator;
mod api;
mod crypto;
mod engine;
mod event;
mod failure;
mod globals;
mod http;
mod imports;
mod jobs;
mod json;
mod memory;
mod modules;
mod outside;
mod runtime;
mod single;
mod storable;
mod strings;
mod text;
mod thrown;
mod url;
mod value;

use zigttp_abi::events::EXPORTS;
use zigttp_abi::guest::Status;
use zigttp_abi::value::ValueKind;

use engine::{Internal, engine};
use event::Event;
use http::Lengths;
use modules::Source;

/// Makes the JavaScript runtime and its globals.
#[unsafe(no_mangle)]
extern "C" fn initialize(seed: i64) {
    allocator::written().random.set(seed.cast_unsigned());
    runtime::initialize();
}

/// Makes room for an argument of [`add_module`] or [`link`].
#[unsafe(no_mangle)]
extern "C" fn allocate(len: usize) -> *mut u8 {
    memory::allocate(len)
}

/// Registers one module under the name that imports and stack traces use.
///
/// # Safety
/// Both pointers are answers of [`allocate`] for these lengths, filled, and used up by this call.
#[unsafe(no_mangle)]
unsafe extern "C" fn add_module(
    name: *mut u8,
    name_len: usize,
    source: *mut u8,
    source_len: usize,
) {
    // SAFETY: the caller's promise is the one `adopt` asks for.
    let (name, source) =
        unsafe { (memory::adopt(name, name_len), memory::adopt(source, source_len)) };
    modules::add(String::from_utf8_lossy(&name).into_owned(), Source::Module(source));
}

/// Registers a script under a name: a module whose default export is the value of the script.
///
/// # Safety
/// As of [`add_module`].
#[unsafe(no_mangle)]
unsafe extern "C" fn add_script(
    name: *mut u8,
    name_len: usize,
    source: *mut u8,
    source_len: usize,
) {
    // SAFETY: the caller's promise is the one `adopt` asks for.
    let (name, source) =
        unsafe { (memory::adopt(name, name_len), memory::adopt(source, source_len)) };
    modules::add(String::from_utf8_lossy(&name).into_owned(), Source::Script(source));
}

/// Evaluates the entry module, looks its exports up and makes the memory fit for a snapshot.
///
/// # Safety
/// The pointer is an answer of [`allocate`] for this length, filled, and used up by this call.
#[unsafe(no_mangle)]
unsafe extern "C" fn link(name: *mut u8, name_len: usize) -> i32 {
    // SAFETY: the caller's promise is the one `adopt` asks for.
    let name = unsafe { memory::adopt(name, name_len) };
    let status = modules::link(&String::from_utf8_lossy(&name));
    drop(name);
    if status == Status::Done {
        runtime::finish_building();
    }
    status as i32
}

/// Says which exports of [`EXPORTS`] the entry module has as functions, a bit for each.
#[unsafe(no_mangle)]
extern "C" fn exports() -> u32 {
    let has = |index: &usize| engine().has_function(*index);
    (0..EXPORTS.len()).filter(has).fold(0, |bits, index| bits | 1 << index)
}

/// A connection has opened. Input 0 is the URL, input 1 the room.
#[unsafe(no_mangle)]
extern "C" fn on_open(seed: i64, ws: i64, url_len: usize, room_len: usize) -> i32 {
    let event = Event::begin(const { event::row("onOpen") }, seed);
    event.finish(|event| {
        let [url, room] = event.receive([event.text(url_len)?, event.text(room_len)?])?;
        event.call(&mut [value::number(ws), url, room])
    })
}

/// A message has come. Input 0 is its data, input 1 the room.
#[unsafe(no_mangle)]
extern "C" fn on_message(seed: i64, ws: i64, kind: u32, data_len: usize, room_len: usize) -> i32 {
    let event = Event::begin(const { event::row("onMessage") }, seed);
    event.finish(|event| {
        let inputs = [event.data(kind, data_len)?, event.text(room_len)?];
        let [data, room] = event.receive(inputs)?;
        event.call(&mut [value::number(ws), data, room])
    })
}

/// A connection has closed. Input 0 is the reason, input 1 the room.
#[unsafe(no_mangle)]
extern "C" fn on_close(seed: i64, ws: i64, code: i32, reason_len: usize, room_len: usize) -> i32 {
    let event = Event::begin(const { event::row("onClose") }, seed);
    event.finish(|event| {
        let [reason, room] = event.receive([event.text(reason_len)?, event.text(room_len)?])?;
        event.call(&mut [value::number(ws), value::number(code.into()), reason, room])
    })
}

/// A signal has come. Inputs are the room, the signal's name, its data and, as JSON, what else there is to
/// know.
#[unsafe(no_mangle)]
extern "C" fn on_signal(
    seed: i64,
    room_len: usize,
    name_len: usize,
    kind: i32,
    data_len: usize,
    info_len: usize,
) -> i32 {
    let event = Event::begin(const { event::row("onSignal") }, seed);
    event.finish(|event| {
        let info = event.stored(ValueKind::Json.number().into(), info_len)?;
        let data = event.stored(kind, data_len)?;
        let inputs = [event.text(room_len)?, event.text(name_len)?, data, info];
        let mut arguments = event.receive(inputs)?;
        event.call(&mut arguments)
    })
}

/// A piece of a stream has come. Inputs are the room, the stream's name, the piece as JSON, and its bytes.
#[unsafe(no_mangle)]
extern "C" fn on_stream(
    seed: i64,
    room_len: usize,
    name_len: usize,
    piece_len: usize,
    bytes_len: usize,
) -> i32 {
    let event = Event::begin(const { event::row("onStream") }, seed);
    event.finish(|event| {
        let piece = event.stored(ValueKind::Json.number().into(), piece_len)?;
        // No buffer is made of nothing.
        let bytes = if bytes_len == 0 { event.text(0)? } else { event.bytes(bytes_len)? };
        let inputs = [event.text(room_len)?, event.text(name_len)?, piece, bytes];
        let [room, name, piece, bytes] = event.receive(inputs)?;
        let piece = event.call_internal(Internal::MakePiece, &mut [piece, bytes])?;
        event.call(&mut [room, name, piece])
    })
}

/// An HTTP request has come. Inputs 0 to 3 are method, target, headers and body.
#[unsafe(no_mangle)]
extern "C" fn handler(seed: i64, method: usize, target: usize, headers: usize, body: usize) -> i32 {
    let event = Event::begin(const { event::row("handler") }, seed);
    let lengths = Lengths { method, target, headers, body, room: None };
    event.finish(|event| http::serve(event, Internal::Respond, lengths))
}

/// An HTTP request has come to a room. Inputs 0 to 3 are those of [`handler`], input 4 is the room.
#[unsafe(no_mangle)]
extern "C" fn on_request(
    seed: i64,
    method: usize,
    target: usize,
    headers: usize,
    body: usize,
    room: usize,
) -> i32 {
    let event = Event::begin(const { event::row("onRequest") }, seed);
    let lengths = Lengths { method, target, headers, body, room: Some(room) };
    event.finish(|event| http::serve(event, Internal::Respond, lengths))
}

/// The room of a request or an upgrade is asked for. Inputs are those of [`handler`].
#[unsafe(no_mangle)]
extern "C" fn room_of(seed: i64, method: usize, target: usize, headers: usize, body: usize) -> i32 {
    let event = Event::begin(const { event::row("roomOf") }, seed);
    let lengths = Lengths { method, target, headers, body, room: None };
    event.finish(|event| http::name_room(event, lengths))
}

/// Somebody asks for a connection. Inputs are those of [`on_request`].
#[unsafe(no_mangle)]
extern "C" fn on_upgrade(
    seed: i64,
    method: usize,
    target: usize,
    headers: usize,
    body: usize,
    room: usize,
) -> i32 {
    let event = Event::begin(const { event::row("onUpgrade") }, seed);
    let lengths = Lengths { method, target, headers, body, room: Some(room) };
    event.finish(|event| http::serve(event, Internal::Admit, lengths))
}
