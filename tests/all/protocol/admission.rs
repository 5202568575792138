//! The checks before a connection: origin, limits, `onUpgrade`, subprotocols.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::raw::{CLOSE, RawClient, close_payload};
use crate::support::server::Server;
use crate::support::{PATIENCE, admin, eventually, patiently, programs};

/// Sends who has connected, and what `onUpgrade` has stored with it.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send, getWebSockets, deserializeAttachment, serializeAttachment } from "zigttp:websocket";

export const routes = ["/:room"];
export const protocols = ["chat.v2", "chat.v1"];

// Passes a value on. The rules of the compiler would find the faults that are meant here.
const late = (value: any): any => [value].pop();

export async function onUpgrade(req: Request): Promise<Admission> {
  await null;
  for (const ws of getWebSockets("/watch")) {
    send(ws, `asked ${req.method} ${req.path} ${req.query}, ${getWebSockets(req.path).length} there`);
  }
  switch (req.query) {
    case "refuse": return Response.text("no cookie", { status: 401, headers: { "X-Why": "cookie" } });
    case "text": return "user " + req.headers.get("cookie");
    case "bytes": return new Uint16Array([1, 2, 3]);
    case "buffer": return new Uint8Array([7]).buffer;
    case "empty": return "";
    case "object": return { user: req.headers.get("cookie"), roles: ["a", "b"], left: undefined };
    case "array": return late(["a"]);
    case "date": return late(new Date(0));
    case "function": return late((() => "ada"));
    case "misfit": return late({ user: { since: new Date(0) } });
    case "large": return "x".repeat(100_000);
    case "throw": throw new Error("the secret of onUpgrade");
    case "null": return late(null);
    case "number": return late(1);
    case "true": return late(true);
    case "false": return late(false);
    // zigts-ignore ZTS371: so that it fails
    case "wait": return await new Promise<string>(() => {});
    case "spin": for (;;) {}
    case "slow":
      console.log("asked");
      for (let left = 500 * 50_000; left > 0; left--);
      return "slow";
  }
}

export function onOpen(ws: WebSocket, url: string) {
  const kept = deserializeAttachment(ws);
  const kind = kept === undefined ? "nothing" : kept.constructor.name;
  const shown = typeof kept === "string" ? kept
    : kept instanceof ArrayBuffer ? new Uint8Array(kept)
    : kind === "Object" ? JSON.stringify(kept)
    : kept;
  send(ws, `${kind} ${shown}`);
}

export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, data);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  console.log("closed", room, code);
}
"#,
    )
});

/// Opens a WebSocket with these headers; returns the first message, or the status and body of the error.
async fn open(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<String, (StatusCode, String)> {
    let url = format!("ws://{}{path}", server.address);
    let mut request = url.into_client_request().expect("a good request");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().expect("a header value"));
    }
    match patiently("the handshake", tokio_tungstenite::connect_async(request)).await {
        Ok((mut stream, _)) => {
            use futures_util::StreamExt;
            match patiently("the first message", stream.next()).await {
                Some(Ok(Message::Text(text))) => Ok(text.to_string()),
                other => panic!("expected a text, got {other:?}"),
            }
        }
        Err(Error::Http(refusal)) => {
            let body = refusal.body().clone().unwrap_or_default();
            Err((refusal.status(), String::from_utf8(body).expect("refusals are text")))
        }
        Err(error) => panic!("{path}: {error}"),
    }
}

#[tokio::test]
async fn on_upgrade_refuses_with_a_response() {
    let server = Server::start(&HANDLER, &[]);
    let refused = open(&server, "/a?refuse", &[]).await;
    assert_eq!(refused, Err((StatusCode::UNAUTHORIZED, "no cookie".to_owned())));
}

#[tokio::test]
async fn on_upgrade_accepts_with_nothing_a_string_or_bytes() {
    let server = Server::start(&HANDLER, &[]);
    let text = open(&server, "/a?text", &[("cookie", "ada=1")]).await;
    assert_eq!(text.as_deref(), Ok("String user ada=1"));
    for (query, expected) in [
        ("", "nothing undefined"),
        ("bytes", "Uint16Array 1,2,3"),
        ("buffer", "ArrayBuffer 7"),
        ("empty", "String "),
    ] {
        assert_eq!(open(&server, &format!("/a?{query}"), &[]).await.as_deref(), Ok(expected));
    }
}

#[tokio::test]
async fn a_plain_object_that_on_upgrade_returns_is_the_first_attachment() {
    let server = Server::start(&HANDLER, &[]);
    let first = open(&server, "/a?object", &[("cookie", "ada=1")]).await;
    assert_eq!(first.as_deref(), Ok(r#"Object {"user":"ada=1","roles":["a","b"]}"#));
}

/// `return isAllowed(req)` must never let a client in.
#[tokio::test]
async fn a_boolean_number_or_null_from_on_upgrade_is_a_type_error_and_refuses_with_500() {
    let server = Server::start(&HANDLER, &[]);
    for (query, shown) in [
        ("true", "true"),
        ("false", "false"),
        ("number", "1"),
        ("null", "null"),
        ("array", "[ \"a\" ]"),
        ("function", "[Function (anonymous)]"),
    ] {
        let refused = open(&server, &format!("/a?{query}"), &[]).await;
        assert_eq!(refused.expect_err(query).0.as_u16(), 500, "{query}");
        server.wait_for_log(&format!(
            "TypeError: onUpgrade must return a Response, a string, bytes, a plain object or nothing, not {shown}"
        ));
    }
    for (query, misfit) in [("date", "Date at $ "), ("misfit", "Date at $.user.since ")] {
        let refused = open(&server, &format!("/a?{query}"), &[]).await;
        assert_eq!(refused.expect_err(query).0.as_u16(), 500, "{query}");
        let told = format!("TypeError: onUpgrade: what it returned cannot be stored: {misfit}");
        server.wait_for_log(&told);
    }
}

#[tokio::test]
async fn a_failing_on_upgrade_is_500_and_there_is_no_connection() {
    let server = Server::start(&HANDLER, &[]);
    for query in ["throw", "null", "number", "true", "false", "wait", "large"] {
        let refused = open(&server, &format!("/a?{query}"), &[]).await;
        let (status, body) = refused.expect_err(query);
        assert_eq!((status.as_u16(), body.as_str()), (500, "internal server error\n"), "{query}");
    }
    let (status, _) = open(&server, "/a?spin", &[]).await.expect_err("it never ends");
    assert_eq!(status.as_u16(), 504);
    let log = server.wait_for_log("the limit is 65536");
    assert!(log.contains("the secret of onUpgrade"), "{log}");
    assert!(log.contains("onUpgrade must return a Response, a string"), "{log}");
}

#[tokio::test]
async fn effects_of_on_upgrade_commit_also_when_it_refuses_and_the_candidate_is_not_listed() {
    let server = Server::start(&HANDLER, &[]);
    let mut watch = server.connect("/watch").await;
    assert_eq!(watch.text().await, "nothing undefined");
    let refused = open(&server, "/a?refuse", &[]).await;
    assert!(refused.is_err());
    assert_eq!(watch.text().await, "asked GET /a refuse, 0 there");
    let refused = open(&server, "/a?throw", &[]).await;
    assert!(refused.is_err());
    let accepted = open(&server, "/a?text", &[]).await;
    assert_eq!(accepted.as_deref(), Ok("String user null"));
    assert_eq!(watch.text().await, "asked GET /a text, 0 there");
}

#[tokio::test]
async fn the_first_attachment_is_on_disk_before_the_connection_opens() {
    let folder = programs::folder();
    let durable = folder.path().to_str().expect("a UTF-8 path");
    let server = Server::start(&HANDLER, &["--durable", durable]);
    let files = || {
        let files = fs::read_dir(folder.path().join("ws")).expect("the server has made it");
        files.filter(|file| {
            let name = file.as_ref().expect("readable").file_name();
            name.to_string_lossy().ends_with(".att")
        })
    };
    for query in ["?throw", "?refuse", "?large", ""] {
        let _ = open(&server, &format!("/a{query}"), &[]).await;
    }
    assert_eq!(files().count(), 0);
    let mut client = server.connect("/a?text").await;
    assert_eq!(client.text().await, "String user null");
    assert_eq!(files().count(), 1);
    server.kill();
    assert_eq!(files().count(), 1);
}

#[tokio::test]
async fn pages_of_other_origins_may_not_connect_unless_they_are_listed() {
    let server = Server::start(&HANDLER, &[]);
    let own = format!("http://{}", server.address);
    for (origin, is_accepted) in
        [(own.as_str(), true), ("https://evil.example", false), ("null", false)]
    {
        let opened = open(&server, "/a", &[("origin", origin)]).await;
        match opened {
            Ok(_) => assert!(is_accepted, "{origin}"),
            Err((status, body)) => {
                assert!(!is_accepted && status.as_u16() == 403, "{origin} {status}");
                assert!(body.contains("--allowed-origin"), "{body}");
            }
        }
    }
    let allowed =
        ["--allowed-origin", "https://app.example", "--allowed-origin", "https://b.example"];
    let server = Server::start(&HANDLER, &allowed);
    assert!(open(&server, "/a", &[("origin", "https://app.example")]).await.is_ok());
    assert!(open(&server, "/a", &[("origin", "https://b.example:443")]).await.is_ok());
    assert!(open(&server, "/a", &[("origin", "http://app.example")]).await.is_err());
    let server = Server::start(&HANDLER, &["--allowed-origin", "*"]);
    assert!(open(&server, "/a", &[("origin", "null")]).await.is_ok());
}

#[tokio::test]
async fn a_page_of_another_site_gets_no_socket_with_the_cookies_of_its_visitor() {
    // What a browser sends when such a page opens a WebSocket here: the handler would believe it.
    let headers = |origin| [("origin", origin), ("cookie", "ada=1")];
    let server = Server::start(&HANDLER, &[]);
    let mut watch = server.connect("/watch").await;
    assert_eq!(watch.text().await, "nothing undefined");
    let refused = open(&server, "/a?text", &headers("https://evil.example")).await;
    assert_eq!(refused.expect_err("it is foreign").0, StatusCode::FORBIDDEN);
    let own = format!("http://{}", server.address);
    let accepted = open(&server, "/a?text", &headers(&own)).await;
    assert_eq!(accepted.as_deref(), Ok("String user ada=1"));
    // Only the second has reached the handler.
    assert_eq!(watch.text().await, "asked GET /a text, 0 there");
}

#[tokio::test]
async fn another_port_or_name_of_the_same_host_is_another_origin() {
    let server = Server::start(&HANDLER, &[]);
    let port = server.address.port();
    for origin in [
        format!("http://127.0.0.1:{}", port.wrapping_add(1)),
        "http://127.0.0.1".to_owned(),
        format!("http://localhost:{port}"),
        format!("http://app.127.0.0.1:{port}"),
        format!("http://127.0.0.1.evil.example:{port}"),
        format!("http://127.0.0.1:{port}@evil.example"),
        format!("http://evil.example/127.0.0.1:{port}"),
    ] {
        let refused = open(&server, "/a", &[("origin", &origin)]).await;
        assert_eq!(refused.expect_err(&origin).0, StatusCode::FORBIDDEN, "{origin}");
    }
    // Two at once cannot be read, also if one is the server's own.
    let own = format!("http://{}", server.address);
    let both = [("origin", own.as_str()), ("origin", "https://evil.example")];
    assert_eq!(open(&server, "/a", &both).await.expect_err("two").0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_foreign_origin_and_a_full_server_never_reach_on_upgrade() {
    let server = Server::start(&HANDLER, &["--max-connections", "2"]);
    let mut watch = server.connect("/watch").await;
    assert_eq!(watch.text().await, "nothing undefined");
    assert!(open(&server, "/b?foreign", &[("origin", "https://evil.example")]).await.is_err());
    let mut second = server.connect("/b").await;
    assert_eq!(second.text().await, "nothing undefined");
    let (status, _) = open(&server, "/b?full", &[]).await.expect_err("two are the most");
    assert_eq!(status.as_u16(), 503);
    assert_eq!(watch.text().await, "asked GET /b , 0 there");
    second.close(1000, "").await;
    // Its slot is free once its task has ended.
    patiently("a place", async { while open(&server, "/b?again", &[]).await.is_err() {} }).await;
    assert_eq!(watch.text().await, "asked GET /b again, 0 there");
}

/// Asks for a connection whose `onUpgrade` takes long.
fn ask_slowly(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    let request = "GET /a?slow HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("the server reads");
    server.wait_for_log("asked");
    stream
}

#[tokio::test]
async fn a_client_that_goes_before_its_101_gets_its_on_close_and_leaves_nothing_behind() {
    let folder = programs::folder();
    let durable = folder.path().to_str().expect("a UTF-8 path");
    let arguments = ["--durable", durable, "--cpu-limit", "5s"];
    let (server, admin) = admin::start(&HANDLER, &arguments);
    drop(ask_slowly(&server));
    let count = |name: &str| admin::scrape(admin)[name];
    // `onUpgrade` accepted it, so it is a member from then on, and what began in its turn ends there.
    server.wait_for_log("closed /a 1006");
    assert_eq!(count("zigttp_event_duration_seconds_count{event=\"open\"}"), 1.0);
    eventually("it is gone", || count("zigttp_rooms") == 0.0);
    assert_eq!(fs::read_dir(folder.path().join("ws")).expect("it is there").count(), 0);
}

#[test]
fn a_server_that_stops_while_on_upgrade_runs_opens_what_it_accepts_and_closes_it_with_1001() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "5s"]);
    let mut stream = ask_slowly(&server);
    server.signal("TERM");
    let mut read = Vec::new();
    let close = [&[CLOSE, 2][..], &close_payload(1001, b"")].concat();
    while !read.ends_with(&close) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the server sends its close frame");
        read.push(byte[0]);
    }
    assert!(read.starts_with(b"HTTP/1.1 101"), "{read:?}");
    drop(stream);
    assert!(server.wait().success());
}

#[test]
fn the_first_offered_protocol_that_the_handler_speaks_is_selected() {
    let server = Server::start(&HANDLER, &[]);
    let selected = |offered: &str| {
        let (_client, head) = RawClient::connect_with(server.address, "/a", offered);
        let head = head.to_lowercase();
        let line = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        line.map(str::to_owned)
    };
    let take = |name: &str| Some(name.to_owned());
    assert_eq!(selected("Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n"), take("chat.v1"));
    assert_eq!(
        selected("Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: chat.v2\r\n"),
        take("chat.v2")
    );
    assert_eq!(selected("Sec-WebSocket-Protocol: other\r\n"), None);
    assert_eq!(selected(""), None);
}
