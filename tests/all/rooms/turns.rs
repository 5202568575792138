//! What happens in a room's turn: upgrades, requests, and who is a member when.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::LazyLock;

use futures_util::future::join_all;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{eventually, programs};

/// A room with seats: `/seats/:room?seats=N` has N of them; who leaves hands its number over.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/seats/:seats/:room", "/count/:room", "/spin/:room"];

export function onUpgrade(req: Request, room: string): Admission {
  const [, kind, seats] = room.split("/");
  if (kind === "seats" && getWebSockets(room).length >= Number(seats)) {
    return Response.text("no seat", { status: 409 });
  }
  for (const peer of getWebSockets(room)) send(peer, "asked");
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  send(ws, `${room} of ${getWebSockets(room).length}`);
}

export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "spin") for (const end = Date.now() + 700; Date.now() < end; );
  if (data === "all") for (const peer of getWebSockets(room)) send(peer, "to all");
  if (data === "keep") serializeAttachment(ws, "0");
  send(ws, data);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  const [heir] = getWebSockets(room);
  const kept = deserializeAttachment(ws);
  console.log("closed", room, code, "listed", getWebSockets(room).includes(ws));
  if (heir !== undefined && kept !== undefined) serializeAttachment(heir, kept);
}

export function onRequest(req: Request, room: string) {
  if (req.query === "spin") for (const end = Date.now() + 700; Date.now() < end; );
  const [first] = getWebSockets(room);
  if (first === undefined) return Response.text(`nobody in ${room}`, { status: 404 });
  const count = Number(deserializeAttachment(first)) + (req.method === "POST" ? 1 : 0);
  serializeAttachment(first, String(count));
  return Response.text(`${room} ${count}`);
}

export function handler(req: Request) { return Response.text("of no room", { status: 418 }); }
"#,
    )
});

/// The response's head and body to a POST without a body.
fn post(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the server responds and closes");
    response
}

/// Long enough for events that spin.
const LONG: [&str; 2] = ["--cpu-limit", "5s"];

#[tokio::test]
async fn of_eight_who_come_at_once_one_gets_the_last_seat() {
    let server = Server::start(&HANDLER, &[]);
    for round in 0..10 {
        let path = format!("/seats/1/{round}");
        let tries = (0..8).map(|_| Client::try_connect(server.address, &path));
        let seated = join_all(tries).await.into_iter().filter_map(Result::ok);
        assert_eq!(seated.count(), 1, "round {round}");
    }
}

#[tokio::test]
async fn whoever_has_read_a_101_misses_no_later_broadcast_of_its_room() {
    let server = Server::start(&HANDLER, &[]);
    let mut speaker = server.connect("/count/a").await;
    assert_eq!(speaker.text().await, "/count/a of 1");
    let mut listeners = Vec::new();
    for number in 2..=100 {
        let mut listener = server.connect("/count/a").await;
        speaker.send("all").await;
        assert_eq!(listener.text().await, format!("/count/a of {number}"));
        assert_eq!(listener.text().await, "to all");
        listeners.push(listener);
    }
}

#[tokio::test]
async fn requests_that_add_one_in_the_turn_of_their_room_lose_none() {
    let server = Server::start(&HANDLER, &["--max-turn-waits", "1000", "--turn-timeout", "60s"]);
    let mut member = server.connect("/count/a").await;
    member.text().await;
    assert_eq!(member.ask("keep").await, "keep");
    let address = server.address;
    let all: Vec<_> =
        (0..400).map(|_| tokio::task::spawn_blocking(move || post(address, "/count/a"))).collect();
    for one in all {
        assert!(one.await.expect("no request panics").starts_with("HTTP/1.1 200"));
    }
    assert_eq!(server.get("/count/a").1, "/count/a 400");
}

#[tokio::test]
async fn a_request_to_a_route_is_the_room_s_and_all_others_are_the_handler_s() {
    let server = Server::start(&HANDLER, &[]);
    assert_eq!(server.get("/count/b?x"), (404, "nobody in /count/b".to_owned()));
    assert_eq!(server.get("/favicon.ico").0, 418);
    assert_eq!(server.get("/").0, 418);
}

#[tokio::test]
async fn a_connection_that_closes_is_listed_until_the_turn_of_its_on_close() {
    let server = Server::start(&HANDLER, &LONG);
    let [mut ada, mut bob] = [server.connect("/count/a").await, server.connect("/count/a").await];
    assert_eq!(ada.text().await, "/count/a of 1");
    assert_eq!(ada.text().await, "asked");
    assert_eq!(bob.text().await, "/count/a of 2");
    assert_eq!(bob.ask("keep").await, "keep");
    bob.close(4000, "").await;
    server.wait_for_log("closed /count/a 4000 listed false");
    // What it held is the other's now.
    assert_eq!(server.get("/count/a").1, "/count/a 0");
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_gets_503_and_so_does_one_too_many() {
    let server = Server::start(
        &HANDLER,
        &["--cpu-limit", "5s", "--turn-timeout", "100ms", "--max-turn-waits", "1"],
    );
    let mut busy = server.connect("/spin/a").await;
    busy.text().await;
    busy.send("spin").await;
    let refused = server.get("/spin/a");
    assert_eq!(refused, (503, "the room is busy\n".to_owned()));
    assert!(Client::try_connect(server.address, "/spin/a").await.is_err());
    assert_eq!(busy.text().await, "spin");
    eventually("the room has a turn again", || server.get("/spin/a").0 == 200);
}
