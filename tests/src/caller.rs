//! A guest that makes the calls of a program, with any arguments: what a hostile artifact can do.
//!
//! Its `onMessage` takes a message, and its `handler` a request's body, as a [`Program`]: calls of
//! imports, one after another, with the arguments that follow each. An argument that is missing is 0,
//! so that any bytes are a program.

use std::fmt::Write;

/// An import of the guest: module, name, parameters and result. `w` is the id of a connection (`i64`), `I`
/// another `i64`, `i` an `i32`, `f` and `F` an `f64`.
type Import = (&'static str, &'static str, &'static str, &'static str);

const API: &str = "zigttp";
const WASI: &str = "wasi_snapshot_preview1";

/// Every function that a host offers. A program names one by its index here.
pub const IMPORTS: [Import; 62] = [
    (API, "inputs", "iiiii", ""),
    (API, "take", "i", ""),
    (API, "send", "wiiii", "i"),
    (API, "close", "wiii", ""),
    (API, "serialize_attachment", "wiii", "i"),
    (API, "deserialize_attachment", "wii", "I"),
    (API, "get_web_sockets", "iiii", "i"),
    (API, "room_from_path", "wiiii", "i"),
    (API, "set_auto_response", "wiiii", ""),
    (API, "log", "iii", ""),
    (API, "fail", "iiii", ""),
    (API, "respond", "iiiiii", ""),
    (API, "accept", "iii", "i"),
    (WASI, "clock_time_get", "iIi", "i"),
    (WASI, "random_get", "ii", "i"),
    (WASI, "fd_write", "iiii", "i"),
    (WASI, "environ_sizes_get", "ii", "i"),
    (WASI, "environ_get", "ii", "i"),
    (WASI, "fd_close", "i", "i"),
    (WASI, "fd_fdstat_get", "ii", "i"),
    (WASI, "fd_seek", "iIii", "i"),
    (WASI, "proc_exit", "i", ""),
    (API, "resumable", "ii", "I"),
    (API, "storage_get", "iiiiii", "I"),
    (API, "storage_put", "iiiiiiif", "i"),
    (API, "storage_delete", "iiii", "i"),
    (API, "storage_list", "iiiiiiiiiiii", "i"),
    (API, "storage_delete_all", "ii", "i"),
    (API, "storage_usage", "iii", ""),
    (API, "memory_get", "iiiiii", "I"),
    (API, "memory_put", "iiiiiiif", "i"),
    (API, "memory_delete", "iiii", "i"),
    (API, "memory_list", "iiiiiiiiiiii", "i"),
    (API, "memory_delete_all", "ii", "i"),
    (API, "memory_usage", "iii", ""),
    (API, "signal", "iiiiiiiii", "i"),
    (API, "signal_at", "iiiifiii", "i"),
    (API, "signal_every", "iiiifiii", "i"),
    (API, "cancel_signal", "iiii", "i"),
    (API, "signal_time", "iiiii", "i"),
    (API, "broadcast", "iiiiiiii", "i"),
    (API, "join", "wii", "i"),
    (API, "leave", "wii", "i"),
    (API, "move_to", "wii", "i"),
    (API, "get_rooms", "wii", "i"),
    (API, "list_rooms", "iiiiiiii", "i"),
    (API, "is_open", "w", "i"),
    (API, "buffered_amount", "w", "F"),
    (API, "path_param", "iiiiiii", "i"),
    (API, "path_params", "iiii", "i"),
    (API, "name_room", "ii", ""),
    (API, "crypto", "iiii", "I"),
    (API, "env_get", "iiii", "i"),
    (API, "fetch", "iiiiiiiiiifii", "i"),
    (API, "repeated", "iiii", ""),
    (API, "set_timer", "f", "i"),
    (API, "give_up", "i", ""),
    (API, "next_settled", "", "i"),
    (API, "answer_head", "iii", "i"),
    (API, "answer_body", "iii", "i"),
    (API, "open_stream", "iiiiiiiiiiiiii", "i"),
    (API, "cancel_stream", "iiii", "i"),
];

/// What else a program can do: store an `i32`, grow the memory, set the result of the event.
const OWN: [(&str, &str, &str); 3] = [
    ("poke", "ii", "(i32.store (call $i32) (call $i32))"),
    ("grow", "i", "(drop (memory.grow (call $i32)))"),
    ("status", "i", "(global.set $status (call $i32))"),
];

/// Where the guest stores the result of the last call, as an `i64`.
pub const ANSWER: i32 = 8;
/// Where the guest stores its program.
pub const PROGRAM: i32 = 4096;
/// Where inputs go that are not a program. The program of a request comes last, and overwrites what reaches
/// so far.
const OTHERS: i32 = 1024;
/// As a connection's id: the one of the event.
pub const OWN_ID: i64 = -1;

const MANIFEST: &str = r#"{\"abi\":9,\"compiler\":\"none\",\"sourceHash\":\"\",\"routes\":[\"/room/:name\"],\"exports\":[\"handler\",\"onMessage\"],\"imports\":[\"broadcast\",\"bufferedAmount\",\"cancelSignal\",\"cancelStream\",\"close\",\"deserializeAttachment\",\"env\",\"getRooms\",\"getWebSockets\",\"join\",\"leave\",\"listRooms\",\"memory.delete\",\"memory.deleteAll\",\"memory.get\",\"memory.list\",\"memory.put\",\"memory.usage\",\"move\",\"param\",\"roomFromPath\",\"send\",\"serializeAttachment\",\"setAutoResponse\",\"signal\",\"signalAt\",\"signalEvery\",\"signalTime\",\"storage.delete\",\"storage.deleteAll\",\"storage.get\",\"storage.list\",\"storage.put\",\"storage.usage\",\"stream\",\"webSocketById\"]}"#;

/// The guest, as an artifact.
///
/// # Panics
/// Never: its text is always valid.
pub fn artifact() -> Vec<u8> {
    wat::parse_str(text()).expect("the guest is valid")
}

fn text() -> String {
    const WRITES: &str = "writing to a string cannot fail";
    let mut imports = String::new();
    let mut steps = String::new();
    for (number, (module, name, parameters, answer)) in IMPORTS.into_iter().enumerate() {
        let types: String =
            parameters.chars().map(|kind| format!(" {}", wasm_type(kind))).collect();
        let result = answer.chars().map(|kind| format!("(result {})", wasm_type(kind)));
        let result: String = result.collect();
        writeln!(imports, r#"(import "{module}" "{name}" (func ${name} (param{types}) {result}))"#)
            .expect(WRITES);
        let arguments: String = parameters
            .chars()
            .map(|kind| match kind {
                'w' => "(call $ws)",
                'I' => "(call $i64)",
                'f' => "(f64.reinterpret_i64 (call $i64))",
                _ => "(call $i32)",
            })
            .collect();
        let call = format!("(call ${name} {arguments})");
        let step = match answer {
            "i" => format!("(i64.store (i32.const {ANSWER}) (i64.extend_i32_s {call}))"),
            "I" => format!("(i64.store (i32.const {ANSWER}) {call})"),
            "F" => format!("(f64.store (i32.const {ANSWER}) {call})"),
            _ => call,
        };
        step_of(&mut steps, number, &step);
    }
    for (number, (.., step)) in (IMPORTS.len()..).zip(OWN) {
        step_of(&mut steps, number, step);
    }
    let operations = IMPORTS.len() + OWN.len();
    format!(
        r#"(module
{imports}
(memory (export "memory") 2 16)
(global $at (mut i32) (i32.const 0))
(global $end (mut i32) (i32.const 0))
(global $own (mut i64) (i64.const 0))
(global $status (mut i32) (i32.const 0))

;; Whether so many bytes of the program are left; if not, none is.
(func $has (param $count i32) (result i32)
  (if (i32.gt_u (local.get $count) (i32.sub (global.get $end) (global.get $at)))
    (then (global.set $at (global.get $end)) (return (i32.const 0))))
  (i32.const 1))
(func $u8 (result i32)
  (if (i32.eqz (call $has (i32.const 1))) (then (return (i32.const 0))))
  (i32.load8_u (global.get $at))
  (global.set $at (i32.add (global.get $at) (i32.const 1))))
(func $i32 (result i32)
  (if (i32.eqz (call $has (i32.const 4))) (then (return (i32.const 0))))
  (i32.load (global.get $at))
  (global.set $at (i32.add (global.get $at) (i32.const 4))))
(func $i64 (result i64)
  (if (i32.eqz (call $has (i32.const 8))) (then (return (i64.const 0))))
  (i64.load (global.get $at))
  (global.set $at (i32.add (global.get $at) (i32.const 8))))
(func $ws (result i64) (local $id i64)
  (local.set $id (call $i64))
  (select (global.get $own) (local.get $id) (i64.eq (local.get $id) (i64.const {OWN_ID}))))

(func $run (param $len i32) (result i32) (local $operation i32)
  (global.set $at (i32.const {PROGRAM}))
  (global.set $end (i32.add (i32.const {PROGRAM}) (local.get $len)))
  (loop $next
    (if (i32.lt_u (global.get $at) (global.get $end))
      (then
        (local.set $operation (i32.rem_u (call $u8) (i32.const {operations})))
{steps}
        (br $next))))
  (global.get $status))

(func (export "on_message") (param $seed i64) (param $ws i64) (param $kind i32) (param $len i32)
  (param $room_len i32) (result i32)
  (global.set $own (local.get $ws))
  (call $inputs (i32.const {PROGRAM}) (i32.const {OTHERS}) (i32.const {OTHERS}) (i32.const {OTHERS})
    (i32.const {OTHERS}))
  (call $run (local.get $len)))
(func (export "handler") (param $seed i64) (param $method i32) (param $url i32) (param $headers i32)
  (param $len i32) (result i32)
  (call $inputs (i32.const {OTHERS}) (i32.const {OTHERS}) (i32.const {OTHERS}) (i32.const {PROGRAM})
    (i32.const {OTHERS}))
  (call $run (local.get $len)))
(func (export "on_open") (param i64 i64 i32 i32) (result i32) (i32.const 0))
(func (export "on_close") (param i64 i64 i32 i32 i32) (result i32) (i32.const 0))
(func (export "room_of") (param i64 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_upgrade") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_request") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_signal") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_stream") (param i64 i32 i32 i32 i32) (result i32) (i32.const 0))
(@custom "zigttp.manifest" "{MANIFEST}"))"#
    )
}

fn step_of(steps: &mut String, number: usize, step: &str) {
    writeln!(
        steps,
        "        (if (i32.eq (local.get $operation) (i32.const {number})) (then {step}))"
    )
    .expect("writing to a string cannot fail");
}

fn wasm_type(kind: char) -> &'static str {
    match kind {
        'i' => "i32",
        'f' | 'F' => "f64",
        _ => "i64",
    }
}

/// What the guest has to do.
#[derive(Clone, Debug, Default)]
pub struct Program(Vec<u8>);

impl Program {
    /// A program that does nothing.
    pub fn new() -> Program {
        Program::default()
    }

    /// Adds a call of an import, or one of the guest's own operations, with these arguments.
    ///
    /// # Panics
    /// When there is none of this name and number of parameters.
    #[must_use]
    pub fn call(mut self, name: &str, arguments: &[i64]) -> Program {
        let imports = IMPORTS.iter().map(|(_, name, parameters, _)| (*name, *parameters));
        let own = OWN.iter().map(|(name, parameters, _)| (*name, *parameters));
        let (number, (_, parameters)) = (0..)
            .zip(imports.chain(own))
            .find(|(_, (known, _))| *known == name)
            .unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(parameters.len(), arguments.len(), "{name} has other parameters");
        self.0.push(number);
        for (kind, argument) in parameters.chars().zip(arguments) {
            // An `i32` is the lower half, signed or not.
            let bytes = if kind == 'i' { 4 } else { 8 };
            self.0.extend_from_slice(&argument.to_le_bytes()[..bytes]);
        }
        self
    }

    /// Adds a `send` of bytes of the guest's memory to the event's connection.
    #[must_use]
    pub fn send_own(self, start: i32, len: i32) -> Program {
        self.call("send", &[OWN_ID, 1, i64::from(start), i64::from(len), 0])
    }

    /// Adds a `send` of the result of the last call, eight bytes.
    #[must_use]
    pub fn send_answer(self) -> Program {
        self.send_own(ANSWER, 8)
    }

    /// The message that is this program.
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}
