//! Transports that are not WebSockets: how many may be open, how long one may be silent, and what happens
//! when there are no descriptors for more.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::support::admin::{self, scrape};
use crate::support::client::Client;
use crate::support::h2::{DATA, H2Client, INITIAL_WINDOW_SIZE, RESET};
use crate::support::raw;
use crate::support::server::Server;
use crate::support::{PATIENCE, eventually, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "keep") serializeAttachment(ws, data);
  send(ws, data);
}
export function handler(req: Request) {
  return req.path === "/large" ? new Response(new Uint8Array(4 << 20)) : Response.text("quick");
}
"#,
    )
});

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the kernel takes it");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    stream
}

/// Whether the server has ended a transport, by a close or a reset.
fn is_ended(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => {
            assert!(
                !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{error}"
            );
            true
        }
    }
}

/// Asks for this path and leaves the transport open; returns the first bytes of the response.
fn ask(stream: &mut TcpStream, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: t\r\n\r\n").expect("it reads");
    let mut answer = [0; 64];
    let len = stream.read(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

#[tokio::test]
async fn a_transport_too_many_is_closed_at_once_and_sockets_go_on() {
    let (server, admin) =
        admin::start(&HANDLER, &["--max-transports", "3", "--header-timeout", "1h"]);
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = server.connect("/").await;
        assert_eq!(client.ask("hello").await, "hello");
        clients.push(client);
        eventually("a WebSocket frees its slot", || scrape(admin)["zigttp_transports"] == 0.0);
    }
    let silent: Vec<TcpStream> = (0..3).map(|_| connect(server.address)).collect();
    eventually("every place is taken", || scrape(admin)["zigttp_transports"] == 3.0);
    assert!(is_ended(&mut connect(server.address)));
    assert_eq!(scrape(admin)["zigttp_refused_transports_total"], 1.0);
    assert_eq!(scrape(admin)["zigttp_transports_limit"], 3.0);
    for client in &mut clients {
        assert_eq!(client.ask("still").await, "still");
    }
    drop(silent);
    eventually("there is room again", || scrape(admin)["zigttp_transports"] == 0.0);
    assert_eq!(server.get("/").0, 200);
}

#[test]
fn a_transport_that_asks_nothing_is_dropped() {
    let (server, admin) = admin::start(&HANDLER, &["--header-timeout", "200ms"]);
    // Nothing, a byte of HTTP/1.1, a byte of HTTP/2, and one request without a second.
    for bytes in ["", "G", "PRI *"] {
        let mut stream = connect(server.address);
        stream.write_all(bytes.as_bytes()).expect("it reads");
        assert!(is_ended(&mut stream), "{bytes:?}");
    }
    let mut stream = connect(server.address);
    assert!(ask(&mut stream, "/").starts_with("HTTP/1.1 200"));
    let mut rest = Vec::new();
    // The rest of the response, and the end.
    let _ = stream.read_to_end(&mut rest);
    eventually("all are gone", || scrape(admin)["zigttp_transports"] == 0.0);
}

#[test]
fn an_http_2_transport_without_requests_is_dropped() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let (server, admin) = admin::start(&HANDLER, &["--header-timeout", "300ms"]);
    let mut stream = connect(server.address);
    stream.write_all(&[PREFACE, SETTINGS].concat()).expect("it reads");
    // It sends all the time, but no request.
    let mut writer = stream.try_clone().expect("a socket can be cloned");
    let pinging = std::thread::spawn(move || while writer.write_all(PING).is_ok() {});
    // The server's replies to that, and then the end, which a reset may cut short.
    let _ = stream.read_to_end(&mut Vec::new());
    pinging.join().expect("it does not panic");
    eventually("it is counted", || scrape(admin)["zigttp_idle_transports_total"] == 1.0);
}

#[test]
fn a_websocket_over_http_2_keeps_its_transport_however_quiet_it_is() {
    let (server, admin) = admin::start(&HANDLER, &["--http-idle-timeout", "200ms"]);
    let mut client = H2Client::connect(server.address);
    let socket = client.upgrade("/", &[]);
    assert_eq!(client.head(socket), (200, false));
    // Nothing happens on it for longer than a transport without a WebSocket may be idle: one of those comes
    // and goes.
    let mut idle = H2Client::connect(server.address);
    let stream = idle.get("/", &[]);
    assert_eq!(idle.answer(stream), (200, "quick".to_owned()));
    while idle.try_next().is_some() {}
    eventually("it is counted", || scrape(admin)["zigttp_idle_transports_total"] == 1.0);
    client.data(socket, &raw::frame(raw::TEXT, b"hello"), false);
    assert_eq!(client.next_of(socket).payload, b"\x81\x05hello");
    assert_eq!(scrape(admin)["zigttp_idle_transports_total"], 1.0);
    // Once it has closed, nothing keeps the transport open.
    client.frame(RESET, 0, socket, &8_u32.to_be_bytes());
    while client.try_next().is_some() {}
    eventually("it is counted", || scrape(admin)["zigttp_idle_transports_total"] == 2.0);
}

#[test]
fn a_client_that_takes_nothing_of_an_answer_is_dropped() {
    let (server, admin) = admin::start(
        &HANDLER,
        &["--http-idle-timeout", "300ms", "--header-timeout", "1h", "--cpu-limit", "20s"],
    );
    let mut stream = connect(server.address);
    assert!(ask(&mut stream, "/large").starts_with("HTTP/1.1 200"));
    assert!(scrape(admin)[HELD] > 4e6);
    eventually("it is dropped", || scrape(admin)[GIVEN_UP] == 1.0);
    eventually("nothing of it is left", || {
        let metrics = scrape(admin);
        metrics[HELD] == 0.0 && metrics["zigttp_transports"] == 0.0
    });
    // A client that takes it gets it whole.
    let (head, body) =
        server.request("GET /large HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    assert!(head.to_lowercase().contains("content-length: 4194304"), "{head}");
    assert_eq!(body.len(), 4 << 20);
}

const HELD: &str = "zigttp_response_bytes";
const GIVEN_UP: &str = "zigttp_given_up_responses_total";
const REFUSED: &str = "zigttp_http_unanswered_total{reason=\"too_many_responses\"}";

#[test]
fn an_answer_that_nobody_takes_is_given_up_beside_a_websocket() {
    let (server, admin) =
        admin::start(&HANDLER, &["--http-idle-timeout", "300ms", "--cpu-limit", "20s"]);
    // Space for one byte of each stream: small responses wait as well.
    for window in [65_535, 1] {
        let given_up = scrape(admin)[GIVEN_UP];
        let settings = [(INITIAL_WINDOW_SIZE, window)];
        let mut client = H2Client::connect_with(server.address, &settings);
        let socket = client.upgrade("/", &[]);
        assert_eq!(client.head(socket), (200, false));
        client.open_window(socket, 1000);
        // Its transport takes more than this one response.
        client.open_window(0, 100_000);
        let (large, quick) = (client.get("/large", &[]), client.get("/", &[]));
        let mut resets = Vec::new();
        let expected = if window == 1 { vec![large, quick] } else { vec![large] };
        while resets.len() < expected.len() {
            let frame = client.try_next().expect("the transport lives");
            if frame.kind == RESET {
                resets.push(frame.stream);
            }
        }
        resets.sort_unstable();
        assert_eq!(resets, expected, "{window}");
        assert_eq!(scrape(admin)[GIVEN_UP] - given_up, expected.len() as f64);
        eventually("nothing of them is held", || scrape(admin)[HELD] == 0.0);
        client.data(socket, &raw::frame(raw::TEXT, b"hello"), false);
        assert_eq!(client.next_of(socket).payload, b"\x81\x05hello");
    }
}

#[test]
fn a_client_that_takes_an_answer_bit_by_bit_gets_it_whole() {
    let (server, admin) =
        admin::start(&HANDLER, &["--http-idle-timeout", "2s", "--cpu-limit", "20s"]);
    let mut client = H2Client::connect(server.address);
    let large = client.get("/large", &[]);
    assert_eq!(client.head(large), (200, false));
    let mut taken = 0;
    while taken < 4 << 20 {
        let frame = client.next_of(large);
        assert_eq!(frame.kind, DATA, "{taken}");
        let len = u32::try_from(frame.payload.len()).expect("a frame is small");
        taken += len;
        // No more than it has taken, so that the last byte comes with the last of the window.
        if len > 0 {
            client.open_window(0, len);
            client.open_window(large, len.min((4 << 20) - taken).max(1));
        }
    }
    eventually("nothing is held", || scrape(admin)[HELD] == 0.0);
    assert_eq!(scrape(admin)[GIVEN_UP], 0.0);
}

#[test]
fn answers_that_wait_are_bounded_over_all_transports() {
    let bound = ["--max-response-bytes", "6MiB", "--cpu-limit", "20s"];
    let start =
        |slow| admin::start(&HANDLER, &[&bound[..], &["--slow-consumer-timeout", slow]].concat());
    let status = |stream: &mut TcpStream| ask(stream, "/large")[9..12].to_owned();
    let (server, admin) = start("1h");
    let mut first = connect(server.address);
    assert_eq!(status(&mut first), "200");
    assert_eq!(status(&mut connect(server.address)), "503");
    let metrics = scrape(admin);
    assert_eq!((metrics[REFUSED], metrics[GIVEN_UP]), (1.0, 0.0));
    assert!((4e6..6.3e6).contains(&metrics[HELD]), "{}", metrics[HELD]);
    assert_eq!(metrics["zigttp_response_bytes_limit"], f64::from(6 << 20));
    // Small responses are still sent, and its share is free once its client has left.
    assert_eq!(server.get("/"), (200, "quick".to_owned()));
    drop(first);
    eventually("it is free", || status(&mut connect(server.address)) == "200");

    // One whose client has taken nothing for long is dropped for it.
    let (server, admin) = start("200ms");
    let mut first = connect(server.address);
    assert_eq!(status(&mut first), "200");
    let mut others = Vec::new();
    eventually("there is room for another", || {
        let mut other = connect(server.address);
        let is_given = status(&mut other) == "200";
        others.push(other);
        is_given
    });
    assert_eq!(scrape(admin)[GIVEN_UP], 1.0);
    // Its transport ended with it.
    let _ = first.read_to_end(&mut Vec::new());
}

/// A server that may have this many descriptors.
fn start_with_descriptors(count: u32, arguments: &[&str]) -> (Server, SocketAddr) {
    admin::start_under(
        Command::new("sh").args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\"")]),
        &HANDLER,
        arguments,
    )
}

#[tokio::test]
async fn out_of_descriptors_accepting_pauses_and_recovers() {
    let (server, admin) = start_with_descriptors(64, &[]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("hello").await, "hello");
    assert_eq!(scrape(admin)["zigttp_accept_failures_total"], 0.0);

    // The kernel accepts more than the server can.
    let mut held: Vec<TcpStream> = (0..80).map(|_| connect(server.address)).collect();
    server.wait_for_log("cannot accept connections");
    for round in 0..20 {
        let text = round.to_string();
        assert_eq!(client.ask(&text).await, text, "who is in is served");
        assert_eq!(admin::get(admin, "/healthz").0, 200, "who asks how it is, is told");
    }

    held.truncate(1);
    server.wait_for_log("connections are accepted again");
    let mut late = Client::connect(server.address, "/").await;
    assert_eq!(late.ask("late").await, "late");
    assert_eq!(client.ask("early").await, "early");
    assert!(scrape(admin)["zigttp_accept_failures_total"] >= 1.0);
    // Once for each time it began, not once for each try.
    let log = server.log();
    assert!(log.matches("cannot accept connections").count() <= 10, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn out_of_descriptors_attachments_are_files_still() {
    let folder = programs::folder();
    let durable = folder.path().join("durable");
    let durable = durable.to_str().expect("a UTF-8 path");
    let (server, admin) = start_with_descriptors(64, &["--durable", durable]);
    let mut client = server.connect("/").await;
    let held: Vec<TcpStream> = (0..80).map(|_| connect(server.address)).collect();
    server.wait_for_log("cannot accept connections");
    // Nor do idle transports of operators hold all that are reserved from clients.
    let idle: Vec<TcpStream> = (0..80).map(|_| connect(admin)).collect();
    for round in 0..20 {
        assert_eq!(client.ask("keep").await, "keep", "{round}");
        assert_eq!(admin::get(admin, "/healthz").0, 200, "{round}");
    }
    drop((held, idle));
}

#[test]
fn out_of_descriptors_probes_are_answered_beside_half_heads() {
    let (server, admin) = start_with_descriptors(64, &[]);
    let held: Vec<TcpStream> = (0..80).map(|_| connect(server.address)).collect();
    server.wait_for_log("cannot accept connections");
    let half_heads: Vec<TcpStream> = (0..10)
        .map(|_| {
            let mut stream = connect(admin);
            stream.write_all(b"GET /he").expect("it is accepted by the system");
            stream
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(admin::get(admin, "/healthz").0, 200);
    }
    assert!(scrape(admin)["zigttp_dropped_admin_transports_total"] > 0.0);
    drop((held, half_heads));
}

#[tokio::test]
async fn a_panic_in_a_connection_ends_that_connection_alone_and_is_counted() {
    let (server, admin) = admin::start_with(
        &HANDLER,
        &[],
        // The third event: the one after the others' first messages.
        &[("ZIGTTP_FAILPOINT", "event:2")],
    );
    // In one room, so that the panic happens in a turn of the bystander's room.
    let mut bystander = server.connect("/room").await;
    let mut victim = server.connect("/room").await;
    assert_eq!(bystander.ask("one").await, "one");
    assert_eq!(victim.ask("two").await, "two");
    victim.send("three").await;
    victim.ended().await;
    server.wait_for_log("was reached");

    assert_eq!(bystander.ask("four").await, "four");
    let mut late = server.connect("/room").await;
    assert_eq!(late.ask("five").await, "five");
    // Its socket ended before that, when what it held was dropped.
    eventually("the panic is counted", || scrape(admin)["zigttp_panics_total"] == 1.0);
    let metrics = scrape(admin);
    assert_eq!(metrics["zigttp_rooms"], 1.0);
    let open = |state| metrics[&format!("zigttp_connections{{state=\"{state}\"}}")];
    assert_eq!(["live", "parked", "dormant"].map(open).iter().sum::<f64>(), 2.0);
    assert_eq!(metrics["zigttp_events_running"], 0.0);
    server.signal("TERM");
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_panic_in_a_request_is_a_500_and_is_counted() {
    let (server, admin) = admin::start_with(&HANDLER, &[], &[("ZIGTTP_FAILPOINT", "event:1")]);
    assert_eq!(server.get("/").0, 200);
    assert_eq!(server.get("/"), (500, "internal server error\n".to_owned()));
    assert_eq!(server.get("/").0, 200);
    assert_eq!(scrape(admin)["zigttp_panics_total"], 1.0);
}
