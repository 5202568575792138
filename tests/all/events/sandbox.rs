//! What a guest can do besides computing: call the functions of the API, read the clock, get random bytes
//! and write lines into the log. The guest here calls any function with any arguments.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use wasmparser::{Parser, Payload};
use zigttp_tests::caller::{self, ANSWER, OWN_ID, Program};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, programs};

static CALLER: LazyLock<PathBuf> = LazyLock::new(|| {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(programs::folder);
    let path = FOLDER.path().join("caller.wasm");
    std::fs::write(&path, caller::artifact()).expect("the temporary folder is writable");
    path
});

/// The part of a guest's memory that only its own calls change.
const PLACE: i64 = 512;

fn start() -> Server {
    Server::start(&CALLER, &["--verify-restore", "1", "--cpu-limit", "20s"])
}

async fn connect(server: &Server) -> Client {
    server.connect("/room/a").await
}

/// This many frames that a program sends.
async fn frames(client: &mut Client, program: Program, count: usize) -> Vec<Vec<u8>> {
    client.send(program.bytes()).await;
    let mut frames = Vec::new();
    for _ in 0..count {
        frames.push(client.bytes().await);
    }
    frames
}

/// The number in eight bytes of the guest's memory.
fn number(frame: &[u8]) -> i64 {
    i64::from_le_bytes(frame.try_into().expect("eight bytes"))
}

#[test]
fn the_guest_of_these_tests_calls_all_that_the_engine_imports() {
    let engine = programs::root().join("compiler/engine/engine.wasm");
    let engine = std::fs::read(engine).expect("it is committed");
    let mut imported = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&engine) {
        if let Payload::ImportSection(section) = payload.expect("it is valid") {
            for import in section.into_imports() {
                let import = import.expect("it is valid");
                imported.insert((import.module.to_owned(), import.name.to_owned()));
            }
        }
    }
    let known = caller::IMPORTS.map(|(module, name, ..)| (module.to_owned(), name.to_owned()));
    let unknown: Vec<_> = imported.difference(&known.into()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn every_clock_is_the_wall_clock() {
    let server = start();
    let mut client = connect(&server).await;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    // Real, monotonic, of the process, of the thread, and none.
    for clock in [0, 1, 2, 3, 4, -1] {
        let program = Program::new()
            .call("clock_time_get", &[clock, 1, PLACE])
            .send_answer()
            .send_own(PLACE as i32, 8);
        let before = now();
        let told = frames(&mut client, program, 2).await;
        assert_eq!(number(&told[0]), 0);
        let time = u128::try_from(number(&told[1])).expect("after 1970");
        assert!((before..=now()).contains(&time), "clock {clock}: {time} after {before}");
    }
}

#[tokio::test]
async fn a_guest_finds_no_environment() {
    let server = Server::start_with(&CALLER, &[], &[("ZIGTTP_SECRET", "5ecre7")]);
    let mut client = connect(&server).await;
    let program = Program::new()
        .call("poke", &[PLACE, -1])
        .call("poke", &[PLACE + 4, -1])
        .call("poke", &[PLACE + 8, 7])
        .call("environ_sizes_get", &[PLACE, PLACE + 4])
        .send_answer()
        .call("environ_get", &[PLACE + 8, PLACE + 8])
        .send_answer()
        .send_own(PLACE as i32, 12);
    let told = frames(&mut client, program, 3).await;
    assert_eq!((number(&told[0]), number(&told[1])), (0, 0));
    // No variables, no bytes, and nothing is written where they would be.
    assert_eq!(told[2], [0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0]);
}

#[tokio::test]
async fn no_descriptor_is_a_file_or_a_socket() {
    const BAD_DESCRIPTOR: i64 = 8;
    let folder = programs::folder();
    let durable = folder.path().to_str().expect("a UTF-8 path");
    let server = Server::start(&CALLER, &["--durable", durable]);
    let mut client = connect(&server).await;
    for descriptor in (0..64).chain([-1, i64::from(i32::MAX)]) {
        let program = Program::new()
            .call("fd_close", &[descriptor])
            .send_answer()
            .call("fd_fdstat_get", &[descriptor, PLACE])
            .send_answer()
            .call("fd_seek", &[descriptor, 0, 2, PLACE])
            .send_answer()
            .send_own(PLACE as i32, 8);
        let told = frames(&mut client, program, 4).await;
        let told: Vec<i64> = told.iter().map(|frame| number(frame)).collect();
        assert_eq!(told, [BAD_DESCRIPTOR, BAD_DESCRIPTOR, BAD_DESCRIPTOR, 0], "{descriptor}");
    }
    // The server's descriptors are still open.
    let program = Program::new().call("serialize_attachment", &[OWN_ID, 1, 0, 4]).send_answer();
    assert_eq!(number(&frames(&mut client, program, 1).await[0]), 0);
    assert_eq!(server.get("/").0, 404, "the guest answers nothing");
}

/// Writes this text to a descriptor, in this many pieces.
fn write(descriptor: i64, text: &[u8], pieces: i64) -> Program {
    let mut program = Program::new();
    for (place, word) in (PLACE..).step_by(4).zip(text.chunks(4)) {
        let mut bytes = [0; 4];
        bytes[..word.len()].copy_from_slice(word);
        program = program.call("poke", &[place, i64::from(i32::from_le_bytes(bytes))]);
    }
    // Far from where the programs are stored.
    let vectors = 100_000;
    for piece in 0..pieces {
        let len = i64::try_from(text.len()).expect("short");
        program = program.call("poke", &[vectors + 8 * piece, PLACE]);
        program = program.call("poke", &[vectors + 8 * piece + 4, len]);
    }
    program.call("fd_write", &[descriptor, vectors, pieces, 0]).send_own(0, 4)
}

#[tokio::test]
async fn what_is_written_to_any_descriptor_is_a_line_of_the_log() {
    let server = start();
    let mut client = connect(&server).await;
    for descriptor in [0, 1, 2, 9, -1] {
        let text = format!("to {descriptor}\n\u{1b}[2J");
        let program = write(descriptor, text.as_bytes(), 1);
        let told = frames(&mut client, program, 1).await;
        assert_eq!(told[0], u32::try_from(text.len()).expect("short").to_le_bytes());
        let log = server.wait_for_log(&format!("to {descriptor}\n    \\u{{1b}}[2J"));
        let line = log.lines().find(|line| line.ends_with(&format!("to {descriptor}")));
        let line = line.expect("it was waited for");
        assert!(line.contains("ERROR handler"), "{line}");
    }
}

#[tokio::test]
async fn a_line_of_the_guest_is_cut_at_16_kib() {
    let server = start();
    let mut client = connect(&server).await;
    // Sixteen pieces are read, and at most a line of them.
    let program = write(2, &[b'x'; 2000], 40);
    assert_eq!(frames(&mut client, program, 1).await[0], (16_u32 << 10).to_le_bytes());
    let program = Program::new().call("log", &[1, 0, 100_000]).send_answer();
    frames(&mut client, program, 1).await;
    let log = server.wait_for_log("…");
    for line in log.lines() {
        // A byte that is not a character is shown as six.
        assert!(line.len() < 6 * (16 << 10) + 1000, "{} bytes", line.len());
    }
    let written = log.lines().find(|line| line.contains("xxxx")).expect("it was written");
    assert_eq!(written.matches('x').count(), 16 << 10);
}

#[tokio::test]
async fn random_bytes_differ_and_are_bounded_by_a_call() {
    let server = start();
    let mut client = connect(&server).await;
    let program = || Program::new().call("random_get", &[PLACE, 16]).send_own(PLACE as i32, 16);
    let once = frames(&mut client, program(), 1).await;
    assert_ne!(once, frames(&mut client, program(), 1).await);
    let program = Program::new().call("random_get", &[0, 65_537]).send_answer();
    client.send(program.bytes()).await;
    assert_eq!(client.closed().await.0, 1011);
    server.wait_for_log("too many random bytes for one call");
}

#[tokio::test]
async fn a_guest_that_exits_ends_its_event_and_nothing_else() {
    let server = start();
    let mut other = connect(&server).await;
    for code in [0, 1, -1] {
        let mut client = connect(&server).await;
        client.send(Program::new().call("proc_exit", &[code]).bytes()).await;
        assert_eq!(client.closed().await.0, 1011);
        server.wait_for_log(&format!("the guest exited with {code}"));
    }
    assert_eq!(frames(&mut other, Program::new().send_own(0, 1), 1).await, [[0]]);
}

#[tokio::test]
async fn an_event_s_inputs_go_where_the_guest_says() {
    let server = start();
    let mut client = connect(&server).await;
    // The message is the program itself; there are no further inputs.
    let inputs = Program::new().call("inputs", &[PLACE, 1024, -1, -1, -1]);
    let program = inputs.send_own(PLACE as i32, 3).send_own(1024, 7);
    let beginning = program.clone().bytes()[..3].to_vec();
    assert_eq!(frames(&mut client, program, 2).await, [beginning, b"/room/a".to_vec()]);
}

#[tokio::test]
async fn an_input_outside_of_its_memory_ends_the_guest_s_event() {
    let server = start();
    for places in [[-1, 1024, 0, 0, 0], [PLACE, 2 << 16, 0, 0, 0], [PLACE, (2 << 16) - 1, 0, 0, 0]]
    {
        let mut client = connect(&server).await;
        client.send(Program::new().call("inputs", &places).send_own(0, 1).bytes()).await;
        assert_eq!(client.closed().await.0, 1011, "{places:?}");
    }
    let mut client = connect(&server).await;
    assert_eq!(frames(&mut client, Program::new().send_own(0, 1), 1).await, [[0]]);
}

/// Where 64 KiB of random bytes fit, most of which are not UTF-8.
const ROOM: i64 = 60_000;
const MANY: i64 = 65_536;

#[tokio::test]
async fn an_attachment_is_as_long_as_it_is_kept() {
    /// Kinds of values, as the guest interface numbers them.
    const TEXT: i64 = 0;
    const BYTES: i64 = 1;
    let server = start();
    let mut client = connect(&server).await;
    // In a text, each byte that is not UTF-8 becomes three; other kinds keep it.
    let program = Program::new()
        .call("random_get", &[ROOM, MANY])
        .call("serialize_attachment", &[OWN_ID, TEXT, ROOM, MANY])
        .send_answer()
        .call("serialize_attachment", &[OWN_ID, BYTES, ROOM, MANY])
        .send_answer();
    let told = frames(&mut client, program, 2).await;
    let limit = 64 << 10;
    assert_eq!((number(&told[0]), number(&told[1])), (limit, 0));
}

#[tokio::test]
async fn json_of_a_hostile_guest_is_utf_8_or_ends_its_event() {
    const JSON: i64 = 14;
    const NO_KIND: i64 = 15;
    let server = start();
    let mut client = connect(&server).await;
    // Zeros are UTF-8 but not JSON: the host does not parse, and gives the guest its own bytes back.
    let program = Program::new()
        .call("serialize_attachment", &[OWN_ID, JSON, ROOM, 8])
        .send_answer()
        .call("deserialize_attachment", &[OWN_ID, PLACE, 8])
        .send_answer();
    let told = frames(&mut client, program, 2).await;
    assert_eq!((number(&told[0]), number(&told[1])), (0, JSON << 32 | 8));
    let hostile = Program::new()
        .call("random_get", &[ROOM, MANY])
        .call("serialize_attachment", &[OWN_ID, JSON, ROOM, MANY])
        .send_answer();
    client.send(hostile.bytes()).await;
    assert_eq!(client.closed().await.0, 1011);
    server.wait_for_log("the guest broke its interface: JSON that is not UTF-8");
    let mut client = connect(&server).await;
    let unknown = Program::new().call("serialize_attachment", &[OWN_ID, NO_KIND, ROOM, 8]);
    client.send(unknown.bytes()).await;
    assert_eq!(client.closed().await.0, 1011);
    server.wait_for_log("the guest broke its interface: a value of an unknown kind");
}

#[tokio::test]
async fn what_an_event_makes_of_bytes_counts_and_not_what_they_were() {
    // The guest's own memory is half of the limit.
    let small = [
        "--max-message-size",
        "16KiB",
        "--max-body-size",
        "16KiB",
        "--max-fetch-response",
        "16KiB",
        "--memory-limit",
        "256KiB",
    ];
    let server = Server::start(&CALLER, &small);
    let respond = |program: Program| {
        let body = program.call("respond", &[200, ROOM, MANY, 0, ROOM, 40_000]).bytes();
        let head = "POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length";
        let request = [format!("{head}: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
        let answer = server.request_bytes(&request);
        assert!(answer.starts_with(b"HTTP/1.1 500 "));
    };
    respond(Program::new());
    let log = server.wait_for_log("the Response has a header line without a value");
    assert!(!log.contains("used up its memory"), "{log}");
    respond(Program::new().call("random_get", &[ROOM, MANY]));
    server.wait_for_log("the event used up its memory");
}

/// Numbers at the edges of something, and some others.
fn wild(random: &mut fastrand::Rng) -> i64 {
    const MEMORY: i64 = 2 << 16;
    let edge = [0, 1, MEMORY, 16 << 16, 1 << 31, 1 << 32, i64::MAX, i64::MIN, 1 << 53, 65_536];
    match random.u8(..4) {
        0 => i64::from(random.i8(..)),
        1 => random.i64(..MEMORY),
        2 => random.i64(..),
        _ => random.choice(edge).expect("there are some").wrapping_add(random.i64(-9..9)),
    }
}

/// A few random calls with random arguments.
fn wild_program(random: &mut fastrand::Rng) -> Program {
    let mut program = Program::new();
    for _ in 0..random.usize(1..6) {
        let (_, name, parameters, _) =
            random.choice(caller::IMPORTS).expect("there are some imports");
        let arguments: Vec<i64> = parameters.chars().map(|_| wild(random)).collect();
        program = program.call(name, &arguments);
    }
    program
}

#[tokio::test]
async fn no_arguments_of_any_call_hurt_the_server_or_the_next_event() {
    const SEED: u64 = 1;
    let (server, admin) =
        admin::start(&CALLER, &["--verify-restore", "1", "--handler-log-rate", "10"]);
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut bystander = connect(&server).await;
    let mut client = connect(&server).await;
    let done = || Program::new().call("status", &[0]).send_own(ANSWER, 1);
    for round in 0..400 {
        let program = wild_program(&mut random);
        client.send(program.clone().bytes()).await;
        client.send(done().bytes()).await;
        // Only what the program did to its own connection may end it.
        let is_open = loop {
            match client.next().await {
                tokio_tungstenite::tungstenite::Message::Close(_) => break false,
                message if message.len() == 1 => break true,
                _ => {}
            }
        };
        if !is_open {
            client = connect(&server).await;
        }
        if round % 50 == 0 {
            let body = wild_program(&mut random).bytes();
            let request = |body: &[u8]| {
                let head = "POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length";
                [format!("{head}: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
            };
            let answer = server.request_bytes(&request(&body));
            assert!(answer.starts_with(b"HTTP/1.1 "), "{program:?}");
        }
    }
    assert_eq!(frames(&mut bystander, Program::new().send_own(0, 1), 1).await, [[0]]);
    assert_eq!(admin::scrape(admin)["zigttp_restore_mismatches_total"], 0.0);
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}
