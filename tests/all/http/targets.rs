//! The target of a request: the host and the path that it names, which handlers get and nothing else.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::h2::{H2Client, RESET};
use crate::support::raw::RawClient;
use crate::support::server::Server;
use crate::support::{admin, programs};

/// Sends the target that it gets, also to a client that opens a connection.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { deserializeAttachment, send } from "zigttp:websocket";
export const routes = ["/room/:name"];

function told(req: Request) {
  const { pathname, search, host } = new URL(req.url);
  const copy = new Request(req);
  return JSON.stringify([
    req.path, req.query, pathname + search, host, req.headers.get("host"), copy.path + "?" + copy.query,
  ]);
}
export function onUpgrade(req: Request): Admission { return told(req); }
export function onOpen(ws: WebSocket, url: string) {
  send(ws, url + " " + (deserializeAttachment(ws) as string));
}
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, room); }
export function handler(req: Request) { return Response.text(told(req)); }
"#,
    )
});

/// What the handler gets for a request for `/room/secret?a?b` on this host.
fn told(host: &str) -> String {
    let target = "/room/secret?a?b";
    format!(r#"["/room/secret","a?b","{target}","{host}","{host}","{target}"]"#)
}

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Status and body of the response to a request with this head. The client closes its sending side at once,
/// and so the transport ends.
fn answer(server: &Server, line: &str, headers: &str) -> (u16, String) {
    let request = format!("{line}\r\n{headers}\r\n");
    let answer = String::from_utf8_lossy(&server.request_bytes(request.as_bytes())).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), body.to_owned())
}

#[test]
fn a_host_that_is_none_is_400_and_reaches_no_handler() {
    let (server, admin) = admin::start(&HANDLER, &[]);
    let mut asked = 0.0;
    for hosts in [
        "Host: x/room/lobby?\r\n",
        "Host: x?\r\n",
        "Host: x#\r\n",
        "Host: x\\room\r\n",
        "Host: me@test\r\n",
        "Host: test:+80\r\n",
        "Host: test:99999\r\n",
        "Host: 127.1\r\n",
        "Host: 0x7f.1\r\n",
        "Host: 256.256.256.256\r\n",
        "Host: a b\r\n",
        "Host: \r\n",
        "",
        "Host: test\r\nHost: test\r\n",
        "Host: test\r\nHost: x/room/lobby?\r\n",
    ] {
        for more in [UPGRADE, "Connection: close\r\n"] {
            let (status, body) =
                answer(&server, "GET /room/secret HTTP/1.1", &format!("{hosts}{more}"));
            assert_eq!(status, 400, "{hosts}{more}{body}");
            assert!(body.contains("ost") && !body.contains("lobby"), "{hosts}{body}");
            asked += 1.0;
        }
        let close = format!("{hosts}Connection: close\r\n");
        if !hosts.is_empty() {
            assert_eq!(answer(&server, "GET / HTTP/1.0", &close).0, 400, "{hosts}");
            asked += 1.0;
        }
        // The admin listener checks the host as well, and before all else.
        assert_eq!(admin::get_with(admin, "/healthz", hosts).0, 400, "{hosts}");
    }
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_http_unanswered_total{reason=\"malformed\"}"], asked);
    for event in ["upgrade", "request"] {
        assert_eq!(
            metrics[&format!("zigttp_event_duration_seconds_count{{event=\"{event}\"}}")],
            0.0
        );
    }
}

#[tokio::test]
async fn path_and_query_are_those_that_were_sent() {
    let server = Server::start(&HANDLER, &[]);
    let host = server.address.to_string();
    let mut client = server.connect("/room/secret?a?b").await;
    assert_eq!(client.text().await, format!("/room/secret?a?b {}", told(&host)));
    assert_eq!(client.ask("where").await, "/room/secret");
    for (line, host_header, host) in [
        ("GET /room/secret?a?b HTTP/1.1", "test:81", "test:81"),
        ("GET http://test:81/room/secret?a?b HTTP/1.1", "test:81", "test:81"),
        // RFC 9112, 3.2.2: an absolute target goes before the header.
        ("GET http://test/room/secret?a?b HTTP/1.1", "other", "test"),
    ] {
        let headers = format!("Host: {host_header}\r\nConnection: close\r\n");
        assert_eq!(answer(&server, line, &headers), (200, told(host)), "{line}");
    }
    let old = answer(&server, "GET /a HTTP/1.0", "");
    assert_eq!(old, (200, r#"["/a","","/a","localhost",null,"/a?"]"#.to_owned()));
    // Paths that look like more than a path: the path is still what was sent.
    for path in ["//other/room/lobby", "/room/..%2flobby", "/http://x/room/lobby", "/%5c"] {
        let (status, body) =
            answer(&server, &format!("GET {path} HTTP/1.1"), "Host: t\r\nConnection: close\r\n");
        assert_eq!(status, 200);
        assert!(body.starts_with(&format!("[\"{path}\",\"\",\"{path}\"")), "{body}");
    }
}

#[test]
fn a_path_that_a_url_is_read_otherwise_with_is_400_and_reaches_no_handler() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = H2Client::connect(server.address);
    for path in [
        "/room/..",
        "/room/.",
        "/room/%2e%2E",
        "/a/../room/lobby",
        "/room\\lobby",
        "/\\other/room/lobby",
        "http://test/room/../room/lobby",
    ] {
        for more in [UPGRADE, "Connection: close\r\n"] {
            let line = format!("GET {path} HTTP/1.1");
            let (status, body) = answer(&server, &line, &format!("Host: test\r\n{more}"));
            assert_eq!(status, 400, "{path} {body}");
            assert!(body.contains("backslash") && !body.contains("lobby"), "{path} {body}");
        }
        if path.starts_with('/') {
            for asked in [client.get(path, &[]), client.upgrade(path, &[])] {
                assert_eq!(client.answer(asked).0, 400, "{path}");
            }
        }
    }
    // In a query neither has a meaning.
    let (status, body) =
        answer(&server, "GET /a?/../b\\c HTTP/1.1", "Host: test\r\nConnection: close\r\n");
    assert!(status == 200 && body.starts_with("[\"/a\",\"/../b\\\\c\",\"/a?/../"), "{body}");
}

#[test]
fn over_http_2_a_host_header_has_to_be_the_authority() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = H2Client::connect(server.address);
    let target = "/room/secret?a?b";
    for same in [&[][..], &[("host", "test")], &[("host", "TEST:80")]] {
        let asked = client.get(target, same);
        assert_eq!(client.answer(asked), (200, told("test")), "{same:?}");
    }
    for other in ["x/room/lobby?", "other", "test:81", ""] {
        let asked = client.get(target, &[("host", other)]);
        assert_eq!(client.answer(asked).0, 400, "{other}");
        let asked = client.upgrade(target, &[("host", other)]);
        assert_eq!(client.answer(asked).0, 400, "{other}");
    }
    let asked = client.get(target, &[("host", "test"), ("host", "test")]);
    assert_eq!(client.answer(asked).0, 400);
    // Without an authority the header counts.
    let bare = [(":method", "GET"), (":scheme", "http"), (":path", target)];
    for (host, status) in [("other", 200), ("x/room/lobby?", 400)] {
        let asked = client.ask(&[&bare[..], &[("host", host)]].concat(), true);
        assert_eq!(client.answer(asked).0, status, "{host}");
    }
    let asked = client.ask(&bare, true);
    assert_eq!(client.answer(asked).0, 400);
    for authority in ["me@test", "test:99999", "test:+1"] {
        let asked = client.ask(&[&bare[..], &[(":authority", authority)]].concat(), true);
        assert_eq!(client.answer(asked).0, 400, "{authority}");
    }
    // The protocol itself refuses what cannot be an authority.
    let asked = client.ask(&[&bare[..], &[(":authority", "x/room/lobby?")]].concat(), true);
    assert_eq!(client.next_of(asked).kind, RESET);
}

#[test]
fn a_target_without_a_slash_is_400() {
    let server = Server::start(&HANDLER, &[]);
    const HOST: &str = "Host: test\r\nConnection: close\r\n";
    for line in [
        "GET foo",
        "GET test:80",
        "GET *",
        "POST *",
        "OPTIONS foo",
        "CONNECT *",
        "GET ftp://test/a",
    ] {
        let (status, body) = answer(&server, &format!("{line} HTTP/1.1"), HOST);
        assert_eq!(status, 400, "{line}");
        assert!(!body.contains('['), "it reached the handler: {body}");
    }
    // About the server itself, which has nothing to report (RFC 9110, 9.3.7).
    assert_eq!(answer(&server, "OPTIONS * HTTP/1.1", HOST), (200, String::new()));
    assert_eq!(answer(&server, "GET http://test?a HTTP/1.1", HOST).1, {
        r#"["/","a","/?a","test","test","/?a"]"#
    });
    let mut client = H2Client::connect(server.address);
    let fields = |method, path| {
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")]
    };
    for (method, path, status) in [("GET", "*", 400), ("OPTIONS", "*", 200), ("GET", "?a", 400)] {
        let asked = client.ask(&fields(method, path), true);
        assert_eq!(client.answer(asked).0, status, "{method} {path}");
    }
    // The 200 of a `CONNECT` would be a tunnel.
    let asked = client.upgrade("*", &[]);
    assert_eq!(client.answer(asked).0, 400);
}

#[test]
fn a_path_with_its_query_over_the_bound_is_414_for_requests_and_upgrades() {
    let (server, admin) = admin::start(&HANDLER, &["--max-url", "64"]);
    let longest = format!("/room/{}?q=1", "x".repeat(54));
    assert_eq!(longest.len(), 64);
    let over = format!("{longest}1");
    assert_eq!((server.get(&longest).0, server.get(&over).0), (200, 414));
    let upgrade = |target: &str| {
        let head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        server.request(&format!("GET {target} HTTP/1.1\r\nHost: test\r\n{head}\r\n\r\n")).0
    };
    assert!(upgrade(&over).starts_with("HTTP/1.1 414 "));
    RawClient::connect(server.address, &longest);
    let mut client = H2Client::connect(server.address);
    for (target, status) in [(&longest, 200), (&over, 414)] {
        let asked = client.get(target, &[]);
        assert_eq!(client.answer(asked).0, status);
    }
    let asked = client.upgrade(&over, &[]);
    assert_eq!(client.answer(asked).0, 414);
    let unanswered = "zigttp_http_unanswered_total{reason=\"url_too_long\"}";
    assert_eq!(admin::scrape(admin)[unanswered], 4.0);
}
