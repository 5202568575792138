//! Auto-responses: sent by the frame loop, without JavaScript and without reading an attachment.

use crate::support::server::Server;

const HANDLER: &str = r#"
import {
  send, setAutoResponse, serializeAttachment, deserializeAttachment,
} from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) {
  serializeAttachment(ws, "kept");
  setAutoResponse(ws, "ping", "pong");
}
export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  if (data === "clear") setAutoResponse(ws, "", "");
  if (data === "other") setAutoResponse(ws, new Uint8Array([1, 2]), "two");
  send(ws, "handled " + (typeof data === "string" ? data : data.byteLength) + " " + deserializeAttachment(ws));
}
"#;

#[tokio::test]
async fn an_auto_response_reads_no_attachment_and_runs_no_javascript() {
    let server = Server::of(HANDLER);
    let mut client = server.connect("/").await;
    for _ in 0..10 {
        assert_eq!(client.ask("ping").await, "pong");
    }
    server.signal("TERM");
    let log = server.wait_for_log("stopped");
    assert!(log.contains("events=1 failures=0 auto_responses=10 attachment_reads=0"), "{log}");
}

#[tokio::test]
async fn an_auto_response_matches_exact_bytes_and_answers_with_the_inbound_opcode() {
    let server = Server::of(HANDLER);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("ping ").await, "handled ping  kept");
    client.send(b"ping".to_vec()).await;
    assert_eq!(client.bytes().await, b"pong");
    assert_eq!(client.ask("other").await, "handled other kept");
    assert_eq!(client.ask("ping").await, "handled ping kept", "a second pair replaces the first");
    client.send(vec![1, 2]).await;
    assert_eq!(client.bytes().await, b"two");
}

#[tokio::test]
async fn two_empty_strings_clear_an_auto_response() {
    let server = Server::of(HANDLER);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("ping").await, "pong");
    assert_eq!(client.ask("clear").await, "handled clear kept");
    assert_eq!(client.ask("ping").await, "handled ping kept");
    assert_eq!(client.ask("").await, "handled  kept", "an empty message is the handler's");
}
