//! What happens in a room's turn: upgrades, requests, and who is a member when.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, select_all};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, eventually, patiently, programs, tls};

/// The length of a subprotocol with which a 101 is larger than a large response.
const LONG_PROTOCOL: usize = 14_000;

/// A room with seats: `/seats/:room?seats=N` has N of them; who leaves hands its number over.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = r#"
import {
  deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

const LARGE = 10_000;
export const protocols = ["LONG_PROTOCOL"];
export const routes = ["/seats/:seats/:room", "/count/:room"];

export function onUpgrade(req: Request, room: string): Admission {
  if (req.query === "logged") console.log("somebody asks");
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
  const [what, gate] = data.split(" ");
  if (what === "hold") {
    console.log("holding");
    while (deserializeAttachment(Number(gate) as any) === undefined);
  }
  if (data === "id") return void send(ws, String(ws));
  if (what === "all") for (const peer of getWebSockets(room)) send(peer, "to " + data);
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
  if (req.query === "large") return Response.text("x".repeat(LARGE));
  const [first] = getWebSockets(room);
  if (first === undefined) return Response.text(`nobody in ${room}`, { status: 404 });
  const count = Number(deserializeAttachment(first)) + (req.method === "POST" ? 1 : 0);
  serializeAttachment(first, String(count));
  return Response.text(`${room} ${count}`);
}

export function handler(req: Request) { return Response.text("of no room", { status: 418 }); }
"#;
    programs::compile(&source.replace("LONG_PROTOCOL", &"x".repeat(LONG_PROTOCOL)))
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
    for number in 2..=300 {
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

/// A handshake that the server has not responded to yet.
fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Holds the turn of `/count/a`, whose member the first client is, until the second sends `keep`.
async fn hold<S>(server: &Server, [holder, gate]: [&mut Client<S>; 2])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    holder.text().await;
    gate.text().await;
    let id = gate.ask("id").await;
    holder.send(format!("hold {id}")).await;
    server.wait_for_log("holding");
}

/// Long enough for all who wait while a turn is held.
const HELD: [&str; 4] = ["--cpu-limit", "20s", "--turn-timeout", "60s"];

/// Waits until so many upgrades are given up, then lets the turn go on. Nobody of them has had one.
async fn nobody_has_asked<S>(
    server: &Server,
    admin: SocketAddr,
    given_up: f64,
    [holder, gate]: [&mut Client<S>; 2],
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    eventually("they are given up", || {
        admin::scrape(admin)["zigttp_handshakes_total{result=\"abandoned\"}"] == given_up
    });
    gate.send("keep").await;
    assert!(holder.text().await.starts_with("hold"));
    assert_eq!(holder.ask("on").await, "on");
    assert!(!server.log().contains("somebody asks"));
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_gets_503() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20s", "--turn-timeout", "100ms"]);
    let mut holder = server.connect("/count/a").await;
    let mut gate = server.connect("/count/gate").await;
    hold(&server, [&mut holder, &mut gate]).await;
    assert_eq!(server.get("/count/a"), (503, "the room is busy\n".to_owned()));
    assert!(Client::try_connect(server.address, "/count/a").await.is_err());
    // Other rooms go on.
    assert_eq!(server.get("/count/b").0, 404);
    gate.send("keep").await;
    assert!(holder.text().await.starts_with("hold"));
    eventually("the room has a turn again", || server.get("/count/a").0 == 200);
}

#[tokio::test]
async fn of_too_many_who_wait_for_a_turn_one_gets_503_at_once() {
    let server = Server::start(&HANDLER, &[&HELD[..], &["--max-turn-waits", "2"]].concat());
    let mut holder = server.connect("/count/a").await;
    let mut gate = server.connect("/count/gate").await;
    hold(&server, [&mut holder, &mut gate]).await;
    let address = server.address;
    let three = (0..3).map(|_| tokio::task::spawn_blocking(move || post(address, "/count/a")));
    let (refused, _, others) = select_all(three).await;
    let refused = refused.expect("no request panics");
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.to_lowercase().contains("retry-after: 1"), "{refused}");
    gate.send("keep").await;
    for other in join_all(others).await {
        assert!(other.expect("no request panics").starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_256_wait_for_the_turn_of_a_room_for_five_seconds() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20s"]);
    let mut holder = server.connect("/count/a").await;
    let mut gate = server.connect("/count/gate").await;
    hold(&server, [&mut holder, &mut gate]).await;
    let (address, began) = (server.address, Instant::now());
    let all = (0..257)
        .map(|_| tokio::task::spawn_blocking(move || (post(address, "/count/a"), began.elapsed())));
    let mut at_once = 0;
    for one in join_all(all).await {
        let (refused, took) = one.expect("no request panics");
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        at_once += usize::from(took < Duration::from_secs(5));
    }
    assert_eq!(at_once, 1);
    gate.send("keep").await;
    assert!(holder.text().await.starts_with("hold"));
}

#[tokio::test]
async fn a_client_that_goes_while_it_waits_takes_no_turn() {
    let (server, admin) = admin::start(&HANDLER, &HELD);
    let mut holder = server.connect("/count/a").await;
    let mut gate = server.connect("/count/gate").await;
    hold(&server, [&mut holder, &mut gate]).await;
    for is_reset in [false, true] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("it listens");
        stream.write_all(handshake("/count/a?logged").as_bytes()).await.expect("it reads");
        if is_reset {
            stream.set_zero_linger().expect("a TCP socket");
        }
    }
    nobody_has_asked(&server, admin, 2.0, [&mut holder, &mut gate]).await;
}

/// A server that speaks TLS, and its admin listener.
fn tls_server(arguments: &[&str]) -> (Server, SocketAddr) {
    let [certificate, key] = [tls::certificate("first"), tls::key("first")];
    let pair = [certificate.to_str(), key.to_str()].map(|path| path.expect("a UTF-8 path"));
    let pair = ["--tls-cert", pair[0], "--tls-key", pair[1]];
    admin::start(&HANDLER, &[&pair, arguments].concat())
}

#[tokio::test]
async fn over_tls_a_client_that_goes_while_it_waits_takes_no_turn_either() {
    let (server, admin) = tls_server(&HELD);
    let mut holder = tls::open(&server, "/count/a").await;
    let mut gate = tls::open(&server, "/count/gate").await;
    hold(&server, [&mut holder, &mut gate]).await;
    for is_in_order in [false, true] {
        let mut stream = tls::connect(&server, "first").await.expect("it is trusted");
        stream.write_all(handshake("/count/a?logged").as_bytes()).await.expect("it reads");
        stream.flush().await.expect("it reads");
        if is_in_order {
            stream.shutdown().await.expect("it reads");
        }
    }
    nobody_has_asked(&server, admin, 2.0, [&mut holder, &mut gate]).await;
}

/// A client that sends these many requests for large responses, then `last`, and reads nothing.
async fn ask_much(server: &Server, requests: usize, last: &str) -> OwnedReadHalf {
    let stream = tokio::net::TcpStream::connect(server.address).await.expect("it listens");
    let all = "GET /count/b?large HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(requests) + last;
    let (reader, mut writer) = stream.into_split();
    tokio::spawn(async move {
        // The server may stop to read first.
        let _ = writer.write_all(all.as_bytes()).await;
        // Dropping it would end this direction.
        writer.forget();
    });
    reader
}

/// How many requests have been handled, once no more are.
async fn handled(admin: SocketAddr) -> usize {
    let count = || {
        let name = "zigttp_event_duration_seconds_count{event=\"request\"}";
        admin::scrape(admin)[name] as usize
    };
    let (mut last, mut since) = (count(), Instant::now());
    while since.elapsed() < Duration::from_millis(500) {
        let now = count();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    last
}

/// What comes from a 101 to this text.
async fn from_101_to(reader: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut read = Vec::new();
    loop {
        let count =
            patiently("more", reader.read_buf(&mut read)).await.expect("the server goes on");
        assert_ne!(count, 0, "the transport goes on");
        let begin = read.windows(13).rposition(|part| part == b"HTTP/1.1 101 ");
        // Of large responses nothing is of interest.
        read.drain(..begin.unwrap_or_else(|| read.len().saturating_sub(13)));
        let text = String::from_utf8_lossy(&read);
        if begin.is_some() && text.contains(end) {
            return text.into_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_turn_waits_for_a_client_whose_window_is_full_and_it_misses_no_frame() {
    let (server, admin) = admin::start(&HANDLER, &HELD);
    let _full = ask_much(&server, 4000, "").await;
    let mut most = handled(admin).await;
    // How much the system takes differs little: mostly the first try meets it.
    for _ in 0..10 {
        match meet_a_window_that_is_full_at_its_101(most).await {
            Ok(()) => return,
            Err(better) => most = better,
        }
    }
    panic!("each 101 has left at once");
}

/// Opens clients with about as many responses before their 101 as the system takes. Checks that the room goes on
/// and that they miss nothing. Fails with a better number if no 101 has been the one that the system did not
/// take.
async fn meet_a_window_that_is_full_at_its_101(most: usize) -> Result<(), usize> {
    const AROUND: usize = 15;
    let (server, admin) = admin::start(&HANDLER, &HELD);
    let mut member = server.connect("/count/a").await;
    assert_eq!(member.text().await, "/count/a of 1");
    // The 101 is larger than one step, so that the system is full in one of them.
    let long = format!("\r\nSec-WebSocket-Protocol: {}\r\n\r\n", "x".repeat(LONG_PROTOCOL));
    let upgrade = handshake("/count/a").replace("\r\n\r\n", &long);
    let mut slow = Vec::new();
    let least = most.saturating_sub(AROUND);
    for requests in least..most + AROUND {
        slow.push(ask_much(&server, requests, &upgrade).await);
    }
    handled(admin).await;
    let mut next = async |message: &str| {
        member.send(message).await;
        let mut asked = 0;
        loop {
            match &*member.text().await {
                "asked" => asked += 1,
                text if text == format!("to {message}") => break,
                other => panic!("{other}"),
            }
        }
        assert_eq!(member.text().await, message);
        asked
    };
    let (all, members) = (slow.len(), next("all").await);
    // The member that reads is one of them.
    let written = admin::scrape(admin)["zigttp_handshakes_total{result=\"accepted\"}"] as usize - 1;
    let reading = slow.into_iter().map(|mut reader| {
        tokio::spawn(async move {
            let first = from_101_to(&mut reader, "/count/a of ").await;
            (reader, first)
        })
    });
    let reading = join_all(reading).await;
    assert_eq!(members + next("all again").await, all);
    let mut told = 0;
    for one in reading {
        let (mut reader, mut text) = one.expect("it opens");
        while !text.contains("to all again") {
            let mut buffer = [0; 1024];
            let read = patiently("a frame", reader.read(&mut buffer)).await;
            let count = read.expect("the server sends it");
            assert_ne!(count, 0, "{text}");
            text += &String::from_utf8_lossy(&buffer[..count]);
        }
        told += usize::from(text.matches("to all").count() == 2);
    }
    assert_eq!(told, members, "who was a member has heard both");
    if written < members { Ok(()) } else { Err(least + members) }
}

/// Each who comes takes the room's token from whoever has it; who leaves hands it over. Every event looks
/// whether one has it.
const TOKEN: &str = r#"
import {
  close, deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/:room"];

const holders = (room: string) =>
  getWebSockets(room).filter((peer) => deserializeAttachment(peer) === "token");

function handOver(ws: WebSocket, room: string) {
  const others = getWebSockets(room).filter((peer) => peer !== ws);
  const had = holders(room).filter((peer) => peer !== ws);
  const has = deserializeAttachment(ws) === "token";
  if (had.length !== (has ? 0 : 1)) console.error(`lost ${room}: ${had.length} beside ${has}`);
  if (has && others.length > 0) serializeAttachment(others[0], "token");
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  const others = getWebSockets(room).length - 1;
  const had = holders(room);
  if (had.length !== (others === 0 ? 0 : 1)) console.error(`lost ${room}: ${had.length} of ${others}`);
  for (const peer of had) serializeAttachment(peer, "none");
  serializeAttachment(ws, "token");
  send(ws, "open");
}

export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data !== "close me") return void send(ws, String(holders(room).length));
  handOver(ws, room);
  serializeAttachment(ws, "handed over");
  close(ws);
}

export function onRequest(req: Request, room: string) { return Response.text(String(holders(room).length)); }

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  if (deserializeAttachment(ws) !== "handed over") handOver(ws, room);
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_over_in_on_close_is_in_some_list_at_every_event() {
    const ROUNDS: usize = 12;
    let server = Server::of(TOKEN);
    let address = server.address;
    let live = async |room: u32| {
        let path = format!("/{room}");
        let mut watch = Client::connect(address, &path).await;
        assert_eq!(watch.text().await, "open");
        for round in 0..ROUNDS {
            let mut guests = Vec::new();
            for _ in 0..3 {
                let mut guest = Client::connect(address, &path).await;
                assert_eq!(guest.text().await, "open");
                guests.push(guest);
            }
            // All leave at once, the holder first, each in its own way.
            let leave =
                join_all(guests.into_iter().rev().enumerate().map(async |(number, mut guest)| {
                    match (number + round) % 4 {
                        0 => guest.leave().await,
                        1 => guest.reset(),
                        2 => guest.drop_transport(),
                        _ => {
                            guest.send("close me").await;
                            guest.closed().await;
                        }
                    }
                }));
            let look = async {
                for _ in 0..10 {
                    assert_eq!(watch.ask("look").await, "1", "{path}");
                }
                let path = path.clone();
                let response = tokio::task::spawn_blocking(move || post(address, &path)).await;
                assert!(response.expect("it responds").ends_with("\r\n\r\n1"));
            };
            tokio::join!(leave, look);
        }
    };
    join_all((0..60).map(live)).await;
    let log = server.log();
    assert!(!log.contains("lost"), "{log}");
}
