//! The rooms of a connection come back with its attachment: those that it has joined, and the one that it has moved to.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::resume::{Visit, visit, with_cookie};
use crate::support::raw::TEXT;
use crate::support::server::Server;
use crate::support::{eventually, programs};

/// A message is words: what to do, and with which room. Each gets the state of its connection.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  broadcast, deserializeAttachment, getRooms, getWebSockets, join, leave, move, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/play"];

function tell(ws: WebSocket, room: string) {
  const members = getRooms(ws).map((name) => `${name}: ${getWebSockets(name).includes(ws)}`);
  send(ws, `${deserializeAttachment(ws) ?? "nothing"} in ${room} [${members.join(", ")}]`);
}

export function onUpgrade(req: Request, room: string) {
  console.log("asked in", room);
  if (req.query === "refuse") return Response.text("no", { status: 403 });
  if (req.query === "replace") return "replaced";
}

export function onOpen(ws: WebSocket, url: string, room: string) { tell(ws, room); }

export function onMessage(ws: WebSocket, data: string, room: string) {
  const [what, name] = data.split(" ");
  if (what === "keep") serializeAttachment(ws, name);
  if (what === "join") join(ws, `r:${name}`);
  if (what === "leave") leave(ws, `r:${name}`);
  if (what === "move") move(ws, `r:${name}`);
  if (what === "back") move(ws, "/play");
  if (what === "throw") { join(ws, "r:never"); throw new Error("on purpose"); }
  tell(ws, room);
}

export function handler(req: Request) {
  return Response.text(`${getWebSockets(req.query).length} ${broadcast(req.query, "hello")}`);
}
"#,
    )
});

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        Site { folder: programs::folder() }
    }

    fn serve(&self) -> Server {
        let path = self.folder.path().to_str().expect("a UTF-8 path");
        Server::start(&HANDLER, &["--durable", path, "--resume"])
    }
}

/// Sends messages, and returns what came of the last.
fn tell(visit: &mut Visit, messages: &[&str]) -> String {
    let mut last = String::new();
    for message in messages {
        visit.client.frame(TEXT, message.as_bytes());
        last = visit.client.text();
    }
    last
}

/// The headers of a client with a cookie.
fn of(visit: &Visit) -> String {
    with_cookie(visit.cookie.as_deref().expect("a new browser gets a cookie"))
}

#[test]
fn what_a_connection_has_joined_comes_back_after_a_lost_link_and_after_a_crash() {
    let site = Site::new();
    let server = site.serve();
    let (mut first, greeting) = visit(&server, "/play", "");
    assert_eq!(greeting, "nothing in /play [/play: true]");
    tell(&mut first, &["keep ada", "join a", "join b", "leave a", "join c"]);
    let headers = of(&first);
    drop(first);
    eventually("it has left", || server.get("/?r:b").1 == "0 0");
    let (second, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "ada in /play [/play: true, r:b: true, r:c: true]");
    assert_eq!(server.get("/?r:b").1, "1 1");
    server.kill();
    drop(second);
    let server = site.serve();
    let (mut third, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "ada in /play [/play: true, r:b: true, r:c: true]");
    // What it leaves now is gone at the next time too.
    tell(&mut third, &["leave b"]);
    server.kill();
    let server = site.serve();
    let (_, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "ada in /play [/play: true, r:c: true]");
}

#[test]
fn a_connection_that_has_moved_opens_in_that_room_when_it_is_resumed() {
    let site = Site::new();
    let server = site.serve();
    let (mut first, _) = visit(&server, "/play", "");
    let moved = tell(&mut first, &["keep ada", "join hall", "move game", "keep eve"]);
    assert_eq!(moved, "ada in r:game [r:game: true, r:hall: true]".replace("ada", "eve"));
    let headers = of(&first);
    server.kill();
    let server = site.serve();
    let (mut second, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "eve in r:game [r:game: true, r:hall: true]");
    server.wait_for_log("asked in r:game");
    // Back where it came from, it is as if it had never moved.
    assert_eq!(tell(&mut second, &["back"]), "eve in r:game [/play: true, r:hall: true]");
    server.kill();
    let server = site.serve();
    let (_, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "eve in /play [/play: true, r:hall: true]");
}

#[test]
fn rooms_come_back_also_where_on_upgrade_replaces_the_attachment_and_not_where_it_refuses() {
    let site = Site::new();
    let server = site.serve();
    let (mut first, _) = visit(&server, "/play?replace", "");
    tell(&mut first, &["keep ada", "join a", "move game"]);
    let headers = of(&first);
    drop(first);
    eventually("it has left", || server.get("/?r:a").1 == "0 0");
    let (second, greeting) = visit(&server, "/play?replace", &headers);
    assert_eq!(greeting, "replaced in r:game [r:game: true, r:a: true]");
    server.kill();
    drop(second);
    let server = site.serve();
    let (_third, greeting) = visit(&server, "/play?replace", &headers);
    assert_eq!(greeting, "replaced in r:game [r:game: true, r:a: true]");
    // Nobody else is in a room because of it.
    assert_eq!(server.get("/?r:game").1, "1 1");
}

#[test]
fn rooms_without_an_attachment_and_those_of_an_event_that_throws_do_not_come_back() {
    let site = Site::new();
    let server = site.serve();
    let (mut first, _) = visit(&server, "/play", "");
    tell(&mut first, &["join a"]);
    let headers = of(&first);
    drop(first);
    eventually("it has left", || server.get("/?r:a").1 == "0 0");
    let (mut second, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "nothing in /play [/play: true]");
    // With its first attachment all of its rooms are stored.
    tell(&mut second, &["join a", "keep ada"]);
    second.client.frame(TEXT, b"throw");
    server.wait_for_log("on purpose");
    server.kill();
    let server = site.serve();
    let (_, greeting) = visit(&server, "/play", &headers);
    assert_eq!(greeting, "ada in /play [/play: true, r:a: true]");
}

#[test]
fn attachments_of_connections_with_other_rooms_are_shown_and_pruned_like_others() {
    let site = Site::new();
    let server = site.serve();
    let (mut first, _) = visit(&server, "/play", "");
    tell(&mut first, &["keep ada", "join a", "move game"]);
    server.kill();
    let folder = site.folder.path();
    let files: Vec<_> = std::fs::read_dir(folder.join("ws")).expect("readable").collect();
    let file = files[0].as_ref().expect("readable").path();
    let text = std::fs::read_to_string(file).expect("text");
    assert!(text.starts_with("zigttp-attachment 3 "), "{text}");
    let mut list = programs::program("zigttp");
    list.args(["attachments", "list", "--json", "--durable"]).arg(folder);
    let output = list.output().expect("it runs");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let listed: serde_json::Value = serde_json::from_str(&output).expect("it is JSON");
    let [room, joined, url] = ["room", "joined", "url"].map(|name| listed[0][name].clone());
    assert_eq!(
        serde_json::json!([room, joined, url]),
        serde_json::json!(["r:game", ["r:a"], "/play"])
    );
}
