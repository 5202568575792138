//! Guests that call the functions of state and signals with arguments that no JavaScript could give.

use std::fmt::Write;

use tokio_tungstenite::tungstenite::Message;

use crate::support::programs;
use crate::support::server::Server;
use crate::support::wasm;

/// The functions, each with the types of its parameters after the room's: `d` is an `f64`, others are `i32`. Behind
/// the dash is the type of its result.
const FUNCTIONS: [(&str, &str); 17] = [
    ("storage_get", "iiii-I"),
    ("storage_put", "iiiiid-i"),
    ("storage_delete", "ii-i"),
    ("storage_list", "iiiiiiiiii-i"),
    ("storage_delete_all", "-i"),
    ("storage_usage", "i-"),
    ("memory_get", "iiii-I"),
    ("memory_put", "iiiiid-i"),
    ("memory_delete", "ii-i"),
    ("memory_list", "iiiiiiiiii-i"),
    ("memory_delete_all", "-i"),
    ("memory_usage", "i-"),
    ("signal", "iiiiiii-i"),
    ("signal_at", "iidiii-i"),
    ("signal_every", "iidiii-i"),
    ("cancel_signal", "ii-i"),
    ("signal_time", "iii-i"),
];

/// Where the message and the room are put, and where a number is in the message.
const MESSAGE: usize = 1024;
const ROOM: i32 = 4096;
const NUMBER: usize = 56;

/// A handler whose message says which function is called, and with what.
fn handler() -> Vec<u8> {
    let mut imports = r#"(import "zigttp" "inputs" (func $inputs (param i32 i32 i32 i32 i32)))
        (import "zigttp" "send" (func $send (param i64 i32 i32 i32 i32) (result i32)))"#
        .to_owned();
    let mut calls = String::new();
    for (index, (name, types)) in FUNCTIONS.iter().enumerate() {
        let (parameters, result) = types.split_once('-').expect("there is a dash");
        let mut import = format!(r#"(import "zigttp" "{name}" (func ${name} (param i32 i32"#);
        let mut call = format!("(call ${name} (i32.load offset=4 {AT}) (i32.load offset=8 {AT})");
        for (number, parameter) in parameters.chars().enumerate() {
            if parameter == 'd' {
                import += " f64";
                write!(call, " (f64.load offset={NUMBER} {AT})").expect("it is a string");
            } else {
                import += " i32";
                write!(call, " (i32.load offset={} {AT})", 12 + 4 * number)
                    .expect("it is a string");
            }
        }
        import += match result {
            "I" => ") (result i64)))",
            "i" => ") (result i32)))",
            _ => ")))",
        };
        let drop = if result.is_empty() { "" } else { "(drop)" };
        imports += &import;
        write!(calls, "(if (i32.eq (i32.load {AT}) (i32.const {index})) (then {call}) {drop})) ")
            .expect("it is a string");
    }
    let body = format!(
        "(call $inputs (i32.const {MESSAGE}) (i32.const {ROOM}) (i32.const 0) (i32.const 0) (i32.const 0)) \
         {calls} (drop (call $send (local.get 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (i32.const 0)"
    );
    let names = FUNCTIONS.map(|(name, _types)| format!("\"{}\"", path(name)));
    let may_call = format!(r#"["send",{}]"#, names.join(","));
    let manifest = wasm::manifest(wasm::ABI).replace(r#"["send"]"#, &may_call);
    wasm::with_on_message(&manifest, &imports, r#"(memory (export "memory") 1 16)"#, &body)
}

/// The name of a function in a manifest, such as `storage.deleteAll`.
fn path(import: &str) -> String {
    let module = ["storage_", "memory_"].into_iter().find(|module| import.starts_with(module));
    let mut path = module.map_or_else(String::new, |module| module.replace('_', "."));
    let mut is_next = false;
    for letter in import[path.len()..].chars() {
        match letter {
            '_' => is_next = true,
            letter if is_next => {
                path.push(letter.to_ascii_uppercase());
                is_next = false;
            }
            letter => path.push(letter),
        }
    }
    path
}

const AT: &str = "(i32.const 1024)";

#[tokio::test]
async fn a_guest_that_calls_with_any_arguments_ends_its_own_event_alone() {
    let folder = programs::folder();
    let path = folder.path().join("hostile.wasm");
    std::fs::write(&path, handler()).expect("the temporary folder is writable");
    let data = folder.path().join("data");
    let server = Server::start(&path, &["--durable", data.to_str().expect("a path")]);
    let mut random = fastrand::Rng::with_seed(5);
    let mut client = server.connect("/room/a").await;
    let (mut ended, mut went_on) = (0, 0);
    for step in 0..3000_usize {
        let function = step % FUNCTIONS.len();
        let mut message = [0_u8; 64];
        let mut set = |index: usize, value: i32| {
            message[4 * index..4 * index + 4].copy_from_slice(&value.to_le_bytes());
        };
        set(0, i32::try_from(function).expect("it is small"));
        let is_own = random.u32(..4) > 0;
        let (room, len) = if is_own { (ROOM, 7) } else { (any(&mut random), any(&mut random)) };
        set(1, room);
        set(2, len);
        for index in 3..14 {
            set(index, any(&mut random));
        }
        let numbers =
            [0.0, -0.0, 1.0, -1.0, 1e12, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let number = numbers[random.usize(..numbers.len())];
        message[NUMBER..].copy_from_slice(&number.to_le_bytes());
        client.send(message.to_vec()).await;
        match client.next().await {
            Message::Text(_) => went_on += 1,
            Message::Close(_) => {
                ended += 1;
                client = server.connect("/room/a").await;
            }
            other => panic!("neither a reply nor the end: {other:?}"),
        }
    }
    assert!(ended > 100 && went_on > 100, "{ended} {went_on}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// A length, an address or a kind, mostly one that is possible.
fn any(random: &mut fastrand::Rng) -> i32 {
    let some =
        [0, 1, 7, 512, 513, 1024, 1025, 4096, 16_384, 65_535, 65_536, -1, i32::MAX, i32::MIN];
    if random.bool() { random.i32(0..20) } else { some[random.usize(..some.len())] }
}
