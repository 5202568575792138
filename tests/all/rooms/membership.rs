//! Who is a member of a room, and when: from the commit of `onUpgrade` until the turn of `onClose`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use futures_util::future::join_all;

use crate::support::client::Client;
use crate::support::raw::{CLOSE, RawClient, TEXT, close_payload};
use crate::support::server::Server;
use crate::support::{PATIENCE, admin, eventually, programs};

/// Its requests are of no room.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  close, deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/room/:name", "/gate/:name"];

function waitFor(gate: string) {
  while (deserializeAttachment(Number(gate) as any) === undefined);
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  const [, gate] = url.split("?");
  if (gate !== undefined) waitFor(gate);
  send(ws, String(ws));
}

export function onMessage(ws: WebSocket, data: string, room: string) {
  const [what, id, gate] = data.split(" ");
  const other = Number(id) as any;
  if (what === "open") serializeAttachment(ws, "open");
  if (what === "close") close(other, 4001, "from another room");
  if (what === "hold") {
    console.log("holding " + room);
    waitFor(gate);
  }
  if (what === "hold" || what === "look") {
    send(ws, `listed ${getWebSockets(room).includes(other)}, sent ${send(other, "look")}`);
  }
  if (what === "fill") for (const all: string[] = []; ; ) all.push("x".repeat(1 << 20) + all.length);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  console.log(`closed ${room} ${code}, listed ${getWebSockets(room).includes(ws)}`);
}

export function handler(req: Request) {
  const [what, about] = req.query.split("=");
  if (what === "list") return Response.text(getWebSockets(about).join());
  return Response.text(String(send(Number(about) as any, "probe")));
}
"#,
    )
});

/// A CPU limit longer than a turn is held.
const HELD: [&str; 4] = ["--cpu-limit", "20s", "--close-timeout", "500ms"];

/// A client whose `onOpen` has ended, and its id.
async fn open(server: &Server, path: &str) -> (Client, String) {
    let mut client = server.connect(path).await;
    let id = client.text().await;
    (client, id)
}

/// The same without a reader of its own.
fn open_raw(server: &Server, path: &str) -> (RawClient, String) {
    let mut client = RawClient::connect(server.address, path);
    let id = client.text();
    (client, id)
}

fn is_closing(server: &Server, id: &str) -> bool {
    server.get(&format!("/probe?of={id}")).1 == "false"
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_a_connection_it_is_listed_and_gets_nothing_until_the_turn_of_its_on_close() {
    let server = Server::start(&HANDLER, &HELD);
    for (way, code) in
        [("client", 4000), ("lost-link", 1006), ("fault", 1002), ("another-room", 4001)]
    {
        let path = format!("/room/{way}");
        let (mut holder, _) = open(&server, &path).await;
        let (mut gate, gate_id) = open(&server, &format!("/gate/{way}")).await;
        let (leaver, id) = open_raw(&server, &path);
        holder.send(format!("hold {id} {gate_id}")).await;
        server.wait_for_log(&format!("holding {path}"));
        let mut leaver = Some(leaver);
        match (way, &mut leaver) {
            ("client", Some(leaver)) => leaver.frame(CLOSE, &close_payload(4000, b"")),
            ("fault", Some(leaver)) => leaver.frame(0x83, b"reserved"),
            ("another-room", _) => gate.send(format!("close {id}")).await,
            _ => drop(leaver.take()),
        }
        eventually("the server has noticed", || is_closing(&server, &id));
        assert!(!server.log().contains(&format!("closed {path}")), "{way}");
        gate.send("open").await;
        assert_eq!(holder.text().await, "listed true, sent false", "{way}");
        server.wait_for_log(&format!("closed {path} {code}, listed false"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_event_fails_hard_is_listed_until_the_turn_of_its_on_close() {
    let (server, admin) = admin::start(&HANDLER, &HELD);
    let (mut holder, _) = open(&server, "/room/a").await;
    let (mut looker, _) = open(&server, "/room/a").await;
    let (mut gate, gate_id) = open(&server, "/gate/a").await;
    let (mut leaver, id) = open_raw(&server, "/room/a");
    // Each waits for its turn before the next comes.
    let live = |count: f64| {
        eventually("it waits", || {
            admin::scrape(admin)["zigttp_connections{state=\"live\"}"] == count
        });
    };
    holder.send(format!("hold {id} {gate_id}")).await;
    live(1.0);
    leaver.frame(TEXT, b"fill");
    live(2.0);
    looker.send(format!("look {id}")).await;
    live(3.0);
    gate.send("open").await;
    assert_eq!(holder.text().await, "listed true, sent true");
    assert_eq!(looker.text().await, "listed true, sent false");
    server.wait_for_log("closed /room/a 1011, listed false");
}

/// A handshake whose response has not been read.
fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the server reads");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_a_member_while_its_on_open_runs_and_its_101_leaves_after_that() {
    let server = Server::start(&HANDLER, &HELD);
    let (mut gate, gate_id) = open(&server, "/gate/a").await;
    let mut asking = ask(server.address, &format!("/room/a?{gate_id}"));
    eventually("others see it", || !server.get("/?list=/room/a").1.is_empty());
    let id = server.get("/?list=/room/a").1;
    // It can be addressed, too: this comes after its 101.
    assert_eq!(server.get(&format!("/probe?of={id}")).1, "true");
    asking.set_nonblocking(true).expect("a socket");
    let early = asking.read(&mut [0]).expect_err("no byte of its 101 has left");
    assert_eq!(early.kind(), ErrorKind::WouldBlock);
    asking.set_nonblocking(false).expect("a socket");
    gate.send("open").await;
    asking.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    let mut response = Vec::new();
    let end = [b"\x81\x05probe\x81", &[id.len() as u8][..], id.as_bytes()].concat();
    while !response.ends_with(&end) {
        let mut byte = [0];
        asking.read_exact(&mut byte).expect("the server goes on");
        response.extend(byte);
    }
    assert!(response.starts_with(b"HTTP/1.1 101 "));
}

/// The first member keeps a journal of all events of its room.
const JOURNAL: &str = r#"
import {
  deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/:room"];

function note(room: string, what: string) {
  const [keeper] = getWebSockets(room);
  if (keeper === undefined) return;
  serializeAttachment(keeper, `${deserializeAttachment(keeper) ?? ""} ${what}`);
}

export function onUpgrade(req: Request, room: string): Admission { note(room, "asked" + req.query); }

export function onOpen(ws: WebSocket, url: string, room: string) {
  note(room, "opened" + url.split("?")[1]);
  send(ws, "open");
}

export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "journal") return void send(ws, String(deserializeAttachment(ws)));
  note(room, data);
  send(ws, data);
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) { note(room, "closed"); }

export function onRequest(req: Request, room: string) {
  note(room, "requested");
  return Response.text("noted");
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_room_runs_between_on_upgrade_and_on_open_of_a_connection() {
    const CLIENTS: usize = 200;
    let server = Server::of(JOURNAL);
    let address = server.address;
    let mut keeper = server.connect("/a?keeper").await;
    assert_eq!(keeper.text().await, "open");
    let come = (0..CLIENTS).map(|number| {
        tokio::spawn(async move {
            let mut client = Client::connect(address, &format!("/a?{number}")).await;
            assert_eq!(client.text().await, "open");
            assert_eq!(client.ask("said").await, "said");
            client.leave().await;
        })
    });
    let come: Vec<_> = come.collect();
    let server = Arc::new(server);
    let ask = (0..4).map(|_| {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            for _ in 0..50 {
                assert_eq!(server.get("/a").1, "noted");
            }
        })
    });
    let asked = join_all(ask.collect::<Vec<_>>()).await;
    assert!(asked.into_iter().chain(join_all(come).await).all(|one| one.is_ok()));
    let journal = keeper.ask("journal").await;
    let events: Vec<_> = journal.split_whitespace().collect();
    let mut opened = 0;
    for (at, event) in events.iter().enumerate() {
        if let Some(number) = event.strip_prefix("asked") {
            assert_eq!(events[at + 1], format!("opened{number}"));
            opened += 1;
        }
    }
    assert_eq!(opened, CLIENTS, "{journal}");
}
