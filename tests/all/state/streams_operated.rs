//! Streams of a server with a durable directory: rooms that do not take, operators, the end of the server.

use serde_json::{Value, json};

use super::streams::{SOURCE, end, error, json, lines, open, piece, run};
use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::origin::{Exchange, Origin};
use crate::support::server::Server;
use crate::support::{admin, eventually, programs};

/// A durable server that may ask an origin.
struct Site {
    origin: Origin,
    durable: Durable,
}

impl Site {
    async fn new() -> Site {
        Site { origin: Origin::start().await, durable: Durable::of(SOURCE) }
    }

    fn serve(&self, arguments: &[&str]) -> Server {
        let server = self.durable.serve(&[&[&*self.origin.allowed()], arguments].concat());
        eventually("the control socket", || self.durable.path("control.sock").exists());
        server
    }

    /// Opens a stream of text, and reads its start.
    async fn open(&self, client: &mut Client) -> Exchange {
        open(client, "answer", &self.origin.url("/v1?key=1"), json!({})).await;
        let mut exchange = self.origin.next().await;
        exchange.respond("200 OK", "text/plain").await;
        assert_eq!(piece(client).await["kind"], "start");
        exchange
    }

    /// Runs a subcommand with success.
    fn operate(&self, subcommand: &str, arguments: &[&str]) -> String {
        let (code, text) = self.durable.run(subcommand, arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    fn streams(&self) -> Vec<Value> {
        let listed = self.operate("streams", &["list", "--json"]);
        serde_json::from_str(&listed).expect("it is JSON")
    }
}

/// Reads pieces until the last one, which is returned.
async fn last(client: &mut Client) -> Value {
    loop {
        let piece = piece(client).await;
        if piece["kind"] == "end" {
            return piece;
        }
    }
}

#[tokio::test]
async fn what_comes_while_the_room_is_busy_is_one_piece() {
    let site = Site::new().await;
    let server = site.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let mut exchange = site.open(&mut client).await;
    site.operate("room", &["pause", "/room/a"]);
    let all: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
    for line in &all {
        exchange.send(format!("{line}\n")).await;
    }
    let bytes = all.iter().map(|line| line.len() as u64 + 1).sum::<u64>();
    eventually("they are read", || site.streams()[0]["request"]["bytes"] == bytes);
    site.operate("room", &["resume", "/room/a"]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(piece(&mut client).await, lines(&all));
    exchange.finish().await;
    assert_eq!(piece(&mut client).await, end());
}

#[tokio::test]
async fn the_other_server_waits_for_a_room_that_does_not_take() {
    const PART: usize = 64 << 10;
    let site = Site::new().await;
    let server = site.serve(&["--stream-buffer=64KiB", "--max-stream-bytes=1GiB"]);
    let mut client = server.connect("/room/a").await;
    let mut exchange = site.open(&mut client).await;
    site.operate("room", &["pause", "/room/a"]);
    let (line, mut sent) = (format!("{}\n", "x".repeat(PART / 64 - 1)).repeat(64), 0);
    while exchange.try_send(line.as_bytes()).await {
        sent += PART;
        // What the systems of both ends hold of a connection is less.
        assert!(sent < 64 << 20, "the source could send {sent} bytes");
    }
    let read = site.streams()[0]["request"]["bytes"].as_u64().expect("it is open");
    assert!(read < 32 * PART as u64, "{read} bytes were read");
    // It goes on when the room does.
    site.operate("room", &["resume", "/room/a"]);
    exchange.send("end\n").await;
    loop {
        let piece = piece(&mut client).await;
        let lines = piece["lines"].as_array().expect("lines");
        if lines.last().is_some_and(|line| *line == "end") {
            break;
        }
    }
    exchange.finish().await;
    assert_eq!(piece(&mut client).await, end());
}

#[tokio::test]
async fn an_operator_sees_streams_and_cancels_them() {
    let site = Site::new().await;
    let (server, admin) =
        admin::start_durable(&site.durable, &[&site.origin.allowed(), "--max-streams", "1"]);
    eventually("the control socket", || site.durable.path("control.sock").exists());
    let mut client = server.connect("/room/a").await;
    let mut exchange = site.open(&mut client).await;
    exchange.send("one\n").await;
    assert_eq!(piece(&mut client).await, lines(&["one"]));
    open(&mut client, "later", &site.origin.url("/"), json!({})).await;
    let listed = site.streams();
    let (first, second) = (&listed[0], &listed[1]);
    assert_eq!(
        (&first["room"], &first["name"], &first["state"]),
        (&"/room/a".into(), &"answer".into(), &"open".into())
    );
    let request = &first["request"];
    assert_eq!((&request["method"], &request["status"]), (&"GET".into(), &200.into()));
    assert_eq!(request["url"], site.origin.url("/v1"), "without what may be secret");
    assert_eq!((&request["bytes"], &request["pieces"]), (&4.into(), &2.into()));
    assert_eq!((&second["state"], second.get("request")), (&"waiting".into(), None));
    let table = site.operate("streams", &["list", "--room", "/room/a"]);
    assert!(table.contains("STATE") && table.contains("/room/a  later  -"), "{table}");
    assert_eq!(site.operate("streams", &["list", "--room", "/room/b"]).lines().count(), 1);
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_streams{state=\"open\"}"], 1.0);
    assert_eq!(metrics["zigttp_streams{state=\"waiting\"}"], 1.0);
    assert_eq!(metrics["zigttp_streams_started_total"], 1.0);
    assert_eq!(metrics["zigttp_stream_bytes_total"], 4.0);
    assert!(metrics["zigttp_streams_oldest_seconds"] > 0.0);

    let said = site.operate("streams", &["cancel", "/room/a", "answer"]);
    assert_eq!(said, "\"answer\" of \"/room/a\" is cancelled\n");
    server.wait_for_log("an operator has cancelled this stream");
    assert_eq!(error(&mut client).await, "cancelled");
    exchange.closed().await;
    let (code, text) = site.durable.run("streams", &["cancel", "/room/a", "answer"]);
    assert_eq!((code, &*text), (1, "error: room \"/room/a\" has no stream \"answer\"\n"));
    // The one that has waited has its place.
    let mut exchange = site.origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    exchange.finish().await;
    assert_eq!(last(&mut client).await, end());
    let metrics = admin::scrape(admin);
    assert_eq!(metrics["zigttp_streams_ended_total{error=\"cancelled\"}"], 1.0);
    assert_eq!(metrics["zigttp_streams_ended_total{error=\"none\"}"], 1.0);
    assert_eq!(metrics["zigttp_streams{state=\"open\"}"], 0.0);
    server.kill();
    let (code, text) = site.durable.run("streams", &["list"]);
    assert!(code == 2 && text.contains("only a running server has streams"), "{text}");
}

#[tokio::test]
async fn after_a_crash_an_unfinished_stream_is_interrupted_and_not_requested_again() {
    let site = Site::new().await;
    let server = site.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let mut exchange = site.open(&mut client).await;
    exchange.send("one\n").await;
    assert_eq!(piece(&mut client).await, lines(&["one"]));
    server.kill();
    exchange.closed().await;
    let server = site.serve(&["--hold-signals"]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("pieces").await, "pieces 2");
    // Like signals, it can be held back.
    assert_eq!(site.streams()[0]["state"], "waiting");
    site.operate("storage", &["release-signals"]);
    assert_eq!(error(&mut client).await, "interrupted");
    assert!(!site.origin.is_asked().await);
    assert_eq!(client.ask("pieces").await, "pieces 3");
    server.kill();
    let server = site.serve(&[]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("pieces").await, "pieces 3", "it is told once");
    assert_eq!(run(&mut client, json!([["cancelStream", "answer"]])).await, json!([false]));
}

#[tokio::test]
async fn a_server_that_stops_waits_for_its_streams_and_begins_none() {
    let site = Site::new().await;
    let server = site.serve(&["--drain-timeout=20s", "--max-streams=1"]);
    let mut client = server.connect("/room/a").await;
    let mut exchange = site.open(&mut client).await;
    open(&mut client, "later", &site.origin.url("/"), json!({})).await;
    server.signal("TERM");
    drop(client);
    exchange.send("one\n").await;
    exchange.finish().await;
    assert!(server.wait().success());
    assert!(!site.origin.is_asked().await);
    let server = site.serve(&["--hold-signals"]);
    let mut client = server.connect("/room/a").await;
    // Its start, its line and its end.
    assert_eq!(client.ask("pieces").await, "pieces 3");
    site.operate("storage", &["release-signals"]);
    let told = json(&mut client).await;
    assert_eq!((&told["name"], &told["error"]), (&"later".into(), &"interrupted".into()));
}

#[tokio::test]
async fn what_is_left_at_the_end_of_the_drain_is_interrupted() {
    let site = Site::new().await;
    let server = site.serve(&["--drain-timeout=500ms"]);
    let mut client = server.connect("/room/a").await;
    let exchange = site.open(&mut client).await;
    server.signal("TERM");
    drop(client);
    assert!(server.wait().success());
    exchange.closed().await;
    let server = site.serve(&["--hold-signals"]);
    let mut client = server.connect("/room/a").await;
    site.operate("storage", &["release-signals"]);
    assert_eq!(error(&mut client).await, "interrupted");
}

#[tokio::test]
async fn a_backup_has_open_streams_as_interrupted_ones_or_none() {
    let mut site = Site::new().await;
    let server = site.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let _exchange = site.open(&mut client).await;
    let beside = |name: &str| {
        let place = site.durable.dir().with_file_name(name);
        place.to_str().expect("a UTF-8 path").to_owned()
    };
    let zigttp = |arguments: &[&str]| {
        let output = programs::program("zigttp").args(arguments).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let (dir, out) = (beside("data"), beside("out"));
    zigttp(&["backup", &dir, &out]);
    for signals in ["keep", "park", "drop"] {
        zigttp(&["restore", "--signals", signals, &out, &beside(signals)]);
    }
    server.kill();
    let mut bytes = Vec::new();
    for (signals, is_told) in [("keep", true), ("park", true), ("drop", false)] {
        site.durable = site.durable.named(signals);
        let server = site.serve(&[]);
        let mut client = server.connect("/room/a").await;
        assert_eq!(site.streams().len(), usize::from(is_told), "{signals}");
        site.operate("storage", &["release-signals"]);
        if is_told {
            assert_eq!(error(&mut client).await, "interrupted", "{signals}");
        }
        assert_eq!(run(&mut client, json!([["cancelStream", "answer"]])).await, json!([false]));
        let used = site.operate("storage", &["rooms", "--json"]);
        let rooms: Vec<Value> = serde_json::from_str(&used).expect("it is JSON");
        bytes.push(rooms[0]["bytes"].as_u64().expect("it says what the room takes"));
    }
    // Nothing of the stream is left.
    assert!(bytes.windows(2).all(|two| two[0] == two[1]), "{bytes:?}");
}

#[tokio::test]
async fn the_next_piece_takes_the_handler_that_is_served_then() {
    let site = Site::new().await;
    let folder = programs::folder();
    let served = folder.path().join("handler.wasm");
    std::fs::copy(programs::compile(SOURCE), &served).expect("the folder is writable");
    let server = Server::start(&served, &[&site.origin.allowed()]);
    let mut client = server.connect("/room/a").await;
    let mut exchange = site.open(&mut client).await;
    let next = SOURCE.replace(
        "JSON.stringify({ name, ...content })",
        "JSON.stringify({ name: `new ${name}`, ...content })",
    );
    std::fs::copy(programs::compile(&next), &served).expect("the folder is writable");
    server.signal("HUP");
    server.wait_for_log("serving the new");
    exchange.send("one\n").await;
    let told = json(&mut client).await;
    assert_eq!((&told["name"], &told["lines"]), (&"new answer".into(), &json!(["one"])));
    // One that takes no pieces ends the stream.
    let without = programs::compile(
        "import { send } from \"zigttp:websocket\";\n\
         export function onMessage(ws: WebSocket, data: string) { send(ws, data); }",
    );
    std::fs::copy(without, &served).expect("the folder is writable");
    server.signal("HUP");
    server.wait_for_log_count("serving the new", 2);
    exchange.send("two\n").await;
    server.wait_for_log("the handler exports no onStream");
    exchange.closed().await;
}
