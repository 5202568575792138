//! `zigttp dev`: a save takes effect while sockets stay open, and only this machine is served.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{eventually, programs};

/// A handler that sends each message back after `word`, which is from a module beside it.
const HANDLER: &str = r#"
import { send } from "zigttp:websocket";
import { word } from "./word.ts";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket, data: string | ArrayBuffer) { send(ws, word + " " + data); }
export function handler(req: Request) { return Response.text(word); }
"#;

const BROKEN: &str = "import { send } from \"zigttp:websocket\";\nexport function onMessage(";

/// A folder with a handler in it, and a server that follows it.
struct Development {
    folder: tempfile::TempDir,
    server: Server,
}

impl Development {
    fn start(handler: &str, arguments: &[&str]) -> Development {
        let folder = programs::folder();
        write(&folder.path().join("word.ts"), "export const word = \"first\";");
        write(&folder.path().join("handler.ts"), handler);
        let server = Server::develop(folder.path(), "handler.ts", arguments);
        server.wait_for_log("Ctrl-C stops");
        Development { folder, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Saves a file, and waits until the log after that has these texts.
    fn save(&self, name: &str, text: &str, expected: &[&str]) -> String {
        let before = self.server.log().len();
        write(&self.path(name), text);
        self.server.wait_for_log_after(before, expected)[before..].to_owned()
    }

    fn get(&self, host: &str, more: &str) -> (u16, String) {
        let (head, body) = self
            .server
            .request(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"));
        (head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status"), body)
    }
}

/// As most editors do it: so the server never sees half a file.
fn write(path: &Path, text: &str) {
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, text).expect("the temporary folder is writable");
    std::fs::rename(temporary, path).expect("the temporary folder is writable");
}

#[tokio::test]
async fn it_starts_with_addresses_routes_and_effects() {
    let development = Development::start(HANDLER, &[]);
    let log = development.server.wait_for_log("built in");
    for expected in [
        "routes        /room/:name\n",
        "exports       handler    pure\n",
        "              onMessage  io\n",
        "handler.ts, ",
    ] {
        assert!(log.contains(expected), "{expected:?} in {log}");
    }
    assert!(!log.contains('\u{1b}'), "a pipe gets no colours: {log}");
}

#[tokio::test]
async fn a_save_takes_over_while_every_socket_stays_open() {
    let development = Development::start(HANDLER, &[]);
    let mut client = development.server.connect("/room/a").await;
    assert_eq!(client.ask("one").await, "first one");
    let second = HANDLER.replace("word +", "\"second\" +");
    let log = development.save("handler.ts", &second, &["rebuilt in"]);
    assert!(log.contains("1 connection stays open"), "{log}");
    assert!(!log.contains("routes"), "they are as before: {log}");
    assert_eq!(client.ask("two").await, "second two");
    let third = second.replace("/room/:name", "/hall/:name");
    development.save("handler.ts", &third, &["rebuilt in", "/hall/:name"]);
    assert_eq!(client.ask("three").await, "second three");
}

#[tokio::test]
async fn imports_are_watched_also_those_that_are_missing() {
    let development = Development::start(HANDLER, &[]);
    let mut client = development.server.connect("/room/a").await;
    development.save("word.ts", "export const word = \"second\";", &["rebuilt in"]);
    assert_eq!(client.ask("x").await, "second x");
    let moved = HANDLER.replace("./word.ts", "./lib/words");
    development.save("handler.ts", &moved, &["error[ZTS", "does not build"]);
    let folder = development.path("lib");
    std::fs::create_dir(&folder).expect("the folder is writable");
    development.save("lib/words.ts", "export const word = \"third\";", &["fixed: rebuilt in"]);
    assert_eq!(client.ask("x").await, "third x");
    development.save("lib/words.ts", "export const word = \"fourth\";", &["rebuilt in"]);
    assert_eq!(client.ask("x").await, "fourth x");
}

#[tokio::test]
async fn a_broken_save_is_shown_and_the_build_before_it_goes_on() {
    let development = Development::start(HANDLER, &[]);
    let mut client = development.server.connect("/room/a").await;
    let expected = ["error[ZTS", "handler.ts:2:27", "1 error", "does not build: the build before"];
    development.save("handler.ts", BROKEN, &expected);
    assert_eq!(client.ask("x").await, "first x");
    // Also when it is loaded, if the compiler accepts it.
    std::fs::remove_file(development.path("handler.ts")).expect("it is there");
    development.server.wait_for_log("cannot read");
    assert_eq!(client.ask("y").await, "first y");
    let log = development.save("handler.ts", HANDLER, &["fixed: rebuilt in"]);
    assert!(!log.contains("error"), "{log}");
    assert_eq!(client.ask("z").await, "first z");
}

#[tokio::test]
async fn a_handler_that_does_not_build_yet_is_served_once_it_does() {
    let development = Development::start(BROKEN, &[]);
    development.server.wait_for_log("does not build: it is served once it builds");
    let (status, body) = development.get("localhost", "");
    assert_eq!((status, &*body), (503, "the handler does not build yet: see the terminal\n"));
    assert!(Client::try_connect(development.server.address, "/room/a").await.is_err());
    development.save("handler.ts", HANDLER, &["fixed: rebuilt in", "/room/:name"]);
    let mut client = development.server.connect("/room/a").await;
    assert_eq!(client.ask("x").await, "first x");
}

#[tokio::test]
async fn only_this_machine_by_its_own_name_is_answered() {
    let development = Development::start(HANDLER, &[]);
    for host in ["localhost", "localhost:8080", "127.0.0.1", "[::1]:3000"] {
        assert_eq!(development.get(host, "").0, 200, "{host}");
    }
    assert_eq!(development.get("", "").0, 400, "an empty host is none");
    for host in ["evil.example", "localhost.evil.example", "192.168.1.7"] {
        let (status, body) = development.get(host, "");
        assert_eq!(status, 403, "{host}");
        assert!(body.contains("requests for localhost, 127.0.0.1 and [::1] only"), "{body}");
    }
    for (origin, status) in [
        ("http://localhost:5173", 200),
        ("http://127.0.0.1:5173", 200),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
    ] {
        let origin = format!("Origin: {origin}\r\n");
        assert_eq!(development.get("localhost", &origin).0, status, "{origin}");
    }
}

#[tokio::test]
async fn pages_of_this_machine_may_connect_from_any_port_and_no_others() {
    let development = Development::start(HANDLER, &[]);
    let connect = |host: &str, origin: &str| {
        let (head, _) = development.server.request(&format!(
            "GET /room/a HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no key\r\nOrigin: {origin}\r\n\r\n"
        ));
        head.split(' ').nth(1).expect("a status").to_owned()
    };
    // A handshake with an invalid key gets as far as that, and is refused for it.
    assert_eq!(connect("localhost:8080", "http://localhost:5173"), "400");
    assert_eq!(connect("localhost:8080", "http://evil.example"), "403");
    assert_eq!(connect("evil.example", "http://evil.example"), "403");
}

#[test]
fn a_taken_port_is_said_with_the_next_free_one() {
    let folder = programs::folder();
    let handler = folder.path().join("handler.ts");
    write(&handler, "export function handler(req: Request) { return Response.text(\"\"); }");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it listens").port();
    let output = programs::program("zigttp")
        .arg("dev")
        .arg(&handler)
        .args(["--port", &port.to_string()])
        .output()
        .expect("zigttp starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let (_, suggested) = error
        .trim_end()
        .split_once(&format!("port {port} is taken: try --port "))
        .unwrap_or_else(|| panic!("{error}"));
    assert!(suggested.parse::<u16>().is_ok_and(|suggested| suggested > port), "{error}");
}

#[test]
fn what_is_no_source_is_refused() {
    for (handler, expected) in
        [("missing.ts", "cannot read"), ("handler.wasm", "cannot build handler.wasm: give a")]
    {
        let output = programs::program("zigttp")
            .args(["dev", handler, "--port", "0"])
            .output()
            .expect("zigttp starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_browser_is_opened_where_it_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    let folder = programs::folder();
    let (handler, browser) = (folder.path().join("handler.ts"), folder.path().join("browser"));
    let opened = folder.path().join("opened");
    write(&handler, "export function handler(req: Request) { return Response.text(\"\"); }");
    write(&browser, &format!("#!/bin/sh\necho \"$1\" > {}\n", opened.display()));
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let server = Server::spawn(
        programs::program("zigttp")
            .arg("dev")
            .arg(&handler)
            .args(["--port", "0", "--open"])
            .env("BROWSER", &browser),
    );
    let url = format!("http://{}/\n", server.address);
    eventually("the browser to be opened", || {
        std::fs::read_to_string(&opened).ok().as_ref() == Some(&url)
    });
}
