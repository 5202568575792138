//! `zigttp:durable`: signals and timers, exactly once, in the turn of their room.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::programs;
use crate::support::server::Server;

const SOURCE: &str = include_str!("../../fixtures/handlers/signals.ts");

pub(super) static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SOURCE));

/// The log's line about a signal that is parked.
const PARKED: &str = "a signal has failed too often";

/// What one event's calls return.
pub(super) async fn run(client: &mut Client, calls: Value) -> Value {
    client.send(json!({ "calls": calls }).to_string()).await;
    results(client).await
}

/// The next message that is no signal.
async fn results(client: &mut Client) -> Value {
    loop {
        let message: Value = serde_json::from_str(&client.text().await).expect("JSON");
        if message.is_array() {
            return message;
        }
    }
}

/// The next signal that the room was told of.
pub(super) async fn signal(client: &mut Client) -> Value {
    serde_json::from_str(&client.text().await).expect("the handler tells JSON")
}

fn told(name: &str, data: Value, kind: &str) -> Value {
    json!({
        "name": name, "data": data, "kind": kind, "attempt": 1, "last": false, "missed": 0,
        "id": "string", "early": false,
    })
}

#[tokio::test]
async fn a_signal_runs_in_its_room_once_its_event_has_committed() {
    let server = Server::start(&HANDLER, &["--verify-restore", "1"]);
    let (mut a, mut b) = (server.connect("/room/a").await, server.connect("/room/b").await);
    for data in [json!({ "deep": [1, "é", null] }), json!("text"), json!(null), json!(-0.5)] {
        let script = json!({ "calls": [["signal", "hello", data]], "to": "/room/b" });
        assert_eq!(a.ask(&script.to_string()).await, "sent");
        let mut expected = told("hello", data, "signal");
        expected["from"] = "/room/a".into();
        assert_eq!(signal(&mut b).await, expected);
    }
    let without = json!({ "calls": [["signal", "hello"]], "to": "/room/b" });
    a.ask(&without.to_string()).await;
    assert_eq!(signal(&mut b).await["data"], "undefined");
}

#[tokio::test]
async fn a_signal_of_an_event_that_throws_is_not_sent() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let script =
        json!({ "calls": [["signal", "lost"], ["signalAt", "lost", "in 1"]], "throw": true });
    client.send(script.to_string()).await;
    assert_eq!(run(&mut client, json!([["signalAt", "kept", "in 1"]])).await, json!(["undefined"]));
    assert_eq!(signal(&mut client).await["name"], "kept");
    assert_eq!(client.ask("n").await, "n 1");
}

#[tokio::test]
async fn a_timer_fires_at_its_time_or_later_and_the_same_name_replaces_it() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([
        ["signalAt", "turn", "in 1", 1],
        ["signalAt", "turn", "in 40", 2],
        ["signalAt", "date", "@Date", 3],
    ]);
    run(&mut client, calls).await;
    assert_eq!(signal(&mut client).await, told("date", 3.into(), "timer"));
    assert_eq!(signal(&mut client).await, told("turn", 2.into(), "timer"));
    let calls = json!([
        ["signalAt", "gone", "in 60000"],
        ["signalTime", "gone"],
        ["cancelSignal", "gone"],
        ["signalTime", "gone"],
        ["cancelSignal", "gone"],
    ]);
    let read = run(&mut client, calls).await;
    assert!(read[1].is_u64(), "{read}");
    assert_eq!((&read[2], &read[3], &read[4]), (&true.into(), &"undefined".into(), &false.into()));
    // Of an earlier event.
    run(&mut client, json!([["signalAt", "later", "in 60000"]])).await;
    let read = run(&mut client, json!([["signalTime", "later"], ["cancelSignal", "later"]])).await;
    assert!(read[0].is_u64() && read[1] == true, "{read}");
    let read = run(&mut client, json!([["signalTime", "later"], ["cancelSignal", "later"]])).await;
    assert_eq!(read, json!(["undefined", false]));
    assert_eq!(client.ask("n").await, "n 2");
}

#[tokio::test]
async fn a_timer_with_a_period_fires_again_and_again_until_it_is_cancelled() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([["signalEvery", "tick", 20, "data"]])).await;
    for _ in 0..5 {
        let tick = signal(&mut client).await;
        assert_eq!(
            (&tick["name"], &tick["data"], &tick["early"]),
            (&"tick".into(), &"data".into(), &false.into())
        );
    }
    assert_eq!(run(&mut client, json!([["cancelSignal", "tick"]])).await, json!([true]));
    let counted = client.ask("n").await;
    run(&mut client, json!([["signalAt", "last", "in 60"]])).await;
    assert_eq!(signal(&mut client).await["name"], "last");
    let after: u32 = client.ask("n").await[2..].parse().expect("a number");
    assert_eq!(after, counted[2..].parse::<u32>().expect("a number") + 1);
}

#[tokio::test]
async fn a_timer_that_is_set_again_in_on_signal_stays_on_its_grid() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([["signalAt", "rearm", "in 5", { "times": 10, "period": 5 }]])).await;
    for _ in 0..10 {
        assert_eq!(signal(&mut client).await["early"], false);
    }
    assert_eq!(run(&mut client, json!([["signalTime", "rearm"]])).await, json!(["undefined"]));
}

#[tokio::test]
async fn signals_from_one_room_to_another_keep_their_order() {
    let server = Server::start(&HANDLER, &[]);
    let (mut a, mut b) = (server.connect("/room/a").await, server.connect("/room/b").await);
    for number in 0..200 {
        let script = json!({ "calls": [["signal", "n", number]], "to": "/room/b" });
        a.send(script.to_string()).await;
    }
    for number in 0..200 {
        assert_eq!(signal(&mut b).await["data"], number);
    }
}

#[tokio::test]
async fn one_that_throws_has_no_effect_but_the_attempt_and_runs_again() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([["signal", "twice", 1]])).await;
    let second = signal(&mut client).await;
    assert_eq!((&second["attempt"], &second["name"]), (&2.into(), &"twice".into()));
    assert_eq!(client.ask("n").await, "n 1", "the first attempt has stored nothing");
}

#[tokio::test]
async fn one_that_exceeds_its_limit_three_times_is_parked_and_its_sender_is_told() {
    let server = Server::start(&HANDLER, &["--cpu-limit", "20ms"]);
    let (mut a, mut b) = (server.connect("/room/a").await, server.connect("/room/b").await);
    let on_fail = json!({ "onFail": "failed" });
    for data in [json!({ "job": 1 }), json!("2")] {
        let script = json!({ "calls": [["signal", "spin", data, on_fail]], "to": "/room/b" });
        assert_eq!(a.ask(&script.to_string()).await, "sent");
    }
    // Its sender knows which of them, and where. Which is parked first is by chance.
    let mut both = [signal(&mut a).await, signal(&mut a).await];
    both.sort_by_key(|failed| failed["data"].is_string());
    for (failed, data) in both.into_iter().zip([json!({ "job": 1 }), json!("2")]) {
        let mut expected = told("failed", data, "signal");
        expected["from"] = "/room/b".into();
        assert_eq!(failed, expected);
    }
    server.wait_for_log(PARKED);
    assert_eq!(b.ask("n").await, "n 0");
}

#[tokio::test]
async fn a_room_that_floods_itself_delays_no_other() {
    let server = Server::start(&HANDLER, &[]);
    let mut flooding = server.connect("/room/flood").await;
    let mut doubling = server.connect("/room/double").await;
    let mut other = server.connect("/room/other").await;
    run(&mut flooding, json!([["signal", "flood"], ["signal", "flood"]])).await;
    run(&mut doubling, json!([["signal", "double"]])).await;
    for number in 0..20 {
        run(&mut other, json!([["signal", "mine", number]])).await;
        assert_eq!(signal(&mut other).await["data"], number);
    }
}

#[tokio::test]
async fn wrong_names_times_and_data_are_one_clear_error_each() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let year = 400.0 * 24.0 * 3600.0 * 1000.0;
    let large = "x".repeat((16 << 10) + 1);
    for (call, expected) in [
        (
            json!(["signalAt", "a", 5000]),
            "RangeError: signalAt: 5000 is in 1970. Did you mean Date.now() + 5000?".into(),
        ),
        (
            json!(["signalAt", "a", 1_796_003_255]),
            "RangeError: signalAt: 1796003255 is in 1970. Did you mean 1796003255 * 1000?".into(),
        ),
        (
            json!(["signalAt", "a", "soon"]),
            "TypeError: signalAt: at must be a number or a Date".into(),
        ),
        (
            json!(["signalAt", "", 1]),
            "RangeError: signalAt: 1 is in 1970. Did you mean Date.now() + 1?".into(),
        ),
        (
            json!(["signalAt", "", 1e12]),
            "RangeError: signalAt: name has 0 bytes of UTF-8, it may have 1 to 512".into(),
        ),
        (
            json!(["signalEvery", "a", 0]),
            "RangeError: signalEvery: a period of 0 ms is shorter than 1 ms".into(),
        ),
        (
            json!(["signalEvery", "a", year]),
            format!(
                "RangeError: signalEvery: a period of {year} ms is longer than a year. It is the time between two \
                 signals: did you mean signalAt?"
            ),
        ),
        (json!(["signal", 1]), "TypeError: signal: name must be a string".into()),
        (
            json!(["signal", "a", large]),
            "RangeError: signal: the data has 16385 bytes, the limit is 16384".to_owned(),
        ),
        (json!(["signal", "a", 1, 1]), "TypeError: signal: options must be an object".into()),
    ] {
        assert_eq!(run(&mut client, json!([call])).await, json!([expected]), "{call}");
    }
}

#[tokio::test]
async fn a_request_of_no_room_sends_signals() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let call = json!(["signal", "/room/a", "hello", 1]).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{call}",
        call.len()
    );
    assert_eq!(server.request(&request).1, "sent");
    assert_eq!(signal(&mut client).await, told("hello", 1.into(), "signal"));
}

#[tokio::test]
async fn overdue_timers_run_once_after_a_restart_and_missed_periods_are_counted() {
    let durable = Durable::of(SOURCE);
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([["signalEvery", "tick", 100], ["signalAt", "once", "in 300"]]);
    run(&mut client, calls).await;
    server.kill();
    std::thread::sleep(std::time::Duration::from_millis(1_000));
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    server.wait_for_log("zigttp");
    let counted: u32 = loop {
        let n = loop {
            let text = client.ask("n").await;
            if let Some(n) = text.strip_prefix("n ") {
                break n.to_owned();
            }
        };
        let n: u32 = n.parse().expect("a number");
        if n >= 3 {
            break n;
        }
    };
    assert!(counted < 100, "{counted}");
}

#[tokio::test]
async fn each_takes_effect_exactly_once_over_kills() {
    let durable = Durable::of(SOURCE);
    let total = 60;
    for round in 0..3 {
        let server = durable.serve(&[]);
        let mut client = server.connect("/room/a").await;
        if round == 0 {
            let calls: Vec<_> =
                (0..total).map(|number| json!(["signal", "count", number])).collect();
            run(&mut client, calls.into()).await;
        }
        server.kill();
    }
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([["signal", "end"]])).await;
    let mut text = String::new();
    while text != format!("n {}", total + 1) {
        text = client.ask("n").await;
    }
    server.kill();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("n").await, format!("n {}", total + 1));
}

#[tokio::test]
async fn a_handler_without_on_signal_cannot_send_and_leaves_stored_ones_alone() {
    let durable = Durable::of(SOURCE);
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    run(&mut client, json!([["signalAt", "waits", "in 50"]])).await;
    server.kill();
    let deaf = SOURCE.replace("export function onSignal", "export function onSignalNot");
    let deaf = programs::compile(&format!("// zigts-ignore-file\n{deaf}"));
    let dir = durable.dir();
    let server = Server::start(&deaf, &["--durable", dir.to_str().expect("UTF-8")]);
    let mut client = server.connect("/room/a").await;
    let text = "TypeError: signal: the handler exports no onSignal";
    assert_eq!(run(&mut client, json!([["signal", "a"]])).await, json!([text]));
    server.wait_for_log("signals are due, and the handler exports no onSignal");
    server.kill();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    while client.ask("n").await != "n 1" {}
}

#[tokio::test]
async fn a_new_handler_gets_parked_signals_once_more() {
    let durable = Durable::of(include_str!("../../fixtures/handlers/signals.ts"));
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    let mut client = server.connect("/room/a").await;
    let script = json!({ "calls": [["signal", "spin", 1, { "onFail": "failed" }]] });
    client.ask(&script.to_string()).await;
    assert_eq!(signal(&mut client).await["name"], "failed");
    drop(client);
    server.kill();
    // The same one, started again, leaves it alone.
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(run(&mut client, json!([["signal", "marker"]])).await, json!(["undefined"]));
    assert_eq!(signal(&mut client).await["name"], "marker");
    assert!(!server.log().contains(PARKED), "{}", server.log());
    drop(client);
    server.kill();
    let changed = "\nexport const changed = 1;\n";
    let durable = durable
        .with_handler(&format!("{}{changed}", include_str!("../../fixtures/handlers/signals.ts")));
    let server = durable.serve(&["--cpu-limit", "20ms"]);
    // It has one attempt, which fails as well.
    server.wait_for_log(PARKED);
}
