//! A new handler replaces the old one while connections stay open.

use std::path::{Path, PathBuf};

use futures_util::future::{join_all, select_all};
use tokio_tungstenite::tungstenite::Error;

use crate::support::client::Client;
use crate::support::programs;
use crate::support::server::Server;

/// A handler that names its version in all it sends.
fn version(version: u32) -> String {
    let source = r#"
import {
  deserializeAttachment, getWebSockets, roomFromPath, send, serializeAttachment, setAutoResponse,
} from "zigttp:websocket";

export const routes = ["/ROUTE/:name", "/gate"];

export function onOpen(ws: any, url: string) {
  console.log("vVERSION opened", url);
}

export function onMessage(ws: any, data: string, room: string) {
  const [command, argument] = data.split(" ");
  if (command === "id") send(ws, String(ws));
  else if (command === "open") serializeAttachment(ws, "open");
  else if (command === "answer") setAutoResponse(ws, "ping", "pong of vVERSION");
  else if (command === "name") send(ws, "vVERSION " + roomFromPath(ws, "name"));
  else if (command === "wait") {
    console.log("waiting");
    while (deserializeAttachment(Number(argument) as any) === undefined);
    send(ws, "vVERSION waited");
  } else send(ws, "vVERSION " + data);
}

export function onClose(ws: any) {
  console.log("vVERSION closed");
}

export function handler(req: Request) {
  return Response.text("vVERSION");
}
"#;
    source.replace("VERSION", &version.to_string()).replace("ROUTE", &format!("room{version}"))
}

/// A handler whose every event fails.
const FAILING: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data !== "good") throw new Error("not good");
  send(ws, "v3 good");
}
"#;

/// A server whose handler is a file that the test replaces.
struct Swapping {
    folder: tempfile::TempDir,
    server: Server,
}

impl Swapping {
    fn start(first: &str, arguments: &[&str]) -> Swapping {
        let folder = programs::folder();
        let handler = folder.path().join("handler.wasm");
        replace(&handler, &programs::compile(first));
        let server = Server::start(&handler, arguments);
        Swapping { folder, server }
    }

    fn handler(&self) -> PathBuf {
        self.folder.path().join("handler.wasm")
    }

    /// Replaces the handler's file and sends SIGHUP; the new one serves when this returns.
    fn swap(&self, source: &str) {
        let before = self.server.log().len();
        replace(&self.handler(), &programs::compile(source));
        self.server.signal("HUP");
        self.server.wait_for_log_after(before, &["serving the new"]);
    }
}

/// As a deploy does it: the server never sees half a file.
fn replace(handler: &Path, artifact: &Path) {
    let temporary = handler.with_extension("tmp");
    std::fs::copy(artifact, &temporary).expect("the temporary folder is writable");
    std::fs::rename(temporary, handler).expect("the temporary folder is writable");
}

#[tokio::test]
async fn a_swap_under_constant_traffic_closes_no_socket_and_loses_no_event() {
    const CLIENTS: usize = 500;
    let swapping = Swapping::start(&version(1), &[]);
    let mut clients = Vec::new();
    for index in 0..CLIENTS {
        clients.push(swapping.server.connect(&format!("/room1/{}", index % 50)).await);
    }
    // Each sends until the third version replies; each message gets one reply, in order, from a version
    // that is never older than that of the reply before.
    let talking = clients.iter_mut().map(|client| async move {
        let mut sent = 0u32;
        let mut newest = 0u32;
        while newest < 3 {
            let message = format!("message {sent}");
            let answer = client.ask(&message).await;
            let (version, rest) = answer.split_once(' ').expect("a version and the message");
            let version: u32 = version[1..].parse().expect("a number");
            assert_eq!(rest, message);
            assert!(version >= newest, "{version} after {newest}");
            newest = version;
            sent += 1;
        }
        sent
    });
    let swaps = tokio::task::spawn_blocking({
        let (second, third) = (programs::compile(&version(2)), programs::compile(&version(3)));
        let (handler, pid) = (swapping.handler(), swapping.server.pid().to_string());
        move || {
            for (artifact, done) in [(second, 1), (third, 2)] {
                replace(&handler, &artifact);
                let hang_up = std::process::Command::new("kill").args(["-s", "HUP", &pid]).status();
                assert!(hang_up.expect("kill exists").success());
                swapping.server.wait_for_log_count("serving the new", done);
            }
            swapping
        }
    });
    let (sent, swapping) = futures_util::future::join(join_all(talking), swaps).await;
    let swapping = swapping.expect("both are served");
    let sent: u32 = sent.iter().sum();
    for client in &mut clients {
        assert_eq!(client.ask("still").await, "v3 still", "every socket is the one it was");
    }
    drop(clients);
    swapping.server.wait_for_log_count("v3 closed", CLIENTS);
    swapping.server.signal("TERM");
    // The onOpen of each, their messages, the last message of each, and the onClose of each.
    let events = sent as usize + 3 * CLIENTS;
    let log = swapping.server.wait_for_log(&format!("events={events} "));
    assert!(log.contains("failures=0 "), "{log}");
    assert_eq!(log.matches(" opened ").count(), CLIENTS, "onOpen is not run again");
}

#[tokio::test]
async fn an_event_in_flight_finishes_on_the_old_handler() {
    let swapping = Swapping::start(&version(1), &["--cpu-limit", "20s"]);
    let mut gate = swapping.server.connect("/gate").await;
    let mut client = swapping.server.connect("/room1/a").await;
    let gate_id = gate.ask("id").await;
    client.send(format!("wait {gate_id}")).await;
    client.send("after").await;
    swapping.server.wait_for_log("waiting");
    swapping.swap(&version(2));
    gate.send("open").await;
    assert_eq!(client.text().await, "v1 waited");
    assert_eq!(client.text().await, "v2 after");
}

#[tokio::test]
async fn an_upgrade_that_waits_is_asked_by_the_handler_of_the_moment_of_its_turn() {
    // With one place to wait, the refusal of one attempt says that the other waits.
    const LIMITS: [&str; 6] =
        ["--cpu-limit", "20s", "--turn-timeout", "60s", "--max-turn-waits", "1"];
    let swapping = Swapping::start(&version(1), &LIMITS);
    let server = &swapping.server;
    let mut holder = server.connect("/room1/a").await;
    let mut gate = server.connect("/gate").await;
    let gate_id = gate.ask("id").await.replace("v1 ", "");
    holder.send(format!("wait {gate_id}")).await;
    server.wait_for_log("waiting");
    let address = server.address;
    let attempts = [(); 2].map(|()| tokio::spawn(Client::try_connect(address, "/room1/a")));
    let (first, _, mut others) = select_all(attempts).await;
    assert_eq!(refused(first.expect("it does not panic")), 503);
    let closed =
        "export function onUpgrade() { return Response.text(\"closed\", { status: 403 }); }";
    swapping.swap(&(version(2) + closed));
    gate.send("open").await;
    assert_eq!(holder.text().await, "v1 waited");
    let other = others.pop().expect("there are two").await;
    assert_eq!(refused(other.expect("it does not panic")), 403);
}

/// The status that an upgrade was refused with.
fn refused(attempt: Result<Client, Error>) -> u16 {
    match attempt {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is accepted"),
    }
}

#[tokio::test]
async fn a_connection_keeps_what_it_has_and_new_routes_hold_for_new_upgrades() {
    let swapping = Swapping::start(&version(1), &[]);
    let mut old = swapping.server.connect("/room1/ada").await;
    old.send("answer").await;
    assert_eq!(old.ask("ping").await, "pong of v1");
    swapping.swap(&version(2));
    assert_eq!(old.ask("name").await, "v2 ada");
    assert_eq!(old.ask("ping").await, "pong of v1");
    let mut new = swapping.server.connect("/room2/bob").await;
    assert_eq!(new.ask("name").await, "v2 bob");
    assert_eq!(swapping.server.get("/room1/carol"), (200, "v2".to_owned()));
    assert!(Client::try_connect(swapping.server.address, "/room1/carol").await.is_err());
}

#[tokio::test]
async fn a_file_that_is_no_handler_is_refused_and_the_old_one_goes_on() {
    let swapping = Swapping::start(&version(1), &[]);
    let mut client = swapping.server.connect("/room1/a").await;
    for content in [&b"not wasm"[..], b"", b"\0asm\x01\0\0\0"] {
        let before = swapping.server.log().len();
        std::fs::write(swapping.handler(), content).expect("the temporary folder is writable");
        swapping.server.signal("HUP");
        swapping.server.wait_for_log_after(before, &["is refused, the old one stays in use"]);
        assert_eq!(client.ask("still").await, "v1 still");
    }
    std::fs::remove_file(swapping.handler()).expect("it is there");
    swapping.server.signal("HUP");
    swapping.server.wait_for_log("cannot read");
    assert_eq!(client.ask("still").await, "v1 still");
    swapping.swap(&version(2));
    assert_eq!(client.ask("at last").await, "v2 at last");
}

#[tokio::test]
async fn a_watched_file_is_served_anew_when_it_is_replaced_or_rewritten() {
    let swapping = Swapping::start(&version(1), &["--watch"]);
    let mut client = swapping.server.connect("/room1/a").await;
    replace(&swapping.handler(), &programs::compile(&version(2)));
    swapping.server.wait_for_log("serving the new");
    assert_eq!(client.ask("hello").await, "v2 hello");
    std::fs::copy(programs::compile(&version(3)), swapping.handler()).expect("it is writable");
    swapping.server.wait_for_log_count("serving the new", 2);
    assert_eq!(client.ask("hello").await, "v3 hello");
}

/// Replaces a link, as deploys do it.
fn turn(link: &Path, target: &str) {
    let temporary = link.with_file_name("turning");
    std::os::unix::fs::symlink(target, &temporary).expect("the temporary folder is writable");
    std::fs::rename(temporary, link).expect("the temporary folder is writable");
}

/// A folder of this name with a version in it.
fn release(root: &Path, name: &str, version: u32) {
    std::fs::create_dir_all(root.join(name)).expect("the temporary folder is writable");
    replace(&root.join(name).join("handler.wasm"), &programs::compile(&self::version(version)));
}

#[tokio::test]
async fn a_watched_folder_that_is_a_link_is_served_anew_when_the_link_is_turned() {
    // As Capistrano arranges a deploy.
    let folder = programs::folder();
    let root = folder.path();
    release(root, "releases/1", 1);
    release(root, "releases/2", 2);
    turn(&root.join("current"), "releases/1");
    let server = Server::start(&root.join("current/handler.wasm"), &["--watch"]);
    let mut client = server.connect("/room1/a").await;
    assert_eq!(client.ask("hello").await, "v1 hello");
    turn(&root.join("current"), "releases/2");
    server.wait_for_log("serving the new");
    assert_eq!(client.ask("hello").await, "v2 hello");
}

#[tokio::test]
async fn a_watched_file_that_is_a_link_over_a_link_is_served_anew_when_either_is_turned() {
    // As Kubernetes mounts a ConfigMap: the file is a link through `..data`, which is replaced.
    let folder = programs::folder();
    let root = folder.path();
    release(root, "..2026_01", 1);
    turn(&root.join("..data"), "..2026_01");
    turn(&root.join("handler.wasm"), "..data/handler.wasm");
    let server = Server::start(&root.join("handler.wasm"), &["--watch"]);
    let mut client = server.connect("/room1/a").await;
    release(root, "..2026_02", 2);
    turn(&root.join("..data"), "..2026_02");
    std::fs::remove_dir_all(root.join("..2026_01")).expect("it is there");
    server.wait_for_log("serving the new");
    assert_eq!(client.ask("hello").await, "v2 hello");
    release(root, "other", 3);
    turn(&root.join("handler.wasm"), "other/handler.wasm");
    server.wait_for_log_count("serving the new", 2);
    assert_eq!(client.ask("hello").await, "v3 hello");
}

#[tokio::test]
async fn a_source_is_built_anew_and_a_broken_one_is_refused() {
    let folder = programs::folder();
    let source = folder.path().join("handler.ts");
    std::fs::write(&source, version(1)).expect("the temporary folder is writable");
    let server = Server::start(&source, &[]);
    let mut client = server.connect("/room1/a").await;
    std::fs::write(&source, "export function onMessage(").expect("it is writable");
    server.signal("HUP");
    server.wait_for_log("is refused, the old one stays in use");
    assert_eq!(client.ask("still").await, "v1 still");
    std::fs::write(&source, version(2)).expect("it is writable");
    server.signal("HUP");
    server.wait_for_log("serving the new");
    assert_eq!(client.ask("hello").await, "v2 hello");
}

#[tokio::test]
async fn a_handler_whose_first_events_fail_is_rolled_back() {
    let swapping = Swapping::start(&version(1), &["--rollback-after", "3"]);
    let mut client = swapping.server.connect("/room1/a").await;
    swapping.swap(FAILING);
    for count in 1..=3 {
        assert_eq!(client.ask("good").await, "v3 good");
        client.send(format!("bad {count}")).await;
    }
    swapping.server.wait_for_log("3 of the first 100 events of the new handler have failed");
    assert_eq!(client.ask("hello").await, "v1 hello");
    swapping.server.signal("TERM");
    swapping.server.wait_for_log("rollbacks=1");
}

#[tokio::test]
async fn a_handler_that_has_passed_its_trial_stays() {
    let swapping = Swapping::start(&version(1), &["--rollback-after", "2"]);
    let mut client = swapping.server.connect("/room1/a").await;
    swapping.swap(FAILING);
    client.send("bad").await;
    for _ in 0..99 {
        assert_eq!(client.ask("good").await, "v3 good");
    }
    for _ in 0..3 {
        client.send("bad").await;
    }
    assert_eq!(client.ask("good").await, "v3 good");
}
