//! Events that become tests of `zigttp test`.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::client::Client;
use crate::support::programs::{compile, compile_file, folder, program, root};
use crate::support::recording::Recording;
use crate::support::server::Server;

/// A recorded server.
fn serve(handler: &Path) -> (Recording, Server) {
    let recording = Recording::new();
    let server = Server::start(handler, &recording.arguments());
    (recording, server)
}

/// The source of the handler that does one thing in each room.
fn steps() -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let source = folder.path().join("handler.ts");
    fs::write(&source, STEPS).expect("the folder is writable");
    (folder, source)
}

/// Ends the server, so that all is on disk.
fn end(server: Server) {
    server.signal("TERM");
    assert!(server.wait().success());
}

/// Events of a recording that are saved as tests.
struct Saved {
    recording: Recording,
    folder: tempfile::TempDir,
    count: Cell<usize>,
}

impl Saved {
    fn of(recording: Recording) -> Saved {
        Saved { recording, folder: folder(), count: Cell::new(0) }
    }

    /// Saves an event as a test, which passes on its handler. Returns its text.
    #[track_caller]
    fn save(&self, kind: &str, arguments: &[&str]) -> String {
        self.count.update(|count| count + 1);
        let path = self.folder.path().join(format!("{}.test.ts", self.count.get()));
        let text = path.to_str().expect("a UTF-8 path");
        let save = ["--event", kind, "--save-test", text];
        let (code, told) = self.recording.replay(&[&save, arguments].concat());
        assert_eq!(code, Some(0), "{told}");
        let test = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}: {told}"));
        assert!(told.contains(".test.ts, which passes on its handler"), "{told}\n{test}");
        test
    }

    /// `zigttp test` says the same of all of them.
    #[track_caller]
    fn all_pass(&self, handler: &Path) {
        let run = run(self.folder.path(), handler);
        let said = String::from_utf8_lossy(&run.stdout);
        let count = format!("{} passed", self.count.get());
        assert!(run.status.success() && said.contains(&count), "{said}");
    }
}

fn run(test: &Path, handler: &Path) -> Output {
    let mut command = program("zigttp");
    let command = command.arg("test").arg(test).arg("--handler").arg(handler);
    command.output().expect("zigttp starts")
}

const STEPS: &str = r#"
import { signal, signalAt } from "zigttp:durable";
import { env } from "zigttp:env";
import * as storage from "zigttp:storage";
import * as ws from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(own: WebSocket, data: string | ArrayBuffer, room: string) {
  const peers = ws.getWebSockets(room);
  switch (room) {
    case "/room/plain": return void ws.send(own, data);
    case "/room/stored": {
      const n = storage.get<{ n: number }>(room, "count")?.n ?? 0;
      storage.put(room, "count", { n: n + 1, "a b": [true, null] });
      storage.put(room, `log/${n}`, data);
      if (n > 0) storage.delete(room, `log/${n - 1}`);
      storage.put(room, "bytes", new Float64Array([0.5]));
      ws.send(own, new Uint8Array([1, 2]));
      return void ws.send(own, `it is the ${n + 1}. ${storage.list(room, { prefix: "log/" }).length}`);
    }
    case "/room/peers":
      ws.serializeAttachment(own, { said: ((ws.deserializeAttachment(own) as any)?.said ?? 0) + 1 });
      return void ws.broadcast(room, `${ws.roomFromPath(own, "name")}: ${peers.length}, ${(ws.deserializeAttachment(own) as any).said}`);
    case "/room/chance": return void ws.send(own, `${Date.now()} ${Math.random()} ${crypto.randomUUID()} ${ws.connectionId(own)}`);
    case "/room/timer":
      signalAt(room, "later", Date.now() + 5000, [data]);
      ws.join(own, "user:7");
      return void ws.setAutoResponse(own, "ping", "pong");
    case "/room/closes": return void ws.close(own, 4001, "enough");
    case "/room/signals": signal("/room/other", "told", { from: room }); ws.send(own, "told"); return;
    case "/room/throws": throw new RangeError("not \"today\"");
    case "/room/fetches": return fetches(own);
  }
}
async function fetches(own: WebSocket) {
  const one = await fetch("http://localhost:1/one").catch((error) => error.name);
  ws.send(own, `${one} ${env("API_KEY")!.slice(0, 3)}`);
}
export function onClose(own: WebSocket, code: number, reason: string, room: string) {
  const peers = ws.getWebSockets(room);
  for (const peer of peers) ws.send(peer, `left with ${code} ${reason}, ${peers.length} stays`);
}
export async function onRequest(req: Request, room: string) {
  storage.put(room, "body", await req.text());
  return Response.json({ of: room, agent: req.headers.get("x-agent") }, { status: 201 });
}
export function handler(req: Request) { return Response.text("no room here"); }
export function onSignal(room: string, name: string, data: unknown) {
  storage.put(room, name, data as any);
  ws.broadcast(room, name);
}
"#;

#[tokio::test]
async fn a_message_becomes_a_test_with_what_it_depends_on_and_no_more() {
    let (_folder, handler) = steps();
    let recording = Recording::new();
    let all = [&recording.arguments()[..], &["--env", "API_KEY=sk-0123456789"]].concat();
    let server = Server::start(&compile(STEPS), &all);
    let mut clients: Vec<Client> = Vec::new();
    for (room, answers) in [
        ("plain", 1),
        ("stored", 2),
        ("chance", 1),
        ("timer", 0),
        ("signals", 1),
        ("throws", 0),
        ("fetches", 1),
    ] {
        let mut client = server.connect(&format!("/room/{room}")).await;
        client.send(format!("it's \"{room}\"")).await;
        for _ in 0..answers {
            client.next().await;
        }
        clients.push(client);
    }
    let mut first = server.connect("/room/peers").await;
    let mut second = server.connect("/room/peers").await;
    second.send("hello").await;
    assert_eq!(first.text().await, "peers: 2, 1");
    let mut closed = server.connect("/room/closes").await;
    closed.send("hello").await;
    assert_eq!(closed.closed().await.0, 4001);
    drop((clients, first, second));
    end(server);
    // Events without a room have no message.
    let saved = Saved::of(recording);
    let save = |room: &str| saved.save("message", &["--room", &format!("/room/{room}")]);

    let plain = save("plain");
    for part in [
        "import { connect, expect, test } from \"zigttp:test\";\n\ntest(\"onMessage of /room/plain, recorded 20",
        "Z\", async () => {\n  const ann = await connect(\"/room/plain\");\n\n",
        "  ann.send(\"it's \\\"plain\\\"\");\n\n",
        "  expect(ann.received).toEqual([\"it's \\\"plain\\\"\"]);\n});\n",
    ] {
        assert!(plain.contains(part), "{part} in {plain}");
    }
    let stored = save("stored");
    assert!(
        stored.contains("get(\"count\")).toEqual({ n: 1, \"a b\": [true, null] });"),
        "{stored}"
    );
    assert!(stored.contains("new Float64Array(new Uint8Array("), "{stored}");
    assert!(!stored.contains("clock") && !stored.contains("random"), "{stored}");
    let peers = save("peers");
    assert!(
        peers.contains("parameters: { name: \"peers\" }") || peers.contains("connect("),
        "{peers}"
    );
    assert!(peers.contains("ann.received).toEqual([\"peers: 2, 1\"])"), "{peers}");
    assert!(peers.contains("bob.attachment).toEqual({ said: 1 })"), "{peers}");
    let timer = save("timer");
    assert!(timer.contains("at: clock.now() + 5000") && !timer.contains("clock.set"), "{timer}");
    assert!(timer.contains("{ what: \"join\", connection: ann.id, room: \"user:7\" }"), "{timer}");
    let chance = save("chance");
    for part in ["  clock.set(\"20", "  world.random(\"", ", { id: "] {
        assert!(chance.contains(part), "{chance}");
    }
    assert!(
        save("closes").contains("expect(ann.closed).toEqual({ code: 4001, reason: \"enough\" });")
    );
    let signals = save("signals");
    assert!(signals.contains("data: { from: \"/room/signals\" },\n    onFail: null"), "{signals}");
    assert!(save("throws").contains("toContain('RangeError: not \"today\"')"));
    let fetches = save("fetches");
    assert!(fetches.contains("// GET http://localhost:1/one\n"), "{fetches}");
    assert!(fetches.contains("API_KEY: \"redacted-") && !fetches.contains("sk-0"), "{fetches}");
    saved.all_pass(&handler);
}

#[tokio::test]
async fn closes_requests_and_signals_become_tests_too() {
    let (_folder, handler) = steps();
    let (recording, server) = serve(&compile(STEPS));
    let mut stays = server.connect("/room/plain").await;
    let leaves = server.connect("/room/plain").await;
    leaves.close(4000, "bye").await;
    assert_eq!(stays.text().await, "left with 4000 bye, 1 stays");
    let mut other = server.connect("/room/other").await;
    let post = "POST /room/plain?x=1 HTTP/1.1\r\nHost: test\r\nX-Agent: one\r\nX-Other: two\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    assert!(server.request(post).0.starts_with("HTTP/1.1 201"));
    assert_eq!(server.get("/elsewhere").0, 200);
    let mut signals = server.connect("/room/signals").await;
    signals.send("x").await;
    signals.text().await;
    assert_eq!(other.text().await, "told");
    drop((stays, signals, other));
    end(server);

    let saved = Saved::of(recording);
    let close = saved.save("close", &[]);
    assert!(close.contains(".close(4000, \"bye\");"), "{close}");
    assert!(close.contains("received).toEqual([\"left with 4000 bye, 1 stays\"]);"), "{close}");
    let in_room = saved.save("request", &["--room", "/room/plain"]);
    let sent = "request(\"POST\", \"/room/plain?x=1\", { headers: { \"x-agent\": \"one\" }, body: \"hi\" })";
    assert!(in_room.contains(sent), "{in_room}");
    assert!(in_room.contains("toEqual({ of: \"/room/plain\", agent: \"one\" })"), "{in_room}");
    assert!(!in_room.contains("x-other"), "{in_room}");
    let signal = saved.save("signal", &[]);
    assert!(
        signal.contains("world.signal(\"/room/other\", \"told\", { from: \"/room/signals\" });"),
        "{signal}"
    );
    saved.all_pass(&handler);
}

/// Records an example while `work` uses it, and saves an event of each of these kinds.
async fn saves<F: Future<Output = ()>>(
    example: &str,
    kinds: &[&str],
    work: impl FnOnce(std::net::SocketAddr) -> F,
) {
    let (recording, server) = serve(&compile_file(example));
    work(server.address).await;
    end(server);
    let saved = Saved::of(recording);
    for kind in kinds {
        saved.save(kind, &[]);
    }
    saved.all_pass(&root().join(example));
}

#[tokio::test]
async fn events_of_the_chat_become_tests_that_pass() {
    saves("examples/websocket/chat.ts", &["open", "message", "close"], |address| async move {
        let mut ann = Client::connect(address, "/room/lobby").await;
        assert_eq!(ann.ask("Ann").await, "hello Ann, this is lobby");
        assert_eq!(ann.ask("hi").await, "Ann: hi");
        ann.close(1000, "").await;
    })
    .await;
}

#[tokio::test]
async fn events_of_the_history_become_tests_that_pass() {
    saves("examples/history/handler.ts", &["upgrade", "message"], |address| async move {
        let mut ann = Client::connect(address, "/room/x?name=Ann").await;
        ann.text().await;
        ann.ask(r#"{"type":"say","text":"hello"}"#).await;
        ann.ask(r#"{"type":"say","text":"again"}"#).await;
        ann.close(4000, "bye").await;
    })
    .await;
}

#[tokio::test]
async fn events_of_the_echo_become_tests_that_pass() {
    saves("examples/echo/handler.ts", &["message"], |address| async move {
        let mut client = Client::connect(address, "/echo").await;
        assert_eq!(client.ask("hello").await, "hello");
    })
    .await;
}

#[tokio::test]
async fn events_of_the_whiteboard_become_tests_that_pass() {
    saves("examples/whiteboard/handler.ts", &["upgrade"], |address| async move {
        let mut client = Client::connect(address, "/board/x").await;
        client.next().await;
    })
    .await;
}

#[tokio::test]
async fn of_what_differs_the_first_event_becomes_a_test_of_what_it_did() {
    let (_folder, handler) = steps();
    let (recording, server) = serve(&compile(STEPS));
    let mut client = server.connect("/room/plain").await;
    assert_eq!(client.ask("one").await, "one");
    assert_eq!(client.ask("two").await, "two");
    drop(client);
    end(server);
    let folder = folder();
    let new = folder.path().join("new.ts");
    let changed =
        STEPS.replace("ws.send(own, data);", "ws.send(own, data === \"two\" ? \"2\" : data);");
    fs::write(&new, changed).expect("the folder is writable");
    let test = folder.path().join("event.test.ts");
    let (new, path) = (new.to_str().expect("UTF-8"), test.to_str().expect("UTF-8"));
    let arguments = ["--with", new, "--save-test", path];
    let (code, told) = recording.replay(&arguments);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("which passes on the old handler"), "{told}");
    let text = fs::read_to_string(&test).expect("it was written");
    assert!(text.contains("expect(ann.received).toEqual([\"two\"]);"), "{text}");
    assert_eq!(run(&test, &handler).status.code(), Some(0));
    assert_eq!(
        run(&test, Path::new(new)).status.code(),
        Some(1),
        "the new handler does not pass it"
    );

    let (code, told) = recording.replay(&arguments);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("is there already"), "{told}");
    assert_eq!(recording.replay(&["--save-test", "event.ts"]).0, Some(2));
}

#[tokio::test]
async fn what_cannot_be_a_test_is_told_and_nothing_is_written() {
    let handler = compile(STEPS);
    let (recording, server) = serve(&handler);
    let client = server.connect("/room/plain").await;
    client.close(1000, "").await;
    end(server);
    let folder = folder();
    let path = folder.path().join("event.test.ts");
    let text = path.to_str().expect("UTF-8");
    let (code, told) = recording.replay(&["--event", "message", "--save-test", text]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("there is no event to save as a test") && !path.exists(), "{told}");
    assert_eq!(recording.replay(&["--event", "mesage"]).0, Some(2));
}
