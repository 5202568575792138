//! Hostile clients of every kind at once, at a server whose limits are all low: those who behave are served
//! as usual, each limit is reached and counted, and at the end the server holds nothing of them.
//!
//! `ZIGTTP_SOAK_SECONDS` makes it longer. Every event is verified to leave its sandbox as it was.

#![expect(clippy::print_stdout, reason = "a proof says how much it has proven")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::client::Client;
use crate::support::left::{Held, number, wait_until_empty};
use crate::support::{admin, patiently, programs, raw};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send, close, setAutoResponse, serializeAttachment, deserializeAttachment } from "zigttp:websocket";
const big = "x".repeat(60_000);
export function onOpen(ws: WebSocket, url: string) {
  setAutoResponse(ws, "ping", "pong");
}
export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (data === "keep") return void (serializeAttachment(ws, big.slice(0, 5_000)), send(ws, "kept"));
  if (data === "throw") throw new Error("as asked\n  INFO forged");
  if (data === "spin") for (;;);
  if (data === "grow") return void send(ws, new Uint8Array(64 << 20));
  if (data === "talk") for (let line = 0; line < 100; line++) console.log("line", line);
  if (data === "flood") while (send(ws, big));
  if (data === "fill") for (;;) setAutoResponse(ws, big.slice(0, 2_000), big.slice(0, 2_000));
  send(ws, data);
}
export function onClose(ws: WebSocket, code: number, reason: string) {
  if (deserializeAttachment(ws) === "throw") throw new Error("in the end");
}
export function handler(req: Request) {
  if (req.path === "/big") return Response.text(big);
  return Response.text(`${req.method} ${req.path}`, { headers: { te: "x", connection: "y" } });
}
"#,
    )
});

/// Limits so low that each is reached in every round.
const BOUNDS: &[&str] = &[
    "--verify-restore",
    "1",
    "--resume",
    "--resume-window",
    "1s",
    "--max-leftovers",
    "20",
    "--max-message-size",
    "64KiB",
    "--max-partial-bytes",
    "1MiB",
    "--message-timeout",
    "1s",
    "--max-queue",
    "64KiB",
    "--slow-consumer-timeout",
    "500ms",
    "--close-timeout",
    "300ms",
    "--max-transports",
    "400",
    "--header-timeout",
    "2s",
    "--body-timeout",
    "2s",
    "--http-idle-timeout",
    "1s",
    "--max-response-bytes",
    "256KiB",
    "--max-url",
    "1KiB",
    "--max-event-memory",
    "32MiB",
    "--handler-log-rate",
    "20",
    "--memory-limit",
    "16MiB",
    "--max-events",
    "4",
    "--cpu-limit",
    "20ms",
];

/// A transport whose client reads little.
async fn transport(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a descriptor");
    socket.set_recv_buffer_size(4096).expect("a size the kernel rounds up");
    patiently("connecting", socket.connect(address)).await.expect("it listens")
}

/// A WebSocket of raw frames.
async fn socket(address: SocketAddr, path: &str, headers: &str) -> TcpStream {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    loop {
        let mut stream = transport(address).await;
        let mut head = [0; 12];
        let opened = async {
            stream.write_all(request.as_bytes()).await?;
            stream.read_exact(&mut head).await
        };
        // On a busy machine a head may come so late that it is dropped.
        if patiently("the handshake", opened).await.is_ok() {
            assert_eq!(&head, b"HTTP/1.1 101", "{path}");
            return stream;
        }
    }
}

/// Sends a message again and again, and reads nothing until the server ends it.
async fn unread(address: SocketAddr, message: &[u8]) {
    let mut stream = socket(address, "/unread", "").await;
    // Small replies would take long to fill the kernel's buffer for the client.
    let floods = raw::frame(raw::TEXT, b"flood").repeat(100);
    stream.write_all(&floods).await.expect("it reads");
    let messages = raw::frame(raw::TEXT, message).repeat(512);
    patiently("the server to end a client that reads nothing", async {
        while stream.write_all(&messages).await.is_ok() {}
    })
    .await;
}

/// Reads until the server ends it.
async fn read_until_ended(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ = patiently("the server to end a transport", stream.read_to_end(&mut all)).await;
    all
}

/// What one hostile client does until its transport ends.
type Act = fn(SocketAddr) -> BoxFuture<'static, ()>;

const ACTS: &[Act] = &[
    // Asks for thousands of small responses, from the handler and the server itself, and reads none.
    |address| async move { unread(address, b"").await }.boxed(),
    |address| async move { unread(address, b"ping").await }.boxed(),
    // Asks for messages that it does not read.
    |address| {
        let act = async move {
            let mut stream = socket(address, "/flood", "").await;
            let flood = raw::frame(raw::TEXT, b"flood");
            patiently("the server to end a slow consumer", async {
                while stream.write_all(&flood).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
            .await;
        };
        act.boxed()
    },
    // Begins a message of a few compressed bytes that inflate to much, and never ends it.
    |address| {
        let act = async move {
            let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
            let mut stream = socket(address, "/half", offer).await;
            let mut payload = Vec::with_capacity(1024);
            let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
            let zeros = [0; 60_000];
            let flush = flate2::FlushCompress::Sync;
            deflate.compress_vec(&zeros, &mut payload, flush).expect("there is room");
            stream.write_all(&raw::frame(0x41, &payload)).await.expect("it reads");
            read_until_ended(stream).await;
        };
        act.boxed()
    },
    // Begins uncompressed messages, more than the limit.
    |address| {
        let act = async move {
            join_all((0..30).map(|_| async move {
                let mut stream = socket(address, "/half", "").await;
                let whole = raw::frame(0x01, &[b'x'; 60_000]);
                // The server may end the transport before it is written.
                let _ = stream.write_all(&whole).await;
                read_until_ended(stream).await;
            }))
            .await;
        };
        act.boxed()
    },
    // Breaks the protocol.
    |address| {
        let act = async move {
            let mut stream = socket(address, "/noise", "").await;
            let noise: Vec<u8> = (0..1000).map(|_| fastrand::u8(..)).collect();
            let _ = stream.write_all(&noise).await;
            read_until_ended(stream).await;
        };
        act.boxed()
    },
    // Makes handlers fail in each way, and fill the log and the host's memory.
    |address| {
        let act = async move {
            for word in ["throw", "spin", "grow", "talk", "fill"] {
                let mut stream = socket(address, "/fail", "").await;
                stream.write_all(&raw::frame(raw::TEXT, word.as_bytes())).await.expect("it reads");
                stream.write_all(&raw::frame(raw::CLOSE, b"")).await.expect("it reads");
                read_until_ended(stream).await;
            }
        };
        act.boxed()
    },
    // Leaves an attachment behind, and never comes back for it.
    |address| {
        let act = async move {
            for _ in 0..30 {
                // As above: the head may be late.
                let Ok(mut client) = Client::try_connect(address, "/left").await else { continue };
                assert_eq!(client.ask("keep").await, "kept");
                client.drop_transport();
            }
        };
        act.boxed()
    },
    // Sends invalid requests, which still get responses.
    |address| {
        let act = async move {
            let long = format!("GET /{} HTTP/1.1\r\nHost: t\r\n\r\n", "x".repeat(2_000));
            for (request, status) in [
                (&*long, "414"),
                ("GET /a HTTP/1.1\r\nHost: x/room?\r\n\r\n", "400"),
                ("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
                ("GET /a HTTP/1.1\r\n\r\n", "400"),
                ("GET a HTTP/1.1\r\nHost: t\r\n\r\n", "400"),
            ] {
                let mut stream = transport(address).await;
                stream.write_all(request.as_bytes()).await.expect("it reads");
                stream.shutdown().await.expect("it was open");
                let answer = read_until_ended(stream).await;
                let answer = String::from_utf8_lossy(&answer);
                // 503 while the responses that others do not read fill the limit.
                let is_refused =
                    [status, "503"].map(|it| answer.starts_with(&format!("HTTP/1.1 {it}")));
                assert!(is_refused.contains(&true), "{request}: {answer}");
            }
        };
        act.boxed()
    },
    // HTTP/2: posts without a body, as many as possible.
    |address| {
        let act = async move {
            let mut stream = http_2(address).await;
            let posts: Vec<u8> =
                (0..100).flat_map(|post| head(post, END_HEADERS, &[0x83], "/post")).collect();
            stream.write_all(&posts).await.expect("it reads");
            read_until_ended(stream).await;
        };
        act.boxed()
    },
    // HTTP/2: responses that no client reads. Each is asked for when the head of the last one is there: together,
    // nearly all of them would be refused for want of a slot for their events.
    |address| {
        let act = async move {
            let mut stream = http_2(address).await;
            for get in 0..100 {
                let head = head(get, END_HEADERS | END_STREAM, &[0x82], "/big");
                let asked = async {
                    stream.write_all(&head).await?;
                    read_head(&mut stream).await
                };
                // It may be ended before, because it takes nothing.
                if patiently("the head of a response", asked).await.is_err() {
                    return;
                }
            }
            read_until_ended(stream).await;
        };
        act.boxed()
    },
    // Half a head.
    |address| {
        let act = async move {
            join_all((0..20).map(|_| async move {
                let mut stream = transport(address).await;
                stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\nX-").await.expect("it reads");
                read_until_ended(stream).await;
            }))
            .await;
        };
        act.boxed()
    },
];

/// Type and flags of a HEADERS frame (RFC 9113, section 6.2).
const HEADERS: u8 = 1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("frames of a test are small").to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// An HTTP/2 connection whose client opens no window for responses.
async fn http_2(address: SocketAddr) -> TcpStream {
    let mut stream = transport(address).await;
    let settings = h2_frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*settings].concat();
    stream.write_all(&bytes).await.expect("it reads");
    stream
}

/// The head of the client's request number `index`. `method` is the entry of the static table (RFC 7541, A).
fn head(index: u32, flags: u8, method: &[u8], path: &str) -> Vec<u8> {
    let literal = |name: u8, value: &str| {
        let len = u8::try_from(value.len()).expect("values of a test are short");
        [&[name, len], value.as_bytes()].concat()
    };
    let fields = [method, &[0x86], &literal(0x04, path), &literal(0x01, "t")].concat();
    h2_frame(HEADERS, flags, 2 * index + 1, &fields)
}

/// Reads up to the head of the next response.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await?;
        let len = usize::from(frame[0]) << 16 | usize::from(frame[1]) << 8 | usize::from(frame[2]);
        stream.read_exact(&mut vec![0; len]).await?;
        if frame[3] == HEADERS {
            return Ok(());
        }
    }
}

/// Sends a message and gets it back, again and again; returns how often.
async fn behave(address: SocketAddr, is_over: &AtomicBool) -> usize {
    let mut client = Client::connect(address, "/honest").await;
    let mut said = 0;
    while !is_over.load(Ordering::Relaxed) {
        said += 1;
        let text = format!("{said} and more of it");
        assert_eq!(client.ask(&text).await, text);
    }
    assert_eq!(client.close(1000, "").await, 1000);
    said
}

/// Counts of what each limit has refused.
const REACHED: &[&str] = &[
    "zigttp_slow_consumers_total",
    "zigttp_refused_frames_total",
    "zigttp_refused_messages_total",
    "zigttp_late_messages_total",
    "zigttp_protocol_violations_total",
    "zigttp_idle_transports_total",
    "zigttp_given_up_responses_total",
    "zigttp_evicted_leftovers_total",
    "zigttp_http_unanswered_total{reason=\"malformed\"}",
    "zigttp_http_unanswered_total{reason=\"url_too_long\"}",
    "zigttp_http_unanswered_total{reason=\"too_many_responses\"}",
    "zigttp_dropped_admin_transports_total",
    "zigttp_dropped_log_lines_total{reason=\"handler_log_rate\"}",
    "zigttp_event_failures_total{kind=\"threw\"}",
    "zigttp_event_failures_total{kind=\"over_cpu_budget\"}",
    "zigttp_event_failures_total{kind=\"over_memory_budget\"}",
];

/// Rounds until the allocator holds most of the memory that it does not give back.
const WARM_UP: usize = 3;
/// Rounds after which each limit has been reached.
const MOST_ROUNDS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_behaves_is_answered_beside_hostile_clients_of_every_kind_and_nothing_of_them_stays()
 {
    let time = Duration::from_secs(number("ZIGTTP_SOAK_SECONDS").unwrap_or(5));
    let folder = programs::folder();
    let durable = folder.path().join("data");
    let durable = ["--durable", durable.to_str().expect("a UTF-8 path")];
    let (server, admin) = admin::start_with(
        &HANDLER,
        &[BOUNDS, &durable].concat(),
        // Freed memory that threads keep for themselves would count as in use.
        &[("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")],
    );
    let (began, address) = (Instant::now(), server.address);
    let mut held = Vec::new();
    // On a busy machine, events that would have reached a limit are refused, so that it takes more rounds.
    let is_unreached = || {
        let metrics = admin::scrape(admin);
        REACHED.iter().any(|reached| metrics[*reached] == 0.0)
    };
    while began.elapsed() < time
        || held.len() <= WARM_UP
        || (held.len() < MOST_ROUNDS && is_unreached())
    {
        let is_over = AtomicBool::new(false);
        let hostile = async {
            // Probes are served although half heads hold all slots for transports.
            let half_heads = join_all((0..100).map(|_| async move {
                let mut stream = transport(admin).await;
                stream.write_all(b"GET /healthz HTTP/1.1\r\nX-").await.expect("it reads");
                stream
            }))
            .await;
            join_all(ACTS.iter().map(|act| tokio::spawn(act(address))))
                .await
                .into_iter()
                .for_each(|act| act.expect("each is answered as it must be"));
            assert_eq!(admin::get(admin, "/healthz").0, 200);
            drop(half_heads);
            is_over.store(true, Ordering::Relaxed);
        };
        let ((), said) = tokio::join!(hostile, behave(address, &is_over));
        wait_until_empty(admin).await;
        let now = Held::of(&server, admin);
        println!("round {}: {said} answers, {now:?} after {:?}", held.len() + 1, began.elapsed());
        held.push(now);
    }
    let metrics = admin::scrape(admin);
    for never in ["zigttp_panics_total", "zigttp_restore_mismatches_total"] {
        assert_eq!(metrics[never], 0.0, "{never}");
    }
    for reached in REACHED {
        assert!(metrics[*reached] > 0.0, "{reached}");
    }
    let (warm, last) = (&held[WARM_UP - 1], &held[held.len() - 1]);
    assert!(last.allocated <= warm.allocated * 1.2, "{held:?}");
    assert!(last.descriptors <= warm.descriptors + 1, "{held:?}");
    server.signal("TERM");
    let log = server.wait_for_log("stopped");
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("INFO forged")), "{log}");
    assert!(server.wait().success());
}
