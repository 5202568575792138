//! CPU and memory of one event, and what happens to a connection whose event fails.

use std::time::Duration;

use futures_util::future::join;

use crate::support::raw::{RawClient, TEXT, frame};
use crate::support::server::Server;
use crate::support::{admin, eventually, programs};

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
    closed_in("/", server, message).await
}

async fn closed_in(room: &str, server: &Server, message: &str) -> u16 {
    let mut client = server.connect(room).await;
    client.send(message).await;
    client.closed().await.0
}

#[tokio::test]
async fn an_event_over_its_budget_closes_its_connection_with_1011() {
    let server = Server::of(FAILING);
    assert_eq!(closed_with(&server, "spin").await, 1011);
    server.wait_for_log("used up its CPU time");

    // Enough time to use the memory up first, on any machine.
    let server = Server::start(&programs::compile(FAILING), &["--cpu-limit", "20s"]);
    assert_eq!(closed_with(&server, "hog").await, 1011);
    server.wait_for_log("used up its memory");
}

#[test]
fn replacing_without_memory_stops_where_it_fails() {
    let handler = programs::compile(
        r#"
export function handler(req: Request) {
  const piece = "x".repeat(1 << 20);
  let calls = 0;
  try { "a".repeat(1000).replace(/a/g, () => { calls++; return piece; }); }
  catch (error) { console.log(`${error} after ${calls < 100 ? "some" : calls} of 1000`); }
  return Response.text("never");
}
"#,
    );
    let server = Server::start(&handler, &["--cpu-limit", "20s"]);
    assert_eq!(server.get("/").0, 500);
    server.wait_for_log("InternalError: out of memory after some of 1000");
}

/// Writing waits for other events, but not for one that runs long.
#[test]
fn what_an_event_has_sent_is_written_while_the_next_one_spins() {
    let handler = programs::compile(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "spin") for (;;) {}
  send(ws, data);
}
"#,
    );
    let (server, admin) = admin::start(&handler, &["--cpu-limit", "20s"]);
    let mut client = RawClient::connect(server.address, "/");
    // With one system call, so that the server has both when it handles the first.
    client.write(&[frame(TEXT, b"first"), frame(TEXT, b"spin")].concat());
    assert_eq!(client.text(), "first");
    assert_eq!(admin::scrape(admin)["zigttp_events_running"], 1.0, "it has not waited for that");
}

#[tokio::test]
async fn a_denied_growth_ends_the_event_even_if_it_was_caught() {
    let server = Server::of(FAILING);
    assert_eq!(closed_with(&server, "caught").await, 1011);
    server.wait_for_log("used up its memory");
}

#[tokio::test]
async fn auto_responses_count_all_that_they_keep() {
    let handler = programs::compile(
        r#"
import { setAutoResponse } from "zigttp:websocket";
export function onMessage(ws: WebSocket) {
  const half = "x".repeat(2000);
  for (;;) setAutoResponse(ws, half, half);
}
"#,
    );
    let server = Server::start(&handler, &["--cpu-limit", "20s"]);
    assert_eq!(closed_with(&server, "once").await, 1011);
    let before = server.peak_memory();
    for _ in 0..3 {
        assert_eq!(closed_with(&server, "again").await, 1011);
    }
    server.wait_for_log("used up its memory");
    let grown = server.peak_memory() - before;
    assert!(before + grown < 150, "{before} and {grown} MiB for one event at a time of 32");
}

#[tokio::test]
async fn events_that_run_together_have_a_bound_of_memory_too() {
    let handler = programs::compile(
        r#"
import { send } from "zigttp:websocket";
function hold() {
  const kept = [];
  for (let mebibytes = 0; mebibytes < 21; mebibytes++) kept.push(new Uint8Array(1 << 20).fill(1));
  return kept;
}
export function onMessage(ws: WebSocket, data: string) {
  if (data === "small") return void send(ws, data);
  hold();
  for (;;) if (data !== "spin") return void send(ws, data);
}
export function handler() { return Response.text("held " + hold().length); }
"#,
    );
    let (server, admin) =
        admin::start(&handler, &["--max-event-memory", "32MiB", "--cpu-limit", "60s"]);
    let held = || admin::scrape(admin)["zigttp_event_memory_bytes"];
    let mut client = server.connect("/one").await;
    assert_eq!(client.ask("one at a time").await, "one at a time");
    assert_eq!((server.get("/").0, held()), (200, 0.0));
    // Two thirds of the limit, and more is held until it ends.
    client.send("spin").await;
    eventually("an event that holds much", || held() > f64::from(17 << 20));
    assert_eq!(closed_in("/two", &server, "one too many").await, 1013);
    assert_eq!(server.get("/").0, 503);
    let mut other = server.connect("/three").await;
    assert_eq!(other.ask("small").await, "small", "who holds little goes on");
    let failures = "zigttp_event_failures_total{kind=\"over_event_memory\"}";
    assert_eq!(admin::scrape(admin)[failures], 2.0);
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

/// User time of each of the server's worker threads so far, in clock ticks.
fn worker_ticks(server: &Server) -> Vec<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter_map(|stat| {
            let (name, fields) = stat.rsplit_once(") ")?;
            let user_time = fields.split(' ').nth(11)?.parse().ok()?;
            name.contains("tokio").then_some(user_time)
        })
        .collect()
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that cannot be run here says so")]
async fn two_rooms_run_in_parallel_on_two_workers() {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        eprintln!("skipped: this machine has one core");
        return;
    }
    let server = Server::start(&programs::compile(FAILING), &["--cpu-limit", "500ms"]);
    let ended = join(closed_in("/a", &server, "spin"), closed_in("/b", &server, "spin")).await;
    assert_eq!(ended, (1011, 1011));
    // 500 ms are 50 ticks; each room had a worker for most of the time.
    let busy = worker_ticks(&server).into_iter().filter(|ticks| *ticks >= 20).count();
    assert!(busy >= 2, "{:?}", worker_ticks(&server));
}

#[tokio::test]
async fn the_ticker_sleeps_when_no_event_runs() {
    let server = Server::of(FAILING);
    let mut client = server.connect("/").await;
    client.send("nothing").await;
    let wakes = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
        let status = tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
            // A thread names itself when it first runs.
            .find(|status| status.contains("zigttp-ticker"))?;
        let switches = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        Some(switches.expect("Linux counts them").to_owned())
    };
    // It ticks every millisecond while it is awake: 50 ms without a tick are sleep.
    eventually("sleeping", || {
        let before = wakes();
        std::thread::sleep(Duration::from_millis(50));
        before.is_some() && wakes() == before
    });
}
