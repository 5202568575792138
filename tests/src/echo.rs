//! A guest that sends every message back: the least a handler can be.

/// The guest, as an artifact.
///
/// # Panics
/// Never: its text is always valid.
pub fn artifact() -> Vec<u8> {
    wat::parse_str(TEXT).expect("the guest is valid")
}

const TEXT: &str = r#"(module
(import "zigttp" "inputs" (func $inputs (param i32 i32 i32 i32 i32)))
(import "zigttp" "send" (func $send (param i64 i32 i32 i32 i32) (result i32)))
(memory (export "memory") 2 16)
(func (export "on_message") (param $seed i64) (param $ws i64) (param $kind i32) (param $len i32)
  (param $room_len i32) (result i32)
  ;; The room goes behind the message.
  (call $inputs (i32.const 0) (local.get $len) (i32.const 0) (i32.const 0) (i32.const 0))
  (drop (call $send (local.get $ws) (local.get $kind) (i32.const 0) (local.get $len)
    (i32.const 0)))
  (i32.const 0))
(func (export "on_open") (param i64 i64 i32 i32) (result i32) (i32.const 0))
(func (export "on_close") (param i64 i64 i32 i32 i32) (result i32) (i32.const 0))
(func (export "room_of") (param i64 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_upgrade") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_request") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_signal") (param i64 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "on_stream") (param i64 i32 i32 i32 i32) (result i32) (i32.const 0))
(func (export "handler") (param i64 i32 i32 i32 i32) (result i32) (i32.const 0))
(@custom "zigttp.manifest"
  "{\"abi\":9,\"compiler\":\"none\",\"sourceHash\":\"\",\"exports\":[\"onMessage\"],\"imports\":[\"send\"]}"))"#;
