//! How long an echo takes beside connections of other rooms that compute all the time.
//!
//! Events of four connections compute for 40 ms, one after another; a fifth connection echoes every 5 ms.
//! The goal is a p99 under 10 ms on two cores. The artifact comes from
//! `zigts build tests/fixtures/handlers/spin.ts -o spin.wasm`; its path is in `SPIN_WASM`.

#![expect(clippy::print_stderr, reason = "a benchmark prints what it measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use zigttp_runtime::{Config, Server};

const SPINNERS: usize = 4;
const ECHOES: usize = 1000;

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let path = std::env::var_os("SPIN_WASM").expect(
        "SPIN_WASM names the handler, built: zigts build tests/fixtures/handlers/spin.ts -o spin.wasm",
    );
    let artifact = std::fs::read(path).expect("SPIN_WASM can be read");
    let config = Config { cpu_limit: Duration::from_secs(10), ..Config::default() };
    let server = Server::new(config, &artifact).expect("the handler loads");

    // As in `zigttp run`, with two workers.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let running =
        runtime.spawn(zigttp_runtime::run(listener, Arc::clone(&server), std::future::pending()));

    // The clients have a thread of their own, so that they do not wait for the server's workers.
    let clients = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let report = |label: &str, mut times: Vec<Duration>| {
        times.sort_unstable();
        let percentile = |percent: usize| times[times.len() * percent / 100];
        let worst = times.last().expect("it echoed");
        eprintln!("{label}: p50 {:?}  p99 {:?}  worst {worst:?}", percentile(50), percentile(99));
    };
    clients.expect("a runtime starts").block_on(async {
        let mut echo = connect(address, "/calm").await;
        report("alone", echoes(&mut echo).await);
        for spinner in 0..SPINNERS {
            let mut client = connect(address, &format!("/spin/{spinner}")).await;
            tokio::spawn(async move {
                loop {
                    ask(&mut client, "spin").await;
                }
            });
        }
        report("beside four that spin", echoes(&mut echo).await);
    });
    running.abort();
}

async fn echoes(client: &mut WebSocketStream<TcpStream>) -> Vec<Duration> {
    let mut times = Vec::with_capacity(ECHOES);
    for _ in 0..ECHOES {
        let started = Instant::now();
        ask(client, "echo").await;
        times.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    times
}

async fn connect(address: std::net::SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket that is open");
    client_async(format!("ws://{address}{path}"), stream).await.expect("a good handshake").0
}

async fn ask(client: &mut WebSocketStream<TcpStream>, text: &str) {
    client.send(Message::text(text)).await.expect("the server reads");
    let reply = client.next().await.expect("the socket is open").expect("a good frame");
    assert_eq!(reply, Message::text(text));
}
