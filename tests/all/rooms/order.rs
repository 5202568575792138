//! Rooms as actors: one event at a time, one order for all members, independent of other rooms.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::LazyLock;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{eventually, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  close, deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

// Spins until another event has written an attachment for this connection.
function waitFor(gate: any) {
  while (deserializeAttachment(gate) === undefined);
}

export function onOpen(ws: any, url: string) {
  const [room, gate] = url.split("?");
  if (gate === undefined) return;
  console.log("opening", ws, "and listed:", getWebSockets(room).includes(ws));
  waitFor(Number(gate));
}

export function onMessage(ws: any, data: string, room: string) {
  const [command, argument] = data.split(" ");
  switch (command) {
    case "id": return void send(ws, String(ws));
    case "add": {
      const holder = getWebSockets(room)[0];
      const sum = Number(deserializeAttachment(holder) ?? 0) + Number(argument);
      serializeAttachment(holder, String(sum));
      return;
    }
    case "sum": return void send(ws, String(deserializeAttachment(getWebSockets(room)[0])));
    // To all members of a room, perhaps another one than the sender's.
    case "tell": {
      const [, to, text] = data.split(" ");
      for (const peer of getWebSockets(to)) send(peer, text);
      return;
    }
    case "list": return void send(ws, getWebSockets(argument).join());
    case "open": return void serializeAttachment(ws, "open");
    case "wait":
      console.log("waiting", ws);
      waitFor(Number(argument));
      return void send(ws, "waited");
    case "relay": {
      const [, id, gate] = data.split(" ");
      console.log("waiting", ws);
      waitFor(Number(gate));
      console.log("relaying", ws);
      return void send(Number(id) as any, "relayed");
    }
    case "early": {
      const [, id, gate] = data.split(" ");
      const sent = send(Number(id) as any, "early");
      console.log("waiting", ws);
      waitFor(Number(gate));
      return void send(ws, String(sent));
    }
    case "keep": {
      const [, id, text, gate] = data.split(" ");
      serializeAttachment(Number(id) as any, text);
      console.log("waiting", ws);
      if (gate !== undefined) waitFor(Number(gate));
      return void send(ws, "kept");
    }
    case "kept": return void send(ws, String(deserializeAttachment(ws)));
    case "close": close(ws, 1000); return void send(ws, "never");
    default: send(ws, data);
  }
}

export function onClose(ws: any) {
  console.log("closed", ws);
}

export function handler(req: Request) {
  const [command, argument] = decodeURIComponent(req.query).split(" ");
  if (command === "open") serializeAttachment(Number(argument) as any, "open");
  if (command === "list") return Response.text(getWebSockets(argument).join());
  if (command === "tell") {
    for (const peer of getWebSockets(argument)) send(peer, "from handler");
  }
  return Response.text("done");
}
"#,
    )
});

/// For tests in which an event waits for another.
const LONG: [&str; 2] = ["--cpu-limit", "20s"];

/// Connections whose `onOpen` has ended, so that the room lists them.
async fn members(server: &Server, room: &str, count: usize) -> Vec<Client> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        let mut client = server.connect(room).await;
        assert_eq!(client.ask("opened?").await, "opened?");
        clients.push(client);
    }
    clients
}

async fn id(client: &mut Client) -> u64 {
    client.ask("id").await.parse().expect("an id is a number")
}

#[tokio::test]
async fn the_sum_kept_in_one_attachment_is_exact_with_many_connections() {
    const MESSAGES: u64 = 30;
    let server = Server::start(&HANDLER, &[]);
    let mut clients = members(&server, "/sum", 12).await;
    let sending = clients.iter_mut().zip(1u64..).map(|(client, addend)| async move {
        for _ in 0..MESSAGES {
            client.send(format!("add {addend}")).await;
        }
        // A reply shows that the messages before have been handled.
        assert_eq!(client.ask("done").await, "done");
    });
    join_all(sending).await;
    let expected = MESSAGES * (1..=12).sum::<u64>();
    assert_eq!(clients[5].ask("sum").await, expected.to_string());
}

#[tokio::test]
async fn messages_of_a_connection_are_handled_in_the_order_they_arrive() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/a").await;
    for count in 0..200 {
        client.send(count.to_string()).await;
    }
    for count in 0..200 {
        assert_eq!(client.text().await, count.to_string());
    }
}

#[tokio::test]
async fn all_members_see_one_order_also_of_senders_in_other_rooms() {
    const MESSAGES: usize = 25;
    let server = Server::start(&HANDLER, &[]);
    let mut members = members(&server, "/crowd", 5).await;
    let mut others = [server.connect("/b").await, server.connect("/c").await];

    let tell = |client: &'static str, index: usize, message: usize| {
        format!("tell /crowd {client}{index}.{message}")
    };
    let inside = members.iter_mut().enumerate().map(|(index, client)| async move {
        for message in 0..MESSAGES {
            client.send(tell("in", index, message)).await;
        }
    });
    let outside = others.iter_mut().enumerate().map(|(index, client)| async move {
        for message in 0..MESSAGES {
            client.send(tell("out", index, message)).await;
        }
    });
    futures_util::future::join(join_all(inside), join_all(outside)).await;

    let total = MESSAGES * 7;
    let heard = join_all(members.iter_mut().map(|client| async move {
        let mut heard = Vec::with_capacity(total);
        while heard.len() < total {
            heard.push(client.text().await);
        }
        heard
    }))
    .await;
    for other in &heard[1..] {
        assert!(*other == heard[0], "one order:\n{other:?}\n{:?}", heard[0]);
    }
    // Each message once, and those of one sender in the sender's order.
    assert_eq!(heard[0].iter().collect::<BTreeSet<_>>().len(), total);
    for sender in ["in0.", "in4.", "out0.", "out1."] {
        let of_sender: Vec<&str> =
            heard[0].iter().filter_map(|text| text.strip_prefix(sender)).collect();
        let expected: Vec<String> = (0..MESSAGES).map(|message| message.to_string()).collect();
        assert_eq!(of_sender, expected, "{sender}");
    }
}

#[tokio::test]
async fn two_rooms_run_in_parallel() {
    let server = Server::start(&HANDLER, &LONG);
    let mut ada = server.connect("/a").await;
    let mut bob = server.connect("/b").await;
    let (ada_id, bob_id) = (id(&mut ada).await, id(&mut bob).await);
    // The event of one room goes on until it sees what an event of the other has committed.
    ada.send(format!("wait {bob_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    bob.send("open").await;
    assert_eq!(ada.text().await, "waited");
}

#[tokio::test]
async fn events_of_one_room_run_one_at_a_time() {
    let server = Server::start(&HANDLER, &LONG);
    let mut ada = server.connect("/a").await;
    let mut bob = server.connect("/a").await;
    let mut gate = server.connect("/gate").await;
    let (ada_id, gate_id) = (id(&mut ada).await, id(&mut gate).await);
    ada.send(format!("relay {ada_id} {gate_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    bob.send("tell /a after").await;
    gate.send("open").await;
    assert_eq!(ada.text().await, "relayed");
    assert_eq!(ada.text().await, "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_and_closing_wait_for_their_turn_as_messages_do() {
    let server = Server::start(&HANDLER, &LONG);
    let [mut ada, mut bob] = [server.connect("/a").await, server.connect("/a").await];
    let mut gate = server.connect("/gate").await;
    let (ada_id, bob_id) = (id(&mut ada).await, id(&mut bob).await);
    let gate_id = id(&mut gate).await;
    ada.send(format!("relay {ada_id} {gate_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    bob.close(1000, "").await;
    // It gets its 101 when its turn is over.
    let carol = opening(&server, format!("/a?{gate_id}"));
    gate.send("open").await;
    let _carol = carol.await.expect("it opens");
    assert_eq!(ada.text().await, "relayed");
    let closed = format!("closed {bob_id}");
    let log = server.wait_for_log_after(0, &[&closed, "and listed: true"]);
    let (before, _) = log.split_once("relaying").expect("it has relayed");
    assert!(!before.contains(&closed) && !before.contains("opening"), "{log}");
}

#[tokio::test]
async fn a_message_that_comes_while_on_open_runs_is_handled_after_it() {
    let handler = programs::compile(
        r#"
import { deserializeAttachment, send, serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket, url: string) {
  const gate: any = Number(url.split("?")[1]);
  if (isNaN(gate)) return;
  console.log("opening");
  while (deserializeAttachment(gate) === undefined);
  send(ws, "opened");
}
export function onMessage(ws: WebSocket, data: string) {
  if (data === "open") serializeAttachment(ws, data);
  send(ws, data === "id" ? String(ws) : data);
}
"#,
    );
    let server = Server::start(&handler, &LONG);
    let mut gate = server.connect("/gate").await;
    let gate_id = id(&mut gate).await;
    // With its handshake: its 101 comes only when `onOpen` is over.
    let mut client = TcpStream::connect(server.address).expect("it listens");
    let handshake = format!(
        "GET /a?{gate_id} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    let early = [&[0x81, 0x85, 0, 0, 0, 0], &b"early"[..]].concat();
    client.write_all(&[handshake.as_bytes(), &early].concat()).expect("it is read");
    server.wait_for_log("opening");
    assert_eq!(gate.ask("open").await, "open");
    let mut received = Vec::new();
    let expected = [&[0x81, 6], &b"opened"[..], &[0x81, 5], b"early"].concat();
    while !received.ends_with(&expected) {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("both come, in this order");
        received.extend(byte);
    }
    assert!(received.starts_with(b"HTTP/1.1 101 "), "{received:?}");
}

/// A connection that is about to open: its 101 comes when its turn is over.
fn opening(server: &Server, path: String) -> JoinHandle<Client> {
    let address = server.address;
    tokio::spawn(async move { Client::connect(address, &path).await })
}

#[tokio::test]
async fn the_http_handler_runs_beside_a_room() {
    let server = Server::start(&HANDLER, &LONG);
    let mut ada = server.connect("/a").await;
    let ada_id = id(&mut ada).await;
    ada.send(format!("wait {ada_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    assert_eq!(server.get("/?list%20/a").1, ada_id.to_string());
    server.get(&format!("/?open%20{ada_id}"));
    assert_eq!(ada.text().await, "waited");
    server.get("/?tell%20/a");
    assert_eq!(ada.text().await, "from handler");
}

// What waits for the log blocks its thread.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_listed_from_the_beginning_of_its_on_open() {
    let server = Server::start(&HANDLER, &LONG);
    let mut gate = server.connect("/gate").await;
    let mut first = server.connect("/a").await;
    let (gate_id, first_id) = (id(&mut gate).await, id(&mut first).await);
    let second = opening(&server, format!("/a?{gate_id}"));
    server.wait_for_log("and listed: true");
    let listed = server.get("/?list%20/a").1;
    assert!(listed.starts_with(&format!("{first_id},")), "{listed}");
    gate.send("open").await;
    let mut second = second.await.expect("it opens");
    let second_id = id(&mut second).await;
    assert_eq!(listed, format!("{first_id},{second_id}"));
    assert_eq!(first.ask("list /a").await, format!("{first_id},{second_id}"));
}

#[tokio::test]
async fn the_list_of_a_room_is_never_truncated() {
    let server = Server::start(&HANDLER, &[]);
    let mut clients = members(&server, "/many", 600).await;
    let first = id(&mut clients[0]).await;
    let expected: Vec<String> = (first..first + 600).map(|id| id.to_string()).collect();
    assert_eq!(clients[599].ask("list /many").await, expected.join(","));
}

#[tokio::test]
async fn closed_and_closing_connections_are_not_listed() {
    let server = Server::start(&HANDLER, &[]);
    let mut clients = members(&server, "/a", 3).await;
    let mut ids = Vec::new();
    for client in &mut clients {
        ids.push(id(client).await);
    }
    // This one begins to close and does not answer the close frame yet.
    clients[1].send("close").await;
    eventually("closing", || server.get("/?list%20/a").1 == format!("{},{}", ids[0], ids[2]));
    clients.remove(2).close(1000, "").await;
    server.wait_for_log(&format!("closed {}", ids[2]));
    assert_eq!(clients[0].ask("list /a").await, ids[0].to_string());
    assert_eq!(clients[0].ask("list /nobody").await, "");
}

#[tokio::test]
async fn an_event_runs_to_its_end_even_if_its_socket_has_gone() {
    let server = Server::start(&HANDLER, &LONG);
    let mut gate = server.connect("/gate").await;
    let mut bob = server.connect("/b").await;
    let mut ada = server.connect("/a").await;
    let (gate_id, bob_id, ada_id) = (id(&mut gate).await, id(&mut bob).await, id(&mut ada).await);
    ada.send(format!("relay {bob_id} {gate_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    ada.drop_transport();
    gate.send("open").await;
    assert_eq!(bob.text().await, "relayed");
    server.wait_for_log(&format!("closed {ada_id}"));
}

#[tokio::test]
async fn a_send_to_one_that_has_gone_by_the_commit_is_dropped() {
    let server = Server::start(&HANDLER, &LONG);
    let mut gate = server.connect("/gate").await;
    let mut bob = server.connect("/b").await;
    let mut ada = server.connect("/a").await;
    let (gate_id, bob_id, ada_id) = (id(&mut gate).await, id(&mut bob).await, id(&mut ada).await);
    ada.send(format!("early {bob_id} {gate_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    assert_eq!(bob.close(1000, "").await, 1000);
    server.wait_for_log(&format!("closed {bob_id}"));
    gate.send("open").await;
    // It was open when the event sent to it, and the rest of the event takes effect.
    assert_eq!(ada.text().await, "true");
}

#[tokio::test]
async fn of_two_events_that_write_one_attachment_the_last_commit_wins() {
    let server = Server::start(&HANDLER, &LONG);
    let mut gate = server.connect("/gate").await;
    let mut carol = server.connect("/c").await;
    let (mut ada, mut bob) = (server.connect("/a").await, server.connect("/b").await);
    let (gate_id, carol_id) = (id(&mut gate).await, id(&mut carol).await);
    let ada_id = id(&mut ada).await;
    ada.send(format!("keep {carol_id} ada {gate_id}")).await;
    server.wait_for_log(&format!("waiting {ada_id}"));
    // This one begins later and commits first.
    assert_eq!(bob.ask(&format!("keep {carol_id} bob")).await, "kept");
    assert_eq!(carol.ask("kept").await, "bob");
    gate.send("open").await;
    assert_eq!(ada.text().await, "kept");
    assert_eq!(carol.ask("kept").await, "ada");
}

/// Loops over members in all the ways to write them, with names that a rewritten loop might use.
const LOOPS: &str = r#"
import { getWebSockets as all, send } from "zigttp:websocket";

function REPLACED(ws: WebSocket, room: string) {
  const members = "m", index = "i", count = "c";
  const seen: string[] = [];
  const name = (peer: unknown) => (peer === ws ? "own" : typeof peer);
  for (const peer of LIST) seen.push(`each ${name(peer)}`);
  for (let peer of LIST) {
    if (name(peer) === "own") continue;
    peer = 1 as any;
    seen.push(`continued ${peer} ${members}${index}${count}`);
  }
  outer: for (const peer of LIST) {
    for (const other of LIST) {
      if (peer === other) continue outer;
      seen.push(`nested ${name(peer)} ${name(other)}`);
    }
    break outer;
  }
  const later: (() => string)[] = [];
  for (const peer of LIST) later.push(() => name(peer));
  seen.push(later.map((each) => each()).join("+"));
  for (const peer of LIST) {
    const peer = "own body";
    seen.push(peer);
  }
  // zigts-ignore ZTS339: it is `undefined`, and taken apart all the same
  for (const { length } of LIST as any) seen.push(`taken apart ${length}`);
  let last: unknown, before: unknown;
  for (last of LIST) before = last;
  for (var hoisted of LIST);
  seen.push(`after ${name(last)} ${before === last} ${hoisted === last}`);
  for (const peer of LIST.slice(1)) seen.push(`sliced ${name(peer)}`);
  try {
    for (const peer of LIST) throw new Error(`thrown ${name(peer)}`);
  } catch (error) {
    seen.push((error as Error).message);
  }
  return seen;
}

export async function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "opened?") return void send(ws, data);
  const inOrder: string[] = [];
  for await (const peer of all(room)) inOrder.push(String(peer));
  for (const peer of all(room)) {
    await null;
    inOrder.push(String(peer));
  }
  send(ws, JSON.stringify([direct(ws, room), plain(ws, room), inOrder]));
}
"#;

#[tokio::test]
async fn a_loop_over_members_may_be_written_in_any_way() {
    let (head, rest) = LOOPS.split_once("function REPLACED").expect("it is there");
    let (body, tail) = rest.split_once("\nexport").expect("it is there");
    let version = |name: &str, list: &str| format!("function {name}{}", body.replace("LIST", list));
    // The called expression is not a name, so this loop is not rewritten.
    let (direct, plain) = (version("direct", "all(room)"), version("plain", "[all][0](room)"));
    let handler = programs::compile(&format!("{head}{direct}\n{plain}\nexport{tail}"));
    let server = Server::start(&handler, &[]);
    let mut clients = members(&server, "/loops", 3).await;
    let answer = clients[1].ask("loop").await;
    let answer: [Vec<String>; 3] = serde_json::from_str(&answer).expect("three lists");
    let [direct, plain, in_order] = answer;
    assert_eq!(direct, plain);
    assert_eq!(direct.len(), 3 + 2 + 3 + 1 + 3 + 3 + 1 + 2 + 1, "{direct:?}");
    assert_eq!(in_order[..3], in_order[3..]);
}

#[tokio::test]
async fn a_loop_over_members_takes_no_iterator() {
    let handler = programs::compile(
        r#"
import { getWebSockets, send } from "zigttp:websocket";

Array.prototype[Symbol.iterator] = () => {
  throw new Error("an iterator is taken");
};

export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room)) send(peer, data);
}
"#,
    );
    let server = Server::start(&handler, &[]);
    let mut client = server.connect("/loops").await;
    assert_eq!(client.ask("hello").await, "hello");
}
