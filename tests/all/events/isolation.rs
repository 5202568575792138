//! Every event begins in a fresh sandbox, whichever way it gets one: the next event finds no byte of it.
//! Every restored sandbox is compared with the artifact's image here.

use crate::support::client::Client;
use crate::support::programs;
use crate::support::server::Server;

/// Each way to a fresh sandbox, as arguments of `zigttp run`. Even on a busy machine these handlers do not
/// reach the CPU limit.
const WAYS: [&[&str]; 2] = [
    &["--cpu-limit", "3s", "--isolation", "restore", "--verify-restore", "1"],
    &["--cpu-limit", "3s", "--isolation", "instantiate"],
];

/// What the log would say if a sandbox had not been restored exactly, or not at all.
fn assert_sound(server: &Server) {
    let log = server.log();
    assert!(!log.contains("differs from its image"), "{log}");
    assert!(!log.contains("cannot be restored"), "{log}");
}

/// A message is a small program in one word; the reply says what the event found.
const STATEFUL: &str = r#"
// zigts-ignore-file ZTS310, ZTS306: the test looks for what events leave behind
import { send, serializeAttachment, deserializeAttachment, getWebSockets, close } from "zigttp:websocket";

const kept: unknown[] = [];
const table = new Map<string, string>();
let count = 0;

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (typeof data !== "string") { send(ws, data); return; }
  count += 1;
  const [verb, argument] = data.split(" ", 2);
  switch (verb) {
    case "keep":
      for (let index = 0; index < Number(argument); index++) kept.push("item " + index + Math.random());
      table.set(argument, data);
      (globalThis as any).leaked = data;
      (Array.prototype as any).leaked = data;
      break;
    case "large": {
      const text = "x".repeat(Number(argument));
      send(ws, JSON.stringify({ length: JSON.parse(JSON.stringify(text)).length }));
      return;
    }
    case "grow":
      kept.push(new Uint8Array(Number(argument)).fill(7));
      break;
    case "throw":
      kept.push(data);
      throw new Error("as asked");
    case "recurse": {
      const dive = (depth: number): number => dive(depth + 1) + 1;
      try { dive(0); } catch (error) { kept.push(error); }
      break;
    }
    case "spin": {
      for (let left = Number(argument) * 2_000; left > 0; left--) kept.push(kept.length);
      break;
    }
    case "forever":
      for (;;);
    case "attach":
      serializeAttachment(ws, argument);
      break;
    case "tell":
      for (const peer of getWebSockets(room)) send(peer, "told " + argument);
      return;
  }
  const leaked = (globalThis as any).leaked === undefined && ([] as any).leaked === undefined;
  send(ws, [count, kept.length > 0, table.size, leaked, deserializeAttachment(ws) ?? "none"].join(" "));
}
"#;

/// What an event that does nothing itself finds.
async fn assert_fresh(client: &mut Client) {
    assert_eq!(client.ask("look").await, "1 false 0 true none");
}

#[tokio::test]
async fn nothing_an_event_keeps_is_there_for_the_next() {
    for way in WAYS {
        let server = Server::start(&programs::compile(STATEFUL), way);
        let mut client = server.connect("/one").await;
        assert_fresh(&mut client).await;
        for items in [1, 10, 1_000, 5_000] {
            let answer = client.ask(&format!("keep {items}")).await;
            assert_eq!(answer, "1 true 1 false none");
            assert_fresh(&mut client).await;
        }
        assert_sound(&server);
    }
}

#[tokio::test]
async fn nothing_is_left_of_events_that_end_badly() {
    for way in WAYS {
        let server = Server::start(&programs::compile(STATEFUL), way);
        let mut client = server.connect("/one").await;
        client.send("throw now").await;
        assert_fresh(&mut client).await;
        client.ask("recurse").await;
        assert_fresh(&mut client).await;
        // More than the spare memory of the snapshot, and more than the limit.
        assert_eq!(client.ask("grow 6000000").await, "1 true 0 true none");
        assert_fresh(&mut client).await;
        for too_much in ["forever", "grow 60000000"] {
            let mut other = server.connect("/one").await;
            other.send(too_much).await;
            assert_eq!(other.closed().await.0, 1011, "{too_much}");
            assert_fresh(&mut client).await;
        }
        assert_sound(&server);
    }
}

#[tokio::test]
async fn events_that_yield_and_events_whose_client_leaves_disturb_none() {
    for way in WAYS {
        let server = Server::start(&programs::compile(STATEFUL), way);
        let mut clients = Vec::new();
        for number in 0..8 {
            let mut client = server.connect(&format!("/room-{number}")).await;
            client.send("spin 20").await;
            clients.push(client);
        }
        let mut leaving = server.connect("/leaving").await;
        leaving.send("spin 30").await;
        leaving.drop_transport();
        for client in &mut clients {
            assert_eq!(client.text().await, "1 true 0 true none");
            assert_fresh(client).await;
        }
        assert_sound(&server);
    }
}

#[tokio::test]
async fn values_of_every_kind_and_size_pass_through_restored_memory() {
    for way in WAYS {
        let server = Server::start(&programs::compile(STATEFUL), way);
        let mut client = server.connect("/one").await;
        for size in [0, 1, 15, 4_095, 4_096, 4_097, 70_000, 300_000] {
            let bytes: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
            client.send(bytes.clone()).await;
            assert!(client.bytes().await == bytes, "{size} bytes");
            let answer = client.ask(&format!("large {size}")).await;
            assert_eq!(answer, format!("{{\"length\":{size}}}"));
            assert_eq!(client.ask("tell on").await, "told on");
            assert_fresh(&mut client).await;
        }
        assert_eq!(client.ask("attach mine").await, "1 false 0 true mine");
        assert_eq!(client.ask("look").await, "1 false 0 true mine");
        assert_sound(&server);
    }
}

/// The first message fills the sandbox with a secret; the second searches all memory that JavaScript could
/// get uninitialised or read past, which is many fresh buffers.
const SECRETIVE: &str = r#"
// zigts-ignore-file ZTS310: the test looks for what events leave behind
import { send } from "zigttp:websocket";

let hoard: unknown;

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const text = data as string;
  if (text.startsWith("hide ")) {
    const secret = text.slice(5);
    hoard = Array.from({ length: 2000 }, (_, index) => [secret + index, new TextEncoder().encode(secret.repeat(3))]);
    send(ws, "hidden");
    return;
  }
  let found = hoard === undefined ? 0 : 1;
  for (let round = 0; round < 40; round++) {
    const bytes = new Uint8Array(4096);
    for (const byte of bytes) if (byte !== 0) found += 1;
  }
  send(ws, "found " + found);
}
"#;

#[tokio::test]
async fn a_client_finds_nothing_of_what_another_client_hid() {
    for way in WAYS {
        let server = Server::start(&programs::compile(SECRETIVE), way);
        let mut alice = server.connect("/alice").await;
        let mut mallory = server.connect("/mallory").await;
        for round in 0..5 {
            assert_eq!(alice.ask(&format!("hide 5ecre7-{round}-")).await, "hidden");
            assert_eq!(mallory.ask("seek").await, "found 0");
        }
        assert_sound(&server);
    }
}

#[tokio::test]
async fn the_chat_is_served_by_restored_instances() {
    let chat = programs::compile_file("examples/websocket/chat.ts");
    let server = Server::start(&chat, WAYS[0]);
    let mut ada = server.connect("/room/one").await;
    let mut bob = server.connect("/room/one").await;
    assert_eq!(ada.ask("ada").await, "hello ada, this is one");
    assert_eq!(bob.ask("bob").await, "hello bob, this is one");
    for number in 0..200 {
        let text = format!("message {number}");
        assert_eq!(ada.ask(&text).await, format!("ada: {text}"));
        assert_eq!(bob.text().await, format!("ada: {text}"));
    }
    assert_eq!(server.get("/elsewhere").0, 404);
    assert_sound(&server);
}

#[tokio::test]
async fn an_api_function_that_the_manifest_does_not_list_is_a_trap_that_names_it() {
    const LISTED: &[u8] = br#""imports":["close","send"]"#;
    let mut artifact = std::fs::read(programs::compile(
        r#"
import { close, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  send(ws, data);
  if (data === "close") close(ws);
}
"#,
    ))
    .expect("it was built");
    let place = artifact
        .windows(LISTED.len())
        .position(|window| window == LISTED)
        .expect("the manifest lists what is imported");
    artifact[place..place + LISTED.len()].copy_from_slice(br#""imports":["send"        ]"#);
    let folder = programs::folder();
    let path = folder.path().join("handler.wasm");
    std::fs::write(&path, artifact).expect("the temporary folder is writable");

    let server = Server::start(&path, &[]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("hello").await, "hello");
    client.send("close").await;
    assert_eq!(client.closed().await.0, 1011);
    server.wait_for_log("the sandbox trapped: its manifest does not list the function \"close\"");
}
