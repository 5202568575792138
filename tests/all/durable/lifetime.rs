//! Which ends of a connection leave its attachment file, and that ids are never reused.

use std::process::Command;

use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::raw::{CLOSE, RawClient, TEXT, close_payload, frame};
use crate::support::server::Server;
use crate::support::{eventually, programs, skipped};

const HANDLER: &str = r#"
import { send, close, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "id") return void send(ws, String(ws));
  if (data === "spin") for (;;);
  // More than a transport takes while its client reads nothing.
  if (data === "flood") return void send(ws, "x".repeat(20 << 20));
  if (data.startsWith("write ")) {
    serializeAttachment(Number(data.slice(6)) as unknown as WebSocket, "late");
    console.log("addressed");
    // Longer than the other connection takes to close.
    for (let left = 1500 * 50_000; left > 0; left--);
    return void send(ws, "written");
  }
  serializeAttachment(ws, data);
  send(ws, String(ws));
  if (data === "leave") close(ws, 1001);
}
export function onClose(ws: WebSocket, code: number) { console.log("closed", code); }
"#;

#[tokio::test]
async fn an_attachment_outlives_a_crash() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("kept").await;
    assert_eq!(durable.value(&id), "kept");
    server.kill();
    assert_eq!(durable.value(&id), "kept");
}

#[tokio::test]
async fn an_attachment_has_its_name_before_any_frame_of_its_event_is_sent() {
    match Command::new("strace").args(["-o", "/dev/null", "true"]).status() {
        Ok(status) if status.success() => {}
        _ => return skipped("nothing can be traced here"),
    }
    for (fsync, calls) in [
        ("never", &["renameat(", "told "][..]),
        ("always", &["fdatasync(", "renameat(", "fsync(", "told "]),
    ] {
        let durable = Durable::of(
            r#"
import { send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  send(ws, "told before it is kept");
  serializeAttachment(ws, data);
}
"#,
        );
        let traced = programs::folder();
        let trace = traced.path().join("trace");
        let mut strace = Command::new("strace");
        // The traced process is the child that the test waits for, not the tracer.
        strace.args(["-D", "-f", "-s", "100", "-o"]).arg(&trace);
        strace.args(["-e", "trace=renameat,fsync,fdatasync,write,writev,sendto,sendmsg"]);
        let server = durable.serve_under(&mut strace, &["--fsync", fsync]);
        let mut client = server.connect("/").await;
        assert_eq!(client.ask("value").await, "told before it is kept");
        drop(server);
        let trace = std::fs::read_to_string(trace).expect("it was traced");
        let (_, of_event) = trace.split_once("zigttp-attachment").expect("it is written");
        let (of_event, _) = of_event.split_once("told ").expect("it is sent");
        let of_event = format!("{of_event}told ");
        let found: Vec<&str> = of_event
            .lines()
            .flat_map(|line| calls.iter().filter(|call| line.contains(*call)))
            .copied()
            .collect();
        assert_eq!(found, calls, "--fsync {fsync}:\n{of_event}");
    }
}

#[tokio::test]
async fn an_attachment_outlives_a_shutdown() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("kept").await;
    server.signal("TERM");
    assert_eq!(client.closed().await.0, 1001);
    assert!(server.wait().success());
    assert_eq!(durable.value(&id), "kept");
}

#[tokio::test]
async fn an_attachment_goes_with_a_close_of_peer_or_handler_and_with_a_drop() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let by_peer = client.ask("x").await;
    client.close(1000, "").await;
    let mut client = server.connect("/").await;
    let by_handler = client.ask("leave").await;
    assert_eq!(client.closed().await.0, 1001);
    let mut client = server.connect("/").await;
    let by_drop = client.ask("x").await;
    client.drop_transport();
    server.wait_for_log("closed 1006");
    server.signal("TERM");
    assert!(server.wait().success());
    for id in [by_peer, by_handler, by_drop] {
        assert!(!durable.file(&id).exists(), "{id}");
    }
}

#[test]
fn an_attachment_goes_with_a_close_for_a_fault() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[
        "--max-message-size",
        "4KiB",
        "--max-queue",
        "64KiB",
        "--slow-consumer-timeout",
        "100ms",
        "--close-timeout",
        "300ms",
        "--memory-limit",
        "128MiB",
        "--cpu-limit",
        "2s",
    ]);
    for (what, bytes, code) in [
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("a text that is no UTF-8", frame(TEXT, b"\xff"), 1007),
        ("a message that is too large", frame(TEXT, &[b'x'; 5000]), 1009),
        ("an event over its budget", frame(TEXT, b"spin"), 1011),
        ("a close frame of the peer", frame(CLOSE, &close_payload(3999, b"")), 3999),
        ("a consumer that does not read", frame(TEXT, b"flood"), 1008),
    ] {
        let mut client = RawClient::connect(server.address, "/");
        client.frame(TEXT, b"kept");
        let id = client.text();
        assert_eq!(durable.value(&id), "kept", "{what}");
        client.write(&bytes);
        server.wait_for_log(&format!("closed {code}"));
        eventually(what, || !durable.file(&id).exists());
    }
}

#[tokio::test]
async fn an_event_that_ends_after_a_connection_does_not_bring_its_file_back() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&["--cpu-limit", "20s"]);
    let mut gone = server.connect("/gone").await;
    let id = gone.ask("x").await;
    let mut writer = server.connect("/writer").await;
    writer.send(format!("write {id}").as_str()).await;
    server.wait_for_log("addressed");
    gone.close(1000, "").await;
    server.wait_for_log("closed 1000");
    assert_eq!(writer.text().await, "written");
    assert_eq!(durable.names(), Vec::<String>::new(), "{id} is gone");
}

#[test]
fn an_event_that_ends_after_an_adoption_does_not_bring_the_old_file_back() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&["--resume", "--cpu-limit", "20s"]);
    let (mut gone, head) = RawClient::connect_with(server.address, "/gone", "");
    let cookie = head
        .lines()
        .find_map(|line| line.split_once(": ").filter(|it| it.0.eq_ignore_ascii_case("set-cookie")))
        .and_then(|(_name, cookie)| cookie.split(';').next())
        .expect("a new browser gets a cookie");
    gone.frame(TEXT, b"x");
    let id = gone.text();
    let mut writer = RawClient::connect(server.address, "/writer");
    writer.frame(TEXT, format!("write {id}").as_bytes());
    server.wait_for_log("addressed");
    drop(gone);
    server.wait_for_log("closed 1006");
    let headers = format!("Cookie: {cookie}\r\n");
    let (mut back, _head) = RawClient::connect_with(server.address, "/gone", &headers);
    back.frame(TEXT, b"id");
    let new = back.text();
    assert_eq!(durable.names(), [format!("{new}.att")], "it was adopted");
    assert_eq!(writer.text(), "written");
    assert_eq!(durable.names(), [format!("{new}.att")]);
    assert_eq!(durable.value(&new), "x");
}

#[tokio::test]
async fn ids_are_never_reused_over_the_life_of_a_durable_directory() {
    let durable = Durable::of(HANDLER);
    let mut last = 0;
    for _ in 0..3 {
        let server = durable.serve(&[]);
        let id: u64 = next_id(&server).await.parse().expect("an id is a number");
        assert!(id > last, "{id} after {last}");
        last = id;
        server.kill();
    }
}

async fn next_id(server: &Server) -> String {
    let mut client: Client = server.connect("/").await;
    client.ask("x").await
}
