//! `zigttp:storage`: what events read and write, atomically and in their room alone.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{HANDLER, ask, call, run};
use crate::support::server::Server;

fn put(key: &str, value: impl Into<Value>) -> Value {
    call("put", &[key.into(), value.into()])
}

fn get(key: &str) -> Value {
    call("get", &[key.into()])
}

fn list(options: Value) -> Value {
    call("list", &[options])
}

const NOTHING: &str = "undefined";

#[tokio::test]
async fn a_value_is_there_for_the_next_event_with_its_type() {
    let server = Server::start(&HANDLER, &["--verify-restore", "1"]);
    let mut client = server.connect("/room/a").await;
    let values = json!([
        [put("text", "é"), "é"],
        [put("number", -0.5), -0.5],
        [put("null", Value::Null), null],
        [put("object", json!({"a": [1, "2", {"b": false}]})), {"a": [1, "2", {"b": false}]}],
        [put("buffer", "@buffer"), "ArrayBuffer 1,2,3"],
        [put("floats", "@floats"), "Float32Array 1.5,-2"],
        [put("left", "@left"), {"kept": 1}],
    ]);
    let pairs = values.as_array().expect("a list");
    let puts: Vec<_> = pairs.iter().map(|pair| pair[0].clone()).collect();
    let stored = run(&mut client, puts.clone().into()).await;
    assert_eq!(stored, json!(vec![NOTHING; puts.len()]));
    let gets: Vec<_> = puts.iter().map(|put| get(put["a"][0].as_str().expect("a key"))).collect();
    let read = run(&mut client, gets.into()).await;
    let expected: Vec<_> = pairs.iter().map(|pair| pair[1].clone()).collect();
    assert_eq!(read, json!(expected));
}

#[tokio::test]
async fn an_event_sees_its_own_writes_and_one_that_throws_leaves_none() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([
        put("a", 1),
        get("a"),
        call("delete", &["a".into()]),
        get("a"),
        call("delete", &["a".into()]),
        put("a", 2),
        put("b", 3),
    ]);
    let expected = json!([NOTHING, 1, true, NOTHING, false, NOTHING, NOTHING]);
    assert_eq!(run(&mut client, calls).await, expected);
    client
        .send(json!({ "throw": true, "calls": [put("a", 9), call("deleteAll", &[])] }).to_string())
        .await;
    let forever = json!({ "calls": [get("a"), get("b")] });
    assert_eq!(ask(&mut client, forever).await, json!([2, 3]), "nothing of the event that threw");
    let cleared = json!([call("deleteAll", &[]), get("a"), put("c", 4), list(json!({}))]);
    assert_eq!(run(&mut client, cleared).await, json!([NOTHING, NOTHING, NOTHING, [["c", 4]]]));
    assert_eq!(run(&mut client, json!([get("b"), get("c")])).await, json!([NOTHING, 4]));
}

#[tokio::test]
async fn an_event_over_its_cpu_limit_stores_nothing() {
    let server = Server::start(&HANDLER, &[]);
    let (mut one, mut other) = (server.connect("/room/a").await, server.connect("/room/a").await);
    one.send(json!({ "forever": true, "calls": [put("a", 1)] }).to_string()).await;
    assert_eq!(one.closed().await.0, 1011);
    assert_eq!(run(&mut other, json!([get("a")])).await, json!([NOTHING]));
}

#[tokio::test]
async fn what_does_not_fit_is_a_type_error_that_names_its_path() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    for (value, expected) in [
        ("@Date", "Date at $ (store its getTime() or toISOString())"),
        ("@NaN", "NaN at $.deep[0]"),
        ("@bigint", "a bigint at $ (store its toString())"),
        ("@Map", "Map at $ (store an array of it: [...it])"),
        ("@undefined", "undefined at $"),
        ("@surrogate", "a lone surrogate at $"),
    ] {
        let read = run(&mut client, json!([put("a", value), get("a")])).await;
        let text = format!("TypeError: storage.put: value cannot be stored: {expected}");
        assert_eq!(read, json!([text, NOTHING]));
    }
}

#[tokio::test]
async fn keys_values_rooms_and_options_out_of_bounds_are_range_errors() {
    let flags = ["--max-value-size", "1000", "--max-room-state", "4000", "--max-event-writes", "3"];
    let server = Server::start(&HANDLER, &flags);
    let mut client = server.connect("/room/a").await;
    let ttl = |ttl: Value| call("put", &["k".into(), 1.into(), json!({ "ttl": ttl })]);
    for (wrong, expected) in [
        (put("", 1), "RangeError: storage.put: key has 0 bytes of UTF-8, it may have 1 to 512"),
        (
            put("@x513", 1),
            "RangeError: storage.put: key has 513 bytes of UTF-8, it may have 1 to 512",
        ),
        (get(""), "RangeError: storage.get: key has 0 bytes of UTF-8, it may have 1 to 512"),
        (
            put("k", "@x1001"),
            "RangeError: storage.put: the value has 1001 bytes, the limit is 1000",
        ),
        (call("put", &[1.into(), 1.into()]), "TypeError: storage.put: key must be a string"),
        (put("@surrogate", 1), "TypeError: storage.put: key has a lone surrogate"),
        (
            json!({ "f": "get", "a": ["k"], "in": "" }),
            "RangeError: storage.get: the room has 0 bytes of UTF-8, it may have 1 to 1024",
        ),
        (
            ttl(0.into()),
            "RangeError: storage.put: options.ttl is 0, it has to be a number of milliseconds over 0",
        ),
        (ttl("1".into()), "TypeError: storage.put: options.ttl must be a number of milliseconds"),
        (
            ttl(json!("Infinity")),
            "TypeError: storage.put: options.ttl must be a number of milliseconds",
        ),
        (
            call("put", &["k".into(), 1.into(), json!({ "expirationTtl": 60 })]),
            "TypeError: storage.put: there is no option expirationTtl; the options are ttl",
        ),
        (
            list(json!({ "prefx": "a" })),
            "TypeError: storage.list: there is no option prefx; the options are prefix, start, startAfter, end, \
             reverse, limit",
        ),
        (
            call("get", &[]),
            "TypeError: storage.get: key must be a string; the first argument is the room",
        ),
        (
            call("put", &["k".into(), 1.into(), 5.into()]),
            "TypeError: storage.put: options must be an object",
        ),
        (
            list(json!({ "limit": 0 })),
            "RangeError: storage.list: options.limit is 0, it has to be an integer of at least 1",
        ),
        (list(json!({ "prefix": 1 })), "TypeError: storage.list: options.prefix must be a string"),
        (
            list(json!({ "reverse": "no" })),
            "TypeError: storage.list: options.reverse must be a boolean",
        ),
        (
            list(json!({ "start": "a", "startAfter": "b" })),
            "RangeError: storage.list: options.start and options.startAfter exclude each other",
        ),
    ] {
        assert_eq!(run(&mut client, json!([wrong])).await, json!([expected]));
    }
    let many: Vec<_> = (0..4).map(|number| put(&number.to_string(), 1)).collect();
    let last =
        "RangeError: storage.put: this event would change more than 3 keys, which is the limit";
    assert_eq!(run(&mut client, many.into()).await, json!([NOTHING, NOTHING, NOTHING, last]));
    let full: Vec<_> = (0..3).map(|number| put(&number.to_string(), "@x1000")).collect();
    assert_eq!(run(&mut client, full.into()).await, json!([NOTHING, NOTHING, NOTHING]));
    let over = json!([put("3", "@x1000"), call("usage", &[])]);
    assert_eq!(
        run(&mut client, over).await,
        json!([
            "RangeError: storage.put: the room would have 4260 bytes, the limit is 4000",
            { "keys": 3, "bytes": 3195, "limit": 4000 },
        ])
    );
    // What makes it smaller is always stored.
    let less = json!([call("delete", &["0".into()]), put("3", "@x900")]);
    assert_eq!(run(&mut client, less).await, json!([true, NOTHING]));
}

#[tokio::test]
async fn only_events_of_a_room_write_its_state_and_others_read_one_committed_state() {
    let server = Server::start(&HANDLER, &[]);
    let (mut a, mut b) = (server.connect("/room/a").await, server.connect("/room/b").await);
    run(&mut b, json!([put("k", "b's")])).await;
    for function in ["put", "delete", "deleteAll"] {
        let other = json!([{ "f": function, "a": ["k", 1], "in": "/room/b" }]);
        let text = format!(
            "RangeError: storage.{function}: only events of the room \"/room/b\" write its state, and this is \
             one of \"/room/a\": send it a signal"
        );
        assert_eq!(run(&mut a, other).await, json!([text]));
    }
    let look =
        json!([{ "f": "get", "a": ["k"], "in": "/room/b" }, { "f": "list", "in": "/room/b" }]);
    assert_eq!(run(&mut a, look).await, json!(["b's", [["k", "b's"]]]));
}

#[tokio::test]
async fn an_event_without_a_room_reads_and_is_told_who_may_write() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([put("k", "a's")])).await;
    let script = json!({ "calls": [get("k"), put("k", 1)] }).to_string();
    let request = format!(
        "POST /elsewhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{script}",
        script.len()
    );
    let text = "RangeError: storage.put: this event has no room: export onRequest(req, room), or send a room \
                a signal";
    assert_eq!(server.request(&request).1, json!(["a's", text]).to_string());
}

#[tokio::test]
async fn requests_in_the_room_s_turn_count_without_a_race() {
    let flags = ["--max-turn-waits", "1000", "--turn-timeout", "60s"];
    let server = Arc::new(Server::start(&HANDLER, &flags));
    let count = || {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || server.get("/room/count").1)
    };
    let all: Vec<_> = (0..400).map(|_| count()).collect();
    let mut counts = Vec::new();
    for one in all {
        counts.push(one.await.expect("no request panics").parse::<u32>().expect("a count"));
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=400).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_list_is_in_the_order_of_the_keys_bytes_and_any_part_of_it() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let keys = ["a", "b", "b/1", "b/2", "é", "z", "\u{ffff}", "\u{10000}"];
    let puts: Vec<_> = keys.iter().map(|key| put(key, *key)).collect();
    run(&mut client, puts.into()).await;
    let mut in_order = keys.to_vec();
    in_order.sort_unstable();
    let lists = |of: &[&str]| -> Value { of.iter().map(|key| json!([key, key])).collect() };
    let reversed: Vec<&str> = in_order.iter().rev().copied().collect();
    for (options, expected) in [
        (json!({}), &in_order[..]),
        (json!({ "reverse": true }), &reversed[..]),
        (json!({ "prefix": "b" }), &["b", "b/1", "b/2"]),
        (json!({ "prefix": "b/", "reverse": true, "limit": 1 }), &["b/2"]),
        (json!({ "prefix": "b", "startAfter": "b/1" }), &["b/2"]),
        (json!({ "start": "b", "end": "b/2" }), &["b", "b/1"]),
        (json!({ "end": "b", "reverse": true }), &["a"]),
        (json!({ "limit": 2 }), &["a", "b"]),
    ] {
        assert_eq!(run(&mut client, json!([list(options)])).await, json!([lists(expected)]));
    }
    // With what the event itself has changed.
    let calls = json!([
        put("b/0", "b/0"),
        call("delete", &["b/1".into()]),
        list(json!({ "prefix": "b" })),
        list(json!({ "prefix": "b", "reverse": true, "limit": 2 })),
    ]);
    let read = run(&mut client, calls).await;
    assert_eq!((&read[2], &read[3]), (&lists(&["b", "b/0", "b/2"]), &lists(&["b/2", "b/0"])));
}

#[tokio::test]
async fn a_value_that_is_larger_than_a_list_is_named_and_can_be_passed() {
    let server = Server::start(&HANDLER, &["--max-value-size", "2MiB"]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([put("a", "@x1048577"), put("b", "b")])).await;
    let text = "RangeError: storage.list: the first key of this range, \"a\", has more than the 1048576 bytes of a \
                list: get it, and list what follows with startAfter";
    let calls = json!([list(json!({ "limit": 1 })), list(json!({ "startAfter": "a" }))]);
    assert_eq!(run(&mut client, calls).await, json!([text, [["b", "b"]]]));
}

#[tokio::test]
async fn bounds_of_a_list_that_are_longer_than_any_key_have_their_place_among_the_keys() {
    // Five strings of a MiB are near the limit of an event's CPU time in an unoptimised build.
    let server = Server::start(&HANDLER, &["--cpu-limit", "20s"]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([put("w", "w"), put(&"x".repeat(512), "x"), put("y", "y")])).await;
    for long in ["@x513", "@x1048577"] {
        let calls = json!([
            list(json!({ "prefix": long })),
            list(json!({ "start": long })),
            list(json!({ "startAfter": long })),
            list(json!({ "end": long, "limit": 1 })),
            list(json!({ "prefix": "x", "end": long })),
        ]);
        let (x, y) = (json!([["x".repeat(512), "x"]]), json!([["y", "y"]]));
        assert_eq!(run(&mut client, calls).await, json!([[], y, y, [["w", "w"]], x]), "{long}");
    }
}

#[tokio::test]
async fn a_list_that_is_too_long_is_a_range_error_that_says_what_fits() {
    let server = Server::start(&HANDLER, &["--max-event-writes", "2000"]);
    let mut client = server.connect("/room/a").await;
    let puts: Vec<_> = (0..1001).map(|number| put(&format!("n/{number:04}"), number)).collect();
    run(&mut client, puts.into()).await;
    let text = "RangeError: storage.list: more than 1000 entries are in this range: pass limit: 1000 and page \
                with startAfter";
    assert_eq!(run(&mut client, json!([list(json!({}))])).await, json!([text]));
    let page = run(&mut client, json!([list(json!({ "limit": 1000 }))])).await;
    assert_eq!(page[0].as_array().map(Vec::len), Some(1000));
    let rest = run(&mut client, json!([list(json!({ "startAfter": "n/0999" }))])).await;
    assert_eq!(rest, json!([[["n/1000", 1000]]]));

    let large: Vec<_> = (0..11).map(|number| put(&format!("x/{number}"), "@x100000")).collect();
    run(&mut client, large.into()).await;
    let text = "RangeError: storage.list: the first 10 entries of this range fill the 1048576 bytes of a list: \
                pass limit: 10 and page with startAfter";
    assert_eq!(run(&mut client, json!([list(json!({ "prefix": "x/" }))])).await, json!([text]));
}

#[tokio::test]
async fn a_value_with_a_time_to_live_is_gone_after_it() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let short = call("put", &["short".into(), 1.into(), json!({ "ttl": 1 })]);
    let long = call("put", &["long".into(), 1.into(), json!({ "ttl": 60_000 })]);
    run(&mut client, json!([short, long])).await;
    let calls = json!([get("short"), get("long"), list(json!({}))]);
    let mut read = run(&mut client, calls.clone()).await;
    while read[0] != NOTHING {
        read = run(&mut client, calls.clone()).await;
    }
    assert_eq!(read, json!([NOTHING, 1, [["long", 1]]]));
}

#[tokio::test]
async fn on_close_stores_for_its_room() {
    let server = Server::start(&HANDLER, &[]);
    let mut stays = server.connect("/room/a").await;
    let leaves = server.connect("/room/a").await;
    leaves.close(4000, "note").await;
    let mut read = Value::Null;
    while read != json!([4000]) {
        read = run(&mut stays, json!([get("closed")])).await;
    }
}
