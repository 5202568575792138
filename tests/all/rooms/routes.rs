//! Which requests upgrade, and the parameters and rooms their paths give.

use std::path::PathBuf;
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::Error;

use crate::support::client::Client;
use crate::support::programs;
use crate::support::server::Server;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { getWebSockets, roomFromPath, send } from "zigttp:websocket";

export const routes = ["/*", "/room/:name", "/room/lobby", "/pair/:a/:b", "/pair/:a/static"];

function parameters(ws: WebSocket) {
  const found: string[] = [];
  for (const name of ["name", "a", "b"]) {
    try {
      found.push(`${name}=${roomFromPath(ws, name)}`);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return found.join(" ") || "none";
}

export function onOpen(ws: WebSocket, url: string) {
  send(ws, url);
  send(ws, parameters(ws));
}

export function onMessage(ws: WebSocket, data: string, room: string) {
  send(ws, `${room} ${getWebSockets(data).length}`);
}

export function handler(req: Request) {
  return Response.text(`handler saw ${req.method} ${req.url}`, { status: 299 });
}
"#,
    )
});

/// One route and no wildcard, so that most paths upgrade nothing.
static NARROW: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler(req: Request) {
  return Response.text(`handler saw ${req.method} ${req.path}`, { status: 299 });
}
"#,
    )
});

const EVERY_PATH: &str = r#"
import { roomFromPath, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "room") return void send(ws, room);
  try {
    send(ws, roomFromPath(ws, data));
  } catch (error) {
    send(ws, String(error));
  }
}
"#;

/// The parameters that a connection on a path gets.
async fn parameters(server: &Server, path: &str) -> String {
    let mut client = server.connect(path).await;
    assert_eq!(client.text().await, path, "onOpen gets the request path with query");
    client.text().await
}

/// Status and body of a refused upgrade.
async fn refusal(server: &Server, path: &str) -> (u16, String) {
    match Client::try_connect(server.address, path).await {
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8_lossy(body).into_owned())
        }
        Err(error) => panic!("{path}: {error}"),
        Ok(_) => panic!("{path} was upgraded"),
    }
}

#[tokio::test]
async fn without_routes_every_path_upgrades() {
    let server = Server::of(EVERY_PATH);
    for path in ["/", "/a", "/a/b/c", "/a/"] {
        let mut client = server.connect(path).await;
        assert_eq!(client.ask("room").await, path);
    }
    let mut client = server.connect("/room/a").await;
    let error = "RangeError: roomFromPath: the connection is gone, or its route has no parameter";
    assert_eq!(client.ask("name").await, format!("{error} \":name\""));
}

#[tokio::test]
async fn static_comes_before_parameter_before_wildcard() {
    let server = Server::start(&HANDLER, &[]);
    assert_eq!(parameters(&server, "/room/lobby").await, "none");
    assert_eq!(parameters(&server, "/room/attic").await, "name=attic");
    assert_eq!(parameters(&server, "/pair/x/static").await, "a=x");
    assert_eq!(parameters(&server, "/pair/x/y").await, "a=x b=y");
    for path in ["/", "/elsewhere", "/room/attic/trunk", "/room/"] {
        assert_eq!(parameters(&server, path).await, "none", "{path}");
    }
}

#[tokio::test]
async fn parameters_are_percent_decoded() {
    let server = Server::start(&HANDLER, &[]);
    assert_eq!(parameters(&server, "/room/caf%C3%A9").await, "name=café");
    assert_eq!(parameters(&server, "/room/a%20b%2Fc%3Fd").await, "name=a b/c?d");
    assert_eq!(parameters(&server, "/room/a+b").await, "name=a+b");
    assert_eq!(parameters(&server, "/room/100%").await, "name=100%");
    assert_eq!(parameters(&server, "/room/%ff").await, "name=\u{fffd}");
    assert_eq!(parameters(&server, "/room/x?name=y").await, "name=x");
}

#[tokio::test]
async fn the_room_is_the_path_as_sent_without_query() {
    let server = Server::start(&HANDLER, &[]);
    let mut clients = Vec::new();
    for path in ["/room/a", "/room/a?x=1", "/room/%61"] {
        let mut client = server.connect(path).await;
        assert_eq!(client.text().await, path);
        assert_eq!(client.text().await, "name=a");
        clients.push(client);
    }
    assert_eq!(clients[0].ask("/room/a").await, "/room/a 2");
    assert_eq!(clients[1].ask("/room/%61").await, "/room/a 1");
    assert_eq!(clients[2].ask("/room/a?x=1").await, "/room/%61 0");
}

#[tokio::test]
async fn what_matches_no_route_goes_to_the_handler() {
    let server = Server::start(&NARROW, &[]);
    for path in ["/", "/room", "/room/", "/room/a/b", "/rooms/a", "/Room/a"] {
        let expected = (299, format!("handler saw GET {path}"));
        assert_eq!(refusal(&server, path).await, expected);
        assert_eq!(server.get(path), expected);
    }
    drop(server.connect("/room/a").await);
}

#[test]
fn a_request_that_is_no_upgrade_goes_to_the_handler_on_a_route_too() {
    let server = Server::start(&NARROW, &[]);
    assert_eq!(server.get("/room/a"), (299, "handler saw GET /room/a".to_owned()));
    let (head, body) = server.request(
        "DELETE /room/a HTTP/1.1\r\nHost: test\r\nUpgrade: h2c\r\nConnection: close\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 299"), "{head}");
    assert_eq!(body, "handler saw DELETE /room/a");
}

#[test]
fn a_faulty_upgrade_gets_its_http_error_and_never_reaches_the_handler() {
    let server = Server::start(&NARROW, &[]);
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
    for (status, request) in [
        (400, format!("POST /room/a HTTP/1.1\r\nConnection: Upgrade\r\n{KEY}{VERSION}")),
        (400, format!("GET /room/a HTTP/1.1\r\nConnection: close\r\n{KEY}{VERSION}")),
        (400, format!("GET /room/a HTTP/1.1\r\nConnection: Upgrade, close\r\n{VERSION}")),
        (
            400,
            format!(
                "GET /room/a HTTP/1.1\r\nConnection: Upgrade, close\r\n{VERSION}\
                 Sec-WebSocket-Key: short\r\n"
            ),
        ),
        (426, format!("GET /room/a HTTP/1.1\r\nConnection: Upgrade, close\r\n{KEY}")),
        (
            426,
            format!(
                "GET /room/a HTTP/1.1\r\nConnection: Upgrade, close\r\n{KEY}\
                 Sec-WebSocket-Version: 8\r\n"
            ),
        ),
    ] {
        let text =
            format!("{request}Connection: close\r\nHost: test\r\nUpgrade: websocket\r\n\r\n");
        let (head, body) = server.request(&text);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{head}");
        assert!(!body.contains("handler"), "{request}\n{body}");
    }
}

#[test]
fn without_a_handler_export_http_is_not_found() {
    let server = Server::of(EVERY_PATH);
    assert_eq!(server.get("/anything").0, 404);
}
