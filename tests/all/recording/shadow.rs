//! A new handler beside the one that serves.

use crate::support::admin;
use crate::support::origin::Origin;
use crate::support::programs::{compile, folder};
use crate::support::{eventually, zigts};

const OLD: &str = r#"
import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string, room: string) {
  if (data.startsWith("http")) return void send(ws, await (await fetch(data)).text());
  send(ws, "old " + data);
}
"#;

const NEW: &str = r#"
import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string, room: string) {
  if (data.endsWith("twice")) await fetch(data + "more");
  if (data.startsWith("http")) return void send(ws, await (await fetch(data)).text());
  if (data === "throw") throw new Error("new " + data);
  send(ws, data === "same" ? "old same" : "new " + data);
}
"#;

fn differences(address: std::net::SocketAddr, part: &str) -> u64 {
    let name = format!("zigttp_shadow_differences_total{{part=\"{part}\"}}");
    admin::scrape(address)[&name] as u64
}

fn events(address: std::net::SocketAddr) -> u64 {
    admin::scrape(address)["zigttp_shadow_events_total"] as u64
}

#[tokio::test]
async fn the_served_handler_alone_has_effects_and_what_the_shadow_does_otherwise_is_told() {
    let shadow = compile(NEW);
    let shadow = shadow.to_str().expect("a UTF-8 path");
    let (server, address) = admin::start(&compile(OLD), &["--shadow", shadow]);
    let mut client = server.connect("/a").await;
    for message in ["same", "hello", "throw"] {
        assert_eq!(client.ask(message).await, format!("old {message}"));
    }
    eventually("three events of the shadow", || events(address) == 3);
    assert_eq!((differences(address, "frames"), differences(address, "errors")), (1, 1));
    let log = server.wait_for_log("the shadow differs in errors: Error: new throw");
    assert!(log.contains("the shadow differs in frames: sends to"), "{log}");
    assert!(log.contains("new hello; the served handler: sends to"), "{log}");
    assert!(log.contains("handler.ts:6:"), "the place is told: {log}");
}

#[tokio::test]
async fn the_shadow_gets_the_answers_of_the_served_handler_and_makes_no_request() {
    let origin = Origin::start().await;
    let shadow = compile(NEW);
    let shadow = shadow.to_str().expect("a UTF-8 path");
    let allowed = origin.allowed();
    let (server, address) = admin::start(&compile(OLD), &["--shadow", shadow, &allowed]);
    let mut client = server.connect("/a").await;
    for path in ["/once", "/twice"] {
        client.send(origin.url(path)).await;
        let mut exchange = origin.next().await;
        exchange.respond("200 OK", "text/plain").await;
        exchange.send("answer").await;
        exchange.finish().await;
        assert_eq!(client.text().await, "answer");
    }
    eventually("two events of the shadow", || events(address) == 2);
    assert_eq!(differences(address, "frames"), 0);
    assert_eq!(differences(address, "reads"), 1, "what has no answer is a difference");
    assert!(!origin.is_asked().await, "nothing but the served handler asks");
}

#[tokio::test]
async fn a_new_shadow_is_loaded_with_the_handler() {
    let folder = folder();
    let (handler, shadow) = (folder.path().join("old.ts"), folder.path().join("new.ts"));
    let write = |path: &std::path::Path, text: &str| {
        std::fs::write(path, text).expect("the folder is writable");
    };
    write(&handler, OLD);
    write(&shadow, OLD);
    let path = shadow.to_str().expect("a UTF-8 path");
    let (server, address) = admin::start(&handler, &["--shadow", path]);
    let mut client = server.connect("/a").await;
    client.ask("hello").await;
    eventually("an event of the shadow", || events(address) == 1);
    assert_eq!(differences(address, "frames"), 0);

    write(&shadow, NEW);
    server.signal("HUP");
    server.wait_for_log("events run on the new ");
    assert_eq!(client.ask("hello").await, "old hello");
    eventually("another event", || events(address) == 2);
    assert_eq!(differences(address, "frames"), 1);

    write(&shadow, "export const x = ;");
    server.signal("HUP");
    server.wait_for_log("the old one stays the shadow");
    assert_eq!(client.ask("hello").await, "old hello");
    eventually("a third event", || events(address) == 3);
    assert_eq!(differences(address, "frames"), 2);
}

#[test]
fn a_shadow_that_does_not_load_is_an_error_at_the_start() {
    let folder = zigts::folder_with(&[("bad.ts", "export const x = ;")]);
    let mut command = crate::support::programs::program("zigttp");
    let command = command.arg("run").arg(compile(OLD)).args(["--port", "0", "--shadow"]);
    let output = command.arg(folder.path().join("bad.ts")).output().expect("zigttp starts");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
