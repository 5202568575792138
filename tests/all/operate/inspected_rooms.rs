//! The inspector: what an event has read and written of the state of rooms, and what a room has.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::inspector::{events_until, get};
use crate::support::programs;
use crate::support::server::Server;

const STATE: &str = include_str!("../../fixtures/handlers/state.ts");
const SIGNALS: &str = include_str!("../../fixtures/handlers/signals.ts");
const STREAMS: &str = include_str!("../../fixtures/handlers/streams.ts");

/// A server of a source. The folder is removed with it.
fn develop(source: &str, arguments: &[&str]) -> (Server, tempfile::TempDir) {
    let folder = programs::folder();
    std::fs::write(folder.path().join("handler.ts"), source).expect("the folder is writable");
    let server = Server::develop(folder.path(), "handler.ts", arguments);
    server.wait_for_log("built in");
    (server, folder)
}

/// Runs calls in one event of a room, and returns its record.
async fn record(server: &Server, client: &mut Client, script: Value) -> Value {
    let after = get(server, "/state").json()["last"].as_u64().expect("a number");
    client.send(script.to_string()).await;
    let events = events_until(server, after, "message");
    events.into_iter().find(|event| event["event"] == "message").expect("it was waited for")
}

fn call(function: &str, arguments: Value) -> Value {
    json!({ "f": function, "a": arguments })
}

/// A room as its sheet shows it. The rest of the query is not encoded.
fn room(server: &Server, room: &str, rest: &str) -> Value {
    let name: String = room.bytes().map(|byte| format!("%{byte:02x}")).collect();
    get(server, &format!("/room?name={name}{rest}")).json()
}

fn keys(space: &Value) -> Vec<&str> {
    let entries = space["entries"].as_array().expect("a list");
    entries.iter().map(|entry| entry["key"].as_str().expect("a text")).collect()
}

fn preview(text: &str) -> Value {
    json!({ "isText": true, "shown": text, "bytes": text.len(), "isCut": false })
}

fn json_preview(text: &str) -> Value {
    let mut preview = preview(text);
    preview["isJson"] = true.into();
    preview
}

#[tokio::test]
async fn an_event_is_shown_with_what_it_read_and_wrote() {
    let (server, _folder) = develop(STATE, &[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([
        call("put", json!(["gone", 1])),
        call("put", json!(["l/1", "é"])),
        call("put", json!(["l/2", 2])),
    ]);
    record(&server, &mut client, json!({ "calls": calls })).await;
    let calls = json!([
        call("get", json!(["l/1"])),
        call("get", json!(["l/1"])),
        call("get", json!(["none"])),
        { "f": "get", "a": ["l/1"], "in": "/room/b" },
        call("list", json!([{ "prefix": "l/", "startAfter": "l/1", "end": "l/9", "limit": 7, "reverse": true }])),
        call("usage", json!([])),
        call("delete", json!(["gone"])),
        call("delete", json!(["never"])),
        call("put", json!(["text", "hello", { "ttl": 60_000 }])),
        call("put", json!(["bytes", "@buffer"])),
    ]);
    let event = record(&server, &mut client, json!({ "calls": calls })).await;
    let read = |what: &str, key: &str, bytes: Value| json!({ "what": what, "space": "storage", "room": null, "key": key, "bytes": bytes });
    let mut elsewhere = read("key", "l/1", Value::Null);
    elsewhere["room"] = "/room/b".into();
    let expected = json!([
        read("key", "l/1", 2.into()),
        read("key", "none", Value::Null),
        elsewhere,
        {
            "what": "list", "space": "storage", "room": null, "prefix": "l/", "start": "l/1", "isAfter": true,
            "end": "l/9", "isReverse": true, "limit": 7, "entries": 1,
        },
        { "what": "usage", "space": "storage", "room": null },
        read("key", "never", Value::Null),
    ]);
    assert_eq!(event["reads"], expected);
    let writes = event["writes"].as_array().expect("a list");
    assert_eq!(writes.len(), 3, "{event}");
    assert_eq!(
        writes[0],
        json!({
            "what": "put", "space": "storage", "key": "bytes", "kind": "ArrayBuffer", "expires": null,
            "data": { "isText": false, "shown": "01 02 03", "bytes": 3, "isCut": false },
        })
    );
    assert_eq!(writes[1], json!({ "what": "delete", "space": "storage", "key": "gone" }));
    assert_eq!((&writes[2]["kind"], &writes[2]["data"]), (&"string".into(), &preview("hello")));
    assert!(writes[2]["expires"].is_u64(), "{event}");

    let calls = json!([call("put", json!(["m", { "a": 1 }])), call("get", json!(["m"]))]);
    let event = record(&server, &mut client, json!({ "memory": true, "calls": calls })).await;
    assert_eq!(event["reads"][0]["space"], "memory");
    let data = json_preview("{\"a\":1}");
    assert_eq!(
        event["writes"],
        json!([{ "what": "put", "space": "memory", "key": "m", "kind": "JSON", "data": data, "expires": null }])
    );
    let calls = json!([call("deleteAll", json!([])), call("put", json!(["new", 1]))]);
    let event = record(&server, &mut client, json!({ "calls": calls })).await;
    assert_eq!(event["writes"][0], json!({ "what": "delete-all", "space": "storage" }));
    assert_eq!(event["writes"][1]["key"], "new");
    assert_eq!(event["signals"], json!([{ "what": "cancel-all" }]));
}

#[tokio::test]
async fn reads_and_writes_of_an_event_are_bounded_and_say_how_many_more_there_are() {
    let (server, _folder) = develop(STATE, &[]);
    let mut client = server.connect("/room/a").await;
    let long = format!("@x{}", 10_000);
    let puts = (0..30).map(|n| call("put", json!([format!("k{n:02}"), long])));
    let gets = (0..30).map(|n| call("get", json!([format!("k{n:02}")])));
    let endless = call("list", json!([{ "prefix": "p".repeat(5_000) }]));
    let calls: Vec<_> = [endless].into_iter().chain(puts).chain(gets).collect();
    let event = record(&server, &mut client, json!({ "calls": calls })).await;
    let len = |list: &str| event[list].as_array().expect("a list").len();
    assert_eq!((len("writes"), &event["moreWrites"]), (24, &6.into()));
    assert_eq!((len("reads"), &event["moreReads"]), (24, &7.into()));
    assert_eq!(event["reads"][0]["prefix"].as_str().map(str::len), Some(512));
    let data = &event["writes"][0]["data"];
    assert_eq!((&data["bytes"], &data["isCut"]), (&10_000.into(), &true.into()));
    assert!(data["shown"].as_str().is_some_and(|shown| shown.len() < 1_000), "{data}");
}

#[tokio::test]
async fn an_event_that_fails_shows_what_it_read_and_no_writes() {
    let (server, _folder) = develop(STATE, &[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([call("get", json!(["a"])), call("put", json!(["a", 1]))]);
    let event = record(&server, &mut client, json!({ "calls": calls, "throw": true })).await;
    assert_eq!(event["failure"]["kind"], "threw");
    assert_eq!(event["reads"][0]["key"], "a");
    assert_eq!((&event["writes"], &event["moreWrites"]), (&json!([]), &0.into()));
}

#[tokio::test]
async fn signals_are_shown_where_they_are_sent_and_where_they_come() {
    let (server, _folder) = develop(SIGNALS, &[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([
        ["signalAt", "turn", 9_999_999_999_999_u64, { "n": 1 }],
        ["signalEvery", "tick", 3_600_000],
        ["signalTime", "turn"],
        ["signalTime", "none"],
        ["cancelSignal", "turn"],
        ["cancelSignal", "never"],
        ["signal", "twice", "<b>data</b>", { "onFail": "failed" }],
    ]);
    let event = record(&server, &mut client, json!({ "calls": calls })).await;
    let at = &event["signals"][1]["at"];
    assert!(at.is_u64(), "{event}");
    let data = json_preview("{\"n\":1}");
    let expected = json!([
        { "what": "timer", "name": "turn", "at": 9_999_999_999_999_u64, "period": null, "data": data },
        { "what": "timer", "name": "tick", "at": at, "period": 3_600_000, "data": null },
        { "what": "cancel", "name": "turn" },
        {
            "what": "signal", "room": "/room/a", "name": "twice", "data": preview("<b>data</b>"),
            "onFail": "failed",
        },
    ]);
    assert_eq!(event["signals"], expected);
    let read = |name: &str, at: Value| json!({ "what": "timer", "space": "storage", "room": null, "name": name, "at": at });
    let expected = json!([
        read("turn", 9_999_999_999_999_u64.into()),
        read("none", Value::Null),
        read("never", Value::Null),
    ]);
    assert_eq!(event["reads"], expected);

    // It fails, waits, and comes once more.
    let mut last = event["number"].as_u64().expect("a number");
    let mut attempts = Vec::new();
    eventually("the second attempt", || {
        let state = get(&server, &format!("/state?after={last}")).json();
        last = state["last"].as_u64().expect("a number");
        let events = state["events"].as_array().expect("a list").clone();
        attempts.extend(events.into_iter().filter(|event| event["event"] == "signal"));
        attempts.len() == 2
    });
    for (event, attempt) in attempts.iter().zip(1..) {
        let signal = &event["signal"];
        assert_eq!((&event["input"], &event["room"]), (&preview("twice"), &"/room/a".into()));
        assert_eq!((&signal["attempt"], &signal["missed"]), (&attempt.into(), &0.into()));
        assert_eq!((&signal["data"], &signal["kind"]), (&preview("<b>data</b>"), &"signal".into()));
        assert_eq!((&signal["from"], &signal["next"]), (&"/room/a".into(), &Value::Null));
        assert!(signal["scheduled"].is_u64(), "{event}");
    }
    assert_eq!(attempts[0]["failure"]["kind"], "threw");
    assert_eq!(attempts[1]["writes"][0]["key"], "n");
}

#[tokio::test]
async fn streams_are_shown_where_they_are_opened_and_where_their_pieces_come() {
    let (server, _folder) = develop(STREAMS, &[]);
    let mut client = server.connect("/room/a").await;
    // Nobody listens there.
    let url = "http://127.0.0.1:1/path?key=secret";
    let calls =
        json!([["stream", "gone", url], ["cancelStream", "gone"], ["stream", "answer", url]]);
    let event = record(&server, &mut client, json!({ "calls": calls })).await;
    let opened = |name: &str| json!({ "what": "stream", "name": name, "method": "GET", "url": "http://127.0.0.1:1/path" });
    let expected =
        json!([opened("gone"), { "what": "cancel-stream", "name": "gone" }, opened("answer")]);
    assert_eq!(event["signals"], expected);
    let mut last = event["number"].as_u64().expect("a number");
    let mut pieces = Vec::new();
    eventually("its end", || {
        let state = get(&server, &format!("/state?after={last}")).json();
        last = state["last"].as_u64().expect("a number");
        let events = state["events"].as_array().expect("a list").clone();
        pieces.extend(events.into_iter().filter(|event| event["event"] == "stream"));
        !pieces.is_empty()
    });
    let expected = (&preview("answer end network"), &"/room/a".into());
    assert_eq!((&pieces[0]["input"], &pieces[0]["room"]), expected);
    assert_eq!(pieces[0]["writes"][0]["key"], "pieces");
}

#[tokio::test]
async fn a_room_is_shown_with_its_keys_a_page_at_a_time_whether_or_not_it_has_connections() {
    for durable in [&[][..], &["--durable", "data"]] {
        let (server, _folder) = develop(STATE, &[durable, &["--max-room-state", "1MiB"]].concat());
        let mut client = server.connect("/room/a%20b").await;
        let puts: Vec<_> = (0..120).map(|n| call("put", json!([format!("k/{n:03}"), n]))).collect();
        client.ask(&json!({ "calls": puts }).to_string()).await;
        let calls = json!([
            call("put", json!(["z", "@buffer"])),
            call("put", json!(["until", 1, { "ttl": 90_000 }]))
        ]);
        client.ask(&json!({ "calls": calls }).to_string()).await;
        let calls = json!([call("put", json!(["k/m", { "<i>": true }]))]);
        client.ask(&json!({ "memory": true, "calls": calls }).to_string()).await;

        let name = "/room/a%20b";
        let shown = room(&server, name, "");
        assert_eq!((&shown["room"], &shown["members"]), (&name.into(), &1.into()));
        assert_eq!((&shown["storage"]["keys"], &shown["limit"]), (&122.into(), &(1 << 20).into()));
        assert!(
            shown["storage"]["bytes"].as_u64().is_some_and(|bytes| bytes > 122 * 64),
            "{shown}"
        );
        let first = keys(&shown["storage"]);
        assert_eq!((first.len(), first[0], first[49]), (50, "k/000", "k/049"));
        assert_eq!(shown["storage"]["hasMore"], true);
        assert_eq!(shown["storage"]["entries"][7]["value"], json_preview("7"));
        let of_memory = json!([{ "key": "k/m", "kind": "JSON", "value": json_preview("{\"<i>\":true}"), "expires": null }]);
        assert_eq!(
            (&shown["memory"]["entries"], &shown["memory"]["hasMore"]),
            (&of_memory, &false.into())
        );

        let second = room(&server, name, "&after=k/049&memory-after=k/m");
        assert_eq!(keys(&second["storage"]).first(), Some(&"k/050"));
        assert_eq!(keys(&second["memory"]), [""; 0]);
        let last = room(&server, name, "&prefix=k/&after=k/099");
        assert_eq!(
            (keys(&last["storage"]).len(), &last["storage"]["hasMore"]),
            (20, &false.into())
        );
        let others = room(&server, name, "&prefix=u");
        assert_eq!(keys(&others["storage"]), ["until"]);
        assert!(others["storage"]["entries"][0]["expires"].is_u64(), "{others}");
        let entry = &room(&server, name, "&prefix=z")["storage"]["entries"][0];
        assert_eq!(
            (&entry["kind"], &entry["value"]["shown"]),
            (&"ArrayBuffer".into(), &"01 02 03".into())
        );

        client.close(1000, "").await;
        eventually("the room has no member", || room(&server, name, "")["members"] == 0);
        assert_eq!(room(&server, name, "")["storage"]["keys"], 122);
        let none = room(&server, "/nowhere", "");
        assert_eq!((&none["storage"]["keys"], &none["memory"]["entries"]), (&0.into(), &json!([])));
        for bad in ["/room", "/room?name=", "/room?name=%ff", "/room?name=/a&limit=9"] {
            assert_eq!(get(&server, bad).status, 400, "{bad}");
        }
    }
}

#[tokio::test]
async fn large_values_make_a_page_of_keys_short() {
    let (server, _folder) = develop(STATE, &[]);
    let mut client = server.connect("/room/a").await;
    let puts: Vec<_> = (0..9).map(|n| call("put", json!([format!("k{n}"), "@x100000"]))).collect();
    client.ask(&json!({ "calls": puts }).to_string()).await;
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = room(&server, "/room/a", &after);
        let page = &page["storage"];
        assert!(keys(page).len() <= 3, "{:?}", keys(page));
        assert_eq!(page["entries"][0]["value"]["isCut"], true);
        seen.extend(keys(page).into_iter().map(str::to_owned));
        if page["hasMore"] == false {
            break;
        }
        after = format!("&after={}", seen.last().expect("a page has a key"));
    }
    assert_eq!(seen, (0..9).map(|n| format!("k{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_room_is_shown_with_its_timers_and_with_signals_that_wait_or_are_parked() {
    for durable in [&[][..], &["--durable", "data"]] {
        let (server, _folder) = develop(SIGNALS, &[durable, &["--cpu-limit", "20ms"]].concat());
        let mut client = server.connect("/room/a").await;
        let calls =
            json!(
                [["signalEvery", "late", 7_200_000, "data"], ["signalEvery", "soon", 3_600_000],]
            );
        client.ask(&json!({ "calls": calls }).to_string()).await;
        let spin = json!({ "calls": [["signal", "spin", { "n": 1 }, { "onFail": "failed" }]], "to": "/room/b" });
        assert_eq!(client.ask(&spin.to_string()).await, "sent");

        let shown = room(&server, "/room/a", "");
        let timers = &shown["timers"];
        assert_eq!((&timers["count"], &shown["isComplete"]), (&2.into(), &true.into()));
        let first = &timers["first"][0];
        assert_eq!(
            (&first["name"], &first["period"], &first["data"]),
            (&"soon".into(), &3_600_000.into(), &Value::Null)
        );
        let now = shown["now"].as_u64().expect("a time");
        assert!(first["due"].as_u64().is_some_and(|due| due > now + 3_000_000), "{shown}");
        assert_eq!(timers["first"][1]["data"], preview("data"));

        // After the first attempt it waits a second.
        eventually("it has failed once", || {
            let waiting = room(&server, "/room/b", "")["waiting"].clone();
            let signal = &waiting["first"][0];
            signal["attempts"] == 1
                && waiting["count"] == 1
                && signal["from"] == "/room/a"
                && signal["onFail"] == "failed"
                && signal["data"] == json_preview("{\"n\":1}")
        });
        server.wait_for_log("a signal has failed too often");
        eventually("it is parked", || {
            let shown = room(&server, "/room/b", "");
            let parked = &shown["parked"];
            shown["waiting"]["count"] == 0
                && parked["count"] == 1
                && parked["first"][0]["name"] == "spin"
                && parked["first"][0]["attempts"] == 3
        });
    }
}

#[tokio::test]
async fn looking_at_a_room_waits_for_no_event_of_it() {
    for durable in [&[][..], &["--durable", "data"]] {
        let (server, _folder) = develop(STATE, &[durable, &["--cpu-limit", "60s"]].concat());
        let mut client = server.connect("/room/a").await;
        client.ask(&json!({ "calls": [call("put", json!(["a", 1]))] }).to_string()).await;
        let forever = json!({ "calls": [call("put", json!(["b", 2]))], "forever": true });
        client.send(forever.to_string()).await;
        let mut other = server.connect("/room/b").await;
        other.ask(&json!({ "calls": [] }).to_string()).await;
        assert_eq!(keys(&room(&server, "/room/a", "")["storage"]), ["a"]);
    }
}

#[test]
fn the_state_of_rooms_needs_the_token_too() {
    let handler: PathBuf = programs::compile(STATE);
    let server = Server::start(&handler, &["--inspector"]);
    let answer = get(&server, "/room?name=/room/a");
    assert_eq!((answer.status, &*answer.body), (401, "the inspector's token is needed\n"));
}
