//! The inspector: what it shows, to whom, and what it may change.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::inspector::{events_until, get, get_with, post};
use crate::support::programs;
use crate::support::server::Server;

const SOURCE: &str = r##"
import { send, close, getWebSockets, serializeAttachment, setAutoResponse } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onOpen(ws: WebSocket) { setAutoResponse(ws, "ping", "pong"); }
export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  if (data === "throw") fail();
  else if (data === "leave") close(ws, 4001, "left");
  else if (data === "bytes") serializeAttachment(ws, new Uint8Array([0, 255, 16])); else if (data === "json") serializeAttachment(ws, { name: "Ada" });
  else if (typeof data === "string" && data.startsWith("name ")) serializeAttachment(ws, data.slice(5));
  else for (const peer of getWebSockets(room)) send(peer, data);
  send(ws, "done");
}
function fail(): never { throw new TypeError("<b>not</b> today"); }
export function onClose() {}
export function handler(req: Request) { return Response.text("of the handler", { status: 404 }); }
"##;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SOURCE));

/// A server whose handler is edited; the folder is removed with it.
fn develop(arguments: &[&str]) -> (Server, tempfile::TempDir) {
    let folder = programs::folder();
    std::fs::write(folder.path().join("handler.ts"), SOURCE).expect("the folder is writable");
    let server = Server::develop(folder.path(), "handler.ts", arguments);
    server.wait_for_log("built in");
    (server, folder)
}

/// Saves a file as most editors do it.
fn replace(path: &Path, text: &str) {
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, text).expect("the temporary folder is writable");
    std::fs::rename(temporary, path).expect("the temporary folder is writable");
}

/// Opens the inspector; returns the number of the last event so far.
fn look(server: &Server) -> u64 {
    get(server, "/state").json()["last"].as_u64().expect("a number")
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[test]
fn a_server_that_is_run_has_no_inspector() {
    let server = Server::start(&HANDLER, &[]);
    for part in ["", "/", "/state", "/main.js"] {
        let answer = get(&server, part);
        assert_eq!((answer.status, &*answer.body), (404, "of the handler"), "{part}");
    }
}

#[test]
fn the_token_opens_the_inspector_of_a_server_that_is_run_from_header_or_cookie_alone() {
    let server = Server::start(&HANDLER, &["--inspector"]);
    let log = server.wait_for_log("/__zigttp, token ");
    let (_, token) = log.trim_end().split_once("/__zigttp, token ").expect("it was waited for");
    let token = token.lines().next().expect("a line");
    assert!(token.len() >= 32, "{token}");

    let page = get(&server, "");
    assert!(page.status == 401 && page.body.contains("type=\"password\""), "{}", page.body);
    for part in ["/state", "/build", "/connection?id=1", &format!("?token={token}"), "/nothing"] {
        assert_eq!(get(&server, part).status, 401, "{part}");
    }
    let closing = json!({ "id": 1, "code": 1000 }).to_string();
    assert_eq!(post(&server, "/close", "zigttp-inspector: 1\r\n", &closing).status, 401);

    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    assert_eq!(get_with(&server, "/state", &bearer(token)).status, 200);
    assert_eq!(get_with(&server, "/state", &bearer(&token[1..])).status, 401);
    // The scheme is written in any case (RFC 9110, 11.1).
    let lower = format!("authorization: bearer {token}\r\n");
    assert_eq!(get_with(&server, "/state", &lower).status, 200);

    let answer = post(&server, "/login", "", "token=wrong");
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("This is not the token."), "{}", answer.body);
    let answer = post(&server, "/login", "", &format!("token={token}"));
    assert_eq!(answer.status, 303);
    let (_, cookie) = answer.head.split_once("set-cookie: ").expect("a cookie");
    let cookie = cookie.lines().next().expect("a line");
    for part in ["; path=/__zigttp", "; httponly", "; samesite=strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // Another server on this host has another name for its cookie; other cookies do not matter.
    let (name, _) = cookie.split_once('=').expect("a pair");
    assert!(name.starts_with("zigttp-inspector-") && name.len() == 25, "{name}");
    let cookie = format!("Cookie: a=Jos\u{e9}; {name}=wrong; {name}={token}\r\n");
    assert!(get_with(&server, "", &cookie).body.contains("/__zigttp/main.js"));
    let foreign = format!("{cookie}Origin: http://evil.example\r\n");
    assert_eq!(get_with(&server, "/state", &foreign).status, 403);
}

#[test]
fn the_page_may_load_and_reach_nothing_but_its_server() {
    let (server, _folder) = develop(&[]);
    let page = get(&server, "");
    assert_eq!(page.status, 200);
    for header in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(page.head.contains(header), "{header} in {}", page.head);
    }
    let parts = page.body.split("\"/__zigttp").skip(1).filter_map(|rest| rest.split('"').next());
    for part in parts {
        assert_eq!(get(&server, part).status, 200, "{part}");
    }
}

#[tokio::test]
async fn the_log_has_events_with_their_effects() {
    let (server, _folder) = develop(&[]);
    let after = look(&server);
    // The first to be accepted need not be the first to open: Ada has opened when her reply comes.
    let mut ada = server.connect("/room/a?secret=1").await;
    assert_eq!(ada.ask("ping").await, "pong");
    let mut bob = server.connect("/room/a").await;
    assert_eq!(bob.ask("ping").await, "pong");
    assert_eq!(ada.ask("name Ada").await, "done");
    ada.send("hello").await;
    assert_eq!((ada.text().await, bob.text().await), ("hello".to_owned(), "hello".to_owned()));
    assert_eq!(ada.text().await, "done");
    bob.send("leave").await;
    assert_eq!(bob.closed().await, (4001, "left".to_owned()));
    assert_eq!(get(&server, "/../").status, 400);

    let events = events_until(&server, after, "close");
    let opens = of_kind(&events, "open");
    assert_eq!(opens.len(), 2);
    assert_eq!(opens[0]["input"]["shown"], "/room/a?secret=1");
    assert_eq!(opens[0]["room"], "/room/a");
    assert_eq!(opens[0]["effects"][0]["what"], "auto-response");
    assert_eq!(opens[0]["effects"][0]["pair"][1]["shown"], "pong");
    assert!(opens[0]["instantiateMicros"].as_f64().is_some_and(|it| it > 0.0), "{}", opens[0]);

    let ids = [opens[0]["conn"].clone(), opens[1]["conn"].clone()];
    assert_eq!(of_kind(&events, "auto-response").len(), 2);
    let messages = of_kind(&events, "message");
    let [named, hello, left] = messages[..] else { panic!("{messages:?}") };
    assert_eq!(named["effects"][0]["what"], "attachment");
    assert_eq!(named["effects"][0]["data"]["shown"], "Ada");
    assert_eq!(
        hello["input"],
        json!({"isText": true, "shown": "hello", "bytes": 5, "isCut": false})
    );
    let sent = &hello["effects"][0];
    assert_eq!(
        (&sent["what"], &sent["count"], &sent["to"]),
        (&"send".into(), &2.into(), &json!(ids))
    );
    assert_eq!(hello["effects"][1]["data"]["shown"], "done");
    assert!(hello["micros"].as_f64().is_some_and(|it| it > 0.0), "{hello}");
    assert!(hello["restoreMicros"].as_f64().is_some_and(|it| it > 0.0), "{hello}");
    assert_eq!(
        left["effects"][0],
        json!({"what": "close", "conn": ids[1], "code": 4001, "reason": "left"})
    );
    assert_eq!(of_kind(&events, "close")[0]["input"]["shown"], "4001 left");
}

#[tokio::test]
async fn a_failure_is_logged_with_its_place_in_the_typescript() {
    let (server, _folder) = develop(&[]);
    let after = look(&server);
    let mut client = server.connect("/room/a").await;
    client.send("throw").await;
    server.wait_for_log("</b> today");
    let events = events_until(&server, after, "message");
    let failure = &of_kind(&events, "message")[0]["failure"];
    assert_eq!(failure["kind"], "threw");
    let text = failure["text"].as_str().expect("a text");
    assert!(text.starts_with("TypeError: <b>not</b> today\n"), "{text}");
    assert!(text.contains("at fail (handler.ts:13:"), "{text}");
    assert_eq!(of_kind(&events, "message")[0]["effects"], json!([]));
}

#[tokio::test]
async fn nothing_is_collected_before_somebody_looks() {
    let (server, _folder) = develop(&[]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask("name x").await, "done");
    let state = get(&server, "/state").json();
    assert_eq!((&state["events"], &state["last"]), (&json!([]), &0.into()));
    assert_eq!(state["counts"]["events"], 2, "counts are there all the same");
    assert_eq!(client.ask("name y").await, "done");
    assert_eq!(events_until(&server, 0, "message").len(), 1);
}

#[tokio::test]
async fn the_log_is_bounded_and_says_what_is_missing() {
    let (server, _folder) = develop(&["--inspector-events", "3"]);
    look(&server);
    let mut client = server.connect("/room/a").await;
    for number in 0..9 {
        assert_eq!(client.ask(&format!("name {number}")).await, "done");
    }
    let state = get(&server, "/state?after=1").json();
    let numbers: Vec<_> =
        state["events"].as_array().expect("a list").iter().map(|it| it["number"].clone()).collect();
    assert_eq!((json!(numbers), &state["missed"]), (json!([8, 9, 10]), &6.into()));
    let long = "x".repeat(10_000);
    assert_eq!(client.ask(&format!("name {long}")).await, "done");
    let state = get(&server, "/state?after=10").json();
    let input = &state["events"][0]["input"];
    assert_eq!((&input["bytes"], &input["isCut"]), (&10_005.into(), &true.into()));
    assert!(input["shown"].as_str().is_some_and(|shown| shown.len() < 1000));
}

#[tokio::test]
async fn a_connection_is_shown_with_what_it_keeps_and_closed_with_a_code() {
    let (server, _folder) = develop(&[]);
    let mut client = server.connect("/room/a%20b?x=1").await;
    assert_eq!(client.ask("name Ada").await, "done");
    let state = get(&server, "/state").json();
    let listed = &state["connections"]["listed"][0];
    assert_eq!((&listed["room"], &listed["attachmentBytes"]), (&"/room/a%20b".into(), &3.into()));
    assert_eq!(state["handler"]["routes"], json!(["/room/:name"]));
    assert_eq!(state["handler"]["effects"]["onMessage"], json!(["io", "state"]));
    let id = listed["id"].as_u64().expect("a number");
    let part = format!("/connection?id={id}");
    let shown = get(&server, &part).json();
    assert_eq!(shown["attachment"]["shown"], "Ada");
    assert_eq!((&shown["url"], &shown["isOpen"]), (&"/room/a%20b?x=1".into(), &true.into()));
    assert_eq!(shown["parameters"], json!([["name", "a b"]]));
    assert_eq!(shown["autoResponse"][0]["shown"], "ping");
    assert_eq!(client.ask("bytes").await, "done");
    let shown = get(&server, &part).json();
    assert_eq!(
        shown["attachment"],
        json!({"isText": false, "shown": "00 ff 10", "bytes": 3, "isCut": false})
    );
    assert_eq!(client.ask("json").await, "done");
    let shown = get(&server, &part).json();
    let text = "{\"name\":\"Ada\"}";
    assert_eq!(
        shown["attachment"],
        json!({"isText": true, "isJson": true, "shown": text, "bytes": 14, "isCut": false})
    );

    let order =
        |code: u16, reason: &str| json!({ "id": id, "code": code, "reason": reason }).to_string();
    let header = "zigttp-inspector: 1\r\n";
    assert_eq!(post(&server, "/close", "", &order(4000, "")).status, 403, "any page may send that");
    let foreign = format!("{header}Origin: http://localhost:5173\r\n");
    assert_eq!(post(&server, "/close", &foreign, &order(4000, "")).status, 403, "another page");
    assert_eq!(post(&server, "/close", header, &order(1005, "")).status, 400);
    assert_eq!(post(&server, "/close", header, &order(4000, &"x".repeat(124))).status, 400);
    assert_eq!(post(&server, "/close", header, "{").status, 400);
    assert_eq!(post(&server, "/close", header, &"x".repeat(5000)).status, 413);
    let own = format!("{header}Origin: http://{}\r\n", server.address);
    assert_eq!(post(&server, "/close", &own, &order(4321, "enough")).status, 200);
    assert_eq!(client.closed().await, (4321, "enough".to_owned()));
    crate::support::eventually("the connection is gone", || get(&server, &part).json().is_null());
    assert_eq!(post(&server, "/close", header, &order(4000, "")).status, 404);
}

#[tokio::test]
async fn no_socket_opens_on_the_inspectors_paths() {
    let folder = programs::folder();
    let source = "import { send } from \"zigttp:websocket\";
export function onMessage(ws: WebSocket, data: string | ArrayBuffer) { send(ws, data); }";
    std::fs::write(folder.path().join("handler.ts"), source).expect("the folder is writable");
    let server = Server::develop(folder.path(), "handler.ts", &[]);
    server.wait_for_log("built in");
    assert!(Client::try_connect(server.address, "/anything").await.is_ok());
    assert!(Client::try_connect(server.address, "/__zigttp/state").await.is_err());
}

#[test]
fn what_came_of_the_last_build_is_shown_with_its_source() {
    let (server, folder) = develop(&[]);
    let build = get(&server, "/build").json();
    assert_eq!((&build["isServed"], &build["handler"]), (&true.into(), &"handler.ts".into()));
    let handler = folder.path().join("handler.ts");
    replace(&handler, "export const <script>");
    server.wait_for_log("does not build");
    assert_eq!(get(&server, "/state").json()["build"], 2);
    let build = get(&server, "/build").json();
    assert_eq!(
        (&build["isServed"], &build["note"]),
        (&false.into(), &"the build before it stays in use".into())
    );
    let finding = &build["findings"][0];
    assert_eq!(finding["severity"], "error");
    let frame = finding["frame"].as_str().expect("a text");
    assert!(frame.contains("handler.ts:1:") && frame.contains("export const <script>"), "{frame}");
    replace(&handler, SOURCE);
    server.wait_for_log("fixed: rebuilt");
    assert_eq!(get(&server, "/build").json()["isServed"], true);
    std::fs::remove_file(&handler).expect("it is there");
    crate::support::eventually("the build fails", || {
        get(&server, "/build").json()["error"].as_str().is_some_and(|it| it.contains("cannot read"))
    });
}
