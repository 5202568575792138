//! What an operator sees: the log, and the admin listener.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::admin::{self, get, get_with, scrape};
use crate::support::server::Server;
use crate::support::{patiently, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r##"
import { send, getWebSockets, serializeAttachment, setAutoResponse } from "zigttp:websocket";
export function onUpgrade(req: Request) {
  if (req.query === "secret=1") return Response.text("no", { status: 403 });
}
export function onOpen(ws: WebSocket) { setAutoResponse(ws, "ping", "pong"); }
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data.startsWith("log ")) console.log(data.slice(4));
  else if (data.startsWith("throw ")) throw new Error(data.slice(6));
  else if (data === "lines") for (let line = 0; line < 50; line++) console.warn("line", line);
  else if (data === "keep") serializeAttachment(ws, "1234567");
  else for (const peer of getWebSockets(room)) send(peer, data);
  if (!data.startsWith("to all")) send(ws, "done");
}
export function handler(req: Request) { return Response.text("ok"); }
"##,
    )
});

/// A server of the handler above with an admin listener, and its address.
fn start(arguments: &[&str]) -> (Server, SocketAddr) {
    admin::start(&HANDLER, arguments)
}

#[tokio::test]
async fn metrics_count_what_happens() {
    let (server, admin) = start(&[]);
    let mut ada = server.connect("/room/a?token=secret").await;
    let mut bob = server.connect("/room/a").await;
    assert_eq!(ada.ask("keep").await, "done");
    // A client that has its reply is listed.
    assert_eq!((ada.ask("ping").await, bob.ask("ping").await), ("pong".into(), "pong".into()));
    ada.send("to all").await;
    assert_eq!((ada.text().await, bob.text().await), ("to all".to_owned(), "to all".to_owned()));
    bob.send("throw x").await;
    server.wait_for_log("Error: x");
    assert_eq!(server.get("/").0, 200);
    let refused = crate::support::client::Client::try_connect(server.address, "/r?secret=1").await;
    assert!(refused.is_err());

    let metrics = scrape(admin);
    // The snapshot alone is more than a mebibyte; a server with two clients holds only a few.
    let allocated = metrics["zigttp_allocated_bytes"];
    assert!((1e6..1e8).contains(&allocated), "{allocated}");
    for (series, expected) in [
        ("zigttp_connections_limit", 100_000.0),
        ("zigttp_rooms", 1.0),
        ("zigttp_queue_bytes", 0.0),
        ("zigttp_attachments", 1.0),
        ("zigttp_attachment_bytes", 7.0),
        ("zigttp_draining", 0.0),
        ("zigttp_event_failures_total{kind=\"threw\"}", 1.0),
        ("zigttp_event_failures_total{kind=\"trapped\"}", 0.0),
        ("zigttp_event_duration_seconds_count{event=\"upgrade\"}", 3.0),
        ("zigttp_event_duration_seconds_count{event=\"open\"}", 2.0),
        ("zigttp_event_duration_seconds_count{event=\"message\"}", 3.0),
        ("zigttp_event_duration_seconds_count{event=\"request\"}", 1.0),
        ("zigttp_event_duration_seconds_bucket{event=\"message\",le=\"+Inf\"}", 3.0),
        ("zigttp_handshakes_total{result=\"accepted\"}", 2.0),
        ("zigttp_handshakes_total{result=\"refused_by_handler\"}", 1.0),
        ("zigttp_received_bytes_total", 25.0),
        ("zigttp_sent_frames_total", 5.0),
        ("zigttp_sent_bytes_total", 24.0),
        ("zigttp_auto_responses_total", 2.0),
        ("zigttp_attachment_writes_total", 1.0),
    ] {
        assert_eq!(metrics.get(series), Some(&expected), "{series}");
    }
    let states = ["live", "parked", "dormant"];
    let states = states.map(|state| metrics[&format!("zigttp_connections{{state=\"{state}\"}}")]);
    assert_eq!(states.iter().sum::<f64>(), 2.0);
    assert!(metrics["zigttp_event_duration_seconds_sum{event=\"message\"}"] > 0.0);
    assert!(metrics["zigttp_instantiate_seconds_count"] >= 1.0);
    for series in metrics.keys() {
        assert!(!series.contains("room/") && !series.contains("secret"), "{series}");
    }
}

#[tokio::test]
async fn connections_are_listed_a_page_at_a_time() {
    let (server, admin) = start(&[]);
    let mut clients = Vec::new();
    for path in ["/a?secret=2", "/b", "/c"] {
        let mut client = server.connect(path).await;
        assert_eq!(client.ask("keep").await, "done");
        clients.push(client);
    }
    let page = |query: &str| {
        let (status, body) = get(admin, &format!("/connections{query}"));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<serde_json::Value>(&body).expect("it is JSON")
    };
    let first = page("?limit=2");
    let rooms = |page: &serde_json::Value| {
        let connections = page["connections"].as_array().expect("a list");
        connections.iter().map(|it| it["room"].as_str().expect("a text").to_owned()).collect()
    };
    let listed: Vec<String> = rooms(&first);
    assert_eq!(listed, ["/a", "/b"]);
    let shown = &first["connections"][0];
    assert!(["live", "parked"].contains(&shown["state"].as_str().expect("a text")), "{shown}");
    assert_eq!((&shown["queueBytes"], &shown["attachmentBytes"]), (&0.into(), &7.into()));
    assert!(shown["ageSeconds"].is_u64(), "{shown}");
    let next = first["next"].as_u64().expect("there is another page");
    let second = page(&format!("?limit=2&after={next}"));
    let listed: Vec<String> = rooms(&second);
    assert_eq!(listed, ["/c"]);
    assert!(second["next"].is_null());
    assert_eq!(get(admin, "/connections?limit=0").0, 400);
}

#[tokio::test]
async fn a_server_that_drains_is_healthy_and_not_ready() {
    let (server, admin) = start(&["--drain-timeout", "30s"]);
    assert_eq!(get(admin, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(admin, "/readyz"), (200, "ready\n".to_owned()));
    // It does not answer the close, so the server waits for it.
    let mut client = crate::support::raw::RawClient::connect(server.address, "/");
    server.signal("TERM");
    assert_eq!(client.close_frame().0, Some(1001));
    assert_eq!(get(admin, "/readyz"), (503, "draining\n".to_owned()));
    assert_eq!(get(admin, "/healthz").0, 200);
    assert_eq!(scrape(admin)["zigttp_draining"], 1.0);
    drop(client);
    assert!(server.wait().success());
}

#[test]
fn probes_are_answered_however_many_transports_wait_with_half_a_head() {
    const HELD: usize = 200;
    let (_server, admin) = start(&[]);
    let mut held: Vec<TcpStream> = (0..HELD)
        .map(|_| {
            let mut stream = TcpStream::connect(admin).expect("it listens");
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHo").expect("it reads");
            stream
        })
        .collect();
    assert_eq!(get(admin, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(admin, "/readyz").0, 200);
    let dropped = scrape(admin)["zigttp_dropped_admin_transports_total"];
    assert!(dropped >= (HELD - 64) as f64, "{dropped}");
    // The oldest are dropped.
    let mut nothing = Vec::new();
    let first = held.first_mut().expect("they are held");
    assert!(!matches!(first.read_to_end(&mut nothing), Ok(count) if count > 0));
}

#[test]
fn the_admin_listener_only_reads_and_asks_for_its_token() {
    let folder = programs::folder();
    let path = folder.path().join("token");
    std::fs::write(&path, "a secret of some length\n").expect("the folder is writable");
    let path = path.to_str().expect("a UTF-8 path");
    let (_server, admin) = start(&["--admin-token-file", path]);
    assert_eq!(get(admin, "/healthz").0, 200);
    assert_eq!(get(admin, "/metrics").0, 401);
    let bearer = |token: &str| {
        get_with(admin, "/metrics", &format!("Host: x\r\nAuthorization: Bearer {token}\r\n")).0
    };
    assert_eq!(bearer("a secret of some length"), 200);
    assert_eq!(bearer("a secret of some lengt"), 401);
    assert_eq!(bearer(""), 401);

    let (_server, admin) = start(&[]);
    assert_eq!(get_with(admin, "/metrics", "Host: evil.example\r\n").0, 403);
    assert_eq!(get(admin, "/nothing").0, 404);
    let mut stream = TcpStream::connect(admin).expect("it listens");
    stream
        .write_all(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

#[tokio::test]
async fn what_a_client_sends_cannot_pass_for_a_line_of_the_log() {
    let (server, _) = start(&[]);
    let mut client = server.connect("/%1b[31m?token=secret").await;
    let forged = "a\n2026-01-01T00:00:00Z  INFO forged\r\u{1b}[2J\u{202e}";
    assert_eq!(client.ask(&format!("log {forged}")).await, "done");
    client.send(format!("throw {forged}")).await;
    let log = server.wait_for_log_count("forged", 2);
    assert!(!log.contains('\u{1b}') && !log.contains('\u{202e}'), "{log}");
    assert!(log.contains("\\u{1b}[2J\\u{202e}"), "{log}");
    for line in log.lines().filter(|line| line.contains("forged")) {
        assert!(line.starts_with("    "), "{line:?}");
    }
    assert!(!log.contains("token=secret"), "{log}");
}

#[tokio::test]
async fn the_log_can_be_json_a_line() {
    let server = Server::start(&HANDLER, &["--log-format", "json"]);
    let mut client = server.connect("/a").await;
    assert_eq!(client.ask("log one\ntwo").await, "done");
    client.send("throw three").await;
    let log = server.wait_for_log("three");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let line = lines.iter().find(|line| line["target"] == "handler").expect("a line of console");
    assert_eq!(line["event"], "message");
    assert!(line["message"].as_str().is_some_and(|text| text.starts_with("one\n")), "{line}");
    let failure = lines.iter().find(|line| line["level"] == "ERROR").expect("a failure");
    assert_eq!(failure["room"], "/a");
}

#[tokio::test]
async fn lines_of_the_handler_over_the_rate_are_dropped_and_counted() {
    let (server, admin) = start(&["--handler-log-rate", "10"]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("lines").await, "done");
    let log = server.wait_for_log("line 9");
    assert!(!log.contains("line 49"), "{log}");
    assert!(scrape(admin)["zigttp_dropped_log_lines_total{reason=\"handler_log_rate\"}"] >= 30.0);
    // Once lines fit again, the log says that some are missing.
    patiently("a line", async {
        while !server.log().contains("later") {
            assert_eq!(client.ask("log later").await, "done");
        }
    })
    .await;
    let log = server.wait_for_log("lines of the handler were dropped");
    assert!(log.contains("dropped="), "{log}");
}
