//! CPU and memory of one event, and what becomes of a connection whose event fails.

use super::support::programs;
use super::support::server::Server;

const FAILING: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  send(ws, "never");
  if (data === "throw") throw new Error("boom");
  if (data === "spin") for (;;) {}
  if (data === "hog") { const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1)); }
  if (data === "caught") { try { new Uint8Array(1 << 30); } catch {} }
}
"#;

async fn closed_with(server: &Server, message: &str) -> u16 {
    let mut client = server.connect("/").await;
    client.send(message).await;
    client.closed().await.0
}

#[tokio::test]
async fn an_event_over_its_budget_closes_its_connection_with_1011() {
    let server = Server::of(FAILING);
    assert_eq!(closed_with(&server, "spin").await, 1011);
    server.wait_for_log("used up its CPU time");
    assert_eq!(closed_with(&server, "hog").await, 1011);
    server.wait_for_log("used up its memory");
}

#[tokio::test]
async fn a_denied_growth_ends_the_event_even_if_it_was_caught() {
    let server = Server::of(FAILING);
    assert_eq!(closed_with(&server, "caught").await, 1011);
    server.wait_for_log("used up its memory");
}

#[tokio::test]
async fn on_error_close_closes_with_1011_after_a_throw() {
    let server = Server::start(&programs::compile(FAILING), &["--on-error", "close"]);
    assert_eq!(closed_with(&server, "throw").await, 1011);
    server.wait_for_log("Error: boom");
}

#[tokio::test]
async fn limits_are_read_from_the_environment_too() {
    let output = programs::program("zigttp")
        .arg("run")
        .arg(programs::compile(FAILING))
        .env("ZIGTTP_CPU_LIMIT", "soon")
        .output()
        .expect("zigttp starts");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("50ms, 10s or 2min"), "{stderr}");
}

#[tokio::test]
async fn a_memory_limit_below_four_messages_is_refused() {
    let output = programs::program("zigttp")
        .arg("run")
        .arg(programs::compile(FAILING))
        .args(["--memory-limit", "7MiB", "--max-message-size", "2MiB"])
        .output()
        .expect("zigttp starts");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("less than four times the largest message"), "{stderr}");
}

#[tokio::test]
async fn a_spinning_room_does_not_stop_another() {
    let source = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "spin") for (;;) {}
  send(ws, data);
}
"#;
    let server = Server::start(&programs::compile(source), &["--cpu-limit", "20s"]);
    let mut spinners = Vec::new();
    for room in ["/a", "/b", "/c", "/d"] {
        let mut client = server.connect(room).await;
        client.send("spin").await;
        spinners.push(client);
    }
    let mut client = server.connect("/calm").await;
    for count in 0..20 {
        assert_eq!(client.ask(&count.to_string()).await, count.to_string());
    }
}
