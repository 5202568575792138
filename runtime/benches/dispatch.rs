//! One event of the chat example, from message to queued frames, in a fresh sandbox each time: measured with
//! restored sandboxes, and with new ones.
//!
//! The artifact comes from `zigts build examples/websocket/chat.ts -o chat.wasm`; its path is in
//! `CHAT_WASM` (this crate does not know the compiler).

#![expect(clippy::print_stderr, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use zigttp_runtime::{Config, Isolation, LocalConnection, Server, Value};

fn dispatch(criterion: &mut Criterion) {
    let path = std::env::var_os("CHAT_WASM").expect(
        "CHAT_WASM names the chat example, built: zigts build examples/websocket/chat.ts -o chat.wasm",
    );
    let artifact = std::fs::read(path).expect("CHAT_WASM can be read");
    measure(criterion, "dispatch", &artifact, Isolation::Restore);
    measure(criterion, "dispatch/instantiate", &artifact, Isolation::Instantiate);
}

fn measure(criterion: &mut Criterion, name: &str, artifact: &[u8], isolation: Isolation) {
    let config = Config { isolation, ..Config::default() };
    let server = Server::new(config, artifact).expect("the example loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");

    let connection = runtime.block_on(async {
        let connection = LocalConnection::open(&server, "/room/bench").await.expect("a route");
        assert!(connection.message(Value::text("ada")).await, "the name is kept");
        connection.next_sent().expect("the greeting");
        connection
    });
    let message = async || {
        assert!(connection.message(Value::text("hello, everybody")).await);
    };
    let clear = || black_box(connection.next_sent()).expect("the broadcast comes back");
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            runtime.block_on(async {
                let started = Instant::now();
                for _ in 0..iterations {
                    message().await;
                    clear();
                }
                started.elapsed()
            })
        });
    });

    // Criterion reports the mean; the project's figures are medians over single events.
    let mut times: Vec<Duration> = runtime.block_on(async {
        let mut times = Vec::with_capacity(20_000);
        for _ in 0..times.capacity() {
            let started = Instant::now();
            message().await;
            times.push(started.elapsed());
            clear();
        }
        times
    });
    times.sort_unstable();
    let percentile = |percent: usize| times[times.len() * percent / 100];
    eprintln!("{name} p50 {:?}  p99 {:?}", percentile(50), percentile(99));
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
