//! Which ends of a connection keep its attachment file, and that ids are never reused.

use std::path::{Path, PathBuf};

use super::support::programs;
use super::support::server::Server;

const HANDLER: &str = r#"
import { send, close, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, data);
  send(ws, String(ws));
  if (data === "leave") close(ws, 1001);
}
export function onClose(ws: WebSocket, code: number) { console.log("closed", code); }
"#;

struct Durable {
    folder: tempfile::TempDir,
}

impl Durable {
    fn new() -> Durable {
        Durable { folder: programs::folder() }
    }

    fn serve(&self) -> Server {
        let path = self.folder.path().to_str().expect("a UTF-8 path");
        Server::start(&programs::compile(HANDLER), &["--durable", path])
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.path().join("ws").join(format!("{id}.att"))
    }
}

fn value(file: &Path) -> String {
    let content = std::fs::read_to_string(file).expect("the file is there");
    content.lines().last().expect("a header and a value").to_owned()
}

#[tokio::test]
async fn an_attachment_outlives_a_crash() {
    let durable = Durable::new();
    let server = durable.serve();
    let mut client = server.connect("/").await;
    let id = client.ask("kept").await;
    assert_eq!(value(&durable.file(&id)), "kept");
    server.kill();
    assert_eq!(value(&durable.file(&id)), "kept");
}

#[tokio::test]
async fn an_attachment_outlives_a_shutdown() {
    let durable = Durable::new();
    let server = durable.serve();
    let mut client = server.connect("/").await;
    let id = client.ask("kept").await;
    server.signal("TERM");
    assert_eq!(client.closed().await.0, 1001);
    assert!(server.wait().success());
    assert_eq!(value(&durable.file(&id)), "kept");
}

#[tokio::test]
async fn an_attachment_goes_with_a_close_of_peer_or_handler_and_with_a_drop() {
    let durable = Durable::new();
    let server = durable.serve();
    let mut client = server.connect("/").await;
    let by_peer = client.ask("x").await;
    client.close(1000, "").await;
    let mut client = server.connect("/").await;
    let by_handler = client.ask("leave").await;
    assert_eq!(client.closed().await.0, 1001);
    let mut client = server.connect("/").await;
    let by_drop = client.ask("x").await;
    client.drop_transport();
    server.wait_for_log("closed 1006");
    server.signal("TERM");
    assert!(server.wait().success());
    for id in [by_peer, by_handler, by_drop] {
        assert!(!durable.file(&id).exists(), "{id}");
    }
}

#[tokio::test]
async fn ids_are_never_reused_over_the_life_of_a_durable_directory() {
    let durable = Durable::new();
    let mut last = 0;
    for _ in 0..3 {
        let server = durable.serve();
        let mut client = server.connect("/").await;
        let id: u64 = client.ask("x").await.parse().expect("an id is a number");
        assert!(id > last, "{id} after {last}");
        last = id;
        server.kill();
    }
}
