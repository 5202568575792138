//! What an event and a connection cost, in figures that do not depend on how fast or busy the machine is:
//! they show a regression without a clock.
//!
//! Each limit is a little above what was measured when it was written. Lower it with a change that costs
//! less; raise it, with the reason, for one that has to cost more.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::support::server::Server;
use super::support::{admin, eventually, programs};

static HANDLER: LazyLock<PathBuf> =
    LazyLock::new(|| programs::compile_file("examples/bench/bench.ts"));

const EVENTS: u32 = 200;

/// Bytes that restoring copies after one message with this text on this path.
pub(crate) async fn restored_per_message(handler: &Path, path: &str, text: &str) -> f64 {
    let (server, admin) = admin::start(handler, &[]);
    let mut client = server.connect(path).await;
    // The first message of a chat is a name, and the first event of an instance is not restored.
    client.ask(text).await;
    let restored = || admin::scrape(admin)["zigttp_restored_bytes_total"];
    let before = restored();
    for _ in 0..EVENTS {
        client.ask(text).await;
    }
    (restored() - before) / f64::from(EVENTS)
}

#[tokio::test]
async fn an_event_writes_few_pages() {
    let its_move = r#"{"type":"move","seq":"0123456789abcdef","player":{"id":4711,"name":"ann"},"pos":[12.5,-3.25,100],"tags":["a","b"],"text":"TEXT"}"#;
    let its_move = its_move.replace("TEXT", &"x".repeat(256 - its_move.len() + "TEXT".len()));
    for (path, text, bound) in [
        ("/echo", "x".repeat(64), 5.0),
        ("/echo", "x".repeat(16_000), 22.0),
        ("/json", its_move, 14.0),
        ("/room/one", "x".repeat(64), 7.0),
        ("/chat/one", "x".repeat(64), 9.0),
    ] {
        let restored = restored_per_message(&HANDLER, path, &text).await / 1024.0;
        let len = text.len();
        assert!(restored > 1.0, "{path} {len}: {restored:.1} KiB is no event's");
        assert!(restored <= bound, "{path} {len}: {restored:.1} KiB an event, not {bound}");
    }
}

#[tokio::test]
async fn events_that_compute_leave_the_others_their_instances() {
    const ECHOES: u32 = 60;
    let handler = programs::compile(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "spin") for (;;) {}
  if (data === "compute") for (let left = 20 * 50_000; left > 0; left--);
  send(ws, data);
}
"#,
    );
    let (server, admin) = admin::start(&handler, &["--cpu-limit", "60s"]);
    // More than the idle instances that are kept: eight a core.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut spinners = Vec::new();
    for number in 0..12 * cores {
        spinners.push(server.connect(&format!("/{number}")).await);
    }
    // As many instances as are kept are idle, and then these events use them.
    for spinner in &mut spinners {
        spinner.send("compute").await;
    }
    for spinner in &mut spinners {
        assert_eq!(spinner.text().await, "compute");
    }
    for spinner in &mut spinners {
        spinner.send("spin").await;
    }
    let metric = |name: &str| admin::scrape(admin)[name];
    // All have begun, so all but one a core are suspended.
    let all = spinners.len() as f64;
    eventually("the start of all events", || metric("zigttp_events_running") >= all);
    let mut client = server.connect("/echo").await;
    client.ask("the first gets a new one").await;
    let before = metric("zigttp_instantiate_seconds_count");
    for _ in 0..ECHOES {
        client.ask("hello").await;
    }
    let new = metric("zigttp_instantiate_seconds_count") - before;
    assert!(new <= f64::from(ECHOES / 4), "{new} new instances for {ECHOES} echoes");
}

#[tokio::test]
async fn an_idle_connection_holds_little_memory() {
    const CONNECTIONS: u32 = 500;
    /// Of a debug build, which takes 2.8 KiB when nothing else grows meanwhile.
    const BOUND: u64 = 5 << 10;
    let server = Server::start(&HANDLER, &[]);
    let mut clients = Vec::new();
    let mut open = async |count: u32| {
        for _ in 0..count {
            let mut client = server.connect("/echo").await;
            assert_eq!(client.ask("hello").await, "hello");
            clients.push(client);
        }
        resident(server.pid())
    };
    // After these, everything that is allocated once has been.
    let before = open(100).await;
    let after = open(CONNECTIONS).await;
    let each = after.saturating_sub(before) / u64::from(CONNECTIONS);
    assert!(each <= BOUND, "{each} bytes of resident memory a connection");
}

#[tokio::test]
async fn a_connection_holds_its_path_once() {
    const CONNECTIONS: usize = 200;
    // A room may not have a much longer name.
    const PATH: usize = 1000;
    let (server, admin) = admin::start(&HANDLER, &[]);
    let mut clients = Vec::new();
    let mut open = async |count: usize, len: usize| {
        let before = admin::scrape(admin)["zigttp_allocated_bytes"];
        for number in 0..count {
            let path = format!("/room/{number:x>len$}");
            let mut client = server.connect(&path).await;
            client.ask("hello").await;
            clients.push(client);
        }
        (admin::scrape(admin)["zigttp_allocated_bytes"] - before) / count as f64
    };
    // What is allocated once, and what each takes in addition.
    open(CONNECTIONS, 10).await;
    let short = open(CONNECTIONS, 20).await;
    let long = open(CONNECTIONS, PATH).await;
    let of_path = (long - short) / PATH as f64;
    // Its room's key, its route's parameter and its URL each contain it.
    assert!(of_path < 1.5, "{of_path:.1} times its path");
}

/// Bytes of a process that are in memory.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs, on Linux");
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has it");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}
