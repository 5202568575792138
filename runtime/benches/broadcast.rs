//! What it costs to send a text to a room: with `broadcast`, and with a loop over its members; to the few that have
//! joined a room, with many connections elsewhere.
//!
//! The artifact comes from `zigts build tests/fixtures/handlers/broadcast.ts -o broadcast.wasm`; its path is in
//! `BROADCAST_WASM`. Each row is the CPU time of an event, as a share of that of an event that does nothing and of the
//! loop: ratios of one run, in which the rows take turns.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::time::Duration;

use zigttp_runtime::{Config, LocalConnection, Server, Value};

const MEMBERS: usize = 100;
const OTHERS: usize = 2_000;
const EVENTS: u32 = 200;
const ROUNDS: usize = 15;

fn main() {
    let path = std::env::var_os("BROADCAST_WASM").expect(
        "BROADCAST_WASM names the handler, built: zigts build tests/fixtures/handlers/broadcast.ts -o broadcast.wasm",
    );
    let artifact = std::fs::read(path).expect("BROADCAST_WASM can be read");
    let server = Server::new(Config::default(), &artifact).expect("the handler loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let open = |room: String| {
        let opened = runtime.block_on(LocalConnection::open(&server, &room));
        opened.expect("the path is a route")
    };
    let members: Vec<_> = (0..MEMBERS).map(|_| open("/room/members".to_owned())).collect();
    let others: Vec<_> = (0..OTHERS).map(|number| open(format!("/room/{number}"))).collect();
    let message = |connection: &LocalConnection, text: &'static str| {
        assert!(runtime.block_on(connection.message(Value::text(text))), "it returns");
    };
    for other in &others[..2] {
        message(other, "join");
    }

    let rows = [
        ("nothing", &members[0]),
        ("loop", &members[0]),
        ("broadcast", &members[0]),
        ("publish", &others[2]),
        ("two sends", &others[2]),
    ];
    let mut best = [Duration::MAX; 5];
    for _ in 0..ROUNDS {
        for ((name, from), best) in rows.iter().zip(&mut best) {
            let began = cpu_time();
            for _ in 0..EVENTS {
                message(from, name);
                for connection in members.iter().chain(&others[..3]) {
                    while connection.next_sent().is_some() {}
                }
            }
            *best = (*best).min((cpu_time() - began) / EVENTS);
        }
    }
    let [nothing, of_loop, ..] = best;
    println!("{MEMBERS} members; 2 of {OTHERS} others have joined the room that is published to");
    for ((name, _), took) in rows.iter().zip(best) {
        let work = took.saturating_sub(nothing);
        println!(
            "{name:>10}: {:7.2} us an event, {:5.2} of the loop's work",
            took.as_secs_f64() * 1e6,
            work.as_secs_f64() / (of_loop - nothing).as_secs_f64()
        );
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
