//! What differs on another handler is told, in groups.

use serde_json::Value;

use crate::support::programs::compile;
use crate::support::recording::Recording;
use crate::support::server::Server;

/// Answers in capitals, keeps and counts.
const OLD: &str = r#"
import { send, close, serializeAttachment } from "zigttp:websocket";
import * as storage from "zigttp:storage";
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "state") storage.put(room, "a", 1);
  else if (data === "throw") serializeAttachment(ws, "thrown");
  else if (data === "close") return close(ws, 4000, "old");
  send(ws, "you said " + data);
}
"#;

const NEW: &str = r#"
import { send, close, serializeAttachment } from "zigttp:websocket";
import * as storage from "zigttp:storage";
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "state") storage.put(room, "a", 2);
  else if (data === "throw") throw new Error("not any more");
  else if (data === "close") return close(ws, 4000, "new");
  else if (data === "spin") while (true);
  else if (data === "read") return void send(ws, String(storage.get(room, "b")));
  send(ws, data.startsWith("h") ? "you wrote " + data : "you said " + data);
}
"#;

async fn record(messages: &[&str]) -> Recording {
    let recording = Recording::new();
    let server = Server::start(&compile(OLD), &recording.arguments());
    let mut client = server.connect("/a").await;
    for message in messages {
        client.send(*message).await;
        client.next().await;
    }
    client.drop_transport();
    server.signal("TERM");
    assert!(server.wait().success());
    recording
}

fn group<'a>(found: &'a Value, part: &str) -> &'a Value {
    let mut groups = found["groups"].as_array().expect("a list").iter();
    groups.find(|group| group["part"] == part).unwrap_or_else(|| panic!("no {part} in {found:#}"))
}

#[tokio::test]
async fn another_handlers_differences_come_in_groups_with_the_first_of_each_in_full() {
    let messages = ["hello", "same", "ho", "state", "throw", "spin", "read", "close"];
    let recording = record(&messages).await;
    assert_eq!(recording.is_equal(&[]), 8);
    let new = compile(NEW);
    let with = ["--with", new.to_str().expect("a UTF-8 path")];
    let (code, found) = recording.findings(&with);
    assert_eq!((code, &found["different"], &found["equal"]), (Some(1), &7.into(), &1.into()));
    let frames = group(&found, "frames");
    assert_eq!((&frames["count"], &frames["event"]), (&2.into(), &"message".into()), "{found:#}");
    assert_eq!(frames["first"]["input"][0], "hello");
    let sends = |group: &Value, when: &str| group["first"][when][0].as_str().map(str::to_owned);
    assert!(sends(frames, "then").is_some_and(|it| it.ends_with("you said hello")), "{frames:#}");
    assert!(sends(frames, "now").is_some_and(|it| it.ends_with("you wrote hello")), "{frames:#}");
    assert_eq!(group(&found, "state")["first"]["input"][0], "state");
    assert_eq!(group(&found, "errors")["what"], "Error: not any more");
    assert_eq!(group(&found, "cpu")["first"]["input"][0], "spin");
    assert_eq!(group(&found, "closes")["first"]["input"][0], "close");
    assert_eq!(group(&found, "reads")["what"], "the storage of a room");

    let (code, text) = recording.replay(&with);
    assert_eq!(code, Some(1));
    for line in ["frames: 2 message events", "  then (-) and now (+)", "8 events in "] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.contains("you said hello\n  + sends to"), "{text}");
}

#[tokio::test]
async fn rooms_and_times_choose_events() {
    let recording = record(&["hello"]).await;
    assert_eq!(recording.is_equal(&["--room", "/*"]), 1);
    assert_eq!(recording.is_equal(&["--room", "/b*"]), 0);
    assert_eq!(recording.is_equal(&["--since", "1h"]), 1);
    assert_eq!(recording.is_equal(&["--since", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(recording.replay(&["--since", "soon"]).0, Some(2));
}
