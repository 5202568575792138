//! What only a browser can test: the inspector's page, a chat over wss, and the pages of examples, in chromium,
//! by scripts of `tests/browser`.

use std::path::Path;
use std::process::Command;

use crate::support::programs::{self, root};
use crate::support::server::Server;
use crate::support::tls;

/// Runs a script in node with these arguments. Without a browser, or the package that drives it, it says
/// so.
fn run(script: &str, arguments: &[&str]) {
    let folder = root().join("tests/browser");
    let has_browser = std::env::var_os("CHROMIUM").is_some()
        || ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
            .iter()
            .any(|place| Path::new(place).exists());
    if !has_browser || !folder.join("node_modules/playwright-core").exists() {
        // Not captured with the test's output: a missing test should be noticed.
        use std::io::Write;
        let line = "skipped: install chromium and run `npm ci` in tests/browser";
        let _ = writeln!(std::io::stderr(), "{script}: {line}");
        return;
    }
    let output = Command::new("node")
        .current_dir(folder)
        .arg(script)
        .args(arguments)
        .output()
        .expect("node is there where its modules are");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{script} failed:\n{told}{error}");
}

#[test]
fn the_inspector_works_in_a_browser() {
    let folder = programs::folder();
    let handler = folder.path().join("chat.ts");
    for name in ["chat.ts", "page.ts"] {
        std::fs::copy(root().join("examples/websocket").join(name), folder.path().join(name))
            .expect("the folder is writable");
    }
    let server = Server::develop(folder.path(), "chat.ts", &[]);
    server.wait_for_log("built in");
    let url = format!("http://{}", server.address);
    run("inspector.mjs", &[&url, handler.to_str().expect("a UTF-8 path")]);
}

#[test]
fn two_pages_of_a_browser_chat_over_wss() {
    let handler = programs::compile_file("examples/websocket/chat.ts");
    let server = tls::start(&handler, &tls::certificate("first"), &tls::key("first"), &[]);
    run("wss.mjs", &[&format!("https://localhost:{}", server.address.port())]);
}

#[test]
fn an_event_source_of_a_page_is_a_member_of_a_room_and_comes_back() {
    let handler = programs::compile(
        r#"
        import { broadcast, close, getWebSockets, send } from "zigttp:websocket";
        export const routes = [{ path: "/events/:name", room: "/room/:name", upgrade: false }];
        export function onOpen(ws: WebSocket, url: string, room: string) { send(ws, `welcome ${getWebSockets(room).length}`); }
        export async function onRequest(req: Request, room: string) {
          if (req.method === "GET") return Response.events({ retry: 10 });
          const text = await req.text();
          if (text === "close") for (const peer of getWebSockets(room)) close(peer);
          else broadcast(room, text === "bytes" ? new Uint8Array([0, 255, 10]) : text);
          return new Response(null, { status: 204 });
        }
        export function handler(req: Request) { return Response.html("<!doctype html><title>events</title>"); }
        "#,
    );
    let server = Server::start(&handler, &[]);
    run("events.mjs", &[&format!("http://localhost:{}", server.address.port())]);
}

#[test]
fn the_inspector_shows_the_state_of_rooms_in_a_browser() {
    let handlers = root().join("tests/fixtures/handlers");
    let server = Server::develop(&handlers, "inspected.ts", &[]);
    server.wait_for_log("built in");
    run("rooms.mjs", &[&format!("http://{}", server.address)]);
}

#[test]
fn a_page_goes_back_through_the_history_of_a_chat() {
    run_on_example("history");
}

#[test]
fn two_pages_play_a_quiz_to_its_end() {
    run_on_example("quiz");
}

#[test]
fn an_auction_is_opened_bid_for_and_closed_on_its_pages() {
    run_on_example("auction");
}

#[test]
fn an_answer_of_a_language_model_comes_to_two_pages_as_it_is_written() {
    // Free a moment ago; the script serves there.
    let model = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let model = model.expect("there is a free port");
    let handler = programs::compile_file("examples/assistant/handler.ts");
    let (url, allowed) =
        (format!("OPENAI_BASE_URL=http://{model}"), format!("--allow-fetch={model}"));
    let server =
        Server::start(&handler, &["--env", "OPENAI_API_KEY=none", "--env", &url, &allowed]);
    run("assistant.mjs", &[&format!("http://{}", server.address), &model.port().to_string()]);
}

/// Runs the script of an example's name on its page.
fn run_on_example(name: &str) {
    let handler = programs::compile_file(&format!("examples/{name}/handler.ts"));
    let server = Server::start(&handler, &[]);
    run(&format!("{name}.mjs"), &[&format!("http://{}", server.address)]);
}
