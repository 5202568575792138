//! The examples, each served and used as its README says.

mod arena;
mod assistant;
mod auction;
mod bench;
mod channels;
mod chat;
mod dice;
mod echo;
mod edge_chat;
mod history;
mod jwt;
mod lobby;
mod notifications;
mod presence;
mod quiz;
mod whiteboard;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::programs::{compile_file, program, root};
use crate::support::raw::RawClient;
use crate::support::server::Server;

/// Serves the handler of an example. What it does is replayed afterwards, and has to be the same.
fn serve(name: &str) -> Server {
    Server::recorded(&compile_file(&format!("examples/{name}/handler.ts")), &[])
}

/// Checks that the page is at the root and has this title, and that no other path has one.
fn has_page(server: &Server, title: &str) {
    let (head, body) = server.request("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.to_lowercase().contains("content-type: text/html"), "{head}");
    assert!(body.contains(&format!("<title>{title}</title>")), "{body}");
    assert_eq!(server.get("/no/such/page").0, 404);
}

/// The next message of a client, as JSON.
async fn json(client: &mut Client) -> Value {
    parse(&client.text().await)
}

/// The next message of a raw client, as JSON.
fn raw_json(client: &mut RawClient) -> Value {
    parse(&client.text())
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).expect("it can be listed");
    entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.is_dir())
        .collect()
}

#[test]
fn every_example_is_mapped_and_has_a_readme_of_its_own() {
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let map = read(root().join("examples/README.md"));
    for folder in folders() {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a UTF-8 name");
        assert!(map.contains(&format!("[`{name}`]({name})")), "examples/README.md omits {name}");
        assert!(read(folder.join("README.md")).contains("zigttp run examples/"), "{name}");
    }
}

#[test]
fn every_example_checks_without_a_word() {
    // Those with packages are checked where these are.
    let alone = folders().into_iter().filter(|folder| !folder.join("package.json").exists());
    let output = program("zigts")
        .args(["check", "--deny-warnings"])
        .args(alone)
        .output()
        .expect("zigts starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
