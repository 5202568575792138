//! Which requests upgrade, and the parameters and rooms their paths give.

use std::path::PathBuf;
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::Error;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, programs};

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
async fn with_routes_the_room_is_the_path_with_its_parameters_in_one_form_without_query() {
    let server = Server::start(&HANDLER, &[]);
    let paths = ["/room/caf%C3%A9", "/room/caf%c3%a9", "/room/%63af%C3%A9?x=1"];
    let mut clients = Vec::new();
    for path in paths {
        let mut client = server.connect(path).await;
        assert_eq!(client.text().await, path, "its URL stays as it was sent");
        assert_eq!(client.text().await, "name=café");
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.ask("/room/caf%C3%A9").await, "/room/caf%C3%A9 3");
        assert_eq!(client.ask("/room/caf%c3%a9").await, "/room/caf%C3%A9 0");
    }
    // What is no UTF-8 is U+FFFD first, as in the parameter; the rest of a `*` has this form too.
    for (path, room) in [
        ("/room/%ff", "/room/%EF%BF%BD"),
        ("/room/a+b:c", "/room/a%2Bb%3Ac"),
        ("/room/100%", "/room/100%25"),
        ("/elsewhere/%7ex/%2f", "/elsewhere/~x/%2F"),
    ] {
        let mut client = server.connect(path).await;
        for _url_and_parameters in 0..2 {
            client.text().await;
        }
        assert_eq!(client.ask(room).await, format!("{room} 1"));
    }
}

#[tokio::test]
async fn without_routes_the_room_is_the_path_as_sent() {
    let server = Server::of(EVERY_PATH);
    for path in ["/room/%61", "/room/caf%c3%a9", "/room/a+b"] {
        assert_eq!(server.connect(&format!("{path}?x")).await.ask("room").await, path);
    }
}

/// Routes as objects: requests and sockets of other paths come to the room of an auction.
static AUCTION: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { getWebSockets, roomFromPath, send } from "zigttp:websocket";

export const routes = [
  "/auction/:id",
  { path: "/api/auction/:id/bids", room: "/auction/:id", upgrade: false },
  { path: "/watch/:owner/:id", room: "/auction/:id" },
  { path: "/files/:owner/*", room: "/of/:owner/*" },
  "/*",
];

export function onOpen(ws: WebSocket, url: string, room: string) { send(ws, `${url} in ${room}`); }
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room)) send(peer, `${data} of ${roomFromPath(ws, "id")}`);
}
export async function onRequest(req: Request, room: string) {
  const bid = await req.text();
  for (const peer of getWebSockets(room)) send(peer, `bid ${bid} at ${req.path}`);
  return Response.text(`${room} ${getWebSockets(room).length}`);
}
export function handler(req: Request) { return Response.text("of no room", { status: 299 }); }
"#,
    )
});

#[tokio::test]
async fn a_route_may_name_another_room_whose_events_its_requests_are() {
    let server = Server::start(&AUCTION, &[]);
    let mut bidder = server.connect("/auction/7").await;
    assert_eq!(bidder.text().await, "/auction/7 in /auction/7");
    let mut watcher = server.connect("/watch/ada/%37?x").await;
    assert_eq!(watcher.text().await, "/watch/ada/%37?x in /auction/7");
    assert_eq!(server.get("/api/auction/%37/bids?x"), (200, "/auction/7 2".to_owned()));
    for client in [&mut bidder, &mut watcher] {
        assert_eq!(client.text().await, "bid  at /api/auction/%37/bids");
    }
    // Its parameters are those of the path that it has opened.
    assert_eq!(watcher.ask("hello").await, "hello of 7");
    assert_eq!(bidder.text().await, "hello of 7");
    assert_eq!(server.get("/files/b%6Fb/%61//c"), (200, "/of/bob/a//c 0".to_owned()));
}

#[tokio::test]
async fn a_route_that_does_not_upgrade_refuses_websockets_with_404() {
    let (server, admin) = admin::start(&AUCTION, &[]);
    let refused = (404, "no WebSocket is served on this path\n".to_owned());
    assert_eq!(refusal(&server, "/api/auction/7/bids").await, refused);
    // A faulty handshake too, and it never reaches the handler.
    let (head, body) = server.request(
        "POST /api/auction/7/bids HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\
         Connection: close\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert_eq!(body, refused.1);
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_handshakes_total{result=\"no_websocket\"}"], 2.0);
    // A path of a less specific route is no way around it.
    assert_eq!(server.get("/api/auction/7/bids"), (200, "/auction/7 0".to_owned()));
    drop(server.connect("/api/auction/7").await);
}

#[tokio::test]
async fn a_room_whose_name_is_over_1024_bytes_is_414() {
    let too_long = (414, "the name of the room is too long\n".to_owned());
    let server = Server::start(&AUCTION, &[]);
    let id = "a".repeat(1024 - "/auction/".len());
    let longest = format!("/auction/{id}");
    let mut client = server.connect(&longest).await;
    assert_eq!(client.text().await, format!("{longest} in {longest}"));
    // The room counts, not the path.
    let bids = format!("/api/auction/{id}/bids");
    assert_eq!(server.get(&bids), (200, format!("{longest} 1")));
    assert_eq!(server.get(&format!("/api/auction/{id}a/bids")), too_long);
    assert_eq!(refusal(&server, &format!("/auction/{id}a")).await, too_long);
    assert_eq!(refusal(&server, &format!("/auction/{}", "%20".repeat(340))).await, too_long);
    let server = Server::of(EVERY_PATH);
    assert_eq!(refusal(&server, &format!("/{}", "a".repeat(1024))).await, too_long);
    let longest = format!("/{}", "a".repeat(1023));
    assert_eq!(server.connect(&longest).await.ask("room").await, longest);
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

/// All that tells of parameters, where it is asked.
const PARAMETERS: &str = r#"
import { param, send } from "zigttp:websocket";

export const routes = [
  "/auction/:id",
  { path: "/api/:owner/auction/:id", room: "/auction/:id", upgrade: false },
];

const of = (what: WebSocket | Request | string, name: string) => {
  try {
    return param(what, name);
  } catch (error) {
    return String(error);
  }
};

export function onUpgrade(req: Request, room: string) {
  return JSON.stringify([req.params, of(req, "id"), of(room, "id")]);
}
export function onMessage(ws: WebSocket, data: string, room: string) {
  send(ws, JSON.stringify([of(ws, data), of(room, data)]));
}
export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  console.log(`closed ${of(ws, "id")} ${of(room, "id")}`);
}
export function onRequest(req: Request, room: string) {
  const made = new Request("http://localhost/auction/8");
  return Response.json([req.params, of(req, "owner"), of(room, "id"), of(room, "owner"), made.params]);
}
export function handler(req: Request) {
  return Response.json([req.params, of(req, "id"), of("/auction/caf%C3%A9", "id"), of("user:42", "id")]);
}
"#;

#[tokio::test]
async fn param_reads_a_parameter_from_a_connection_a_request_or_a_room_s_name() {
    let server = Server::of(PARAMETERS);
    let mut client = server.connect("/auction/caf%c3%a9").await;
    assert_eq!(client.ask("id").await, r#"["café","café"]"#);
    let none = client.ask("owner").await;
    assert_eq!(none.matches("RangeError: param: ").count(), 2, "{none}");
    client.leave().await;
    server.wait_for_log("closed café café");
    let (status, body) = server.get("/api/ada/auction/%37");
    let [params, owner, id, no_owner, made] =
        serde_json::from_str::<[serde_json::Value; 5]>(&body).expect("it is JSON");
    assert_eq!(
        (status, params, owner, id, made),
        (
            200,
            serde_json::json!({ "owner": "ada", "id": "7" }),
            "ada".into(),
            "7".into(),
            serde_json::json!({})
        )
    );
    assert!(no_owner.as_str().is_some_and(|it| it.starts_with("RangeError")), "{no_owner}");
}

#[test]
fn req_params_are_the_decoded_parameters_of_the_route() {
    let server = Server::of(PARAMETERS);
    assert!(
        server
            .get("/api/b%6Fb/auction/caf%C3%A9?id=9")
            .1
            .starts_with(r#"[{"id":"café","owner":"bob"}"#)
    );
    let (_, body) = server.get("/elsewhere");
    assert!(body.starts_with("[{},\"RangeError"), "no route matches: {body}");
    assert!(body.contains(r#","café","RangeError"#), "{body}");
}

#[tokio::test]
async fn req_params_are_there_in_on_upgrade_too() {
    let source =
        PARAMETERS.replace("send(ws, JSON", "send(ws, deserializeAttachment<string>(ws) + JSON");
    let server =
        Server::of(&source.replace("{ param, send }", "{ deserializeAttachment, param, send }"));
    let said = server.connect("/auction/b%6Fb").await.ask("id").await;
    assert!(said.starts_with(r#"[{"id":"bob"},"bob","bob"]"#), "{said}");
}
