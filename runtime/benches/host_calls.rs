//! What a handler's calls of the API cost, with a thousand calls in one event: from JavaScript into the host
//! and back, including checks and effects. And those of `JSON`, which stay in the engine.
//!
//! The artifact comes from `zigts build tests/fixtures/handlers/calls.ts -o calls.wasm`; its path is in
//! `CALLS_WASM`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zigttp_runtime::{Config, LocalConnection, Server, Value};

const CALLS: u64 = 1000;
const FUNCTIONS: [&str; 11] = [
    "send text",
    "send bytes",
    "getWebSockets",
    "serializeAttachment",
    "deserializeAttachment",
    "roomFromPath",
    "setAutoResponse",
    "JSON.parse 256 B",
    "JSON.parse 4 KiB",
    "JSON.stringify 256 B",
    "JSON.stringify 4 KiB",
];

fn host_calls(criterion: &mut Criterion) {
    let path = std::env::var_os("CALLS_WASM").expect(
        "CALLS_WASM names the handler, built: zigts build tests/fixtures/handlers/calls.ts -o calls.wasm",
    );
    let artifact = std::fs::read(path).expect("CALLS_WASM can be read");
    let server = Server::new(Config::default(), &artifact).expect("the handler loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let connection = runtime
        .block_on(LocalConnection::open(&server, "/room/bench"))
        .expect("the path is a route");

    let mut group = criterion.benchmark_group("host_calls");
    group.throughput(Throughput::Elements(CALLS));
    for function in FUNCTIONS {
        group.bench_function(function, |bencher| {
            bencher.iter(|| {
                assert!(runtime.block_on(connection.message(Value::text(function))), "it returns");
                while connection.next_sent().is_some() {}
            });
        });
    }
    group.finish();
}

criterion_group!(benches, host_calls);
criterion_main!(benches);
