//! The seven functions of `zigttp:websocket`, and the globals.

use std::path::PathBuf;
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{eventually, programs};

/// Does what a message or a request's path says, and sends the result.
static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import {
  close, deserializeAttachment, getWebSockets, roomFromPath, send, serializeAttachment,
  setAutoResponse,
} from "zigttp:websocket";

export const routes = ["/room/:name", "/opens/:name", "/closes/:name", "/asks/:name"];

// What every function returns for a connection, as one line.
function probe(ws: any, room: string) {
  const answers = [
    send(ws, "sent"),
    serializeAttachment(ws, "kept"),
    deserializeAttachment(ws),
    setAutoResponse(ws, "probe", "answered"),
    getWebSockets(room).includes(ws),
  ];
  try {
    answers.push(roomFromPath(ws, "name"));
  } catch (error) {
    answers.push(String(error));
  }
  answers.push(close(ws, 4000, "probed"), send(ws, "late"), getWebSockets(room).includes(ws));
  return answers.map(String).join();
}

export function onUpgrade(req: Request) {
  const [, command, id] = req.path.split("/");
  if (command === "asks") return Response.text(probe(Number(id), req.query), { status: 403 });
}

export function onOpen(ws: WebSocket, url: string) {
  if (url.startsWith("/opens/")) console.log("probe in onOpen:", probe(ws, url));
}

export function onMessage(ws: any, data: any, room: string) {
  const [command, id, text] = String(data).split(" ");
  const to: any = Number(id);
  switch (command) {
    case "members": return void send(ws, getWebSockets(room).map(String).join());
    case "length": {
      serializeAttachment(ws, "x".repeat(Number(id) - 1) + "!");
      return void send(ws, String(deserializeAttachment(ws)));
    }
    case "id": return void send(ws, String(ws));
    case "kind": return void send(ws, `${typeof ws} ${Number.isSafeInteger(ws)}`);
    case "send": return void send(ws, String(send(to, text)));
    case "probe": return void console.log("probe in onMessage:", probe(to, text ?? room));
    case "same": {
      const names = new Map(getWebSockets(room).map((peer: any) => [peer, "found"]));
      return void send(ws, `${names.get(ws)} ${getWebSockets(room)[0] === ws}`);
    }
    case "own": {
      const before = deserializeAttachment(ws);
      serializeAttachment(ws, "first");
      serializeAttachment(ws, "second");
      return void send(ws, `${before} ${deserializeAttachment(ws)}`);
    }
    case "kept": return void send(ws, String(deserializeAttachment(ws)));
    case "pair": return void setAutoResponse(ws, "ping", "pong");
    case "other": return void setAutoResponse(ws, new Uint8Array([112, 111]).subarray(0, 1), "binary");
    case "clear": return void setAutoResponse(ws, "", "");
    case "mute": return void setAutoResponse(ws, "ping", "");
    case "count": {
      serializeAttachment(ws, String(Number(deserializeAttachment(ws) ?? 0) + 1));
      return void send(ws, `count ${deserializeAttachment(ws)}`);
    }
    default: return void send(ws, data);
  }
}

export function onClose(ws: any, code: number, reason: string) {
  console.log("closed with", code, reason);
  const room = "/closes/" + (deserializeAttachment(ws) ?? "x");
  if (deserializeAttachment(ws) !== undefined) console.log("probe in onClose:", probe(ws, room));
}

export function handler(req: Request) {
  const [, command, id] = req.path.split("/");
  if (command === "throw") {
    send(Number(id) as any, "never");
    throw new Error("no response");
  }
  if (command === "send") return Response.text(String(send(Number(id) as any, "from handler")));
  return Response.text(probe(Number(id), decodeURIComponent(req.query)));
}
"#,
    )
});

fn server() -> Server {
    Server::start(&HANDLER, &[])
}

/// What the last line of a fixture's checks says, with the failures before it.
async fn verdict(client: &mut Client) -> String {
    client.send("go").await;
    let mut lines = Vec::new();
    loop {
        lines.push(client.text().await);
        if lines.last().is_some_and(|line| line.ends_with("checks failed")) {
            return lines.join("\n");
        }
    }
}

#[tokio::test]
async fn argument_errors_are_type_and_range_errors_that_name_the_argument() {
    let server =
        Server::start(&programs::compile_file("tests/fixtures/handlers/api_arguments.ts"), &[]);
    let verdict = verdict(&mut server.connect("/").await).await;
    assert!(verdict.starts_with("0 of "), "{verdict}");
}

#[tokio::test]
async fn globals_answer_as_those_of_other_platforms() {
    let server = Server::start(&programs::compile_file("tests/fixtures/handlers/globals.ts"), &[]);
    let verdict = verdict(&mut server.connect("/").await).await;
    assert!(verdict.starts_with("0 of "), "{verdict}");
}

#[tokio::test]
async fn the_language_is_as_specified_where_engines_have_erred() {
    let server =
        Server::start(&programs::compile_file("tests/fixtures/handlers/language/handler.ts"), &[]);
    let verdict = verdict(&mut server.connect("/").await).await;
    assert!(verdict.starts_with("0 of "), "{verdict}");
}

#[tokio::test]
async fn short_ways_of_the_engine_are_taken_where_no_handler_sees_them() {
    let handler = "tests/fixtures/handlers/language/short_ways.ts";
    let server = Server::start(&programs::compile_file(handler), &[]);
    let verdict = verdict(&mut server.connect("/").await).await;
    assert!(verdict.starts_with("0 of "), "{verdict}");
}

#[tokio::test]
async fn ws_is_a_primitive_that_compares_and_keys_a_map() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("kind").await, "number true");
    assert_eq!(client.ask("same").await, "found true");
}

#[tokio::test]
async fn any_id_may_be_used_from_any_event() {
    let server = server();
    let mut ada = server.connect("/room/a").await;
    let mut bob = server.connect("/room/b").await;
    let id = ada.ask("id").await;
    assert_eq!(bob.ask(&format!("send {id} hello")).await, "true");
    assert_eq!(ada.text().await, "hello");
    assert_eq!(server.get(&format!("/send/{id}")), (200, "true".to_owned()));
    assert_eq!(ada.text().await, "from handler");
}

/// What [`probe`] returns for an open connection of the room it asks for.
const OPEN: &str = "true,undefined,kept,undefined,true,a,undefined,false,false";
/// And for a closed one.
const GONE: &str = "false,undefined,undefined,undefined,false,\
    RangeError: roomFromPath: the connection is gone, or its route has no parameter \":name\",\
    undefined,false,false";

#[tokio::test]
async fn all_seven_work_from_on_message_and_see_what_the_event_did_before() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    let id = client.ask("id").await;
    client.send(format!("probe {id}")).await;
    assert_eq!(client.text().await, "sent");
    assert_eq!(client.closed().await, (4000, "probed".to_owned()));
    server.wait_for_log(&format!("probe in onMessage: {OPEN}"));
}

#[tokio::test]
async fn all_seven_work_from_on_open() {
    let server = server();
    let mut client = server.connect("/opens/a").await;
    assert_eq!(client.text().await, "sent");
    assert_eq!(client.closed().await, (4000, "probed".to_owned()));
    server.wait_for_log(&format!("probe in onOpen: {OPEN}"));
}

#[tokio::test]
async fn all_seven_work_from_the_http_handler_and_commit_before_its_response() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    let id = client.ask("id").await;
    assert_eq!(server.get(&format!("/probe/{id}?/room/a")), (200, OPEN.to_owned()));
    // The response has come, so the next event finds the connection closing.
    assert_eq!(server.get(&format!("/send/{id}")).1, "false");
    assert_eq!(client.text().await, "sent");
    assert_eq!(client.closed().await, (4000, "probed".to_owned()));
}

#[tokio::test]
async fn all_seven_work_from_on_upgrade_and_commit_before_its_response() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    let id = client.ask("id").await;
    let path = format!("/asks/{id}?/room/a");
    let Err(Error::Http(refusal)) = Client::try_connect(server.address, &path).await else {
        panic!("it is refused");
    };
    assert_eq!(refusal.status().as_u16(), 403);
    assert_eq!(refusal.body().as_deref(), Some(OPEN.as_bytes()));
    assert_eq!(server.get(&format!("/send/{id}")).1, "false");
    assert_eq!(client.text().await, "sent");
    assert_eq!(client.closed().await, (4000, "probed".to_owned()));
}

#[tokio::test]
async fn a_throw_of_the_http_handler_commits_nothing() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    let id = client.ask("id").await;
    assert_eq!(server.get(&format!("/throw/{id}")).0, 500);
    server.wait_for_log("no response");
    assert_eq!(client.ask("next").await, "next");
}

#[tokio::test]
async fn in_on_close_the_attachment_is_read_and_writes_are_ignored() {
    let server = server();
    let mut client = server.connect("/closes/1").await;
    assert_eq!(client.ask("count").await, "count 1");
    client.close(1000, "").await;
    // It has left its room, nothing can be sent to it, and its attachment does not change. Its route is
    // still known.
    server.wait_for_log(
        "probe in onClose: false,undefined,1,undefined,false,1,undefined,false,false",
    );
}

#[tokio::test]
async fn calls_on_connections_that_are_gone_do_nothing() {
    let server = server();
    let mut ada = server.connect("/room/a").await;
    let mut bob = server.connect("/room/a").await;
    let id = bob.ask("id").await;
    bob.close(1000, "bye").await;
    server.wait_for_log("closed with 1000 bye");
    // It no longer exists once its onClose has ended.
    eventually("going", || server.get(&format!("/probe/{id}?/room/a")).1 == GONE);

    ada.send(format!("probe {id} /room/a")).await;
    server.wait_for_log(&format!("probe in onMessage: {GONE}"));
    // An id that was never used counts as a closed connection.
    assert_eq!(server.get("/probe/987654321?/room/a").1, GONE);
    assert_eq!(server.get("/probe/-5?/room/a").1, GONE);
}

#[tokio::test]
async fn own_writes_of_attachments_are_read_back() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("own").await, "undefined second");
    assert_eq!(client.ask("kept").await, "second");
}

/// Short results of the host go to the guest's stack, longer ones to its heap.
#[tokio::test]
async fn answers_of_any_length_come_whole() {
    let server = server();
    let mut client = server.connect("/room/answers").await;
    for len in [1, 2, 511, 512, 513, 2_047, 2_048, 2_049, 60_000] {
        let expected = "x".repeat(len - 1) + "!";
        assert!(client.ask(&format!("length {len}")).await == expected, "{len} bytes");
    }
    let mut members = vec![(client.ask("id").await, client)];
    for _ in 1..67 {
        let mut client = server.connect("/room/answers").await;
        members.push((client.ask("id").await, client));
        // 64 ids are 512 bytes.
        if members.len() > 61 {
            let ids: Vec<_> = members.iter().map(|(id, _)| id.clone()).collect();
            let (_, client) = &mut members[0];
            assert_eq!(client.ask("members").await, ids.join(","), "{} members", ids.len());
        }
    }
}

#[tokio::test]
async fn an_auto_response_has_the_opcode_of_the_message() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    client.send("pair").await;
    assert_eq!(client.ask("ping").await, "pong");
    client.send(Message::binary("ping")).await;
    assert_eq!(client.bytes().await, b"pong");
}

#[tokio::test]
async fn an_auto_response_takes_exact_bytes() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    client.send("pair").await;
    for message in ["ping ", "Ping", "pin", "pingping"] {
        assert_eq!(client.ask(message).await, message);
    }
    assert_eq!(client.ask("ping").await, "pong");
    // A second pair replaces the first; its request is only the view's bytes.
    client.send("other").await;
    assert_eq!(client.ask("ping").await, "ping");
    assert_eq!(client.ask("p").await, "binary");
}

#[tokio::test]
async fn an_auto_response_is_cleared_by_two_empty_strings() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    client.send("pair").await;
    assert_eq!(client.ask("ping").await, "pong");
    client.send("clear").await;
    assert_eq!(client.ask("ping").await, "ping");
    assert_eq!(client.ask("").await, "");
    // An empty response is a response.
    client.send("mute").await;
    assert_eq!(client.ask("ping").await, "");
}

#[tokio::test]
async fn an_auto_response_runs_no_javascript() {
    let server = server();
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("count").await, "count 1");
    client.send("pair").await;
    for _ in 0..100 {
        assert_eq!(client.ask("ping").await, "pong");
    }
    assert_eq!(client.ask("count").await, "count 2");
}
