//! What recording adds to the server CPU of an echo at full rate: two servers in one process, one of which records,
//! get the same load in turns. The thread that writes counts. The ratio is the result; it should be at most 1.15.
//!
//! The artifact comes from `zigts build examples/bench/bench.ts -o bench.wasm`; its path is in `BENCH_WASM`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use zigttp_runtime::{Config, RecordOptions, Server};

const TURNS: usize = 15;
const TIME: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 64;

/// Prefixes of the names of the servers' threads. The recorder's thread is `zigttp-recorder`.
const PLAIN: &str = "plain";
const RECORDING: [&str; 2] = ["recording", "zigttp-record"];

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let path = std::env::var_os("BENCH_WASM").expect(
        "BENCH_WASM names the handler, built: zigts build examples/bench/bench.ts -o bench.wasm",
    );
    let artifact = std::fs::read(path).expect("BENCH_WASM can be read");
    let folder = std::env::temp_dir().join(format!("zigttp-recording-{}", std::process::id()));
    let record = RecordOptions {
        folder: folder.clone(),
        rooms: Vec::new(),
        max_bytes: 1 << 30,
        redact: Vec::new(),
    };
    let (plain_workers, plain) = start(PLAIN, Config::default(), &artifact);
    let config = Config { record: Some(record), ..Config::default() };
    let (workers, recording) = start(RECORDING[0], config, &artifact);

    let clients = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    println!("us of CPU for each echo; medians of {TURNS} turns");
    println!("{:<24}{:>8}{:>11}{:>8}", "", "plain", "recording", "ratio");
    for len in [64, 1 << 10] {
        let cost =
            |address, threads: &[&str]| clients.block_on(cost_per_echo(address, threads, len));
        let turns: Vec<_> =
            (0..TURNS).map(|_| (cost(plain, &[PLAIN]), cost(recording, &RECORDING))).collect();
        let plain = median(turns.iter().map(|(plain, _)| *plain));
        let own = median(turns.iter().map(|(_, own)| *own));
        let ratio = median(turns.iter().map(|(plain, own)| own / plain));
        println!("{:<24}{plain:>8.2}{own:>11.2}{ratio:>8.2}", format!("{CONNECTIONS} x {len} B"));
    }
    drop((plain_workers, workers));
    std::fs::remove_dir_all(folder).expect("it was made");
}

/// A server with one worker.
fn start(name: &str, config: Config, artifact: &[u8]) -> (Runtime, SocketAddr) {
    let server = Server::new(config, artifact).expect("the handler loads");
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    runtime.spawn(zigttp_runtime::run(listener, Arc::clone(&server), std::future::pending()));
    (runtime, address)
}

/// Each connection has one message under way.
async fn cost_per_echo(address: SocketAddr, threads: &[&str], len: usize) -> f64 {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(connect(address).await);
    }
    let message = Message::text("x".repeat(len));
    let (started, before) = (Instant::now(), cpu_time(threads));
    let echo = |mut client: WebSocketStream<TcpStream>| {
        let message = message.clone();
        async move {
            let mut received = 0_u32;
            while started.elapsed() < TIME {
                client.send(message.clone()).await.expect("the server reads");
                client.next().await.expect("the socket is open").expect("a good frame");
                received += 1;
            }
            received
        }
    };
    let received: u32 =
        futures_util::future::join_all(clients.into_iter().map(echo)).await.iter().sum();
    (cpu_time(threads) - before).as_secs_f64() * 1e6 / f64::from(received)
}

async fn connect(address: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket that is open");
    client_async(format!("ws://{address}/echo"), stream).await.expect("a good handshake").0
}

/// CPU time so far of the threads whose names have one of these prefixes.
fn cpu_time(threads: &[&str]) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists threads");
    let nanoseconds = tasks.filter_map(Result::ok).filter_map(|task| {
        // A thread may have ended meanwhile.
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let is_meant = threads.iter().any(|prefix| name.starts_with(prefix));
        is_meant.then(|| times.split(' ').next()?.parse::<u64>().ok())?
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
