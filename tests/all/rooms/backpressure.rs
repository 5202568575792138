//! Limited queues: a client that does not read gets no more frames, is then closed, and does not slow
//! others.

use crate::support::programs::FLOOD;
use crate::support::raw::{RawClient, TEXT, frame};
use crate::support::server::Server;
use crate::support::{eventually, programs};

#[tokio::test]
async fn a_consumer_that_never_reads_is_closed_with_1008_and_slows_nobody_else() {
    let server = Server::start(
        &programs::compile(FLOOD),
        &["--max-queue", "256KiB", "--slow-consumer-timeout", "300ms", "--close-timeout", "300ms"],
    );
    let _slow = RawClient::connect(server.address, "/room");
    let mut fast = server.connect("/room").await;
    let mut was_refused = false;
    while !server.log().contains("closed 1008 slow consumer") {
        was_refused |= fast.ask("flood").await == "refused 1";
    }
    assert!(was_refused, "send answers false for a full queue before its owner is closed");
    assert_eq!(fast.ask("flood").await, "refused 0", "it is no longer in the room");
    server.signal("TERM");
    let log = server.wait_for_log("stopped");
    assert!(log.contains("slow_consumers=1"), "{log}");
    assert!(!log.contains("refused_frames=0"), "{log}");
}

#[test]
fn a_consumer_that_never_reads_and_never_stops_sending_is_closed_as_well() {
    let handler = programs::compile(
        r#"
import { send } from "zigttp:websocket";
const big = "x".repeat(64 * 1024);
export function onMessage(ws: WebSocket) { send(ws, big); }
export function onClose(ws: WebSocket, code: number, reason: string) {
  console.log("closed", code, reason);
}
"#,
    );
    let server = Server::start(
        &handler,
        &["--max-queue", "256KiB", "--slow-consumer-timeout", "300ms", "--close-timeout", "300ms"],
    );
    let mut client = RawClient::connect(server.address, "/");
    // Much more than is handled meanwhile, so that there is always something to read.
    let messages = frame(TEXT, b"more").repeat(10_000);
    eventually("its end", || client.try_write(&messages).is_err());
    server.wait_for_log("closed 1008 slow consumer");
}

#[tokio::test]
async fn frames_without_a_payload_fill_a_queue_too() {
    let source = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket) {
  let queued = 0;
  while (queued < 5_000 && send(ws, "")) queued++;
  console.log("queued", queued);
}
"#;
    let server = Server::start(&programs::compile(source), &["--max-queue", "64KiB"]);
    let mut client = server.connect("/").await;
    client.send("go").await;
    // Each counts its two bytes on the wire and 128 besides.
    let queued = (64_usize << 10).div_ceil(2 + 128);
    server.wait_for_log(&format!("queued {queued} "));
}

#[tokio::test]
async fn one_frame_of_any_size_is_taken_while_the_queue_is_below_its_bound() {
    let source = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const big = "x".repeat(300_000);
  console.log("sent", send(ws, big), send(ws, "y"));
}
"#;
    let server = Server::start(&programs::compile(source), &["--max-queue", "64KiB"]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("go").await.len(), 300_000);
    server.wait_for_log("sent true false");
}

#[tokio::test]
async fn a_guest_that_sends_without_end_costs_bounded_memory() {
    let source = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const big = "x".repeat(100_000);
  for (let i = 0; ; i++) send(ws, big + i);
}
"#;
    let server = Server::start(
        &programs::compile(source),
        &["--max-queue", "1GiB", "--memory-limit", "64MiB", "--cpu-limit", "20s"],
    );
    let before = server.peak_memory();
    for _ in 0..3 {
        let mut client = server.connect("/").await;
        client.send("go").await;
        assert_eq!(client.closed().await, (1011, String::new()));
    }
    server.wait_for_log("used up its memory");
    let grown = server.peak_memory() - before;
    assert!(grown < 2 * 64, "{grown} MiB for one event at a time with a limit of 64");
}
