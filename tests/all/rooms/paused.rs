//! A room that an operator has paused.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::server::Server;
use crate::support::{admin, eventually};

fn durable() -> Durable {
    Durable::of(
        r#"
import * as storage from "zigttp:storage";
import { signal, signalAt } from "zigttp:durable";
import { getWebSockets, send } from "zigttp:websocket";

export const routes = ["/room/:name"];

export function onUpgrade(req: Request, room: string) { console.log("asked by", room); }

export function onMessage(ws: WebSocket, data: string, room: string) {
  const [what, name, time] = data.split(" ");
  if (what === "signal") signal(name, "told");
  if (what === "timer") signalAt(room, "late", Date.now() + Number(time));
  send(ws, what === "get" ? String(storage.get(room, name)) : data);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  console.log("closed in", room, code);
}

export function onSignal(room: string, name: string) {
  console.log("signal", name, "in", room);
  for (const peer of getWebSockets(room)) send(peer, name);
}

export function onRequest(req: Request, room: string) { return Response.text(room); }
"#,
    )
}

async fn serve(durable: &Durable) -> (Server, std::net::SocketAddr) {
    let (server, admin) = admin::start_durable(durable, &[]);
    eventually("the control socket", || durable.path("control.sock").exists());
    (server, admin)
}

/// Runs `zigttp room` with success.
fn room(durable: &Durable, arguments: &[&str]) -> String {
    let (code, text) = durable.run("room", arguments);
    assert_eq!(code, 0, "{arguments:?}: {text}");
    text
}

fn metric(admin: std::net::SocketAddr, name: &str) -> f64 {
    admin::scrape(admin)[name]
}

#[tokio::test]
async fn a_paused_room_holds_its_events_and_then_handles_them_in_their_order() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    let mut ada = server.connect("/room/a").await;
    let mut bob = server.connect("/room/a").await;
    let leaver = server.connect("/room/a").await;
    let mut other = server.connect("/room/b").await;
    assert_eq!(ada.ask("timer late 100").await, "timer late 100");
    let said = room(&durable, &["pause", "/room/a"]);
    assert_eq!(said, "\"/room/a\" is paused: 3 connections, 0 events wait\n");
    server.wait_for_log("an operator has paused this room");

    ada.send("first").await;
    eventually("it waits", || metric(admin, "zigttp_room_queue_events") == 1.0);
    bob.send("second").await;
    eventually("it waits", || metric(admin, "zigttp_room_queue_events") == 2.0);
    leaver.drop_transport();
    eventually("its close waits", || metric(admin, "zigttp_room_queue_events") == 3.0);
    assert_eq!(other.ask("signal /room/a").await, "signal /room/a");
    // Other rooms go on, for longer than the timer had.
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(300) {
        assert_eq!(other.ask("on").await, "on");
    }
    let log = server.log();
    assert!(!log.contains("in /room/a"), "{log}");
    assert_eq!(metric(admin, "zigttp_paused_rooms"), 1.0);
    assert_eq!(metric(admin, "zigttp_signals{state=\"waiting\"}"), 2.0);

    let said = room(&durable, &["resume", "/room/a"]);
    assert!(said.starts_with("\"/room/a\" goes on: 3 connections"), "{said}");
    assert_eq!(ada.text().await, "first");
    assert_eq!(bob.text().await, "second");
    server.wait_for_log("closed in /room/a 1006");
    let mut told = [ada.text().await, ada.text().await];
    told.sort();
    assert_eq!(told, ["late", "told"]);
    assert_eq!(metric(admin, "zigttp_paused_rooms"), 0.0);
}

#[tokio::test]
async fn requests_to_a_paused_room_get_503_and_new_sockets_are_closed_with_1013_without_an_event() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    // Nobody has to be in it.
    room(&durable, &["pause", "/room/a"]);
    let request = "GET /room/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let (head, body) = server.request(request);
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(head.to_lowercase().contains("retry-after: 1"), "{head}");
    assert_eq!(body, "the room is paused\n");
    for _ in 0..2 {
        let mut client = server.connect("/room/a").await;
        assert_eq!(client.closed().await, (1013, "the room is paused".to_owned()));
    }
    assert_eq!(server.get("/room/b"), (200, "/room/b".to_owned()));
    eventually("they are counted", || {
        metric(admin, "zigttp_handshakes_total{result=\"room_paused\"}") == 2.0
    });
    assert_eq!(metric(admin, "zigttp_http_unanswered_total{reason=\"room_paused\"}"), 1.0);
    room(&durable, &["resume", "/room/a"]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("on").await, "on");
    let log = server.wait_for_log("asked by");
    assert_eq!(log.matches("asked by").count(), 1, "{log}");
    assert!(!log.contains("closed in"), "{log}");
}

#[tokio::test]
async fn an_operator_repairs_a_paused_room_before_its_next_event() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    let mut client = server.connect("/room/a").await;
    room(&durable, &["pause", "/room/a"]);
    client.send("get n").await;
    eventually("it waits", || metric(admin, "zigttp_room_queue_events") == 1.0);
    let (code, text) = durable.storage(&["put", "/room/a", "n", "7"]);
    assert_eq!((code, &*text), (0, "stored \"n\"\n"));
    assert_eq!(durable.storage(&["get", "/room/a", "n"]), (0, "7".to_owned()));
    room(&durable, &["resume", "/room/a"]);
    assert_eq!(client.text().await, "7");
}

#[tokio::test]
async fn a_paused_room_does_not_delay_the_end_of_the_server_and_goes_on_after_a_restart() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    let mut client = server.connect("/room/a").await;
    let mut other = server.connect("/room/b").await;
    room(&durable, &["pause", "/room/a"]);
    client.send("held").await;
    eventually("it waits", || metric(admin, "zigttp_room_queue_events") == 1.0);
    assert_eq!(other.ask("signal /room/a").await, "signal /room/a");
    let began = Instant::now();
    server.signal("TERM");
    // What was held is given up.
    assert_eq!(client.closed().await.0, 1001);
    assert_eq!(other.closed().await.0, 1001);
    assert!(server.wait().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    // The pause has ended; the signal is stored.
    let (server, admin) = serve(&durable).await;
    server.wait_for_log("signal told in /room/a");
    assert_eq!(metric(admin, "zigttp_paused_rooms"), 0.0);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("on").await, "on");
}

#[tokio::test]
async fn paused_rooms_are_listed_and_what_cannot_be_paused_is_one_clear_error() {
    let durable = durable();
    let (code, text) = durable.run("room", &["pause", "/room/a"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("no server uses") || text.contains("cannot ask"), "{text}");
    let (server, _admin) = serve(&durable).await;
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("on").await, "on");
    room(&durable, &["pause", "/room/a"]);
    // Any name that a room can have: longer than what a handler can name, and with characters that are escaped.
    let long = format!("not a path {}", "\u{1}é".repeat(900));
    room(&durable, &["pause", &long]);
    let said = room(&durable, &["pause", "/room/a"]);
    assert_eq!(said, "\"/room/a\" was paused already: 1 connection, 0 events wait\n");
    let table = room(&durable, &["list"]);
    assert!(table.lines().any(|line| line.ends_with("  /room/a")), "{table}");
    let list: Value = serde_json::from_str(&room(&durable, &["list", "--json"])).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!((&list[0]["room"], &list[0]["members"]), (&"/room/a".into(), &1.into()));
    let (code, text) = durable.run("room", &["resume", "/room/typo"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("room \"/room/typo\" is not paused"), "{text}");
    let (code, _text) = durable.run("room", &["pause", ""]);
    assert_eq!(code, 2);
    // Nothing else has changed.
    assert!(Client::try_connect(server.address, "/room/b").await.is_ok());
}
