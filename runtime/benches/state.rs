//! What the state of rooms and their timers cost, as CPU time of the whole process.
//!
//! - `put`: an event that puts one value of 200 bytes, beside the same event without it: with one client, and with
//!   64 that are in as many rooms, `--fsync never`;
//! - `get`: one look-up of a value of a live room, of a thousand in one event;
//! - `ticks`: 1,000 rooms with a timer of 20 a second each, as a share of one core.
//!
//! The artifact comes from `zigts build runtime/benches/state.ts -o state.wasm`; its path is in `STATE_WASM` (this
//! crate does not know the compiler).

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use zigttp_runtime::{Config, LocalConnection, Server, Value, run};

const EVENTS: u32 = 4_000;
const TURNS: usize = 7;
const ROOMS: usize = 1_000;
const TICKS_TIME: Duration = Duration::from_secs(10);

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let path = std::env::var_os("STATE_WASM").expect(
        "STATE_WASM names the handler, built: zigts build runtime/benches/state.ts -o state.wasm",
    );
    let artifact = std::fs::read(path).expect("STATE_WASM can be read");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let folder = Folder::new();
    let spaces = [("in memory", None), ("durable", Some(folder.0.clone()))];
    for (name, durable) in spaces {
        let config = Config { durable, ..Config::default() };
        let server = Server::new(config, &artifact).expect("it loads");
        for clients in [1, 64] {
            let [without, with] = compare(&runtime, &server, clients, ["none of it", "put"]);
            println!(
                "{name:<10} put, {clients:>2} clients: {with:6.1} us an event, {without:6.1} us without it: \
                 {:+.1} us",
                with - without
            );
        }
        let [without, with] = compare(&runtime, &server, 1, ["none", "get"]);
        println!("{name:<10} get: {:.0} ns", with - without);
        let share = runtime.block_on(ticks(server));
        println!("{name:<10} ticks: {:.1} % of a core", share * 100.0);
    }
}

/// CPU microseconds of an event for each of two messages: medians of turns that take turns.
fn compare(
    runtime: &Runtime,
    server: &Arc<Server>,
    clients: usize,
    messages: [&'static str; 2],
) -> [f64; 2] {
    let connections: Vec<_> = (0..clients)
        .map(|client| {
            let path = format!("/room/{client}");
            let opened = runtime.block_on(LocalConnection::open(server, &path));
            Arc::new(opened.expect("a route"))
        })
        .collect();
    // A thousand calls make an event that is measured in fewer runs.
    let events = EVENTS / if messages[1] == "get" { 10 } else { 1 };
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..=TURNS {
        for (message, times) in messages.into_iter().zip(&mut times) {
            let time = runtime.block_on(cpu_of(async {
                let each = events / connections.len() as u32;
                let clients: Vec<_> = connections
                    .iter()
                    .map(|connection| {
                        let connection = Arc::clone(connection);
                        tokio::spawn(async move {
                            for _ in 0..each {
                                assert!(connection.message(Value::text(message)).await);
                                connection.next_sent().expect("it replies");
                            }
                        })
                    })
                    .collect();
                for client in clients {
                    client.await.expect("no client panics");
                }
            }));
            // The first turn warms up.
            if turn > 0 {
                times.push(time.as_secs_f64() * 1e6 / f64::from(events));
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// Has many rooms tick, and returns the share of a core that it takes.
async fn ticks(server: Arc<Server>) -> f64 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(run(listener, server, async { drop(stopped.await) }));
    let mut clients = Vec::new();
    for room in 0..ROOMS {
        let url = format!("ws://{address}/room/{room}");
        let (mut client, _) = tokio_tungstenite::connect_async(url).await.expect("it connects");
        client.send(Message::text("tick")).await.expect("it is sent");
        client.next().await.expect("it replies").expect("a message");
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    let used = cpu_of(tokio::time::sleep(TICKS_TIME)).await;
    let share = used.as_secs_f64() / started.elapsed().as_secs_f64();
    let mut missed = 0;
    for client in &mut clients {
        client.send(Message::text("missed")).await.expect("it is sent");
        let reply = client.next().await.expect("it replies").expect("a message");
        missed += reply.to_text().expect("a text").parse::<u32>().expect("a number");
    }
    println!("           {missed} of {} ticks missed", ROOMS as u64 * 20 * 11);
    let _ = stop.send(());
    drop(clients);
    running.await.expect("it stops");
    share
}

/// CPU time of the whole process while something is done.
async fn cpu_of(work: impl Future<Output = ()>) -> Duration {
    let before = process_time();
    work.await;
    process_time() - before
}

fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder(std::env::temp_dir().join(format!("zigttp-bench-state-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is small.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
