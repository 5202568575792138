//! What rooms may store and send, and what an operator is told of it.

use serde_json::{Value, json};

use super::{HANDLER, call, run, signals};
use crate::support::admin;
use crate::support::eventually;
use crate::support::server::Server;

fn put(key: &str, value: &str) -> Value {
    call("put", &[key.into(), value.into()])
}

/// Sends a script to a handler whose event must fail.
async fn fails(server: &Server, calls: Value) {
    let mut client = server.connect("/room/a").await;
    client.send(json!({ "calls": calls }).to_string()).await;
    assert_eq!(client.closed().await.0, 1011);
}

#[tokio::test]
async fn an_operator_is_told_once_when_a_room_grows_beyond_four_fifths_of_its_limit() {
    let (server, address) = admin::start(&HANDLER, &["--max-room-state", "4000"]);
    let mut client = server.connect("/room/a").await;
    let line = "the state of this room has grown beyond 80 % of --max-room-state";
    let told = || admin::scrape(address)["zigttp_filling_rooms_total"];
    run(&mut client, json!([put("0", "@x1000"), put("1", "@x1000"), put("2", "@x1000")])).await;
    assert_eq!((told(), server.log().contains(line)), (0.0, false));
    run(&mut client, json!([put("3", "@x10")])).await;
    run(&mut client, json!([put("4", "@x10")])).await;
    assert_eq!(told(), 1.0);
    server.wait_for_log(line);
    assert_eq!(server.log().matches(line).count(), 1);
}

#[tokio::test]
async fn over_the_limit_of_all_rooms_events_that_grow_fail_whole_and_deletions_go_on() {
    for durable in [false, true] {
        let folder = crate::support::programs::folder();
        let folder = folder.path().join("data");
        let folder = folder.to_str().expect("a path");
        let mut flags = vec!["--max-state", "8000"];
        if durable {
            flags.extend(["--durable", folder]);
        }
        let server = Server::start(&HANDLER, &flags);
        let mut other = server.connect("/room/b").await;
        run(&mut other, json!([put("k", "@x5000")])).await;
        fails(&server, json!([put("small", "@x10"), put("k", "@x5000")])).await;
        server.wait_for_log("the states of all rooms would have");
        let mut client = server.connect("/room/a").await;
        let read = run(&mut client, json!([call("get", &["small".into()])])).await;
        assert_eq!(read, json!(["undefined"]), "nothing of the event is stored");
        let deleted = run(&mut other, json!([call("delete", &["k".into()])])).await;
        assert_eq!(deleted, json!([true]));
        let stored = run(&mut client, json!([put("k", "@x5000")])).await;
        assert_eq!(stored, json!(["undefined"]));
    }
}

#[tokio::test]
async fn a_timer_too_many_is_a_range_error() {
    let server = Server::start(&signals::HANDLER, &["--max-room-timers", "2"]);
    let mut client = server.connect("/room/a").await;
    let set = |name: &str| json!(["signalAt", name, "in 60000"]);
    let results = signals::run(&mut client, json!([set("a"), set("b"), set("a"), set("c")])).await;
    let refused = "RangeError: signalAt: the room has 2 timers, which is the limit";
    assert_eq!(results, json!(["undefined", "undefined", "undefined", refused]));
}

#[tokio::test]
async fn a_timer_takes_the_place_of_one_that_has_fired_or_was_removed_in_the_same_event() {
    let server = Server::start(&signals::HANDLER, &["--max-room-timers", "2"]);
    let mut client = server.connect("/room/a").await;
    let set = |name: &str| json!(["signalAt", name, "in 60000"]);
    signals::run(&mut client, json!([set("a"), set("b")])).await;
    let cancel = |name: &str| json!(["cancelSignal", name]);
    let calls = json!([cancel("a"), set("c"), cancel("c"), set("d"), set("e")]);
    let refused = "RangeError: signalAt: the room has 2 timers, which is the limit";
    let results = signals::run(&mut client, calls).await;
    assert_eq!(results, json!([true, "undefined", true, "undefined", refused]));

    let calls = json!([["deleteAll"], set("f"), set("g"), set("h")]);
    let results = signals::run(&mut client, calls).await;
    assert_eq!(results, json!(["undefined", "undefined", "undefined", refused]));

    let rearm = json!(["signalAt", "rearm", "in 1", { "times": 3, "period": 10 }]);
    signals::run(&mut client, json!([cancel("g"), rearm])).await;
    for _ in 0..3 {
        let told = signals::signal(&mut client).await;
        assert_eq!((&told["name"], &told["attempt"]), (&json!("rearm"), &json!(1)));
    }
}

#[tokio::test]
async fn a_signal_too_many_is_a_range_error_in_its_event_or_fails_it_and_none_is_lost() {
    let flags = ["--max-room-signals", "3", "--room-signal-rate", "1"];
    let (server, address) = admin::start(&signals::HANDLER, &flags);
    let mut client = server.connect("/room/a").await;
    let many = |name: &str, count: usize| -> Value { vec![json!(["signal", name]); count].into() };
    let results = signals::run(&mut client, many("first", 4)).await;
    let refused = "RangeError: signal: this event has sent 3 signals, which is the limit";
    assert_eq!(results, json!(["undefined", "undefined", "undefined", refused]));
    let waiting = || admin::scrape(address)["zigttp_signals{state=\"waiting\"}"];
    assert!(waiting() >= 1.0);
    fails(&server, many("second", 3)).await;
    server.wait_for_log("signals");
    for _ in 0..3 {
        assert_eq!(signals::signal(&mut client).await["name"], "first");
    }
    eventually("all have run", || waiting() == 0.0);
}

#[tokio::test]
async fn a_room_at_rest_holds_no_memory_whatever_it_has_stored() {
    let folder = crate::support::programs::folder();
    let folder = folder.path().join("data");
    let flags = ["--state-cache", "4KiB", "--durable", folder.to_str().expect("a path")];
    let (server, address) = admin::start(&HANDLER, &flags);
    for room in 0..200 {
        assert_eq!(server.get(&format!("/room/{room}")).1, "1");
    }
    let metrics = admin::scrape(address);
    let of = |name: &str| metrics[&format!("zigttp_{name}{{module=\"storage\"}}")];
    assert_eq!(of("state_rooms"), 200.0);
    assert!(of("live_rooms") < 50.0 && of("live_room_bytes") <= 4096.0, "{metrics:?}");
    assert_eq!(metrics["zigttp_rooms"], 0.0, "of the turns of these rooms nothing is left");
    // They are all there.
    for room in 0..200 {
        assert_eq!(server.get(&format!("/room/{room}")).1, "2");
    }
}
