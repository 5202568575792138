//! Signals of an operator, and signals that wait for one.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::server::Server;
use crate::support::{admin, eventually};

/// A handler that takes no signals.
const SILENT: &str = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket) { send(ws, "heard"); }"#;

/// Of a handler that stores what each signal has told.
fn keeper() -> Durable {
    Durable::of(include_str!("../../fixtures/handlers/kept_signals.ts"))
}

async fn serve(durable: &Durable, arguments: &[&str]) -> (Server, Client) {
    let server = durable.serve(arguments);
    let client = server.connect("/room/a").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    (server, client)
}

/// What a signal has told a room, once it has.
fn told(durable: &Durable, room: &str, name: &str) -> Value {
    let mut told = Value::Null;
    eventually(name, || {
        let (code, text) = durable.storage(&["get", room, &format!("told/{name}")]);
        if code == 0 {
            told = serde_json::from_str(&text).expect("the handler stores JSON");
        }
        code == 0
    });
    told
}

fn has_told(durable: &Durable, room: &str, name: &str) -> bool {
    durable.storage(&["get", room, &format!("told/{name}")]).0 == 0
}

/// Runs a command that must succeed.
fn done(result: (i32, String)) -> String {
    assert_eq!(result.0, 0, "{}", result.1);
    result.1
}

#[tokio::test]
async fn an_operator_sends_a_room_a_signal_with_and_without_a_server() {
    let durable = keeper();
    let (server, _client) = serve(&durable, &[]).await;
    let sent = done(durable.zigttp(&["signal", "/room/a", "close", r#"{"by":[1,"é"]}"#]));
    assert_eq!(sent, "sent \"close\" to \"/room/a\"\n");
    let from_nobody =
        |data: Value| json!({ "data": data, "kind": "signal", "attempt": 1, "from": null });
    assert_eq!(told(&durable, "/room/a", "close"), from_nobody(json!({ "by": [1, "é"] })));
    done(durable.zigttp(&["signal", "/room/never-opened", "plain"]));
    assert_eq!(told(&durable, "/room/never-opened", "plain"), from_nobody(Value::Null));
    done(durable.zigttp(&["signal", "/room/a", "lines", "[1,\n\"a\",\r\n 2]"]));
    assert_eq!(told(&durable, "/room/a", "lines")["data"], json!([1, "a", 2]));
    server.kill();
    let sent = done(durable.zigttp(&["signal", "/room/a", "later", "\"text\""]));
    assert_eq!(sent, "sent \"later\" to \"/room/a\"; it is delivered when a server starts\n");
    let (_server, _client) = serve(&durable, &[]).await;
    assert_eq!(told(&durable, "/room/a", "later"), from_nobody(json!("text")));
}

#[tokio::test]
async fn a_signal_that_cannot_be_sent_is_one_clear_error() {
    let durable = keeper();
    let refuses = |arguments: &[&str], code: i32, why: &str| {
        let (found, text) = durable.zigttp(&[&["signal"], arguments].concat());
        assert_eq!(found, code, "{text}");
        assert!(text.starts_with("error: ") && text.lines().count() == 1, "{text}");
        assert!(text.contains(why), "{text}");
    };
    let (server, _client) = serve(&durable, &[]).await;
    let (name, room) = ("n".repeat(513), "r".repeat(1025));
    let large = format!("\"{}\"", "x".repeat(16_385));
    for _with_and_without_a_server in 0..2 {
        refuses(&["/room/a", "n", "{"], 2, "the data is not JSON");
        refuses(&["/room/a", &name], 2, "has 513 bytes, it may have 1 to 512");
        refuses(&["/room/a", ""], 2, "has 0 bytes, it may have 1 to 512");
        refuses(&[&room, "n"], 2, "the name of a room has 1025 bytes");
        refuses(&["/room/a", "n", &large], 2, "has 16385 bytes, it may have 16384");
        server.signal("KILL");
        eventually("the end of the server", || {
            std::os::unix::net::UnixStream::connect(durable.path("control.sock")).is_err()
        });
    }
    let silent = durable.with_handler(SILENT);
    let (_server, _client) = serve(&silent, &[]).await;
    let (code, text) = silent.zigttp(&["signal", "/room/a", "n"]);
    assert_eq!((code, &*text), (1, "error: the handler that is served exports no onSignal\n"));
    assert_eq!(done(silent.storage(&["signals", "--json"])), "[]\n", "nothing is stored");
}

#[tokio::test]
async fn held_signals_and_timers_wait_until_an_operator_releases_them() {
    let durable = keeper();
    let (server, admin) = admin::start_durable(&durable, &["--hold-signals"]);
    let mut client = server.connect("/room/a").await;
    eventually("the control socket", || durable.path("control.sock").exists());
    server.wait_for_log("signals and timers are held, none is delivered (--hold-signals)");
    server.wait_for_log("zigttp storage release-signals --durable ");
    let calls = json!([["signal", "/room/b", "sent"], ["signalAt", "/room/a", "timed", "in 0"]]);
    assert_eq!(client.ask(&calls.to_string()).await, "done");
    let sent = done(durable.zigttp(&["signal", "/room/a", "asked"]));
    assert!(sent.contains("it is delivered once signals are released"), "{sent}");
    assert_eq!(admin::get(admin, "/readyz").0, 200);
    assert!(admin::get(admin, "/metrics").1.contains("\nzigttp_signals_held 1\n"));
    // Stored as usual, and other events go on.
    let listed = done(durable.storage(&["signals", "--json"]));
    for name in ["sent", "timed", "asked"] {
        assert!(listed.contains(name), "{listed}");
    }
    // Longer than the loop that delivers them ever sleeps.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    for (room, name) in [("/room/b", "sent"), ("/room/a", "timed"), ("/room/a", "asked")] {
        assert!(!has_told(&durable, room, name), "{name} was delivered");
    }
    assert_eq!(done(durable.storage(&["release-signals"])), "signals and timers are released\n");
    for (room, name) in [("/room/b", "sent"), ("/room/a", "timed"), ("/room/a", "asked")] {
        told(&durable, room, name);
    }
    assert!(admin::get(admin, "/metrics").1.contains("\nzigttp_signals_held 0\n"));
    assert_eq!(done(durable.storage(&["release-signals"])), "signals and timers were not held\n");
}

#[tokio::test]
async fn parked_signals_are_tried_once_more_at_a_start_that_is_told_to() {
    let durable = keeper();
    let (server, mut client) = serve(&durable, &["--cpu-limit", "20ms"]).await;
    client.ask(&json!([["signal", "/room/a", "spin"]]).to_string()).await;
    // It is parked after three attempts that exceed the limit.
    let parked = || done(durable.storage(&["signals", "--parked", "--json"])).contains("spin");
    eventually("it is parked", parked);
    server.kill();
    let (server, _client) = serve(&durable, &["--cpu-limit", "20ms"]).await;
    assert!(!server.log().contains("a signal has failed too often"), "the handler is the same");
    server.kill();
    let (server, _client) = serve(&durable, &["--wake-parked", "--cpu-limit", "20ms"]).await;
    server.wait_for_log("a signal has failed too often");
    eventually("it is parked again", parked);
}

#[test]
fn holding_and_waking_signals_needs_a_durable_directory() {
    for flag in ["--hold-signals", "--wake-parked"] {
        let mut command = crate::support::programs::program("zigttp");
        command.arg("run").arg(crate::support::programs::compile(SILENT));
        let output = command.args(["--port", "0", flag]).output().expect("zigttp starts");
        let text = String::from_utf8(output.stderr).expect("messages are UTF-8");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&format!("{flag} needs a durable folder (--durable)")), "{text}");
    }
}
