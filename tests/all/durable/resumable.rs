//! `req.resumable`: what a client has left, as its `onUpgrade` is told, and who has it in the end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::LazyLock;

use super::resume::{Visit, visit, with_cookie};
use crate::support::raw::{PING, RawClient, TEXT};
use crate::support::server::Server;
use crate::support::{admin, eventually, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { deserializeAttachment, getWebSockets, send, serializeAttachment } from "zigttp:websocket";

export const routes = ["/room/:name"];

const shown = (value: any) => JSON.stringify(value) ?? "nothing";

export function onUpgrade(req: Request, room: string): Admission {
  console.log(`asked ${shown(req.resumable)} of ${getWebSockets(room).length}`);
  const what = req.headers.get("x-do");
  if (what === "refuse") return Response.text("no", { status: 403 });
  if (what === "throw") {
    for (const peer of getWebSockets(room)) send(peer, "somebody comes");
    throw new Error("on purpose");
  }
  if (what === "change") req.resumable.user = "eve";
  if (what === "replace") return { user: "bob" };
}

export function onOpen(ws: WebSocket) { send(ws, `${ws} has ${shown(deserializeAttachment(ws))}`); }

export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "list") return void send(ws, getWebSockets(room).join(","));
  const [what, rest] = data.split(" ");
  if (what === "hold") {
    console.log("holding");
    const gate: any = Number(rest);
    while (deserializeAttachment(gate) === undefined);
    return;
  }
  serializeAttachment(ws, JSON.parse(data));
  send(ws, "kept");
}

export function onClose(ws: WebSocket, code: number) { console.log(`closed ${ws} ${code}`); }

const other = (req: Request) => Response.text(typeof req.resumable);
export { other as handler, other as onRequest };
"#,
    )
});

struct Site {
    folder: tempfile::TempDir,
    server: Server,
    admin: SocketAddr,
}

/// A client with a cookie that has left a value at `/room/a`.
struct Left {
    site: Site,
    headers: String,
    id: u64,
}

impl Site {
    fn new() -> Site {
        let folder = programs::folder();
        let path = folder.path().to_str().expect("a UTF-8 path").to_owned();
        let arguments = ["--durable", &path, "--resume", "--cpu-limit", "20s"];
        let (server, admin) = admin::start(&HANDLER, &arguments);
        Site { folder, server, admin }
    }

    /// A client that has left this JSON.
    fn left(self, value: &str) -> Left {
        let (mut first, greeting) = visit(&self.server, "/room/a", "");
        let (id, greeting) = greeting.split_once(' ').expect("its id comes first");
        assert_eq!(greeting, "has nothing");
        let id = id.parse().expect("a number");
        let headers = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
        first.client.frame(TEXT, value.as_bytes());
        assert_eq!(first.client.text(), "kept");
        drop(first);
        let left = Left { site: self, headers, id };
        left.waits();
        left
    }
}

impl Left {
    /// What it has when it comes back.
    fn back(&self, more: &str) -> (Visit, String) {
        let (visit, greeting) =
            visit(&self.site.server, "/room/a", &format!("{}{more}", self.headers));
        let (_, has) = greeting.split_once(" has ").expect("its id comes first");
        let has = has.to_owned();
        (visit, has)
    }

    /// The handshake of the client, whose response nobody has read.
    fn ask(&self, more: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.site.server.address).expect("it listens");
        let request = format!(
            "GET /room/a HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}{more}\r\n",
            self.headers
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        stream
    }

    /// The status of the response to a handshake that is refused.
    fn refused(&self, more: &str) -> String {
        let mut response = [0; 12];
        self.ask(more).read_exact(&mut response).expect("it responds");
        String::from_utf8_lossy(&response[9..]).into_owned()
    }

    /// How many values wait to be resumed.
    fn leftovers(&self) -> f64 {
        admin::scrape(self.site.admin)["zigttp_leftovers"]
    }

    fn waits(&self) {
        eventually("its value waits", || self.leftovers() == 1.0);
    }

    /// Holds the turn of `/room/a` until something is sent to what this returns.
    fn hold(&self) -> (RawClient, RawClient) {
        let mut holder = RawClient::connect(self.site.server.address, "/room/a");
        let mut gate = RawClient::connect(self.site.server.address, "/room/gate");
        holder.text();
        let greeting = gate.text();
        let (id, _) = greeting.split_once(' ').expect("its id comes first");
        holder.frame(TEXT, format!("hold {id}").as_bytes());
        self.site.server.wait_for_log("holding");
        (holder, gate)
    }
}

#[test]
fn on_upgrade_is_told_what_its_client_has_left_and_the_connection_keeps_it() {
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(5000));
    for value in [r#"{"user":"ada","n":[1,2]}"#, "\"text\"", "0", &long] {
        let left = Site::new().left(value);
        assert_eq!(left.back("").1, value);
        left.site.server.wait_for_log(&format!("asked {value} of 0"));
    }
}

#[test]
fn what_on_upgrade_does_to_what_it_was_told_changes_nothing() {
    let left = Site::new().left(r#"{"user":"ada"}"#);
    assert_eq!(left.back("X-Do: change\r\n").1, r#"{"user":"ada"}"#);
}

#[test]
fn what_on_upgrade_returns_replaces_what_was_left() {
    let left = Site::new().left(r#"{"user":"ada"}"#);
    let (second, has) = left.back("X-Do: replace\r\n");
    assert_eq!(has, r#"{"user":"bob"}"#);
    drop(second);
    left.waits();
    let (third, has) = left.back("");
    assert_eq!(has, r#"{"user":"bob"}"#);
    let files = std::fs::read_dir(left.site.folder.path().join("ws")).expect("it is there");
    assert_eq!(files.count(), 1);
    drop(third);
}

#[test]
fn a_refusal_and_a_failure_leave_it_to_the_next_attempt() {
    let left = Site::new().left("\"ada\"");
    let mut peer = RawClient::connect(left.site.server.address, "/room/a");
    peer.text();
    assert_eq!(left.refused("X-Do: refuse\r\n"), "403");
    assert_eq!(left.refused("X-Do: throw\r\n"), "500");
    left.site.server.wait_for_log_count("asked \"ada\" of 1", 2);
    assert_eq!(left.back("").1, "\"ada\"");
    // Of the attempts it has heard nothing: the next thing is the response to its own message.
    peer.frame(TEXT, b"1");
    assert_eq!(peer.text(), "kept");
}

#[test]
fn an_upgrade_whose_disk_fails_has_no_effect_and_leaves_it_to_the_next_attempt() {
    let left = Site::new().left("\"ada\"");
    // In the way of the file that the next connection is to get.
    let blocked = left.site.folder.path().join(format!("ws/{}.att", left.id + 1));
    std::fs::create_dir(&blocked).expect("the folder is writable");
    assert_eq!(left.refused(""), "500");
    left.site.server.wait_for_log(&format!("cannot write attachment {}", left.id + 1));
    left.waits();
    std::fs::remove_dir(&blocked).expect("it is empty");
    assert_eq!(left.back("").1, "\"ada\"");
}

#[test]
fn a_client_that_goes_before_its_turn_leaves_it_to_its_next_attempt() {
    let left = Site::new().left("\"ada\"");
    let (_holder, mut gate) = left.hold();
    let first = left.ask("");
    eventually("the first attempt has it", || left.leftovers() == 0.0);
    // It gives up while it waits for its turn.
    drop(first);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| left.back(""));
        gate.frame(TEXT, b"1");
        assert_eq!(second.join().expect("it opens").1, "\"ada\"");
    });
}

#[test]
fn nobody_else_is_told_anything() {
    let left = Site::new().left("\"ada\"");
    let server = &left.site.server;
    assert_eq!(server.get("/room/a").1, "undefined");
    assert_eq!(server.get("/elsewhere").1, "undefined");
    drop(visit(server, "/room/a", ""));
    drop(visit(server, "/room/a?other", &left.headers));
    server.wait_for_log_count("asked nothing", 3);
    assert_eq!(left.back("").1, "\"ada\"");
}

#[test]
fn members_are_listed_in_the_order_in_which_they_became_members() {
    let Site { server, .. } = &Site::new();
    let (mut half_open, _) = visit(server, "/room/a", "");
    let headers = with_cookie(&half_open.cookie.clone().expect("a new browser gets a cookie"));
    half_open.client.frame(TEXT, b"1");
    assert_eq!(half_open.client.text(), "kept");
    // Its successor, which comes first, waits until its predecessor proves dead.
    let ((_first, first), mut second, second_greeting) = std::thread::scope(|scope| {
        let first = scope.spawn(|| visit(server, "/room/a", &headers));
        assert_eq!(half_open.client.next().0, PING);
        let mut second = RawClient::connect(server.address, "/room/a");
        let greeting = second.text();
        (first.join().expect("it opens"), second, greeting)
    });
    let id = |greeting: &str| {
        let (id, _) = greeting.split_once(' ').expect("its id comes first");
        id.parse::<u64>().expect("a number")
    };
    let (first, second_id) = (id(&first), id(&second_greeting));
    assert!(first < second_id, "{first} {second_id}");
    second.frame(TEXT, b"list");
    assert_eq!(second.text(), format!("{second_id},{first}"));
}
