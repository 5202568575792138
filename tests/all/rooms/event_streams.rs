//! Members over server-sent events: `Response.events` from `onRequest`.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::events::EventClient;
use crate::support::h2::{self, H2Client};
use crate::support::server::Server;
use crate::support::{admin, eventually, programs};

const HANDLER: &str = r#"
import {
  bufferedAmount, broadcast, close, deserializeAttachment, getRooms, getWebSockets, join, param, send,
  serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/room/:name", { path: "/events/:name", room: "/room/:name", upgrade: false }];

export function onOpen(ws: WebSocket, url: string, room: string) {
  join(ws, "everywhere");
  const who = deserializeAttachment(ws);
  if (who !== undefined) send(ws, JSON.stringify([who, url, room, param(ws, "name"), getRooms(ws), getWebSockets(room).length]));
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (typeof data !== "string") { broadcast(room, data); return; }
  const others = getWebSockets(room).filter((peer) => peer !== ws);
  if (data === "close") for (const peer of others) close(peer, 4001, "enough");
  else if (data === "keep") for (const peer of others) serializeAttachment(peer, { kept: true });
  else if (data === "read") send(ws, JSON.stringify(others.map((peer) => [deserializeAttachment(peer), bufferedAmount(peer)])));
  else if (data === "flood") { broadcast(room, "x".repeat(65536), ws); send(ws, "flooded"); }
  else broadcast("everywhere", data);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  console.log("closed", code, reason, deserializeAttachment(ws));
  broadcast(room, `closed ${code}`);
}

export function onRequest(req: Request, room: string) {
  if (req.query === "refused") return Response.text("no", { status: 403 });
  if (req.query === "throws") { broadcast(room, "never"); return Response.events({ attachment: new Date() }); }
  if (req.query === "option") return Response.events({ retries: 1 } as any);
  const headers = { "x-mine": "1", "last": req.headers.get("last-event-id") ?? "" };
  if (req.query === "bare") return Response.events();
  return Response.events({ attachment: { name: req.query }, headers, retry: 1500 });
}

export function handler(req: Request) { return Response.events(); }
"#;

static ARTIFACT: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(HANDLER));

#[tokio::test]
async fn a_client_of_events_is_a_member_of_the_room() {
    let (server, admin) = admin::start(&ARTIFACT, &[]);
    let mut socket = server.connect("/room/a").await;
    let mut events = EventClient::ask(server.address, "/events/a?ada", "Last-Event-ID: 7\r\n");
    for line in [
        "HTTP/1.1 200 ok",
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-accel-buffering: no",
        "x-mine: 1",
        "last: 7",
        "transfer-encoding: chunked",
    ] {
        assert!(events.head.contains(line), "{line} is not in {}", events.head);
    }
    assert_eq!(events.next(), Some(("retry".to_owned(), "1500".to_owned())));
    let opened = r#"[{"name":"ada"},"/events/a?ada","/room/a","a",["/room/a","everywhere"],2]"#;
    assert_eq!(events.message(), opened);

    socket.send("two\nlines\r\nand a third").await;
    assert_eq!(events.message(), "two\nlines\nand a third");
    assert_eq!(socket.text().await, "two\nlines\r\nand a third");
    socket.send(vec![0, 255, 10]).await;
    assert_eq!(events.next(), Some(("binary".to_owned(), "AP8K".to_owned())));
    assert_eq!(socket.bytes().await, [0, 255, 10]);
    socket.send("keep").await;
    assert_eq!(socket.ask("read").await, r#"[[{"kept":true},0]]"#);

    let (status, list) = admin::get(admin, "/connections");
    assert!(status == 200 && list.contains(r#""transport":"sse""#), "{list}");
    assert!(list.contains(r#""transport":"websocket""#), "{list}");

    assert_eq!(admin::scrape(admin)["zigttp_event_streams"], 1.0);
    drop(events);
    assert_eq!(socket.text().await, "closed 1006");
    server.wait_for_log("closed 1006  { kept: true }");
    assert_eq!(socket.ask("read").await, "[]");
}

#[tokio::test]
async fn close_ends_the_stream_after_what_was_sent() {
    let server = Server::start(&ARTIFACT, &[]);
    let mut socket = server.connect("/room/a").await;
    let mut events = EventClient::open(server.address, "/events/a?bare");
    socket.send("last").await;
    socket.send("close").await;
    assert_eq!(events.message(), "last");
    events.ended();
    assert_eq!(socket.text().await, "last");
    assert_eq!(socket.text().await, "closed 4001");
    server.wait_for_log("closed 4001 enough undefined");
}

#[tokio::test]
async fn a_silent_stream_gets_comments_at_the_ping_interval() {
    let server = Server::start(&ARTIFACT, &["--ping-interval", "100ms", "--dormant-after", "50ms"]);
    let mut events = EventClient::open(server.address, "/events/a?bare");
    for _ in 0..4 {
        assert_eq!(events.next(), Some((":".to_owned(), String::new())));
    }
}

#[tokio::test]
async fn one_that_does_not_read_is_a_slow_consumer_and_slows_nobody_else() {
    let server = Server::start(
        &ARTIFACT,
        &["--max-queue", "64KiB", "--slow-consumer-timeout", "300ms", "--close-timeout", "300ms"],
    );
    let _never_read = EventClient::open(server.address, "/events/a?bare");
    let mut reader = EventClient::open(server.address, "/events/a?bare");
    let mut socket = server.connect("/room/a").await;
    loop {
        if socket.ask("flood").await != "flooded" {
            break;
        }
        assert_eq!(reader.message().len(), 65536);
    }
    let log = server.wait_for_log("closed 1008 slow consumer");
    assert_eq!(log.matches("closed 1008").count(), 1, "{log}");
    let listed = loop {
        let said = socket.ask("read").await;
        if said.starts_with("[[") {
            break said;
        }
    };
    assert_eq!(listed.matches("[null,").count(), 1, "{listed}");
}

#[tokio::test]
async fn only_on_request_makes_members_and_an_error_of_its_makes_none() {
    let server = Server::start(&ARTIFACT, &[]);
    let mut socket = server.connect("/room/a").await;
    assert_eq!(server.get("/elsewhere").0, 500);
    server.wait_for_log("TypeError: handler cannot return Response.events: only onRequest");
    let refused = EventClient::ask(server.address, "/events/a?refused", "Connection: close\r\n");
    assert!(refused.head.starts_with("HTTP/1.1 403 "), "{}", refused.head);
    for (query, told) in [
        ("throws", "TypeError: Response.events: attachment cannot be stored: Date at $"),
        ("option", "TypeError: Response.events: there is no option \"retries\""),
    ] {
        assert_eq!(server.get(&format!("/events/a?{query}")).0, 500);
        server.wait_for_log(told);
    }
    assert_eq!(socket.ask("read").await, "[]");
    // Nothing of the event that threw was sent.
    assert_eq!(socket.ask("hello").await, "hello");
}

#[tokio::test]
async fn streams_count_as_connections_and_end_when_the_server_stops() {
    let server = Server::start(&ARTIFACT, &["--max-connections", "2"]);
    let first = EventClient::open(server.address, "/events/a?bare");
    let second = EventClient::open(server.address, "/events/b?bare");
    let full = EventClient::ask(server.address, "/events/a?bare", "");
    assert!(full.head.starts_with("HTTP/1.1 503 "), "{}", full.head);
    assert!(full.head.contains("retry-after: 5"), "{}", full.head);
    drop(first);
    // It has gone once its `onClose` has run.
    eventually("the place of the first", || {
        let again = EventClient::ask(server.address, "/events/a?bare", "");
        again.head.starts_with("HTTP/1.1 200 ")
    });
    server.signal("TERM");
    second.ended();
    server.wait_for_log("closed 1001");
    assert!(server.wait().success());
}

#[tokio::test]
async fn over_http_2_it_is_a_stream_among_others() {
    let server = Server::start(&ARTIFACT, &[]);
    let mut socket = server.connect("/room/a").await;
    let mut client = H2Client::connect(server.address);
    let stream = client.get("/events/a?bare", &[("accept", "text/event-stream")]);
    let mut body = Vec::new();
    assert_eq!(client.head(stream), (200, false));
    while !body.ends_with(b":\n\n") {
        body.extend(client.next_of(stream).payload);
    }
    socket.send("hello").await;
    while !body.ends_with(b"data: hello\n\n") {
        body.extend(client.next_of(stream).payload);
    }
    assert_eq!(socket.text().await, "hello");
    // CANCEL (RFC 9113, 7)
    client.frame(h2::RESET, 0, stream, &8_u32.to_be_bytes());
    assert_eq!(socket.text().await, "closed 1006");
}
