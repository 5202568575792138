//! Eight rooms on one, two and four workers: events a second, and CPU time for each.
//!
//! Each room has one connection, whose chat messages are handled one after another, so that as many events run at
//! once as there are workers. What workers share shows as CPU time: an event costs the same on any number of them
//! when no cache line is written by all. The artifact comes from
//! `zigts build examples/websocket/chat.ts -o chat.wasm`; its path is in `CHAT_WASM`.

#![expect(clippy::print_stderr, reason = "a benchmark prints what it measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use zigttp_runtime::{Config, LocalConnection, Server, Value};

const ROOMS: usize = 8;
/// Of each room, in one turn.
const EVENTS: usize = 20_000;
/// The turns of the numbers of workers alternate, so that a busy moment of the machine meets all of them.
const TURNS: usize = 9;
const WORKERS: [usize; 3] = [1, 2, 4];

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let path = std::env::var_os("CHAT_WASM").expect(
        "CHAT_WASM names the chat example, built: zigts build examples/websocket/chat.ts -o chat.wasm",
    );
    let artifact = std::fs::read(path).expect("CHAT_WASM can be read");
    let mut measured = WORKERS.map(|_| Vec::with_capacity(TURNS));
    for _ in 0..TURNS {
        for (workers, measured) in WORKERS.into_iter().zip(&mut measured) {
            measured.push(turn(&artifact, workers));
        }
    }
    for (workers, mut measured) in WORKERS.into_iter().zip(measured) {
        let (_, rate) = *median(&mut measured, |&(_, rate)| rate);
        let (cpu, _) = *median(&mut measured, |&(cpu, _)| cpu.as_secs_f64());
        eprintln!("{workers} workers: {rate:.0} events/s, {cpu:?} of CPU time an event");
    }
}

fn median<T>(measured: &mut [T], by: impl Fn(&T) -> f64) -> &T {
    measured.sort_by(|a, b| by(a).total_cmp(&by(b)));
    &measured[measured.len() / 2]
}

/// CPU time for an event, and events a second.
fn turn(artifact: &[u8], workers: usize) -> (Duration, f64) {
    let server = Server::new(Config::default(), artifact).expect("the example loads");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let rooms = runtime.block_on(async {
        let rooms = (0..ROOMS).map(|room| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let connection = LocalConnection::open(&server, &format!("/room/{room}")).await;
                let connection = connection.expect("a route");
                say(&connection, "ada").await;
                connection
            })
        });
        futures_util::future::join_all(rooms.collect::<Vec<_>>()).await
    });
    let (started, cpu) = (Instant::now(), cpu_time());
    runtime.block_on(async {
        let rooms = rooms.into_iter().map(|connection| {
            let connection = connection.expect("it does not panic");
            tokio::spawn(async move {
                for _ in 0..EVENTS {
                    say(&connection, "hello, everybody").await;
                }
            })
        });
        for room in rooms.collect::<Vec<_>>() {
            room.await.expect("it does not panic");
        }
    });
    let events = (ROOMS * EVENTS) as u32;
    ((cpu_time() - cpu) / events, f64::from(events) / started.elapsed().as_secs_f64())
}

async fn say(connection: &LocalConnection, text: &str) {
    assert!(connection.message(Value::text(text)).await, "the room takes messages");
    connection.next_sent().expect("it is answered");
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
