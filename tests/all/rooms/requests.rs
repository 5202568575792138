//! HTTP requests that are events of a room: `onRequest(req, room)`.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::durable::Durable;
use crate::support::raw::{RawClient, TEXT};
use crate::support::server::Server;
use crate::support::{eventually, programs};

/// A request stores its body with the first member of its room, and tells it.
const KEEPER: &str = r#"
import {
  deserializeAttachment, getWebSockets, send, serializeAttachment,
} from "zigttp:websocket";

export const routes = ["/room/:name", "/gate"];

export function onOpen(ws: WebSocket) { send(ws, String(ws)); }

export function onMessage(ws: WebSocket, data: string, room: string) {
  const [what, gate] = data.split(" ");
  if (what === "open") serializeAttachment(ws, "open");
  if (what === "hold") {
    console.log("holding");
    while (deserializeAttachment(Number(gate) as any) === undefined);
  }
  send(ws, data);
}

export async function onRequest(req: Request, room: string) {
  const [first] = getWebSockets(room);
  if (first === undefined) return Response.text("nobody", { status: 404 });
  const body = await req.text();
  serializeAttachment(first, body);
  send(first, "told " + body);
  if (req.query === "throw") throw new Error("at the end");
  const { method, path, query, headers } = req;
  return Response.json([room, method, path, query, headers.get("x-name"), body]);
}

export function handler(req: Request) { return Response.text("of no room"); }
"#;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(KEEPER));

/// Sends a POST request with this body to a path; returns the head and body of the response.
fn post(server: &Server, path: &str, body: &str) -> (String, String) {
    server.request(&format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nX-Name: ada\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[tokio::test]
async fn on_request_gets_the_room_and_the_request_with_its_body() {
    let server = Server::start(&HANDLER, &[]);
    let mut member = server.connect("/room/a").await;
    member.text().await;
    let (head, body) = post(&server, "/room/a?b=c", "hello");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, r#"["/room/a","POST","/room/a","b=c","ada","hello"]"#);
    assert_eq!(member.text().await, "told hello");
    // Its room need not have a member.
    assert_eq!(server.get("/room/b"), (404, "nobody".to_owned()));
}

#[tokio::test]
async fn the_response_of_on_request_leaves_after_its_commit() {
    let durable = Durable::of(KEEPER);
    let server = durable.serve(&[]);
    let mut member = server.connect("/room/a").await;
    let id = member.text().await;
    for number in 0..100 {
        let value = format!("value {number} of one request");
        let (head, _) = post(&server, "/room/a", &value);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let file = std::fs::read(durable.file(&id)).expect("it has its name");
        assert!(file.windows(value.len()).any(|part| part == value.as_bytes()), "{value}");
        assert_eq!(member.text().await, format!("told {value}"));
    }
}

#[tokio::test]
async fn an_on_request_that_throws_commits_nothing_and_is_500() {
    let durable = Durable::of(KEEPER);
    let server = durable.serve(&[]);
    let mut member = server.connect("/room/a").await;
    let id = member.text().await;
    let (head, body) = post(&server, "/room/a?throw", "lost");
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
    assert!(!body.contains("at the end"), "{body}");
    server.wait_for_log("at the end");
    assert!(!durable.file(&id).exists());
    assert_eq!(member.ask("the next").await, "the next");
}

#[test]
fn requests_that_wait_for_a_turn_take_no_place_to_run() {
    // One of the two is for HTTP, at most.
    let limits = ["--cpu-limit", "20s", "--turn-timeout", "60s", "--max-events", "2"];
    let server = Server::start(&HANDLER, &[&limits[..], &["--max-turn-waits", "20"]].concat());
    let mut holder = RawClient::connect(server.address, "/room/a");
    holder.text();
    let mut gate = RawClient::connect(server.address, "/gate");
    let gate_id = gate.text();
    holder.frame(TEXT, format!("hold {gate_id}").as_bytes());
    server.wait_for_log("holding");
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..21).map(|_| scope.spawn(|| server.get("/room/a").0)).collect();
        eventually("all others wait", || waiting.iter().any(|one| one.is_finished()));
        // They hold up neither another room nor a request of none.
        for _ in 0..50 {
            assert_eq!(server.get("/room/b"), (404, "nobody".to_owned()));
            assert_eq!(server.get("/elsewhere"), (200, "of no room".to_owned()));
        }
        gate.frame(TEXT, b"open");
        let mut statuses: Vec<_> =
            waiting.into_iter().map(|one| one.join().expect("it does not panic")).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200; 20][..], &[503]].concat());
    });
}
