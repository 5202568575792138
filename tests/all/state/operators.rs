//! `zigttp storage`: what an operator sees and changes of the states of rooms.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{call, run};
use crate::support::client::Client;
use crate::support::durable::{Durable, mode};
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

/// Of a handler that stores what each signal has told.
fn keeper() -> Durable {
    Durable::of(include_str!("../../fixtures/handlers/kept_signals.ts"))
}

/// What a signal has told a room, once it has.
fn told(durable: &Durable, room: &str, name: &str) -> Value {
    let mut told = Value::Null;
    eventually(name, || {
        let (code, text) = durable.storage(&["get", room, &format!("told/{name}")]);
        if code == 0 {
            told = parse(&text);
        }
        code == 0
    });
    told
}

/// The timers and signals that are stored, by their names.
fn signals(durable: &Durable, arguments: &[&str]) -> BTreeMap<String, Value> {
    let listed = parse(&storage(durable, &[&["signals", "--json"], arguments].concat()));
    let listed = listed.as_array().expect("a list").iter();
    listed.map(|one| (one["name"].as_str().expect("a name").to_owned(), one.clone())).collect()
}

async fn calls(client: &mut Client, calls: Value) {
    assert_eq!(client.ask(&calls.to_string()).await, "done");
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
    assert_eq!(
        storage(&durable, &["delete-all", "/room/a", "--json"]),
        "{\"deleted\":4,\"timers\":0}\n"
    );
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
    let timer = r#"{"timer":{"name":"n","scheduled":1,"due":1}}"#;
    let endless = timer.replace(r#""due":1"#, r#""due":1,"period":0"#);
    let two_timers = r#"{"end":{"entries":0,"timers":2}}"#;
    let one_timer = r#"{"end":{"entries":0,"timers":1}}"#;
    let signal = r#"{"signal":{"name":"n","scheduled":1,"due":1,"soon":1}}"#;
    let deep =
        entry.replace(r#""json":1"#, &format!(r#""json":{}{}"#, "[".repeat(501), "]".repeat(501)));
    let odd = entry.replace(r#""JSON","json":1"#, r#""Uint16Array","base64":"AQID""#);
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
        (vec![room, timer, timer, two_timers], "two timers of the room have the name \"n\""),
        (vec![room, &endless, one_timer], "the period of \"n\" is 0 ms, it may be 1 to "),
        (vec![room, timer, end], ":3: the records of room \"/room/a\" are not complete"),
        (vec![room, signal, end], ":2: unknown field `soon`"),
        (vec![room, &deep, end], "a value has more than 500 levels of arrays and objects"),
        (vec![room, &odd, end], "a value of kind Uint16Array cannot have 3 bytes"),
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
    for command in ["rooms", "signals", "compact"] {
        let line = refused(&durable, &[command], 2);
        assert!(line.contains("no server has stored the state of rooms in it"), "{line}");
    }
    assert!(!durable.path("store").exists());
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
        (
            vec!["put", "/room/a", "k", "--file", "/dev/zero"],
            2,
            "`/dev/zero` has more than 67108864 bytes",
        ),
    ] {
        let line = refused(&durable, &arguments, code);
        assert!(line.contains(expected) && line.lines().count() == 1, "{line}");
    }
}

#[tokio::test]
async fn timers_and_signals_are_shown_with_and_without_a_server() {
    let durable = keeper();
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    let mut client = server.connect("/room/a").await;
    let on_fail = json!({ "onFail": "failed" });
    calls(&mut client, json!([["signal", "/room/b", "spin", [1, "two"], on_fail]])).await;
    server.wait_for_log("a signal has failed too often");
    let set = json!([
        ["signalAt", "/room/a", "later", "in 7200500", "data"],
        ["signalEvery", "/room/a", "often", 3_600_000],
        ["signal", "/room/c", "throw"],
    ]);
    calls(&mut client, set).await;
    eventually("an attempt", || signals(&durable, &[])["throw"]["attempts"] != 0);
    let look = || {
        let all = signals(&durable, &[]);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["later", "often", "spin", "throw"]);
        let later = &all["later"];
        assert_eq!((&later["kind"], &later["room"]), (&"timer".into(), &"/room/a".into()));
        assert_eq!(later["data"], json!({ "kind": "string", "text": "data" }));
        assert_eq!((&later["bytes"], &later["due"]), (&4.into(), &later["scheduled"]));
        assert_eq!(all["often"]["period"], 3_600_000);
        let spin = &all["spin"];
        assert_eq!((&spin["kind"], &spin["room"]), (&"signal".into(), &"/room/b".into()));
        assert_eq!((&spin["from"], &spin["onFail"]), (&"/room/a".into(), &"failed".into()));
        assert_eq!(spin["data"], json!({ "kind": "JSON", "json": [1, "two"] }));
        assert_eq!((&spin["attempts"], &spin["parked"]), (&3.into(), &true.into()));
        assert_eq!(signals(&durable, &["--parked"]).keys().collect::<Vec<_>>(), ["spin"]);
        assert_eq!(signals(&durable, &["--room", "/room/c"]).keys().collect::<Vec<_>>(), ["throw"]);
        let table = storage(&durable, &["signals"]);
        let line = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).expect("it is listed");
            line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
        };
        assert!(line("  later").starts_with("timer in "), "{table}");
        assert!(line("  later").ends_with(" h 0 4 /room/a later"), "{table}");
        assert!(line("  often").ends_with(" 1 h 0 0 /room/a often"), "{table}");
        assert_eq!(line("  spin"), "signal parked 3 9 /room/b spin from /room/a");
        let rooms = parse(&storage(&durable, &["rooms", "--json"]));
        let rooms = rooms.as_array().expect("a list").iter();
        let rooms: Vec<_> = rooms
            .map(|room| {
                let count = |name: &str| room[name].as_u64().expect("a number");
                (
                    room["room"].as_str().expect("a name"),
                    ["keys", "timers", "signals", "parked"].map(count),
                )
            })
            .collect();
        let expected =
            [("/room/a", [1, 2, 0, 0]), ("/room/b", [0, 0, 0, 1]), ("/room/c", [0, 0, 1, 0])];
        assert_eq!(rooms, expected);
    };
    look();
    server.kill();
    look();
    let line = refused(&durable, &["signals", "--room", ""], 2);
    assert!(line.contains("the name of a room has 0 bytes"), "{line}");
}

#[tokio::test]
async fn timers_and_signals_of_an_exported_room_fire_where_it_is_imported() {
    let durable = keeper();
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    let mut client = server.connect("/room/a").await;
    calls(&mut client, json!([["signal", "/room/a", "spin", 1]])).await;
    server.wait_for_log("a signal has failed too often");
    let set = json!([
        ["put", "/room/a", "key", "value"],
        ["signalAt", "/room/a", "soon", "in 1000", { "n": 1 }],
        ["signalEvery", "/room/a", "far", 31_000_000_000_u64],
        ["signal", "/room/a", "twice", "data"],
    ]);
    calls(&mut client, set).await;
    eventually("an attempt", || {
        let (code, text) = durable.storage(&["signals", "--json"]);
        code == 0 && text.contains("\"attempts\":1")
    });
    server.kill();
    let exported = storage(&durable, &["export", "--room", "/room/a"]);
    assert!(
        exported.ends_with("{\"end\":{\"entries\":1,\"timers\":2,\"signals\":2}}\n"),
        "{exported}"
    );
    let file = durable.path("export.ndjson");
    std::fs::write(&file, &exported).expect("the folder is writable");
    let file = file.to_str().expect("a path");
    let import = |room: &str| {
        let arguments = ["import", file, "--room", "/room/a", "--as", room];
        assert_eq!(
            storage(&durable, &arguments),
            "imported 1 room with 1 key, 2 timers, 2 signals\n"
        );
    };

    // Without a server they wait for it.
    import("/room/b");
    let body = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let own = exported.replace("\"from\":\"/room/a\"", "\"from\":\"/room/b\"");
    assert_eq!(body(&storage(&durable, &["export", "--room", "/room/b"])), body(&own));
    let _server = durable.serve(&[]);
    eventually("the control socket", || durable.storage(&["put", "/room/x", "k", "1"]).0 == 0);
    import("/room/c");
    for room in ["/room/a", "/room/b", "/room/c"] {
        let expected = json!({ "data": { "n": 1 }, "kind": "timer", "attempt": 1, "from": null });
        assert_eq!(told(&durable, room, "soon"), expected, "{room}");
        // It came from the room itself.
        let expected = json!({ "data": "data", "kind": "signal", "attempt": 2, "from": room });
        assert_eq!(told(&durable, room, "twice"), expected);
        let left = signals(&durable, &["--room", room]);
        assert_eq!(left.keys().collect::<Vec<_>>(), ["far", "spin"]);
        assert_eq!(
            (&left["far"]["parked"], &left["spin"]["parked"]),
            (&false.into(), &true.into())
        );
    }
}

#[tokio::test]
async fn an_import_over_timers_or_signals_is_refused_and_with_replace_removes_them() {
    let durable = keeper();
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    let mut client = server.connect("/room/other").await;
    calls(&mut client, json!([["signal", "/room/a", "spin"]])).await;
    server.wait_for_log("a signal has failed too often");
    let file = durable.path("export.ndjson");
    let lines = [
        r#"{"room":{"version":1,"name":"/room/a","written":1}}"#,
        r#"{"timer":{"name":"far","scheduled":8000000000000000,"due":8000000000000000}}"#,
        r#"{"end":{"entries":0,"timers":1,"signals":0}}"#,
    ];
    std::fs::write(&file, lines.join("\n")).expect("the folder is writable");
    let file = file.to_str().expect("a path");
    let has = "room \"/room/a\" has timers or signals already: 1 in all";
    let line = refused(&durable, &["import", file], 1);
    assert!(line.contains(has), "{line}");
    calls(&mut client, json!([["signal", "/room/a", "throw"]])).await;
    assert_eq!(
        storage(&durable, &["import", file, "--replace"]),
        "imported 1 room with 0 keys, 1 timer\n"
    );
    assert_eq!(signals(&durable, &["--room", "/room/a"]).keys().collect::<Vec<_>>(), ["far"]);
    let rooms = parse(&storage(&durable, &["rooms", "--json"]));
    assert_eq!(rooms.as_array().map(Vec::len), Some(1), "the other has sent nothing any more");
    let line = refused(&durable, &["import", file], 1);
    assert!(line.contains(has), "{line}");
    server.kill();
    let line = refused(&durable, &["import", file], 2);
    assert!(line.contains(has), "{line}");
}

#[tokio::test]
async fn delete_all_removes_timers_too_and_leaves_signals_of_others() {
    let durable = keeper();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let set = json!([
        ["put", "/room/a", "key", "value"],
        ["signalAt", "/room/a", "far", 8e15],
        ["signalAt", "/room/a", "farther", 8.1e15],
        ["signal", "/room/a", "throw"],
    ]);
    calls(&mut client, set).await;
    eventually("the control socket", || durable.path("control.sock").exists());
    assert_eq!(storage(&durable, &["delete-all", "/room/a"]), "deleted 1 key, 2 timers\n");
    assert_eq!(storage(&durable, &["delete-all", "/room/a"]), "deleted 0 keys\n");
    assert_eq!(signals(&durable, &[]).keys().collect::<Vec<_>>(), ["throw"]);
    // The same without a server.
    calls(&mut client, json!([["signalAt", "/room/a", "far", 8e15]])).await;
    server.kill();
    let deleted = storage(&durable, &["delete-all", "/room/a", "--json"]);
    assert_eq!(parse(&deleted), json!({ "deleted": 0, "timers": 1 }));
    assert_eq!(signals(&durable, &[]).keys().collect::<Vec<_>>(), ["throw"]);
}

/// How many pages of the database are free: bytes 36 to 39 of its header.
fn free_pages(durable: &Durable) -> u32 {
    let database = std::fs::read(durable.path("store/state.db")).expect("it is readable");
    u32::from_be_bytes(database[36..40].try_into().expect("four bytes"))
}

#[tokio::test]
async fn compact_gives_free_space_back_with_and_without_a_server() {
    let durable = durable();
    let (server, mut client) = serve(&durable).await;
    let size = |name| std::fs::metadata(durable.path(name)).map_or(0, |file| file.len());
    let fill = async |client: &mut Client| {
        for key in 0..10 {
            put(client, &format!("{key}"), "x".repeat(60_000)).await;
        }
        run(client, json!([call("deleteAll", &[])])).await;
        put(client, "kept", 1).await;
    };
    fill(&mut client).await;
    let told = parse(&storage(&durable, &["compact", "--json"]));
    let told = ["before", "after"].map(|name| told[name].as_u64().expect("a number"));
    assert!(told[0] > 600_000 && told[1] < 200_000, "{told:?}");
    assert_eq!((free_pages(&durable), size("store/state.db-wal")), (0, 0));
    assert_eq!(size("store/state.db"), told[1]);
    server.wait_for_log("an operator has compacted");
    assert_eq!(get(&mut client, "kept").await, json!(1));
    fill(&mut client).await;
    server.kill();
    let line = storage(&durable, &["compact"]);
    assert!(line.contains(" bytes before, ") && line.ends_with(" bytes after\n"), "{line}");
    assert_eq!((free_pages(&durable), size("store/state.db-wal")), (0, 0));
    assert!(size("store/state.db") < 200_000);
    let (_server, mut client) = serve(&durable).await;
    assert_eq!(get(&mut client, "kept").await, json!(1));
}

#[tokio::test]
async fn parked_signals_beyond_a_thousand_of_a_room_go_to_a_file_and_can_be_imported_from_it() {
    let durable = keeper();
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    let mut client = server.connect("/room/a").await;
    calls(&mut client, json!([])).await;
    let room = r#"{"room":{"version":1,"name":"/room/b","written":1}}"#;
    let parked = (0..1000).map(|number| {
        let data = json!({ "kind": "JSON", "json": { "n": number } });
        let signal = json!({
            "name": format!("n{number}"), "from": "/room/a", "scheduled": 1, "due": 1,
            "attempts": 10, "parked": true, "onFail": "failed", "data": data,
        });
        json!({ "signal": signal }).to_string()
    });
    let end = |signals: usize| json!({ "end": { "entries": 0, "signals": signals } }).to_string();
    let lines: Vec<_> = [room.to_owned()].into_iter().chain(parked).chain([end(1000)]).collect();
    let file = durable.path("export.ndjson");
    let path = file.to_str().expect("a path");
    std::fs::write(&file, lines.join("\n")).expect("the folder is writable");
    storage(&durable, &["import", path]);
    calls(&mut client, json!([["signal", "/room/b", "spin"]])).await;
    server.wait_for_log("the oldest go to `store/parked.ndjson`");
    eventually("the spin", || signals(&durable, &["--room", "/room/b"])["spin"]["parked"] == true);
    let kept = durable.path("store/parked.ndjson");
    assert_eq!(mode(&kept), 0o600);
    let kept = std::fs::read_to_string(&kept).expect("it is readable");
    assert_eq!(kept.lines().count(), 1, "{kept}");
    let left = signals(&durable, &["--room", "/room/b", "--parked"]);
    assert!(left.len() == 1000 && !left.contains_key("n0"));

    std::fs::write(&file, format!("{room}\n{kept}{}", end(1))).expect("the folder is writable");
    storage(&durable, &["import", path, "--room", "/room/b", "--as", "/room/c"]);
    let again = &signals(&durable, &["--room", "/room/c"])["n0"];
    assert_eq!(again["data"]["json"], json!({ "n": 0 }));
    assert_eq!((&again["from"], &again["onFail"]), (&"/room/a".into(), &"failed".into()));
    assert_eq!((&again["parked"], &again["attempts"]), (&true.into(), &10.into()));
}
