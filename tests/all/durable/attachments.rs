//! `zigttp attachments`: what an operator sees and changes in a durable directory.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::durable::Durable;
use crate::support::eventually;

const HANDLER: &str = r#"
import { send, serializeAttachment, deserializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string | ArrayBuffer) {
  if (data === "?") return void send(ws, String(deserializeAttachment(ws)));
  serializeAttachment(ws, data);
  send(ws, String(ws));
}
"#;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_directory_whose_path_is_longer_than_a_sockets_name_can_be_asked_for() {
    let durable = Durable::of(HANDLER).named(format!("{}/data", "long".repeat(50)));
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("ada").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    let (code, text) = durable.attachments(&["list", "--json"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(parse(&text)[0]["isLive"], json!(true), "{text}");
    assert_eq!(crate::support::durable::mode(&durable.path("control.sock")), 0o600);
    assert!(!server.log().contains("cannot open the control socket"));
    server.kill();
    let (code, text) = durable.attachments(&["show", &id]);
    assert_eq!((code, &*text), (0, "ada"));
}

#[test]
fn a_directory_that_no_server_has_used_is_told_from_one_that_is_not_there() {
    let durable = Durable::of(HANDLER);
    let (code, text) = durable.attachments(&["list"]);
    assert!(code == 2 && text.contains("No such file"), "{code} {text}");
    std::fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    let (code, text) = durable.attachments(&["list"]);
    assert!(code == 2 && text.contains("no server has kept attachments in it"), "{code} {text}");
}

#[tokio::test]
async fn an_operator_is_answered_however_many_connect_and_ask_nothing() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    client.ask("ada").await;
    let socket = durable.path("control.sock");
    eventually("the control socket", || socket.exists());
    let held: Vec<UnixStream> =
        (0..200).map(|_| UnixStream::connect(&socket).expect("it listens")).collect();
    let (code, text) = durable.attachments(&["list", "--json"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(parse(&text)[0]["isLive"], json!(true), "{text}");
    drop(held);
}

#[tokio::test]
async fn the_file_of_a_connection_says_its_room_also_where_that_is_not_its_path() {
    let routes = "export const routes = [\"/a/:id\", { path: \"/api/:id\", room: \"/a/:id\" }];";
    let durable = Durable::of(&format!("{routes}\n{HANDLER}"));
    let server = durable.serve(&[]);
    let opened = [("/a/x", "/a/x"), ("/a/%78?tab=1", "/a/x"), ("/api/%c3%a9", "/a/%C3%A9")];
    let mut clients = Vec::new();
    for (url, _) in opened {
        let mut client = server.connect(url).await;
        client.ask("ada").await;
        clients.push(client);
    }
    server.kill();
    let (code, text) = durable.attachments(&["list", "--json"]);
    assert_eq!(code, 0, "{text}");
    let list = parse(&text);
    for (index, (url, room)) in opened.into_iter().enumerate() {
        assert_eq!((&list[index]["url"], &list[index]["room"]), (&json!(url), &json!(room)));
    }
}

#[tokio::test]
async fn list_shows_live_and_left_over_attachments_with_or_without_a_server() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/lobby?tab=1").await;
    let left = client.ask("ada").await;
    server.kill();
    let (code, text) = durable.attachments(&["list", "--json"]);
    assert_eq!(code, 0, "{text}");
    let list = parse(&text);
    assert_eq!(list.as_array().expect("an array").len(), 1);
    for (field, expected) in [
        ("id", json!(left.parse::<u64>().expect("a number"))),
        ("kind", json!("string")),
        ("bytes", json!(3)),
        ("room", json!("/room/lobby")),
        ("url", json!("/room/lobby?tab=1")),
        ("isLive", json!(false)),
    ] {
        assert_eq!(list[0][field], expected, "{field} in {list}");
    }
    assert!(!text.contains("ada"), "a list has no values");

    let server = durable.serve(&[]);
    let mut client = server.connect("/other").await;
    let live = client.ask("eve").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    let (code, text) = durable.attachments(&["list", "--json"]);
    assert_eq!(code, 0, "{text}");
    let list = parse(&text);
    let states: Vec<_> = list
        .as_array()
        .expect("an array")
        .iter()
        .map(|it| (it["id"].to_string(), it["isLive"].clone()))
        .collect();
    assert_eq!(states, [(left.clone(), json!(false)), (live.clone(), json!(true))]);
    let (code, table) = durable.attachments(&["list"]);
    assert_eq!(code, 0, "{table}");
    for (id, state, url) in [(&left, "leftover", "/room/lobby?tab=1"), (&live, "live", "/other")] {
        let row = table.lines().find(|line| line.split_whitespace().next() == Some(id));
        let row = row.unwrap_or_else(|| panic!("{id} is not in {table}"));
        assert!(row.contains(state) && row.ends_with(url), "{row}");
    }
}

#[tokio::test]
async fn show_prints_a_value_as_it_is_and_a_damaged_one_is_an_error() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let text_id = client.ask("line\nline").await;
    let mut client = server.connect("/").await;
    client.send(vec![0, 159, 146, 150]).await;
    let binary_id = client.text().await;
    let mut client = server.connect("/").await;
    let torn_id = client.ask("torn").await;
    server.kill();
    let (code, text) = durable.attachments(&["show", &text_id]);
    assert_eq!((code, &*text), (0, "line\nline"));
    let (code, text) = durable.attachments(&["show", &binary_id, "--json"]);
    assert_eq!((code, &parse(&text)["base64"]), (0, &json!("AJ+Slg==")));
    let (code, text) = durable.attachments(&["show", &text_id, "--json"]);
    assert_eq!((code, &parse(&text)["text"]), (0, &json!("line\nline")));

    let file = durable.file(&torn_id);
    let bytes = std::fs::read(&file).expect("it is there");
    std::fs::write(&file, &bytes[..bytes.len() - 1]).expect("it is writable");
    let (code, text) = durable.attachments(&["show", &torn_id]);
    assert!(code == 1 && text.contains(&torn_id) && !text.contains("tor\n"), "{code} {text}");
    let (code, _text) = durable.attachments(&["list"]);
    assert_eq!(code, 1, "a damaged file is told");
    let (code, text) = durable.attachments(&["show", "999"]);
    assert!(code == 1 && text.contains("999"), "{code} {text}");
}

#[tokio::test]
async fn show_prints_json_as_json() {
    let durable = Durable::of(
        r#"
import { send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, JSON.parse(data));
  send(ws, String(ws));
}
"#,
    );
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    // A JSON parser may change the order, the digits and the sign of these.
    let text = r#"{"z":[-0,1e+21,0.1,12345678901234567000],"a":{"é\n":"\u0000"}}"#;
    let id = client.ask(text).await;
    let nested = "[".repeat(500) + &"]".repeat(500);
    let mut other = server.connect("/").await;
    let deep = other.ask(&nested).await;
    server.kill();
    assert_eq!(durable.attachments(&["show", &id]), (0, text.to_owned()));
    let (code, shown) = durable.attachments(&["show", &id, "--json"]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains(&format!("\"json\": {text}")), "{shown}");
    assert_eq!(parse(&shown)["json"], parse(text));
    assert_eq!(parse(&shown)["kind"], "JSON");
    let (code, shown) = durable.attachments(&["show", &deep, "--json"]);
    assert!(code == 0 && shown.contains(&nested), "{shown}");
    let (code, list) = durable.attachments(&["list"]);
    assert!(code == 0 && list.contains("  JSON  "), "{list}");
}

#[tokio::test]
async fn an_adopted_attachment_is_the_new_connections_own() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let prior = client.ask("ada").await;
    server.kill();
    let (code, text) = durable.attachments(&["adopt", "1", &prior]);
    assert!(code == 2 && text.contains("no server"), "{code} {text}");

    let server = durable.serve(&[]);
    let mut client = server.connect("/room/b").await;
    let new = client.ask("eve").await;
    let mut other = server.connect("/room/b").await;
    let live = other.ask("mallory").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    for (arguments, word) in [
        (["adopt", &*new, "12345"], "12345"),
        (["adopt", "12345", &*prior], "12345"),
        (["adopt", &*new, &*live], &*live),
    ] {
        let (code, text) = durable.attachments(&arguments);
        assert!(code == 1 && text.contains(word), "{arguments:?}: {code} {text}");
    }
    assert_eq!(durable.value(&prior), "ada");
    let (code, text) = durable.attachments(&["adopt", &new, &prior]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(client.ask("?").await, "ada");
    assert_eq!((durable.value(&new), durable.find_value(&prior)), ("ada".to_owned(), None));
    assert_eq!(durable.attachments(&["adopt", &new, &prior]).0, 1, "each is adopted once");
    let (_code, text) = durable.attachments(&["list", "--json"]);
    let list = parse(&text);
    let adopted =
        list.as_array().into_iter().flatten().find(|it| it["id"].as_u64() == new.parse().ok());
    assert_eq!(adopted.expect("it is listed")["room"], "/room/b", "it is that one's in all");
    client.close(1000, "").await;
    eventually("its end", || !durable.file(&new).exists());
    assert!(!server.log().contains("ada"), "values are never logged");
}

#[tokio::test]
async fn prune_spares_live_connections_with_or_without_a_server() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let left = client.ask("x").await;
    server.kill();
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let live = client.ask("y").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    let (code, text) = durable.attachments(&["prune", "--json"]);
    assert_eq!((code, parse(&text)), (0, json!({ "pruned": 0 })), "none is a week old");
    eventually("the next second", || {
        let (code, text) = durable.attachments(&["prune", "--older-than", "1ms", "--json"]);
        assert_eq!(code, 0, "{text}");
        durable.find_value(&left).is_none()
    });
    assert_eq!(durable.value(&live), "y");
    server.kill();
    eventually("the next second", || {
        let (code, text) = durable.attachments(&["prune", "--older-than", "1ms"]);
        assert_eq!(code, 0, "{text}");
        durable.find_value(&live).is_none()
    });
}

#[tokio::test]
async fn the_control_socket_bounds_what_it_reads_and_outlives_nonsense() {
    let durable = Durable::of(HANDLER);
    // A socket without a listener, as a crash leaves it.
    drop(durable.serve(&[]));
    let server = durable.serve(&[]);
    eventually("the control socket", || UnixStream::connect(durable.path("control.sock")).is_ok());
    for request in [&b"{}\n"[..], b"not json\n", b"\n", b"\xff\xfe\n", &[b'['; 100_000]] {
        let mut stream = UnixStream::connect(durable.path("control.sock")).expect("it listens");
        stream
            .set_read_timeout(Some(crate::support::PATIENCE))
            .expect("a time-out that is not zero");
        // It may stop reading before the end.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 4096, "an answer is short");
    }
    let (code, text) = durable.attachments(&["list", "--json"]);
    assert_eq!((code, parse(&text)), (0, json!([])));
    drop(server);
}
