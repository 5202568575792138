//! What a message costs a whole server, compared with one without JavaScript: CPU time of the server's
//! threads, including system calls, over loopback sockets. The ratio is the result; times depend on the
//! machine.
//!
//! The other server is tokio-tungstenite with a read buffer of 4 KiB and one task for each connection. Both
//! have one worker, and get the same load from the same clients, in turns. The artifact comes from
//! `zigts build examples/bench/bench.ts -o bench.wasm`; its path is in `BENCH_WASM`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async};
use zigttp_runtime::{Config, Server};

const TURNS: usize = 5;
const TIME: Duration = Duration::from_millis(500);

/// Prefixes of the names of the servers' threads.
const RAW: &str = "raw";
const ZIGTTP: &str = "zigttp";

fn main() {
    // `cargo test --benches` only checks that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let path = std::env::var_os("BENCH_WASM").expect(
        "BENCH_WASM names the handler, built: zigts build examples/bench/bench.ts -o bench.wasm",
    );
    let artifact = std::fs::read(path).expect("BENCH_WASM can be read");
    let server = Server::new(Config::default(), &artifact).expect("the handler loads");
    let (raw_workers, raw_listener, raw) = start(RAW);
    raw_workers.spawn(serve_raw(raw_listener));
    let (workers, listener, zigttp) = start(ZIGTTP);
    workers.spawn(zigttp_runtime::run(listener, Arc::clone(&server), std::future::pending()));

    let clients = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    println!("us of CPU for each message that reaches a client; medians of {TURNS} turns");
    println!("{:<24}{:>8}{:>8}{:>8}", "", "raw", "zigttp", "ratio");
    let load = |name: &str, path: &str, connections: usize, message: Message| {
        let cost = |address, threads| {
            clients.block_on(cost_per_message(address, threads, path, connections, &message))
        };
        let turns: Vec<_> = (0..TURNS).map(|_| (cost(raw, RAW), cost(zigttp, ZIGTTP))).collect();
        let raw = median(turns.iter().map(|(raw, _)| *raw));
        let own = median(turns.iter().map(|(_, own)| *own));
        let ratio = median(turns.iter().map(|(raw, own)| own / raw));
        println!("{name:<24}{raw:>8.2}{own:>8.2}{ratio:>8.2}");
    };
    let text = |len| Message::text("x".repeat(len));
    load("echo, 64 x 64 B", "/echo", 64, text(64));
    load("echo, 64 x 16 KiB", "/echo", 64, text(16 << 10));
    load("echo, 64 x 16 KiB binary", "/echo", 64, Message::binary(vec![7; 16 << 10]));
    load("auto-response, 64", "/echo", 64, Message::text("heartbeat"));
    load("broadcast, 1 to 100", "/room/bench", 100, text(64));
}

/// A runtime with one worker, and a listener for it.
fn start(name: &str) -> (Runtime, TcpListener, SocketAddr) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (runtime, listener, address)
}

/// One turn: on `/echo` every connection has one message under way; elsewhere the first connection sends,
/// and the turn waits until all have received.
async fn cost_per_message(
    address: SocketAddr,
    threads: &str,
    path: &str,
    connections: usize,
    message: &Message,
) -> f64 {
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(connect(address, path).await);
    }
    let (started, before) = (Instant::now(), cpu_time(threads));
    let mut received = 0_u32;
    if path == "/echo" {
        let echo = |mut client: WebSocketStream<TcpStream>| async move {
            let mut received = 0;
            while started.elapsed() < TIME {
                client.send(message.clone()).await.expect("the server reads");
                client.next().await.expect("the socket is open").expect("a good frame");
                received += 1;
            }
            received
        };
        received +=
            futures_util::future::join_all(clients.into_iter().map(echo)).await.iter().sum::<u32>();
    } else {
        while started.elapsed() < TIME {
            clients[0].send(message.clone()).await.expect("the server reads");
            for client in &mut clients {
                client.next().await.expect("the socket is open").expect("a good frame");
                received += 1;
            }
        }
    }
    (cpu_time(threads) - before).as_secs_f64() * 1e6 / f64::from(received)
}

async fn connect(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket that is open");
    client_async(format!("ws://{address}{path}"), stream).await.expect("a good handshake").0
}

/// CPU time so far of the threads whose names have this prefix.
fn cpu_time(threads: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists threads");
    let nanoseconds = tasks.filter_map(Result::ok).filter_map(|task| {
        // A thread may have ended meanwhile.
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        name.starts_with(threads).then(|| times.split(' ').next()?.parse::<u64>().ok())?
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The server with which zigttp is compared.
async fn serve_raw(listener: TcpListener) {
    type Rooms = Mutex<HashMap<String, Vec<UnboundedSender<Message>>>>;
    let rooms: Arc<Rooms> = Arc::default();
    while let Ok((stream, _)) = listener.accept().await {
        let rooms = Arc::clone(&rooms);
        tokio::spawn(async move {
            stream.set_nodelay(true).expect("a socket that is open");
            let mut path = String::new();
            #[expect(clippy::result_large_err, reason = "tungstenite's own type")]
            let note = |request: &Request, response: Response| {
                request.uri().path().clone_into(&mut path);
                Ok(response)
            };
            let config = WebSocketConfig::default().read_buffer_size(4096);
            let socket = accept_hdr_async_with_config(stream, note, Some(config)).await;
            let mut socket = socket.expect("a good handshake");
            if path == "/echo" {
                while let Some(Ok(message)) = socket.next().await {
                    let reply = match &message {
                        Message::Text(text) if text.as_str() == "heartbeat" => {
                            Message::text("alive")
                        }
                        Message::Text(_) | Message::Binary(_) => message,
                        _ => continue,
                    };
                    if socket.send(reply).await.is_err() {
                        break;
                    }
                }
                return;
            }
            let (sender, mut queue) = unbounded_channel();
            let lock = || rooms.lock().expect("nothing panics under it");
            lock().entry(path.clone()).or_default().push(sender);
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                            let mut rooms = lock();
                            let members = rooms.get_mut(&path).expect("it has a member");
                            members.retain(|member| member.send(message.clone()).is_ok());
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break,
                    },
                    Some(message) = queue.recv() => {
                        if socket.send(message).await.is_err() {
                            break;
                        }
                    }
                }
            }
        });
    }
}
