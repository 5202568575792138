//! The edge chat example.

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::programs::{compile_file, folder};
use crate::support::raw::{RawClient, TEXT};
use crate::support::server::Server;

const ROOM: &str = "/api/room/lobby/websocket";

/// Joins a room: the client, and the messages it gets before it is ready.
async fn join(server: &Server, room: &str, name: &str) -> (Client, Vec<Value>) {
    let mut client = server.connect(room).await;
    client.send(json!({ "name": name }).to_string()).await;
    let mut told = Vec::new();
    loop {
        match json(&mut client).await {
            ready if ready == json!({ "ready": true }) => return (client, told),
            other => told.push(other),
        }
    }
}

/// Says something; returns what the room hears of it.
async fn say(client: &mut Client, message: &str) -> Value {
    client.send(json!({ "message": message }).to_string()).await;
    json(client).await
}

#[tokio::test]
async fn a_newcomer_is_told_who_is_there_and_what_was_said_by_those_who_left_too() {
    let server = serve("edge-chat");
    let (mut ada, told) = join(&server, ROOM, "ada").await;
    assert_eq!(told, [json!({ "joined": "ada" })]);
    let (mut bob, told) = join(&server, ROOM, "bob").await;
    assert_eq!(told, [json!({ "joined": "ada" }), json!({ "joined": "bob" })]);
    let (_eve, told) = join(&server, "/api/room/other/websocket", "eve").await;
    assert_eq!(told, [json!({ "joined": "eve" })]);
    assert_eq!(json(&mut ada).await, json!({ "joined": "bob" }));

    let first = say(&mut ada, "hello\nworld").await;
    assert_eq!(first["name"], "ada");
    assert_eq!(first["message"], "hello\nworld");
    assert!(first["timestamp"].as_u64().is_some_and(|time| time > 1_700_000_000_000), "{first}");
    assert_eq!(json(&mut bob).await, first);
    let second = say(&mut bob, "hi").await;
    assert_eq!(json(&mut ada).await, second);
    ada.close(1000, "").await;
    assert_eq!(json(&mut bob).await, json!({ "quit": "ada" }));

    let (_dan, told) = join(&server, ROOM, "dan").await;
    assert_eq!(told, [json!({ "joined": "bob" }), first, second, json!({ "joined": "dan" })]);
}

#[tokio::test]
async fn five_messages_pass_at_once_and_the_sixth_does_not() {
    let server = serve("edge-chat");
    let (mut ada, _) = join(&server, ROOM, "ada").await;
    for number in 0..5 {
        let message = number.to_string();
        assert_eq!(say(&mut ada, &message).await["message"], message);
    }
    // Whether the fifth second since the first has passed or not.
    let mut passed = 5;
    while say(&mut ada, "more").await.get("error").is_none() {
        passed += 1;
        assert!(passed < 20, "nothing limits the rate");
    }
}

#[tokio::test]
async fn names_and_messages_have_a_length() {
    let server = serve("edge-chat");
    let mut client = server.connect(ROOM).await;
    client.send(json!({ "name": "n".repeat(33) }).to_string()).await;
    assert_eq!(json(&mut client).await, json!({ "error": "Name too long." }));
    assert_eq!(client.closed().await, (1009, "Name too long.".to_owned()));

    let (mut ada, _) = join(&server, ROOM, "ada").await;
    assert_eq!(say(&mut ada, &"m".repeat(257)).await, json!({ "error": "Message too long." }));
    for nonsense in ["", "null", "[]", r#"{"message":7}"#] {
        ada.send(nonsense).await;
    }
    assert_eq!(say(&mut ada, "still here").await["message"], "still here");

    let (_bob, told) = join(&server, ROOM, "").await;
    assert_eq!(told.last(), Some(&json!({ "joined": "anonymous" })));
}

#[tokio::test]
async fn a_room_has_a_short_name_or_an_id_that_was_made_for_it() {
    let server = serve("edge-chat");
    let (head, id) =
        server.request("POST /api/room HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(id.len(), 64);
    let room = |name: &str| format!("/api/room/{name}/websocket");
    join(&server, &room(&id), "ada").await;
    join(&server, &room(&"%C3%A9".repeat(32)), "ada").await;
    for name in ["x".repeat(33), "x".repeat(64)] {
        let refused = Client::try_connect(server.address, &room(&name)).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.contains("404"), "{name}: {error}");
    }
}

#[test]
fn who_comes_back_after_a_crash_brings_along_what_they_said() {
    let folder = folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let handler = compile_file("examples/edge-chat/handler.ts");
    let start = || Server::start(&handler, &["--durable", path, "--resume"]);
    let server = start();
    let (mut ada, head) = RawClient::connect_with(server.address, ROOM, "");
    ada.frame(TEXT, br#"{"name":"ada"}"#);
    ada.frame(TEXT, br#"{"message":"remember"}"#);
    assert_eq!(ada.text(), r#"{"joined":"ada"}"#);
    assert_eq!(ada.text(), r#"{"ready":true}"#);
    let line = ada.text();
    assert!(line.contains("remember"), "{line}");
    let cookie = head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .expect("a new browser gets a cookie");
    server.kill();

    let server = start();
    let headers = format!("Cookie: {cookie}\r\n");
    let (mut ada, _) = RawClient::connect_with(server.address, ROOM, &headers);
    assert_eq!(ada.text(), line);
    assert_eq!(ada.text(), r#"{"joined":"ada"}"#);
    assert_eq!(ada.text(), r#"{"ready":true}"#);
}

#[test]
fn the_page_is_served_for_every_room() {
    let server = serve("edge-chat");
    has_page(&server, "Edge chat on zigttp");
    assert_eq!(server.get("/lobby"), server.get("/"));
}
