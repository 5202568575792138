//! Nothing of an event that throws, traps or runs over a budget takes effect.

use std::path::PathBuf;
use std::sync::LazyLock;

use wasm_encoder::Instruction;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{programs, wasm};

/// Does one of everything to all members of its room, and then fails in the way that a message names.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  close, deserializeAttachment, getWebSockets, send, serializeAttachment, setAutoResponse,
} from "zigttp:websocket";

function doEverything(own: any, room: string) {
  for (const peer of getWebSockets(room)) {
    if (!send(peer, "leaked")) throw new Error("not collected");
    serializeAttachment(peer, "leaked");
    setAutoResponse(peer, "ping", "leaked");
    if (peer !== own) close(peer, 4000, "leaked");
  }
}

function hog() {
  const hoard: Uint8Array[] = [];
  for (;;) hoard.push(new Uint8Array(1 << 20).fill(1));
}

const WAYS: Record<string, (ws: any) => unknown> = {
  throw: () => { throw new Error("on purpose"); },
  reject: async () => {
    await null;
    throw new Error("on purpose");
  },
  pending: () => new Promise(() => {}),
  spin: () => { for (;;); },
  hog,
  caught: () => { try { hog(); } catch {} },
  // Sent frames count as well: neither the buffer nor the frames alone are over the limit.
  effects: (ws) => {
    const buffer = new ArrayBuffer(20 << 20);
    send(ws, buffer);
    console.log("twice the memory is left");
  },
};

export function onOpen(ws: any, url: string) {
  if (url.endsWith("?throw")) {
    doEverything(ws, url.split("?")[0]);
    throw new Error("in onOpen");
  }
}

export function onMessage(ws: any, data: string, room: string) {
  const way = WAYS[data];
  if (way) {
    doEverything(ws, room);
    return way(ws);
  }
  if (data === "prepare") {
    serializeAttachment(ws, "kept");
    setAutoResponse(ws, "ping", "pong");
  }
  if (data === "throw on close") serializeAttachment(ws, "throw");
  send(ws, String(deserializeAttachment(ws)));
}

export function onClose(ws: any) {
  if (deserializeAttachment(ws) === "throw") {
    doEverything(ws, "/room");
    throw new Error("in onClose");
  }
}
"#,
    )
});

/// Enough time for a slow machine to fill the memory.
const LONG: [&str; 2] = ["--cpu-limit", "20s"];

/// A member with an attachment and an auto-response.
async fn member(server: &Server) -> Client {
    let mut client = server.connect("/room").await;
    assert_eq!(client.ask("prepare").await, "kept");
    client
}

/// Checks that a member is open, and all is as [`member`] left it.
async fn is_untouched(client: &mut Client) {
    assert_eq!(client.ask("state").await, "kept");
    assert_eq!(client.ask("ping").await, "pong");
}

async fn nothing_happens_and_the_connection_stays(way: &str, message: &str) {
    let server = Server::start(&HANDLER, &[]);
    let (mut failing, mut witness) = (member(&server).await, member(&server).await);
    failing.send(way).await;
    is_untouched(&mut failing).await;
    is_untouched(&mut witness).await;
    server.wait_for_log(message);
}

async fn nothing_happens_and_the_connection_is_closed(
    way: &str,
    message: &str,
    arguments: &[&str],
) {
    let server = Server::start(&HANDLER, arguments);
    let (mut failing, mut witness) = (member(&server).await, member(&server).await);
    failing.send(way).await;
    assert_eq!(failing.closed().await.0, 1011, "{way}");
    is_untouched(&mut witness).await;
    server.wait_for_log(message);
}

#[tokio::test]
async fn nothing_of_an_event_that_throws_takes_effect() {
    nothing_happens_and_the_connection_stays("throw", "Error: on purpose").await;
}

#[tokio::test]
async fn nothing_of_an_event_that_rejects_takes_effect() {
    nothing_happens_and_the_connection_stays("reject", "Error: on purpose").await;
}

#[tokio::test]
async fn nothing_of_an_event_whose_promise_never_settles_takes_effect() {
    nothing_happens_and_the_connection_stays("pending", "promise").await;
}

#[tokio::test]
async fn nothing_of_an_event_over_its_cpu_budget_takes_effect() {
    nothing_happens_and_the_connection_is_closed("spin", "used up its CPU time", &[]).await;
}

#[tokio::test]
async fn nothing_of_an_event_over_its_memory_budget_takes_effect() {
    nothing_happens_and_the_connection_is_closed("hog", "used up its memory", &LONG).await;
}

#[tokio::test]
async fn nothing_of_an_event_that_caught_its_lack_of_memory_takes_effect() {
    nothing_happens_and_the_connection_is_closed("caught", "used up its memory", &LONG).await;
}

#[tokio::test]
async fn what_an_event_collects_counts_against_its_memory() {
    nothing_happens_and_the_connection_is_closed("effects", "used up its memory", &LONG).await;
}

#[tokio::test]
async fn nothing_of_an_event_that_traps_takes_effect() {
    use Instruction::{Call, Drop, I32Const, LocalGet, Unreachable};
    let artifact = wasm::handler(&[
        // send(ws, "")
        LocalGet(1),
        I32Const(0),
        I32Const(0),
        I32Const(0),
        I32Const(0),
        Call(0),
        Drop,
        Unreachable,
    ]);
    let folder = programs::folder();
    let path = folder.path().join("traps.wasm");
    std::fs::write(&path, artifact).expect("the temporary folder is writable");
    let server = Server::start(&path, &[]);
    let mut client = server.connect("/").await;
    client.send("go").await;
    assert_eq!(client.closed().await.0, 1011);
    server.wait_for_log("the sandbox trapped");
    // The server still runs.
    let mut client = server.connect("/").await;
    client.send("go").await;
    assert_eq!(client.closed().await.0, 1011);
}

#[tokio::test]
async fn nothing_of_an_on_open_that_throws_takes_effect() {
    let server = Server::start(&HANDLER, &[]);
    let mut witness = member(&server).await;
    let mut failing = server.connect("/room?throw").await;
    assert_eq!(failing.ask("state").await, "undefined");
    is_untouched(&mut witness).await;
    server.wait_for_log("Error: in onOpen");
}

#[tokio::test]
async fn nothing_of_an_on_close_that_throws_takes_effect() {
    let server = Server::start(&HANDLER, &[]);
    let mut witness = member(&server).await;
    let mut failing = member(&server).await;
    assert_eq!(failing.ask("throw on close").await, "throw");
    failing.close(1000, "").await;
    server.wait_for_log("Error: in onClose");
    is_untouched(&mut witness).await;
}

#[tokio::test]
async fn nothing_of_an_event_whose_attachment_cannot_be_written_takes_effect() {
    let folder = programs::folder();
    let durable = folder.path().to_str().expect("a UTF-8 path");
    let server = Server::start(&HANDLER, &["--durable", durable]);
    let mut client = server.connect("/room").await;
    std::fs::remove_dir_all(folder.path().join("ws")).expect("the server has made it");
    client.send("prepare").await;
    assert_eq!(client.closed().await.0, 1011);
    server.wait_for_log("cannot write attachment");
}
