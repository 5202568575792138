//! The rooms that use most: `/rooms` of the admin listener, and `zigttp top`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::client::Client;
use crate::support::durable::Durable;
use crate::support::server::Server;
use crate::support::{admin, eventually};

fn durable() -> Durable {
    Durable::of(
        r#"
import { signal } from "zigttp:durable";
import { send } from "zigttp:websocket";

export const routes = ["/room/:name"];

export function onMessage(ws: WebSocket, data: string, room: string) {
  const [what, count] = data.split(" ");
  if (what === "compute") for (let step = 0; step < 300_000; step++);
  if (what === "bytes") send(ws, "x".repeat(50_000));
  if (what === "signals") for (let n = 0; n < 5; n++) signal(room, "told");
  send(ws, "done");
}

export function onSignal() {}

export function onRequest(req: Request, room: string) { return Response.text(room); }
"#,
    )
}

/// Between two messages that are not to take much CPU time.
const PAUSE: Duration = Duration::from_millis(20);

/// Clients that send as soon as they are answered, or a little later, until this is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start(address: SocketAddr, clients: &'static [(&'static str, &'static str)]) -> Load {
        let ends = Arc::new(AtomicBool::new(false));
        for (path, text) in clients {
            let ends = Arc::clone(&ends);
            let _task: JoinHandle<()> = tokio::spawn(async move {
                let mut client = Client::connect(address, path).await;
                let is_light = *text != "compute";
                while !ends.load(Ordering::Relaxed) {
                    if is_light {
                        tokio::time::sleep(PAUSE).await;
                    }
                    client.send(*text).await;
                    while client.text().await != "done" {}
                }
                client.leave().await;
            });
        }
        Load(ends)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks for `/rooms`, beside the clients of the test.
async fn rooms(admin: SocketAddr, query: &'static str) -> Value {
    let get = move || admin::get(admin, &format!("/rooms?{query}"));
    let (status, body) = tokio::task::spawn_blocking(get).await.expect("no request panics");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("it is JSON")
}

async fn serve(durable: &Durable) -> (Server, SocketAddr) {
    let (server, admin) = admin::start_durable(durable, &[]);
    eventually("the control socket", || durable.path("control.sock").exists());
    (server, admin)
}

static LOAD: [(&str, &str); 6] = [
    ("/room/cpu", "compute"),
    ("/room/bytes", "bytes"),
    ("/room/signals", "signals"),
    ("/room/busy", "compute"),
    ("/room/busy", "compute"),
    ("/room/busy", "compute"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_room_that_uses_most_of_each_kind_comes_first() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    let mut idle = server.connect("/room/idle").await;
    assert_eq!(idle.ask("hello").await, "done");
    let _load = Load::start(server.address, &LOAD);
    for (query, first) in [
        ("sort=wait&limit=1", "/room/busy"),
        ("sort=bytes&limit=1", "/room/bytes"),
        ("sort=signals&limit=1", "/room/signals"),
    ] {
        let page = rooms(admin, query).await;
        assert_eq!(page["rooms"].as_array().map(Vec::len), Some(1), "{page}");
        assert_eq!(page["rooms"][0]["room"], first, "{page}");
    }
    let page = rooms(admin, "sort=cpu").await;
    let all = page["rooms"].as_array().expect("a list");
    let names: Vec<_> = all.iter().map(|room| room["room"].as_str().expect("a name")).collect();
    assert!(["/room/busy", "/room/cpu"].contains(&names[0]), "{page}");
    assert!(!names.contains(&"/room/idle"), "{page}");
    let cpu = all.iter().find(|room| room["room"] == "/room/cpu").expect("it is listed");
    let (events, ms) = (cpu["events"].as_u64(), cpu["cpuMs"].as_f64());
    assert!(events.is_some_and(|events| events > 0) && ms.is_some_and(|ms| ms > 1.0), "{cpu}");
    assert_eq!(cpu["members"], 1, "{cpu}");
    // One event of a room runs at a time, on one core.
    assert!(ms.is_some_and(|ms| ms <= page["seconds"].as_f64().expect("a time") * 1e3), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_nobody_is_connected_to_is_found_by_its_requests() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    let (address, ends) = (server.address, Arc::new(AtomicBool::new(false)));
    let asking = std::thread::spawn({
        let ends = Arc::clone(&ends);
        move || {
            while !ends.load(Ordering::Relaxed) {
                assert_eq!(server.get("/room/rest").0, 200);
            }
            server
        }
    });
    let page = rooms(admin, "sort=events").await;
    ends.store(true, Ordering::Relaxed);
    let _server = asking.join().expect("every request has its response");
    assert_eq!(page["rooms"][0]["room"], "/room/rest", "{page} of {address}");
    assert_eq!(page["rooms"][0]["members"], 0);
}

#[tokio::test]
async fn a_query_that_asks_for_something_else_is_400() {
    let durable = durable();
    let (_server, admin) = serve(&durable).await;
    for query in ["sort=name", "limit=0", "limit=1001", "seconds=31", "order=cpu"] {
        let (status, body) = admin::get(admin, &format!("/rooms?{query}"));
        assert_eq!(status, 400, "{query}");
        assert_eq!(body.lines().count(), 1, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_the_same_over_the_control_socket_and_over_the_admin_listener() {
    let durable = durable();
    let (server, admin) = serve(&durable).await;
    let _load = Load::start(server.address, &LOAD[..2]);
    eventually("both are there", || server_rooms(admin) >= 2.0);
    let address = admin.to_string();
    let run = |arguments: &[&str]| {
        let mut command = crate::support::programs::program("zigttp");
        let output = command.arg("top").args(arguments).output().expect("zigttp starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("it is text"))
    };
    let dir = durable.dir();
    let dir = dir.to_str().expect("a UTF-8 path");
    for server in [["--durable", dir], ["--admin-listen", &address]] {
        let (code, table) = run(&[&server[..], &["--by", "bytes"]].concat());
        assert_eq!(code, Some(0), "{table}");
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("rooms: 2, paused: 0"), "{table}");
        assert!(lines[2].ends_with("ROOM") && lines[3].ends_with("  /room/bytes"), "{table}");
        assert!(!table.contains('\u{1b}'), "no colours without a terminal: {table}");
        let (code, json) = run(&[&server[..], &["--json", "--limit", "1"]].concat());
        assert_eq!(code, Some(0), "{json}");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(json["rooms"][0]["room"], "/room/cpu", "{json}");
    }
    for (arguments, why) in [
        (&[][..], "--durable"),
        (&["--admin-listen", "127.0.0.1:1"], "cannot ask the server at 127.0.0.1:1"),
        (&["--durable", dir, "--by", "name"], "name"),
        (&["--durable", "/nowhere"], "/nowhere"),
    ] {
        let (code, text) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(why), "{text}");
    }
}

fn server_rooms(admin: SocketAddr) -> f64 {
    admin::scrape(admin)["zigttp_rooms"]
}

#[tokio::test]
async fn top_sends_the_token_that_the_admin_listener_asks_for() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let token = "a-token-that-is-long-enough-to-be-one";
    std::fs::write(file.path(), token).expect("it is ours");
    let path = file.path().to_str().expect("a UTF-8 path");
    let durable = durable();
    let (_server, admin) = admin::start_durable(&durable, &["--admin-token-file", path]);
    assert_eq!(admin::get(admin, "/rooms").0, 401);
    let address = admin.to_string();
    for (arguments, expected) in [(&[][..], 2), (&["--admin-token-file", path], 0)] {
        let mut command = crate::support::programs::program("zigttp");
        command.args(["top", "--admin-listen", &address]).args(arguments);
        let output = command.output().expect("zigttp starts");
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        if expected == 2 {
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(text.contains("it asks for a token: --admin-token-file"), "{text}");
        }
    }
}
