//! How connections end: codes and reasons both ways, and exactly one `onClose`.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::h2::{DATA, H2Client};
use crate::support::programs;
use crate::support::raw::{CLOSE, RawClient, TEXT, close_payload, frame};
use crate::support::server::Server;

/// Logs every end, with the path that its connection opened on.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { close, getWebSockets, roomFromPath, send } from "zigttp:websocket";

export const routes = ["/:path"];

export function onOpen(ws: WebSocket, url: string) {
  console.log("opened", url);
  if (url === "/throws-in-onopen") throw new Error("in onOpen");
  if (url === "/closes-in-onopen") close(ws, 4001, "at once");
}

export function onMessage(ws: WebSocket, data: string, room: string) {
  console.log("message", data);
  const [command, code, reason] = data.split(" ");
  if (command === "throw") throw new Error("in onMessage");
  if (command === "spin") for (;;);
  if (command === "close") {
    send(ws, "before");
    close(ws, code && Number(code), reason);
    close(ws, 4999, "a second one");
    send(ws, "after");
  } else if (command === "flood") {
    send(ws, "x".repeat(24 << 20));
    close(ws, 4002, "bye");
  } else if (command === "close-all") {
    for (const peer of getWebSockets(room)) close(peer, 4000, "all");
  } else {
    send(ws, data);
  }
}

export function onClose(ws: WebSocket, code: number, reason: string) {
  console.log("closed", "/" + roomFromPath(ws, "path"), code, JSON.stringify(reason));
  if (reason === "throw") throw new Error("in onClose");
}
"#,
    )
});

/// Violations of the protocol by a client, and the code with which it is closed.
fn faults() -> Vec<(&'static str, Vec<u8>, u16)> {
    let mut faults = vec![
        ("unmasked", b"\x81\x01x".to_vec(), 1002),
        ("reserved-bit", frame(0xc1, b"x"), 1002),
        ("reserved-opcode", frame(0x83, b"x"), 1002),
        ("reserved-control-opcode", frame(0x8b, b"x"), 1002),
        ("fragmented-ping", frame(0x09, b"x"), 1002),
        ("long-ping", frame(0x89, &[0; 126]), 1002),
        ("continues-nothing", frame(0x80, b"x"), 1002),
        ("message-in-message", [frame(0x01, b"x"), frame(TEXT, b"y")].concat(), 1002),
        ("half-a-close-code", frame(CLOSE, &[3]), 1002),
        ("long-close", frame(CLOSE, &close_payload(1000, &[b'x'; 124])), 1002),
        ("text-not-utf-8", frame(TEXT, b"caf\xe9"), 1007),
        ("text-cut-short", frame(TEXT, b"caf\xc3"), 1007),
        ("text-with-surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
        ("fragments-not-utf-8", [frame(0x01, b"\xc3"), frame(0x80, b"x")].concat(), 1007),
        ("reason-not-utf-8", frame(CLOSE, &close_payload(1000, b"\xff")), 1007),
        // The header alone shows it.
        ("frame-too-large", frame(TEXT, &[b'x'; 5000]), 1009),
        (
            "fragments-too-large",
            [frame(0x01, &[b'x'; 3000]), frame(0x80, &[b'x'; 3000])].concat(),
            1009,
        ),
    ];
    for (name, code) in [
        ("close-0", 0),
        ("close-999", 999),
        ("close-1004", 1004),
        ("close-1005", 1005),
        ("close-1006", 1006),
        ("close-1015", 1015),
        ("close-1016", 1016),
        ("close-2999", 2999),
        ("close-5000", 5000),
    ] {
        faults.push((name, frame(CLOSE, &close_payload(code, b"")), 1002));
    }
    faults
}

/// A limit that the large messages are over.
const SMALL_MESSAGES: [&str; 2] = ["--max-message-size", "4KiB"];

#[test]
fn the_peers_code_and_reason_reach_on_close_and_its_code_is_answered() {
    let server = Server::start(&HANDLER, &[]);
    let long = "é".repeat(61);
    for (path, code, reason) in [
        ("/normal", 1000, ""),
        ("/with-reason", 1000, "done"),
        ("/going-away", 1001, "\u{1f44b}"),
        ("/registered", 1012, ""),
        ("/library", 3000, "x"),
        ("/application", 4999, long.as_str()),
    ] {
        let mut client = RawClient::connect(server.address, path);
        client.frame(CLOSE, &close_payload(code, reason.as_bytes()));
        assert_eq!(client.close_frame().0, Some(code), "{path}");
        client.ended();
        server.wait_for_log(&format!("closed {path} {code} \"{reason}\""));
    }
}

#[test]
fn a_close_frame_without_a_code_is_1005_and_no_reserved_code_is_echoed() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = RawClient::connect(server.address, "/bare");
    client.frame(CLOSE, b"");
    assert_eq!(client.close_frame().0, None);
    client.ended();
    server.wait_for_log("closed /bare 1005 \"\"");
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_1006() {
    let server = Server::start(&HANDLER, &[]);
    // A client that closes its sending side before `onOpen` never had a connection.
    let mut client = server.connect("/dropped").await;
    assert_eq!(client.ask("hello").await, "hello");
    client.drop_transport();
    server.wait_for_log("closed /dropped 1006 \"\"");

    let mut client = RawClient::connect(server.address, "/half-closed");
    server.wait_for_log("opened /half-closed");
    client.hang_up();
    server.wait_for_log("closed /half-closed 1006 \"\"");

    // In the middle of a frame.
    let mut client = RawClient::connect(server.address, "/cut-short");
    client.write(&frame(TEXT, b"never whole")[..7]);
    client.hang_up();
    server.wait_for_log("closed /cut-short 1006 \"\"");
}

#[test]
fn who_ends_its_direction_behind_a_message_gets_the_answer_over_every_http() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = RawClient::connect(server.address, "/over-http-1");
    client.frame(TEXT, b"hello");
    client.hang_up();
    assert_eq!(client.text(), "hello");
    client.ended();

    let mut client = H2Client::connect(server.address);
    let stream = client.upgrade("/over-http-2", &[]);
    assert_eq!(client.head(stream), (200, false));
    client.data(stream, &frame(TEXT, b"hello"), true);
    let answer = client.next_of(stream);
    assert_eq!((answer.kind, &answer.payload[2..]), (DATA, &b"hello"[..]), "{answer:?}");
    for path in ["/over-http-1", "/over-http-2"] {
        server.wait_for_log(&format!("closed {path} 1006 \"\""));
    }
}

#[tokio::test]
async fn code_and_reason_of_the_server_reach_the_peer_and_on_close() {
    let server = Server::start(&HANDLER, &[]);
    for (path, message, code, reason) in [
        ("/default", "close", 1000, ""),
        ("/code", "close 3001", 3001, ""),
        ("/both", "close 4002 bye", 4002, "bye"),
    ] {
        let mut client = server.connect(path).await;
        assert_eq!(client.ask(message).await, "before");
        // A message sent after it is dropped, and a second close changes nothing.
        assert_eq!(client.closed().await, (code, reason.to_owned()));
        drop(client);
        server.wait_for_log(&format!("closed {path} {code} \"{reason}\""));
    }
}

#[test]
fn if_the_server_closed_first_on_close_gets_the_code_it_sent_answered_or_not() {
    let server = Server::start(&HANDLER, &[]);
    let close = |path| {
        let mut client = RawClient::connect(server.address, path);
        client.frame(TEXT, b"close 4002 bye");
        assert_eq!(client.text(), "before");
        assert_eq!(client.close_frame(), (Some(4002), "bye".to_owned()));
        client
    };
    let mut client = close("/answered");
    client.frame(CLOSE, &close_payload(4002, b""));
    client.ended();
    server.wait_for_log("closed /answered 4002 \"bye\"");

    let mut client = close("/answered-otherwise");
    client.frame(CLOSE, &close_payload(1001, b"mine"));
    client.ended();
    server.wait_for_log("closed /answered-otherwise 4002 \"bye\"");

    let mut client = close("/hung-up");
    client.hang_up();
    server.wait_for_log("closed /hung-up 4002 \"bye\"");

    drop(close("/dropped"));
    server.wait_for_log("closed /dropped 4002 \"bye\"");

    let mut client = close("/answered-badly");
    client.frame(0x83, b"");
    client.ended();
    server.wait_for_log("closed /answered-badly 4002 \"bye\"");
}

#[test]
fn a_close_that_is_never_answered_ends_by_itself() {
    let server = Server::start(&HANDLER, &["--close-timeout", "100ms"]);
    let mut client = RawClient::connect(server.address, "/silent");
    client.frame(TEXT, b"close 4002 bye");
    assert_eq!(client.text(), "before");
    assert_eq!(client.close_frame(), (Some(4002), "bye".to_owned()));
    server.wait_for_log("closed /silent 4002 \"bye\"");
    client.ended();
}

#[test]
fn a_close_waits_for_its_answer_until_its_time_out() {
    let server = Server::start(&HANDLER, &["--close-timeout", "1h", "--header-timeout", "300ms"]);
    let mut client = RawClient::connect(server.address, "/late");
    client.frame(TEXT, b"close 4002 bye");
    assert_eq!(client.text(), "before");
    assert_eq!(client.close_frame(), (Some(4002), "bye".to_owned()));
    // A request whose head never ends begins after that close, and is dropped before it.
    assert_eq!(server.request("GET / HTTP/1.1\r\n").0, "");
    assert!(!server.log().contains("closed /late"), "{}", server.log());
    client.frame(CLOSE, &close_payload(4002, b""));
    client.ended();
    server.wait_for_log("closed /late 4002 \"bye\"");
}

#[test]
fn a_close_waits_five_seconds_for_its_answer_by_default() {
    for (time, is_default) in [("5s", true), ("6s", false)] {
        let server = Server::start(&HANDLER, &["--close-timeout", time]);
        let log = server.wait_for_log("changed options:");
        assert_eq!(!log.contains("--close-timeout"), is_default, "{log}");
    }
}

#[test]
fn on_close_does_not_wait_for_a_peer_that_leaves_its_transport_open() {
    let server = Server::start(&HANDLER, &["--ping-interval", "300ms", "--pong-timeout", "400ms"]);
    let mut lingering = RawClient::connect(server.address, "/lingers");
    lingering.frame(CLOSE, &close_payload(1000, b""));
    assert_eq!(lingering.close_frame().0, Some(1000));
    // Its transport is drained for a second. A connection that opens now, and is dropped within that second
    // for want of a pong, ends second.
    let _dead = RawClient::connect(server.address, "/dead");
    let log = server.wait_for_log("closed /dead 1006");
    let (before, _) = log.split_once("closed /dead 1006").expect("it was waited for");
    assert!(before.contains("closed /lingers 1000 \"\""), "{log}");
    lingering.ended();
}

#[test]
fn a_message_that_comes_with_the_close_of_its_peer_is_answered_first() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = RawClient::connect(server.address, "/hurries");
    client.write(&[frame(TEXT, b"hello"), frame(CLOSE, &close_payload(1000, b""))].concat());
    assert_eq!(client.text(), "hello");
    assert_eq!(client.close_frame().0, Some(1000));
    client.ended();
}

#[test]
fn when_close_frames_cross_on_close_gets_the_peers() {
    let server = Server::start(&HANDLER, &["--memory-limit", "128MiB", "--cpu-limit", "20s"]);
    let mut client = RawClient::connect(server.address, "/crossed");
    // The server's close waits behind more than the transport takes; the client's comes first.
    client.frame(TEXT, b"flood");
    server.wait_for_log("message flood");
    client.frame(CLOSE, &close_payload(3001, b"mine"));
    let (first, payload) = client.next();
    assert_eq!((first, payload.len()), (TEXT, 24 << 20));
    assert_eq!(client.close_frame().0, Some(3001));
    client.ended();
    server.wait_for_log("closed /crossed 3001 \"mine\"");
}

#[test]
fn messages_that_arrive_after_a_close_of_the_server_are_discarded() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = RawClient::connect(server.address, "/late");
    // One comes with the message that makes the server close, one after its close frame.
    client.write(&[frame(TEXT, b"close 4002 bye"), frame(TEXT, b"pipelined")].concat());
    assert_eq!(client.text(), "before");
    assert_eq!(client.close_frame(), (Some(4002), "bye".to_owned()));
    client.frame(TEXT, b"after");
    client.frame(CLOSE, &close_payload(4002, b""));
    client.ended();
    let log = server.wait_for_log("closed /late 4002 \"bye\"");
    assert_eq!(log.matches("message ").count(), 1, "{log}");
}

#[tokio::test]
async fn one_event_may_close_a_whole_room() {
    let server = Server::start(&HANDLER, &[]);
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(server.connect("/all").await);
    }
    for client in &mut clients {
        assert_eq!(client.ask("joined").await, "joined");
    }
    clients[0].send("close-all").await;
    for client in &mut clients {
        assert_eq!(client.closed().await, (4000, "all".to_owned()));
    }
}

#[test]
fn a_breach_of_the_protocol_is_closed_with_its_code() {
    let server = Server::start(&HANDLER, &SMALL_MESSAGES);
    for (name, bytes, code) in faults() {
        let path = format!("/{name}");
        let mut client = RawClient::connect(server.address, &path);
        client.write(&bytes);
        let (sent, reason) = client.close_frame();
        assert_eq!(sent, Some(code), "{name}: {reason}");
        client.ended();
        server.wait_for_log(&format!("closed {path} {code} "));
    }
}

#[tokio::test]
async fn a_shutdown_closes_with_1001() {
    let server = Server::start(&HANDLER, &[]);
    let mut ada = server.connect("/ada").await;
    let mut bob = server.connect("/bob").await;
    assert_eq!(ada.ask("hello").await, "hello");
    assert_eq!(bob.ask("hello").await, "hello");
    server.signal("TERM");
    assert_eq!(ada.closed().await.0, 1001);
    assert_eq!(bob.closed().await.0, 1001);
    server.wait_for_log("closed /ada 1001 \"\"");
    server.wait_for_log("closed /bob 1001 \"\"");
    assert!(server.wait().success());
}

#[tokio::test]
async fn exactly_one_on_close_follows_every_on_open_whatever_happens() {
    let arguments = ["--max-message-size", "4KiB", "--close-timeout", "500ms"];
    let server = Server::start(&HANDLER, &arguments);
    let (mut paths, mut fleeting) = (Vec::new(), Vec::new());
    let mut kept = Vec::new();
    for (name, bytes, _code) in faults() {
        let path = format!("/{name}");
        let mut client = RawClient::connect(server.address, &path);
        client.write(&bytes);
        kept.push(client);
        paths.push(path);
    }
    // Ways in which a raw client ends; some end in the middle of the handshake.
    let raw: [(&str, Vec<u8>); 9] = [
        ("/closes-in-onopen", Vec::new()),
        ("/closed-by-peer", frame(CLOSE, &close_payload(1000, b""))),
        ("/closes-twice", frame(CLOSE, &close_payload(1000, b"")).repeat(2)),
        ("/throws-in-onclose", frame(CLOSE, &close_payload(1000, b"throw"))),
        ("/throws-in-onmessage", [frame(TEXT, b"throw"), frame(CLOSE, b"")].concat()),
        ("/spins", frame(TEXT, b"spin")),
        ("/spins-and-closes", [frame(TEXT, b"spin"), frame(CLOSE, b"")].concat()),
        ("/both-close", [frame(TEXT, b"close 4002 bye"), frame(CLOSE, b"")].concat()),
        ("/throws-in-onopen", frame(CLOSE, &close_payload(1000, b""))),
    ];
    for (path, bytes) in raw {
        let mut client = RawClient::connect(server.address, path);
        client.write(&bytes);
        kept.push(client);
        paths.push(path.to_owned());
        // The same again, dropped at once.
        let gone = format!("{path}-and-goes");
        let mut client = RawClient::connect(server.address, &gone);
        client.write(&bytes);
        if bytes.is_empty() {
            // Whether it was still open for its `onOpen` depends on timing.
            fleeting.push(gone);
        } else {
            paths.push(gone);
        }
    }
    for path in ["/idle-at-shutdown", "/dropped"] {
        let mut client = server.connect(path).await;
        assert_eq!(client.ask("hello").await, "hello");
        if path == "/dropped" {
            client.drop_transport();
        } else {
            tokio::spawn(async move { client.closed().await });
        }
        paths.push(path.to_owned());
    }
    for path in &paths {
        if path != "/idle-at-shutdown" {
            server.wait_for_log(&format!("closed {path} "));
        }
    }
    server.signal("TERM");
    let log = server.wait_for_log("stopped");
    let count = |what: &str, path: &str| log.matches(&format!("{what} {path} ")).count();
    for path in &paths {
        assert_eq!((count("opened", path), count("closed", path)), (1, 1), "{path}\n{log}");
    }
    for path in &fleeting {
        let opened = count("opened", path);
        assert!(opened <= 1 && count("closed", path) == opened, "{path}\n{log}");
    }
    drop(kept);
}
