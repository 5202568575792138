//! An event of the inspector runs again on the present build, or becomes a test.

use std::fs;

use serde_json::{Value, json};

use crate::support::inspector::{events_until, get, post};
use crate::support::programs::{folder, program};
use crate::support::server::Server;

const OLD: &str = r#"
import { send } from "zigttp:websocket";
import * as storage from "zigttp:storage";
export function onMessage(ws: WebSocket, data: string, room: string) {
  send(ws, "old " + data + (storage.get<number>(room, "n") ?? 0));
  storage.put(room, "n", 1);
}
"#;

const HEADER: &str = "zigttp-inspector: 1\r\n";

fn ask(server: &Server, part: &str, number: &Value) -> Value {
    let request = json!({ "event": number }).to_string();
    post(server, part, HEADER, &request).json()
}

/// A server whose handler is edited, with the inspector open.
fn develop() -> (Server, tempfile::TempDir) {
    let folder = folder();
    fs::write(folder.path().join("handler.ts"), OLD).expect("the folder is writable");
    let server = Server::develop(folder.path(), "handler.ts", &[]);
    server.wait_for_log("built in");
    get(&server, "/state").json();
    (server, folder)
}

fn first_message(server: &Server) -> Value {
    let events = events_until(server, 0, "message");
    events.iter().find(|it| it["event"] == "message").expect("it was waited for")["number"].clone()
}

#[tokio::test]
async fn an_event_runs_again_on_the_present_build_and_what_differs_is_shown() {
    let (server, folder) = develop();
    let mut client = server.connect("/a").await;
    assert_eq!(client.ask("hello").await, "old hello0");
    let message = first_message(&server);

    let same = ask(&server, "/run-again", &message);
    assert_eq!((&same["differences"], &same["input"]), (&json!([]), &json!(["hello"])));
    assert_eq!(same["given"], json!(["storage n: undefined"]));
    assert_eq!(same["then"], same["now"]);
    assert_eq!(client.ask("again").await, "old again1", "running again has changed nothing");

    let temporary = folder.path().join("handler.tmp");
    fs::write(&temporary, OLD.replace("old ", "new ")).expect("the folder is writable");
    fs::rename(temporary, folder.path().join("handler.ts")).expect("the folder is writable");
    server.wait_for_log_count("built in", 2);
    assert_eq!(client.ask("later").await, "new later1");
    let other = ask(&server, "/run-again", &message);
    assert_eq!(other["differences"], json!(["frames"]), "{other:#}");
    assert!(other["now"][0].as_str().is_some_and(|it| it.ends_with("new hello0")), "{other:#}");
    assert_eq!(other["then"], same["then"]);
}

#[tokio::test]
async fn an_event_of_the_inspector_becomes_a_test_that_passes() {
    let (server, folder) = develop();
    let mut client = server.connect("/a").await;
    client.ask("hello").await;
    let saved = ask(&server, "/save-test", &first_message(&server));
    let test = saved["test"].as_str().expect("a text");
    assert!(test.contains("ann.send(\"hello\");"), "{test}");
    assert!(test.contains("expect(ann.received).toEqual([\"old hello0\"]);"), "{test}");
    fs::write(folder.path().join("event.test.ts"), test).expect("the folder is writable");
    let run = program("zigttp").arg("test").current_dir(folder.path()).output();
    let run = run.expect("zigttp starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[tokio::test]
async fn what_is_not_kept_or_asked_for_by_another_page_is_not_run() {
    let (server, _folder) = develop();
    let mut client = server.connect("/a").await;
    client.ask("hello").await;
    let message = first_message(&server);
    for part in ["/run-again", "/save-test"] {
        let unknown = json!({ "event": 1_000_000 }).to_string();
        assert_eq!(post(&server, part, HEADER, &unknown).status, 404);
        assert_eq!(post(&server, part, HEADER, "{}").status, 400);
        let request = json!({ "event": message }).to_string();
        assert_eq!(post(&server, part, "", &request).status, 403);
        assert_eq!(get(&server, part).status, 404);
    }
}
