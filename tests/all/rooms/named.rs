//! `roomOf(req)`: the handler names the room of an upgrade or a request, before and outside of any turn.

use std::path::PathBuf;
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::Error;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, programs, wasm};

/// A site with one URL for its sockets: who the token says is the room. The path `/plain` names nothing.
const SITE: &str = r#"
// zigts-ignore-file ZTS310: each event starts afresh
// zigts-ignore-file ZTS353: what is refused at run time
import { broadcast, deserializeAttachment, getWebSockets, param, send } from "zigttp:websocket";
import * as storage from "zigttp:storage";

export const routes = ["/socket/:device", { path: "/api/:what", upgrade: false }, "/room/:name"];

let asked = 0;

export function roomOf(req: Request) {
  console.log(`asked ${req.method} ${req.path} ${++asked} ${req.params.device} ${req.headers.get("content-length")}`);
  const query = new URLSearchParams(req.query);
  const what = query.get("do");
  if (what === "refuse") return Response.json({ error: "log in" }, { status: 401 });
  if (what === "throw") throw new Error("cannot name it");
  if (what === "number") return JSON.parse("7");
  if (what === "wait") return Promise.resolve("user:1");
  if (what === "empty") return "".trim();
  if (what === "long") return "x".repeat(1025);
  if (what === "longest") return "é".repeat(512);
  if (what === "lone") return "\ud800";
  if (what === "spin") for (;;);
  if (what === "stored") return storage.get<string>("/room/lobby", "of");
  if (what === "send") broadcast("/room/lobby", "from roomOf");
  if (what === "put") storage.put("/room/lobby", "of", "changed");
  const user = query.get("user");
  return user === null ? undefined : `user:${user}`;
}

export function onUpgrade(req: Request, room: string) {
  if (req.query === "do=refuse") throw new Error("never asked");
  return room;
}
export function onOpen(ws: WebSocket, url: string, room: string) {
  send(ws, `${url} in ${room} as ${deserializeAttachment(ws)}`);
}
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "device") return void send(ws, param(ws, "device"));
  if (data === "keep") storage.put(room, "of", "user:7");
  send(ws, `${room} ${getWebSockets(room).length}`);
}
export async function onRequest(req: Request, room: string) {
  const body = await req.text();
  broadcast(room, `posted ${body}`);
  return Response.text(`${room} ${getWebSockets(room).length} ${body}`);
}
export function handler(req: Request) { return Response.text("of no room", { status: 299 }); }
"#;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SITE));

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

const INTERNAL: &str = "internal server error\n";

#[tokio::test]
async fn room_of_names_the_room_of_an_upgrade_by_what_it_carries() {
    let server = Server::start(&HANDLER, &[]);
    let mut phone = server.connect("/socket/phone?user=42").await;
    assert_eq!(phone.text().await, "/socket/phone?user=42 in user:42 as user:42");
    let mut laptop = server.connect("/socket/laptop?user=42").await;
    assert_eq!(laptop.text().await, "/socket/laptop?user=42 in user:42 as user:42");
    assert_eq!(laptop.ask("?").await, "user:42 2");
    // The parameters are those of its route.
    assert_eq!(phone.ask("device").await, "phone");
    // The largest name, and one that it reads.
    let mut longest = server.connect("/socket/x?do=longest").await;
    assert!(longest.text().await.contains(&"é".repeat(512)));
    let mut lobby = server.connect("/room/lobby").await;
    lobby.text().await;
    lobby.ask("keep").await;
    let mut stored = server.connect("/socket/x?do=stored").await;
    assert_eq!(stored.text().await, "/socket/x?do=stored in user:7 as user:7");
}

#[tokio::test]
async fn undefined_from_room_of_means_the_route_s_room() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/caf%c3%a9").await;
    assert_eq!(client.text().await, "/room/caf%c3%a9 in /room/caf%C3%A9 as /room/caf%C3%A9");
    assert_eq!(server.get("/api/x"), (200, "/api/x 0 ".to_owned()));
}

#[tokio::test]
async fn for_a_request_that_no_route_matches_undefined_means_no_room_and_a_string_that_room() {
    let server = Server::start(&HANDLER, &[]);
    assert_eq!(server.get("/elsewhere"), (299, "of no room".to_owned()));
    assert_eq!(refusal(&server, "/elsewhere").await, (299, "of no room".to_owned()));
    let log = server.wait_for_log_count("asked GET /elsewhere", 2);
    assert_eq!(log.matches("asked GET /elsewhere").count(), 2, "each once");
    let mut client = server.connect("/elsewhere?user=42").await;
    assert_eq!(client.text().await, "/elsewhere?user=42 in user:42 as user:42");
    assert_eq!(server.get("/other?user=42"), (200, "user:42 1 ".to_owned()));
    assert_eq!(client.text().await, "posted ");
    // A faulty handshake on a path that it has made a room's gets its HTTP error.
    let (head, _) = server.request(
        "GET /elsewhere?user=42 HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\
         Connection: close\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

#[tokio::test]
async fn a_request_that_room_of_names_a_room_for_is_an_event_of_it_with_its_body() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/socket/phone?user=42").await;
    client.text().await;
    let (head, body) = server.request(
        "POST /api/notify?user=42 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Length: 5\r\n\r\nhello",
    );
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, "user:42 1 hello");
    assert_eq!(client.text().await, "posted hello");
    // Where no WebSocket opens it is not asked for one.
    assert_eq!(refusal(&server, "/api/refused?user=42").await.0, 404);
    assert!(!server.log().contains("/api/refused"), "{}", server.log());
}

#[tokio::test]
async fn a_response_from_room_of_answers_without_any_turn() {
    let (server, admin) = admin::start(&HANDLER, &["--turn-timeout", "100ms"]);
    let refused = (401, "{\"error\":\"log in\"}".to_owned());
    for path in ["/socket/x?do=refuse", "/elsewhere?do=refuse"] {
        assert_eq!(refusal(&server, path).await, refused, "{path}");
        assert_eq!(server.get(path), refused, "{path}");
    }
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_handshakes_total{result=\"refused_by_handler\"}"], 2.0);
    assert_eq!(metrics["zigttp_event_duration_seconds_count{event=\"room_of\"}"], 4.0);
    assert_eq!(metrics["zigttp_event_duration_seconds_count{event=\"upgrade\"}"], 0.0);
    assert_eq!(metrics["zigttp_rooms"], 0.0);
    let log = server.log();
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn a_room_of_that_throws_waits_or_names_no_room_is_one_clear_error_and_500() {
    let server = Server::start(&HANDLER, &[]);
    for (what, error) in [
        ("throw", "Error: cannot name it"),
        (
            "number",
            "TypeError: roomOf must return the name of a room, a Response or nothing, not 7",
        ),
        ("wait", "TypeError: roomOf must not wait: it returned a promise"),
        ("empty", "RangeError: roomOf: the room has 0 bytes of UTF-8, it may have 1 to 1024"),
        ("long", "RangeError: roomOf: the room has 1025 bytes of UTF-8, it may have 1 to 1024"),
        ("lone", "TypeError: roomOf returned a string with a lone surrogate"),
        ("send", "TypeError: broadcast cannot be called in roomOf, which only reads"),
        ("put", "TypeError: storage.put cannot be called in roomOf, which only reads"),
    ] {
        let start = server.log().len();
        let path = format!("/socket/x?do={what}");
        assert_eq!(refusal(&server, &path).await, (500, INTERNAL.to_owned()), "{what}");
        assert_eq!(server.get(&path), (500, INTERNAL.to_owned()), "{what}");
        let log = server.wait_for_log_count(error, 2);
        assert_eq!(log[start..].matches("ERROR").count(), 2, "one each: {log}");
        assert_eq!(log[start..].matches("ERROR handler: ").count(), 2, "{log}");
    }
    let log = server.log();
    let line = 1 + SITE.lines().position(|line| line.contains("cannot name it")).expect("a line");
    assert!(log.contains(&format!("handler.ts:{line}:")), "the TypeScript position: {log}");
    // Nothing that it did has taken effect.
    let mut stored = server.connect("/room/lobby?do=stored").await;
    assert_eq!(stored.text().await, "/room/lobby?do=stored in /room/lobby as /room/lobby");
}

#[tokio::test]
async fn a_room_of_over_its_cpu_limit_is_504_and_each_starts_afresh() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20ms"]);
    assert_eq!(refusal(&server, "/socket/x?do=spin").await.0, 504);
    assert_eq!(server.get("/socket/x?do=spin").0, 504);
    server.connect("/socket/x?user=1").await.text().await;
    server.connect("/socket/x?user=1").await.text().await;
    let log = server.wait_for_log_count("asked GET /socket/x 1", 4);
    assert!(!log.contains("/socket/x 2"), "each is a fresh event: {log}");
}

#[tokio::test]
async fn checks_of_the_server_come_before_room_of() {
    let server = Server::start(&HANDLER, &["--max-connections", "1"]);
    let foreign =
        Client::try_connect_from(server.address, "/socket/x?user=1", "https://evil.example").await;
    assert!(matches!(foreign, Err(Error::Http(response)) if response.status() == 403));
    let mut only = server.connect("/socket/x?user=1").await;
    only.text().await;
    assert_eq!(refusal(&server, "/socket/x?user=1").await.0, 503);
    let log = server.wait_for_log("asked GET");
    assert_eq!(log.matches("asked GET").count(), 1, "{log}");
}

#[tokio::test]
async fn without_on_request_room_of_is_asked_for_upgrades_alone() {
    let server = Server::of(
        r#"
import { send } from "zigttp:websocket";
export function roomOf(req: Request) {
  return req.query === "" ? Response.text("who are you?", { status: 401 }) : `user:${req.query}`;
}
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, room); }
export function handler(req: Request) { return Response.text("the page"); }
"#,
    );
    assert_eq!(server.get("/"), (200, "the page".to_owned()));
    assert_eq!(refusal(&server, "/").await, (401, "who are you?".to_owned()));
    assert_eq!(server.connect("/any/path?42").await.ask("?").await, "user:42");
}

#[tokio::test]
async fn room_of_without_routes_names_rooms_of_requests_too() {
    let server = Server::of(
        r#"
import { send } from "zigttp:websocket";
export function roomOf(req: Request) { return req.headers.get("x-room") ?? undefined; }
export function onMessage(ws: WebSocket, data: string, room: string) { send(ws, room); }
export function onRequest(req: Request, room: string) { return Response.text(room); }
export function handler(req: Request) { return Response.text("of no room"); }
"#,
    );
    assert_eq!(server.get("/a"), (200, "of no room".to_owned()), "no route says that it is a room");
    let (_, body) = server
        .request("GET /a HTTP/1.1\r\nHost: test\r\nX-Room: user:1\r\nConnection: close\r\n\r\n");
    assert_eq!(body, "user:1");
    assert_eq!(server.connect("/a%20b").await.ask("?").await, "/a%20b", "every path upgrades");
}

/// An artifact that sends a signal in its `room_of`, which would run its `on_signal`, and names a room.
fn hostile(name: &str) -> (Server, std::net::SocketAddr) {
    let room_of = format!(
        r#"(if (call $signal (i32.const 0) (i32.const 2) (i32.const 4) (i32.const 1) (i32.const -1)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))
             (then unreachable))
           {name} (i32.const 0)"#
    );
    let fields = r#"(import "zigttp" "signal"
                      (func $signal (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
                    (import "zigttp" "name_room" (func $name (param i32 i32)))
                    (import "zigttp" "respond" (func $respond (param i32 i32 i32 i32 i32 i32)))
                    (data (i32.const 0) "/a--s")"#;
    let manifest = format!(
        r#"{{"abi":{},"compiler":"none","sourceHash":"",
            "exports":["handler","onRequest","onSignal","roomOf"],"imports":["signal"]}}"#,
        wasm::ABI
    );
    let folder = programs::folder();
    let path = folder.path().join("hostile.wasm");
    let respond = "(call $respond (i32.const 299) (i32.const 0) (i32.const 0) (i32.const 0) \
                   (i32.const 0) (i32.const 0)) (i32.const 0)";
    std::fs::write(&path, wasm::with_room_of(&manifest, fields, &room_of, respond))
        .expect("the folder is writable");
    admin::start(&path, &[])
}

#[test]
fn effects_of_a_hostile_room_of_are_dropped() {
    let (server, admin) = hostile("");
    assert_eq!(server.get("/a").0, 299, "it has named no room");
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_event_duration_seconds_count{event=\"room_of\"}"], 1.0);
    assert_eq!(metrics["zigttp_event_failures_total{kind=\"trapped\"}"], 0.0);
    for state in ["waiting", "running", "parked"] {
        assert_eq!(metrics[&format!("zigttp_signals{{state=\"{state}\"}}")], 0.0);
    }
    assert_eq!(metrics["zigttp_event_duration_seconds_count{event=\"signal\"}"], 0.0);
    assert_eq!(metrics["zigttp_state_commits_total{module=\"storage\"}"], 0.0);
}

#[test]
fn a_hostile_room_of_names_no_room_out_of_bounds() {
    for name in ["(i32.const 0) (i32.const 0)", "(i32.const 0) (i32.const 1025)"] {
        let (server, admin) = hostile(&format!("(call $name {name})"));
        assert_eq!(server.get("/a").0, 500, "{name}");
        let metrics = admin::scrape(admin);
        assert_eq!(metrics["zigttp_event_failures_total{kind=\"trapped\"}"], 1.0, "{name}");
    }
}
