//! `zigttp storage`: what an operator sees and changes of the states of rooms.

use serde_json::{Value, json};

use super::{call, run};
use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::eventually;
use crate::support::server::Server;

fn durable() -> Durable {
    Durable::of(include_str!("../../fixtures/handlers/state.ts"))
}

async fn serve(durable: &Durable) -> (Server, Client) {
    let server = durable.serve(&[]);
    let client = server.connect("/room/a").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    (server, client)
}

async fn put(client: &mut Client, key: &str, value: impl Into<Value>) {
    run(client, json!([call("put", &[key.into(), value.into()])])).await;
}

async fn get(client: &mut Client, key: &str) -> Value {
    run(client, json!([call("get", &[key.into()])])).await[0].take()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Runs a command that must succeed.
fn storage(durable: &Durable, arguments: &[&str]) -> String {
    let (code, text) = durable.storage(arguments);
    assert_eq!(code, 0, "{arguments:?}: {text}");
    text
}

/// Runs a command that must fail with this exit code.
fn refused(durable: &Durable, arguments: &[&str], expected: i32) -> String {
    let (code, text) = durable.storage(arguments);
    assert_eq!(code, expected, "{arguments:?}: {text}");
    text
}

#[tokio::test]
async fn rooms_keys_and_values_are_shown_with_and_without_a_server() {
    let durable = durable();
    let (server, mut client) = serve(&durable).await;
    put(&mut client, "log/1", json!({ "n": [1.5, null], "text": "hi" })).await;
    put(&mut client, "log/2", "@floats").await;
    put(&mut client, "name", "Ada").await;
    let look = || {
        let rooms = parse(&storage(&durable, &["rooms", "--json"]));
        assert_eq!((&rooms[0]["room"], &rooms[0]["keys"]), (&"/room/a".into(), &3.into()));
        let keys = parse(&storage(&durable, &["list", "/room/a", "--prefix", "log/", "--json"]));
        let names: Vec<_> = keys.as_array().expect("keys").iter().map(|key| &key["key"]).collect();
        assert_eq!(names, ["log/1", "log/2"]);
        assert_eq!((&keys[1]["kind"], &keys[1]["bytes"]), (&"Float32Array".into(), &8.into()));
        let keys = parse(&storage(&durable, &["list", "/room/a", "--limit", "1", "--json"]));
        assert_eq!(keys.as_array().map(Vec::len), Some(1));
        assert_eq!(
            storage(&durable, &["get", "/room/a", "log/1"]),
            r#"{"n":[1.5,null],"text":"hi"}"#
        );
        let json = parse(&storage(&durable, &["get", "/room/a", "log/2", "--json"]));
        assert_eq!(json["value"], json!({ "kind": "Float32Array", "base64": "AADAPwAAAMA=" }));
        let table = storage(&durable, &["list", "/room/a"]);
        assert!(table.lines().any(|line| line.starts_with("string ") && line.ends_with("  name")));
        let none = parse(&storage(&durable, &["rooms", "--idle", "90d", "--json"]));
        assert_eq!(none, json!([]));
    };
    look();
    server.kill();
    look();
}

#[tokio::test]
async fn what_an_operator_writes_is_an_event_of_the_room_and_seen_by_the_next() {
    let durable = durable();
    let (server, mut client) = serve(&durable).await;
    put(&mut client, "n", 1).await;
    assert_eq!(
        storage(&durable, &["put", "/room/a", "n", r#"{"by":"operator"}"#]),
        "stored \"n\"\n"
    );
    assert_eq!(get(&mut client, "n").await, json!({ "by": "operator" }));
    storage(&durable, &["put", "/room/a", "text", "--text", "{not JSON"]);
    assert_eq!(get(&mut client, "text").await, json!("{not JSON"));
    storage(&durable, &["put", "/room/a", "string", r#""a string""#]);
    assert_eq!(get(&mut client, "string").await, json!("a string"));
    let file = durable.path("picture");
    std::fs::write(&file, [1, 2, 255]).expect("the folder is writable");
    storage(&durable, &["put", "/room/a", "bytes", "--file", file.to_str().expect("a path")]);
    assert_eq!(get(&mut client, "bytes").await, json!("Uint8Array 1,2,255"));
    storage(&durable, &["put", "/room/a", "short", "1", "--ttl", "1ms"]);
    assert_eq!(get(&mut client, "short").await, json!("undefined"));
    assert_eq!(storage(&durable, &["delete", "/room/a", "n"]), "deleted \"n\"\n");
    assert_eq!(get(&mut client, "n").await, json!("undefined"));
    // One of them has had its time.
    assert_eq!(storage(&durable, &["delete-all", "/room/a", "--json"]), "{\"deleted\":4}\n");
    assert_eq!(get(&mut client, "text").await, json!("undefined"));
    // The same without a server.
    server.kill();
    storage(&durable, &["put", "/room/a", "n", "7"]);
    let (_server, mut client) = serve(&durable).await;
    assert_eq!(get(&mut client, "n").await, json!(7));
}

#[tokio::test]
async fn an_exported_room_is_the_same_after_its_import() {
    let durable = durable();
    let (server, mut client) = serve(&durable).await;
    for (key, value) in
        [("a", json!("text \u{2028}")), ("b", json!([1, { "c": null }])), ("c", "@floats".into())]
    {
        put(&mut client, key, value).await;
    }
    let exported = storage(&durable, &["export", "--room", "/room/a"]);
    assert_eq!(exported.lines().count(), 5, "{exported}");
    let file = durable.path("export.ndjson");
    std::fs::write(&file, &exported).expect("the folder is writable");
    let file = file.to_str().expect("a path");

    let line = refused(&durable, &["import", file], 1);
    assert!(line.contains("room \"/room/a\" has state already: 3 keys"), "{line}");
    put(&mut client, "later", 1).await;
    let told = storage(&durable, &["import", file, "--replace"]);
    assert_eq!(told, "imported 1 room with 3 keys\n");
    assert_eq!(get(&mut client, "later").await, json!("undefined"));
    assert_eq!(get(&mut client, "b").await, json!([1, { "c": null }]));

    let arguments = ["import", file, "--room", "/room/a", "--as", "/room/b"];
    storage(&durable, &arguments);
    let mut other = server.connect("/room/b").await;
    assert_eq!(get(&mut other, "c").await, json!("Float32Array 1.5,-2"));
    server.kill();
    storage(&durable, &["import", file, "--room", "/room/a", "--as", "/room/c"]);
    let body = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    for room in ["/room/a", "/room/b", "/room/c"] {
        assert_eq!(body(&storage(&durable, &["export", "--room", room])), body(&exported));
    }
    let all = storage(&durable, &["export"]);
    assert_eq!(all.lines().count(), 15, "{all}");
}

#[tokio::test]
async fn what_is_no_export_or_is_cut_off_is_one_clear_error_and_changes_nothing() {
    let durable = durable();
    let (_server, mut client) = serve(&durable).await;
    put(&mut client, "kept", 1).await;
    let room = r#"{"room":{"version":1,"name":"/room/a","written":1}}"#;
    let entry = r#"{"entry":{"key":"k","value":{"kind":"JSON","json":1}}}"#;
    let end = r#"{"end":{"entries":1}}"#;
    let damaged = entry.replace(r#""JSON","json""#, r#""string","json""#);
    let long = entry.replace(r#""k""#, &format!("\"{}\"", "k".repeat(513)));
    for (lines, expected) in [
        (vec!["no JSON"], ":1: expected value at line 1 column 1"),
        (vec![entry], ":1: this is no record of a room"),
        (vec![room, entry], ":3: the records of room \"/room/a\" are not complete"),
        (vec![room, end], ":2: the records of room \"/room/a\" are not complete"),
        (vec![room, entry, room], ":3: the records of room \"/room/a\" are not complete"),
        (
            vec![&room.replace(":1,", ":2,"), entry, end],
            ":1: this export has version 2, and this program knows versions up to 1",
        ),
        (vec![room, &damaged, end], "a value of kind string has `text`, and nothing else"),
        (vec![room, &long, end], "a key has 513 bytes, it may have 1 to 512"),
    ] {
        let file = durable.path("bad.ndjson");
        std::fs::write(&file, lines.join("\n")).expect("the folder is writable");
        let path = file.to_str().expect("a path");
        let (code, line) = durable.storage(&["import", path, "--replace"]);
        assert!(code > 0 && line.contains(expected) && line.lines().count() == 1, "{line}");
    }
    assert_eq!(get(&mut client, "kept").await, json!(1));
}

#[tokio::test]
async fn wrong_rooms_keys_and_values_are_one_clear_error_each() {
    let durable = durable();
    let line = refused(&durable, &["rooms"], 2);
    assert!(line.contains("No such file"), "{line}");
    std::fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    let line = refused(&durable, &["rooms"], 2);
    assert!(line.contains("no server has stored the state of rooms in it"), "{line}");
    let (_server, mut client) = serve(&durable).await;
    put(&mut client, "k", 1).await;
    let long = "k".repeat(513);
    for (arguments, code, expected) in [
        (vec!["get", "/room/a", "none"], 1, "room \"/room/a\" has no key \"none\""),
        (vec!["get", "/room/z", "k"], 1, "room \"/room/z\" has no key \"k\""),
        (vec!["get", "/room/a", &long], 2, "a key has 513 bytes, it may have 1 to 512"),
        (vec!["list", ""], 2, "the name of a room has 0 bytes, it may have 1 to 1024"),
        (vec!["delete", "/room/a", "none"], 1, "room \"/room/a\" has no key \"none\""),
        (
            vec!["put", "/room/a", "k", "{not"],
            2,
            "the value is not JSON; store it as a string with --text",
        ),
        (vec!["export", "--room", "/room/z"], 2, "room \"/room/z\" has no state"),
        (vec!["import", "/nowhere"], 2, "cannot read `/nowhere`"),
    ] {
        let line = refused(&durable, &arguments, code);
        assert!(line.contains(expected) && line.lines().count() == 1, "{line}");
    }
}
