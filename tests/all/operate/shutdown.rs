//! The end of a server: what it still does, in which order, and its exit code.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;

use crate::support::raw::{RawClient, TEXT};
use crate::support::server::Server;
use crate::support::{eventually, programs};

const HANDLER: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "id") return void send(ws, String(ws));
  console.log("running");
  if (data === "spin") for (;;);
  // Longer than it takes to read the log line and to send a signal.
  for (let left = 1500 * 50_000; left > 0; left--);
  send(ws, "finished");
}
export function onClose(ws: WebSocket, code: number) {
  console.log("closed", code, String(ws));
}
"#;

#[tokio::test]
async fn closes_with_1001_are_spread_over_the_drain_time_out() {
    const PAIRS: usize = 10;
    let server = Server::start(
        &programs::compile(HANDLER),
        &["--drain-timeout", "8s", "--close-timeout", "500ms"],
    );
    let (mut silent, mut polite, mut silent_ids) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let mut client = RawClient::connect(server.address, "/");
        client.frame(TEXT, b"id");
        silent_ids.push(client.text());
        silent.push(client);
        polite.push(server.connect("/").await);
    }
    assert!(!polite[PAIRS - 1].ask("id").await.is_empty());
    server.signal("TERM");
    join_all(polite.iter_mut().map(|client| async {
        assert_eq!(client.closed().await.0, 1001);
    }))
    .await;
    let log = server.wait_for_log("stopped");
    let ends: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("closed 1001 ")?.1.split_whitespace().next())
        .collect();
    assert_eq!(ends.len(), 2 * PAIRS);
    // One connection is closed every 100 ms. A client that does not answer is dropped half a second later,
    // before all others have been closed.
    let is_silent = |id: &&str| silent_ids.iter().any(|silent| silent == id);
    let first_silent = ends.iter().position(is_silent).expect("half of them are");
    assert!(ends[first_silent..].iter().any(|id| !is_silent(id)), "{ends:?}");
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_running_event_finishes_and_its_frames_go_out_before_the_close() {
    let arguments = ["--cpu-limit", "20s", "--drain-timeout", "20s"];
    let server = Server::start(&programs::compile(HANDLER), &arguments);
    let mut client = server.connect("/").await;
    client.send("run").await;
    server.wait_for_log("running");
    server.signal("TERM");
    eventually("the end of accepting", || TcpStream::connect(server.address).is_err());
    assert_eq!(client.text().await, "finished");
    assert_eq!(client.closed().await.0, 1001);
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_peer_that_does_not_answer_the_close_holds_the_end_up_for_a_bounded_time() {
    let server = Server::start(&programs::compile(HANDLER), &["--drain-timeout", "2s"]);
    let mut silent = RawClient::connect(server.address, "/");
    silent.frame(TEXT, b"id");
    assert!(!silent.text().is_empty());
    server.signal("TERM");
    assert_eq!(silent.close_frame().0, Some(1001));
    server.wait_for_log("closed 1001");
    assert!(server.wait().success());
}

#[tokio::test]
async fn an_event_that_does_not_end_is_cut_off_by_the_drain_time_out() {
    let arguments = ["--cpu-limit", "60s", "--drain-timeout", "200ms"];
    let server = Server::start(&programs::compile(HANDLER), &arguments);
    let mut client = server.connect("/").await;
    assert!(!client.ask("id").await.is_empty());
    client.send("spin").await;
    server.signal("TERM");
    server.wait_for_log("the drain time-out has passed");
    assert!(server.wait().success());
}

/// A handler that is a pipe: the starting server waits until the test writes into it.
struct Starting {
    folder: tempfile::TempDir,
    process: Child,
    /// Open once the server reads, which is after it has set up its signals.
    handler: File,
}

impl Starting {
    fn start(command: &str) -> Starting {
        let folder = programs::folder();
        let name = if command == "run" { "handler.wasm" } else { "handler.ts" };
        let pipe = folder.path().join(name);
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo exists");
        assert!(made.success());
        let process = programs::program("zigttp")
            .arg(command)
            .arg(&pipe)
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("zigttp starts");
        let handler = File::options().write(true).open(&pipe).expect("the server opens it, too");
        Starting { folder, process, handler }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill exists");
        assert!(status.success());
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_signal_to_stop_during_the_start_ends_it_in_order() {
    for (command, signal) in [("run", "TERM"), ("run", "INT"), ("dev", "TERM")] {
        let mut starting = Starting::start(command);
        starting.signal(signal);
        let status = starting.process.wait().expect("a child can be waited for");
        assert_eq!(status.code(), Some(0), "{command} {signal}");
        let mut log = String::new();
        let mut stderr = starting.process.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut log).expect("it is text");
        assert!(log.contains("stopped before it served"), "{log}");
    }
}

#[test]
fn a_signal_to_stop_is_heard_whatever_file_the_start_waits_for() {
    for flags in [
        &["--admin-listen", "127.0.0.1:0", "--admin-token-file"][..],
        &["--tls-key", "/dev/null", "--tls-cert"],
    ] {
        let folder = programs::folder();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo exists");
        assert!(made.success());
        let process = programs::program("zigttp")
            .arg("run")
            .arg(programs::compile(HANDLER))
            .args(["--port", "0"])
            .args(flags)
            .arg(&pipe)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("zigttp starts");
        let handler = File::options().write(true).open(&pipe).expect("the server opens it, too");
        let mut starting = Starting { folder, process, handler };
        starting.signal("TERM");
        let mut status = None;
        eventually("its end", || {
            status = starting.process.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{flags:?}");
    }
}

#[test]
fn a_hang_up_during_the_start_is_heard_once_it_is_over() {
    let artifact = std::fs::read(programs::compile(HANDLER)).expect("it was built");
    let mut starting = Starting::start("run");
    starting.signal("HUP");
    starting.handler.write_all(&artifact).expect("the server reads");
    // It has read all once the pipe is closed.
    starting.handler = File::open("/dev/null").expect("it is there");
    let mut line = String::new();
    let stdout = starting.process.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it is text");
    assert!(line.contains("listening"), "{line}");
    let pipe = starting.folder.path().join("handler.wasm");
    let mut again = File::options().write(true).open(pipe).expect("the server opens it again");
    again.write_all(&artifact).expect("the server reads");
    drop(again);
    let mut log = BufReader::new(starting.process.stderr.take().expect("it is piped"));
    while !line.contains("serving the new") {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("it is text"), 0, "it has ended");
    }
    starting.signal("TERM");
    assert_eq!(starting.process.wait().expect("a child can be waited for").code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_exits_at_once() {
    let arguments = ["--cpu-limit", "60s", "--drain-timeout", "60s"];
    let server = Server::start(&programs::compile(HANDLER), &arguments);
    let mut client = server.connect("/").await;
    assert!(!client.ask("id").await.is_empty());
    client.send("spin").await;
    server.wait_for_log("running");
    server.signal("INT");
    eventually("the end of accepting", || TcpStream::connect(server.address).is_err());
    server.signal("TERM");
    server.wait_for_log("stopped at once");
    assert_eq!(server.wait().code(), Some(128 + 15));
}
