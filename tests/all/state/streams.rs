//! `stream` of `zigttp:durable`: responses that come to a room in pieces, against a real HTTP server.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::origin::Origin;
use crate::support::programs;
use crate::support::server::Server;

pub(super) const SOURCE: &str = include_str!("../../fixtures/handlers/streams.ts");

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SOURCE));

/// What one event's calls return.
pub(super) async fn run(client: &mut Client, calls: Value) -> Value {
    client.send(json!({ "calls": calls }).to_string()).await;
    loop {
        let message = json(client).await;
        if message.is_array() {
            return message;
        }
    }
}

pub(super) async fn json(client: &mut Client) -> Value {
    serde_json::from_str(&client.text().await).expect("the handler tells JSON")
}

/// The next piece, without its name.
pub(super) async fn piece(client: &mut Client) -> Value {
    let mut piece = json(client).await;
    piece.as_object_mut().expect("an object").remove("name");
    piece
}

pub(super) async fn open(client: &mut Client, name: &str, url: &str, init: Value) {
    assert_eq!(run(client, json!([["stream", name, url, init]])).await, json!(["undefined"]));
}

pub(super) fn lines(lines: &[&str]) -> Value {
    json!({ "kind": "lines", "lines": lines })
}

fn event(event: &str, data: &str, id: &str) -> Value {
    json!({ "event": event, "data": data, "id": id })
}

pub(super) fn end() -> Value {
    json!({ "kind": "end" })
}

/// Reads the end of a stream; returns its error.
pub(super) async fn error(client: &mut Client) -> String {
    let piece = piece(client).await;
    assert_eq!(piece["kind"], "end", "{piece}");
    piece["error"].as_str().expect("it has ended early").to_owned()
}

async fn serve(arguments: &[&str]) -> (Origin, Server, Client) {
    let origin = Origin::start().await;
    let allowed = origin.allowed();
    let mut all = vec![&*allowed, "--verify-restore", "1"];
    all.extend(arguments);
    let server = Server::start(&HANDLER, &all);
    let client = server.connect("/room/a").await;
    (origin, server, client)
}

#[tokio::test]
async fn a_response_comes_in_pieces_once_its_event_has_committed() {
    let (origin, _server, mut client) = serve(&[]).await;
    let init = json!({ "method": "POST", "headers": { "X-Key": "a b" }, "body": "question" });
    open(&mut client, "answer", &origin.url("/v1?q=1#part"), init).await;
    let mut exchange = origin.next().await;
    assert!(exchange.head.starts_with("POST /v1?q=1 HTTP/1.1\r\n"), "{}", exchange.head);
    assert_eq!(exchange.header("x-key"), Some("a b"));
    assert_eq!(exchange.header("content-type"), Some("text/plain;charset=UTF-8"));
    assert_eq!(exchange.body, b"question");
    exchange.respond("203 Fine", "text/plain; charset=utf-8").await;
    let start = json(&mut client).await;
    assert_eq!((&start["name"], &start["kind"]), (&"answer".into(), &"start".into()));
    assert_eq!(start["status"], 203);
    assert_eq!(start["headers"]["content-type"], "text/plain; charset=utf-8");
    exchange.send("one\ntwo\r\nth").await;
    assert_eq!(piece(&mut client).await, lines(&["one", "two"]));
    exchange.send("ree").await;
    exchange.finish().await;
    assert_eq!(piece(&mut client).await, lines(&["three"]));
    assert_eq!(piece(&mut client).await, end());
    assert_eq!(client.ask("pieces").await, "pieces 4");
}

#[tokio::test]
async fn server_sent_events_come_parsed_also_in_single_bytes() {
    let (origin, _server, mut client) = serve(&[]).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/event-stream").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    let text = "\u{feff}: hello\n\ndata: {\"é\": \"🎉\"}\r\nid: 7\r\n\r\nevent: add\rdata: 1\rdata: 2\r\rdata: [DONE]\n\n\
                data: lost";
    for byte in text.as_bytes() {
        exchange.send([*byte]).await;
    }
    exchange.finish().await;
    let mut events = Vec::new();
    loop {
        let piece = piece(&mut client).await;
        let Some(more) = piece["events"].as_array() else {
            assert_eq!(piece, end());
            break;
        };
        events.extend(more.clone());
    }
    let expected = [
        event("message", "{\"é\": \"🎉\"}", "7"),
        event("add", "1\n2", "7"),
        event("message", "[DONE]", "7"),
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_body_is_cut_as_its_type_or_the_handler_says() {
    let (origin, _server, mut client) = serve(&[]).await;
    for (init, content_type, body, expected) in [
        (json!({}), "application/x-ndjson", &b"{}\n{}\n"[..], lines(&["{}", "{}"])),
        (json!({}), "application/json", b"{\"error\": 1}", lines(&["{\"error\": 1}"])),
        (
            json!({}),
            "image/png",
            b"a\nb\xff",
            json!({ "kind": "bytes", "bytes": [97, 10, 98, 255] }),
        ),
        (
            json!({ "as": "bytes" }),
            "text/plain",
            b"ab",
            json!({ "kind": "bytes", "bytes": [97, 98] }),
        ),
        (json!({ "as": "lines" }), "video/mp4", b"a\xff\n", lines(&["a\u{fffd}"])),
        (
            json!({ "as": "events" }),
            "application/octet-stream",
            b"data: x\n\n",
            json!({ "kind": "events", "events": [event("message", "x", "")] }),
        ),
    ] {
        open(&mut client, "answer", &origin.url("/"), init).await;
        let mut exchange = origin.next().await;
        exchange.respond("200 OK", content_type).await;
        exchange.send(body).await;
        exchange.finish().await;
        assert_eq!(piece(&mut client).await["kind"], "start");
        assert_eq!(piece(&mut client).await, expected, "{content_type}");
        assert_eq!(piece(&mut client).await, end());
    }
}

#[tokio::test]
async fn a_stream_of_an_event_that_throws_is_not_requested() {
    let (origin, _server, mut client) = serve(&[]).await;
    let calls = json!([["stream", "answer", origin.url("/"), {}]]);
    client.send(json!({ "calls": calls, "throws": true }).to_string()).await;
    assert_eq!(client.ask("pieces").await, "pieces 0");
    assert!(!origin.is_asked().await);
}

#[tokio::test]
async fn wrong_calls_throw_and_open_nothing() {
    let limits = ["--max-room-streams=2", "--max-stream-request=1KiB"];
    let (origin, _server, mut client) = serve(&limits).await;
    let url = origin.url("/");
    let calls = json!([
        ["stream", "", url],
        ["stream", "n", "no url"],
        ["stream", "n", "ftp://host/"],
        ["stream", "n", url, { "method": "GET", "body": "b" }],
        ["stream", "n", url, { "as": "words" }],
        ["stream", "n", url, { "signal": null }],
        ["stream", "n", url, { "method": "POST", "body": "x".repeat(1 << 10) }],
        ["cancelStream", "n"],
        ["stream", "one", url],
        ["stream", "two", url],
        ["stream", "three", url],
    ]);
    let results = run(&mut client, calls).await;
    for (result, expected) in results.as_array().expect("a list").iter().zip([
        "RangeError: stream: name has 0 bytes",
        "TypeError: Request: \"no url\" is not an absolute URL",
        "TypeError: stream: the URL is of http or https, not of ftp",
        "TypeError: Request: a GET request has no body",
        "TypeError: stream: as must be \"events\", \"lines\" or \"bytes\", not \"words\"",
        "TypeError: stream: there is no option signal; the options are method, headers, body, redirect, as",
        "RangeError: stream: the request has ",
        "false",
        "undefined",
        "undefined",
        "RangeError: stream: the room has 2 streams, which is the limit (--max-room-streams)",
    ]) {
        let result = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
        assert!(result.starts_with(expected), "{result}");
    }
    let other = json!({ "calls": [["stream", "n", url], ["cancelStream", "n"]], "to": "/room/b" });
    client.send(other.to_string()).await;
    let results = json(&mut client).await;
    for result in results.as_array().expect("a list") {
        let result = result.as_str().expect("an error");
        assert!(result.starts_with("RangeError: "), "{result}");
        assert!(
            result.contains("only events of the room \"/room/b\" open and cancel its streams")
                && result.ends_with("send it a signal"),
            "{result}"
        );
    }
}

#[tokio::test]
async fn without_on_stream_the_functions_throw() {
    let source = r#"
import * as durable from "zigttp:durable";
import { send } from "zigttp:websocket";
// The checker cannot know which function it is.
const functions: Record<string, (room: string, name: string, url: string) => unknown> = { ...durable };
export function onMessage(ws: WebSocket, name: string, room: string) {
  try { functions[name](room, "n", "http://a/"); } catch (error) { send(ws, String(error)); }
}"#;
    let server = Server::of(source);
    let mut client = server.connect("/").await;
    for name in ["stream", "cancelStream"] {
        let expected = format!("TypeError: {name}: the handler exports no onStream");
        assert_eq!(client.ask(name).await, expected);
    }
}

#[tokio::test]
async fn a_cancelled_stream_gives_nothing_more_but_its_end() {
    let (origin, _server, mut client) = serve(&[]).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    exchange.send("one\n").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    assert_eq!(piece(&mut client).await, lines(&["one"]));
    let calls = json!([["cancelStream", "answer"], ["cancelStream", "answer"]]);
    assert_eq!(run(&mut client, calls).await, json!([true, false]));
    assert_eq!(error(&mut client).await, "cancelled");
    exchange.closed().await;
    assert_eq!(run(&mut client, json!([["cancelStream", "answer"]])).await, json!([false]));
    assert_eq!(client.ask("pieces").await, "pieces 3");
}

#[tokio::test]
async fn the_same_name_replaces_a_stream_whose_end_comes_before() {
    let (origin, _server, mut client) = serve(&[]).await;
    open(&mut client, "answer", &origin.url("/first"), json!({})).await;
    let mut first = origin.next().await;
    first.respond("200 OK", "text/plain").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    open(&mut client, "answer", &origin.url("/second"), json!({})).await;
    assert_eq!(error(&mut client).await, "cancelled");
    first.closed().await;
    let mut second = origin.next().await;
    assert!(second.head.starts_with("GET /second "), "{}", second.head);
    second.respond("204 No Content", "text/plain").await;
    second.finish().await;
    assert_eq!(piece(&mut client).await["status"], 204);
    assert_eq!(piece(&mut client).await, end());
    // Of several calls in one event the last counts.
    let url = |path| origin.url(path);
    let calls = json!([
        ["stream", "answer", url("/a")],
        ["stream", "answer", url("/b")],
        ["stream", "gone", url("/c")],
        ["cancelStream", "gone"],
    ]);
    run(&mut client, calls).await;
    assert!(origin.next().await.head.starts_with("GET /b "));
    assert!(!origin.is_asked().await);
}

#[tokio::test]
async fn delete_all_cancels_the_streams_of_the_room() {
    let (origin, _server, mut client) = serve(&[]).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let exchange = origin.next().await;
    run(&mut client, json!([["deleteAll"]])).await;
    assert_eq!(error(&mut client).await, "cancelled");
    exchange.closed().await;
}

#[tokio::test]
async fn a_throw_ends_the_request_and_the_room_is_told_once() {
    let (origin, server, mut client) = serve(&[]).await;
    run(&mut client, json!([["throwOn", "lines"]])).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    exchange.send("one\n").await;
    assert_eq!(error(&mut client).await, "handler");
    exchange.closed().await;
    server.wait_for_log("a piece of kind lines");
    // The event that has thrown has changed nothing.
    assert_eq!(client.ask("pieces").await, "pieces 2");

    run(&mut client, json!([["throwOn", "end"]])).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    exchange.finish().await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    server.wait_for_log("a piece of kind end");
    let results = run(&mut client, json!([["cancelStream", "answer"]])).await;
    assert_eq!(results, json!([false]), "it is not told twice, and gone");
}

#[tokio::test]
async fn what_breaks_or_cannot_be_reached_ends_with_network() {
    let (origin, _server, mut client) = serve(&[]).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    exchange.send("one\ntwo").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    assert_eq!(piece(&mut client).await, lines(&["one"]));
    exchange.reset();
    let mut last = piece(&mut client).await;
    if last["kind"] == "lines" {
        assert_eq!(last, lines(&["two"]));
        last = piece(&mut client).await;
    }
    assert_eq!((&last["kind"], &last["error"]), (&"end".into(), &"network".into()), "{last}");
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    origin.next().await.reset();
    assert_eq!(error(&mut client).await, "network");
}

#[tokio::test]
async fn what_the_operator_has_not_allowed_ends_with_network_and_a_line_in_the_log() {
    let origin = Origin::start().await;
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    open(&mut client, "answer", &origin.url("/secret?key=1"), json!({})).await;
    let last = piece(&mut client).await;
    assert_eq!((&last["kind"], &last["error"]), (&"end".into(), &"network".into()), "{last}");
    assert!(last["message"].as_str().is_some_and(|it| it.contains("--allow-fetch")), "{last}");
    let log = server.wait_for_log("a stream is not allowed");
    assert!(log.contains("stream=\"answer\"") && !log.contains("key=1"), "{log}");
    assert!(!origin.is_asked().await);
}

#[tokio::test]
async fn what_is_too_slow_ends_with_timeout() {
    let arguments = [
        ("--stream-first-byte-timeout=100ms", "there is no response"),
        ("--stream-idle-timeout=100ms", "nothing has come"),
        ("--max-stream-time=300ms", "it has not ended"),
    ];
    for (argument, message) in arguments {
        let (origin, _server, mut client) = serve(&[argument]).await;
        open(&mut client, "answer", &origin.url("/"), json!({})).await;
        let mut exchange = origin.next().await;
        if !argument.contains("first-byte") {
            exchange.respond("200 OK", "text/plain").await;
            assert_eq!(piece(&mut client).await["kind"], "start");
        }
        let last = piece(&mut client).await;
        assert_eq!((&last["kind"], &last["error"]), (&"end".into(), &"timeout".into()), "{last}");
        assert!(last["message"].as_str().is_some_and(|it| it.starts_with(message)), "{last}");
        exchange.closed().await;
    }
}

#[tokio::test]
async fn what_is_too_large_ends_with_too_large() {
    let limits = ["--max-stream-bytes=1000", "--stream-buffer=100"];
    let (origin, _server, mut client) = serve(&limits).await;
    for body in ["x".repeat(200), format!("{}\n", "y".repeat(50)).repeat(30)] {
        open(&mut client, "answer", &origin.url("/"), json!({})).await;
        let mut exchange = origin.next().await;
        exchange.respond("200 OK", "text/plain").await;
        assert_eq!(piece(&mut client).await["kind"], "start");
        for part in body.as_bytes().chunks(51) {
            exchange.send(part).await;
        }
        let last = loop {
            let piece = piece(&mut client).await;
            if piece["kind"] == "end" {
                break piece;
            }
        };
        assert_eq!(last["error"], "too-large", "{last}");
        exchange.closed().await;
    }
}

/// It gives back the room's turn, and the pieces behind it wait.
#[tokio::test]
async fn while_a_piece_waits_for_something_its_room_goes_on_and_no_piece_overtakes_it() {
    let (origin, _server, mut client) = serve(&[]).await;
    run(&mut client, json!([["waitOn", "lines"]])).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    exchange.send("one\n").await;
    exchange.send("two\nthree\n").await;
    exchange.finish().await;
    assert_eq!(client.ask("pieces").await, "pieces 1");
    let mut read = Vec::new();
    let last = loop {
        let piece = piece(&mut client).await;
        let Some(lines) = piece["lines"].as_array() else { break piece };
        read.extend(lines.clone());
    };
    assert_eq!((read, last), (vec!["one".into(), "two".into(), "three".into()], end()));
}

#[tokio::test]
async fn a_piece_that_waits_while_its_stream_is_cancelled_has_no_effect() {
    let (origin, _server, mut client) = serve(&[]).await;
    run(&mut client, json!([["waitOn", "lines"]])).await;
    open(&mut client, "answer", &origin.url("/"), json!({})).await;
    let mut exchange = origin.next().await;
    exchange.respond("200 OK", "text/plain").await;
    assert_eq!(piece(&mut client).await["kind"], "start");
    exchange.send("one\n").await;
    // Most times it waits by now; if not, it never comes.
    assert_eq!(client.ask("pieces").await, "pieces 1");
    assert_eq!(run(&mut client, json!([["cancelStream", "answer"]])).await, json!([true]));
    assert_eq!(error(&mut client).await, "cancelled");
    assert_eq!(client.ask("pieces").await, "pieces 2");
}
