//! The chat example, served and talked to.

use std::path::PathBuf;

use crate::support::programs;
use crate::support::raw::{RawClient, TEXT};
use crate::support::server::Server;

fn chat() -> PathBuf {
    programs::compile_file("examples/websocket/chat.ts")
}

#[tokio::test]
async fn three_clients_in_two_rooms_hear_their_own_room() {
    let server = Server::recorded(&chat(), &[]);
    let mut ada = server.connect("/room/one").await;
    let mut bob = server.connect("/room/one").await;
    let mut eve = server.connect("/room/two").await;
    assert_eq!(ada.ask("ada").await, "hello ada, this is one");
    assert_eq!(bob.ask("bob").await, "hello bob, this is one");
    assert_eq!(eve.ask("eve").await, "hello eve, this is two");

    assert_eq!(ada.ask("hi").await, "ada: hi");
    assert_eq!(bob.text().await, "ada: hi");
    assert_eq!(eve.ask("alone").await, "eve: alone");
    assert_eq!(bob.ask("bye").await, "bob: bye");
    assert_eq!(ada.text().await, "bob: bye");
    assert_eq!(bob.close(1000, "").await, 1000);
    assert_eq!(ada.ask("anyone?").await, "ada: anyone?");
}

#[tokio::test]
async fn a_heartbeat_is_answered_without_the_handler() {
    let server = Server::recorded(&chat(), &[]);
    let mut client = server.connect("/room/one").await;
    assert_eq!(client.ask("heartbeat").await, "alive");
    assert_eq!(client.ask("ada").await, "hello ada, this is one");
    assert_eq!(client.ask("heartbeat").await, "alive");
}

#[tokio::test]
async fn the_page_is_served_at_the_root_and_nothing_elsewhere() {
    let server = Server::recorded(&chat(), &[]);
    let (status, page) = server.get("/");
    assert_eq!(status, 200);
    assert!(page.contains("<title>Chat on zigttp</title>"), "{page}");
    assert_eq!(server.get("/elsewhere").0, 404);
}

#[tokio::test]
async fn an_attachment_file_appears_and_goes() {
    let folder = programs::folder();
    let durable = folder.path().join("data");
    let server = Server::start(&chat(), &["--durable", durable.to_str().expect("a UTF-8 path")]);
    let mut client = server.connect("/room/one").await;
    assert_eq!(client.ask("ada").await, "hello ada, this is one");

    let files = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(durable.join("ws")).expect("the folder was made");
        entries.map(|entry| entry.expect("it can be listed").path()).collect()
    };
    let [file] = &files()[..] else { panic!("one file, not {:?}", files()) };
    assert_eq!(file.extension().and_then(|extension| extension.to_str()), Some("att"));
    let content = std::fs::read_to_string(file).expect("it can be read");
    assert_eq!(content.lines().last(), Some("ada"), "{content}");

    client.close(1000, "").await;
    server.signal("TERM");
    assert!(server.wait().success());
    assert_eq!(files(), Vec::<PathBuf>::new());
}

#[test]
fn a_browser_that_comes_back_still_has_its_name() {
    let folder = programs::folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let server = Server::start(&chat(), &["--durable", path, "--resume"]);
    let (mut client, head) = RawClient::connect_with(server.address, "/room/one", "");
    client.frame(TEXT, b"ada");
    assert_eq!(client.text(), "hello ada, this is one");
    let cookie = head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .expect("a new browser gets a cookie");
    server.kill();
    let server = Server::start(&chat(), &["--durable", path, "--resume"]);
    let headers = format!("Cookie: {cookie}\r\n");
    let (mut client, _) = RawClient::connect_with(server.address, "/room/one", &headers);
    assert_eq!(client.text(), "welcome back, ada");
    client.frame(TEXT, b"hi");
    assert_eq!(client.text(), "ada: hi");
}
