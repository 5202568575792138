//! What marking written pages costs handlers that compute: the same event in a module that was
//! rewritten to be restored, and in one that was not and is instantiated each time.
//!
//! The artifact comes from `zigts build tests/fixtures/handlers/calls.ts -o calls.wasm`; its path is in
//! `CALLS_WASM`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use zigttp_runtime::{Config, Isolation, LocalConnection, Server, Value};

/// Pairs of events that are compared; the two ways take turns.
const TURNS: usize = 400;
const WORK: [&str; 5] = ["add numbers", "sort", "build text", "parse JSON", "fill bytes"];

/// A server and a connection of it. The connection needs the server alive.
struct Way {
    connection: LocalConnection,
    _server: Arc<Server>,
}

impl Way {
    fn new(runtime: &Runtime, artifact: &[u8], isolation: Isolation) -> Way {
        let config = Config { isolation, ..Config::default() };
        let server = Server::new(config, artifact).expect("the handler loads");
        let connection = runtime
            .block_on(LocalConnection::open(&server, "/room/bench"))
            .expect("the path is a route");
        Way { connection, _server: server }
    }

    fn time(&self, runtime: &Runtime, work: &str) -> Duration {
        let started = Instant::now();
        assert!(runtime.block_on(self.connection.message(Value::text(work))), "it returns");
        let took = started.elapsed();
        while self.connection.next_sent().is_some() {}
        took
    }
}

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let path = std::env::var_os("CALLS_WASM").expect(
        "CALLS_WASM names the handler, built: zigts build tests/fixtures/handlers/calls.ts -o calls.wasm",
    );
    let artifact = std::fs::read(path).expect("CALLS_WASM can be read");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let restored = Way::new(&runtime, &artifact, Isolation::Restore);
    let instantiated = Way::new(&runtime, &artifact, Isolation::Instantiate);

    // The cost of an event without its work: instantiating takes long, and is not what is compared.
    let (own_base, other_base) = medians(&runtime, &restored, &instantiated, "nothing");
    println!(
        "us per event, without the time of an event that does nothing; medians of {TURNS} turns"
    );
    println!("{:<16}{:>12}{:>14}{:>8}", "", "rewritten", "as it was", "ratio");
    for work in WORK {
        let (own, other) = medians(&runtime, &restored, &instantiated, work);
        let micros = |time: Duration, base: Duration| (time - base).as_secs_f64() * 1e6;
        let (own, other) = (micros(own, own_base), micros(other, other_base));
        println!("{work:<16}{own:>12.1}{other:>14.1}{:>8.2}", own / other);
    }
}

/// Median times of an event both ways, measured in turns.
fn medians(runtime: &Runtime, one: &Way, other: &Way, work: &str) -> (Duration, Duration) {
    let (mut of_one, mut of_other): (Vec<_>, Vec<_>) =
        (0..TURNS).map(|_| (one.time(runtime, work), other.time(runtime, work))).unzip();
    of_one.sort_unstable();
    of_other.sort_unstable();
    (of_one[TURNS / 2], of_other[TURNS / 2])
}
