//! The history example.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::programs::{compile_file, folder};
use crate::support::server::Server;

/// Opens a room: the client, and the page that it gets first.
async fn join(server: &Server, name: &str) -> (Client, Value) {
    let mut client = server.connect(&format!("/room/lobby?name={name}")).await;
    let latest = json(&mut client).await;
    assert_eq!(latest["type"], "latest", "{latest}");
    (client, latest)
}

fn line(text: &str) -> String {
    json!({ "type": "say", "text": text }).to_string()
}

/// Says something; returns the line that the room hears.
async fn say(client: &mut Client, text: &str) -> Value {
    client.send(line(text)).await;
    json(client).await["line"].clone()
}

/// The page before a line.
async fn earlier(client: &mut Client, before: u64) -> Value {
    client.send(json!({ "type": "earlier", "before": before }).to_string()).await;
    let page = json(client).await;
    assert_eq!(page["type"], "earlier", "{page}");
    page
}

/// Checks that a page has the lines of these numbers.
fn has_lines(page: &Value, expected: RangeInclusive<u64>) {
    assert_eq!(ids(page), expected.collect::<Vec<u64>>());
}

/// The numbers of the lines on a page.
fn ids(page: &Value) -> Vec<u64> {
    let lines = page["lines"].as_array().expect("a list");
    lines.iter().map(|line| line["id"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn the_last_hundred_lines_are_kept_and_paged_backwards() {
    let server = serve("history");
    let (mut ada, first) = join(&server, "Ada").await;
    assert_eq!(first, json!({ "type": "latest", "lines": [], "hasEarlier": false }));
    for number in 1..=130 {
        let said = say(&mut ada, &format!(" line {number} ")).await;
        assert_eq!(said["id"], number);
        assert_eq!(said["text"], format!("line {number}"));
    }
    let (mut bob, mut page) = join(&server, "Bob").await;
    assert_eq!(page["lines"][0]["name"], "Ada");
    has_lines(&page, 111..=130);
    // The oldest of a hundred goes while somebody reads, and no page moves.
    assert_eq!(say(&mut ada, "one more").await["id"], 131);
    assert_eq!(json(&mut bob).await["line"]["id"], 131);
    for expected in [91..=110, 71..=90, 51..=70, 32..=50] {
        assert_eq!(page["hasEarlier"], true);
        page = earlier(&mut bob, ids(&page)[0]).await;
        has_lines(&page, expected);
    }
    assert_eq!(page["hasEarlier"], false);
    assert_eq!(ids(&earlier(&mut bob, 32).await), Vec::<u64>::new());
}

#[tokio::test]
async fn a_newcomer_misses_no_line_and_gets_none_twice() {
    let server = serve("history");
    let (mut ada, _) = join(&server, "Ada").await;
    for number in 1..=60 {
        ada.send(line("said")).await;
        if number % 10 != 0 {
            continue;
        }
        let (mut newcomer, page) = join(&server, "Bob").await;
        let mut next = ids(&page).last().map_or(1, |last| last + 1);
        while next <= number {
            assert_eq!(json(&mut newcomer).await["line"]["id"], next);
            next += 1;
        }
    }
}

#[tokio::test]
async fn lines_outlive_everybody_and_the_server() {
    let folder = folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let handler = compile_file("examples/history/handler.ts");
    let server = Server::start(&handler, &["--durable", path]);
    let (mut ada, _) = join(&server, "Ada").await;
    let said = say(&mut ada, "remember").await;
    ada.close(1000, "").await;
    let (_, page) = join(&server, "Bob").await;
    assert_eq!(page["lines"], json!([said]));
    server.kill();

    let server = Server::start(&handler, &["--durable", path]);
    let (mut bob, page) = join(&server, "Bob").await;
    assert_eq!(page["lines"], json!([said]));
    assert_eq!(say(&mut bob, "I do").await["id"], 2);
}

#[tokio::test]
async fn who_says_no_name_is_refused_and_nonsense_is_closed() {
    let server = serve("history");
    let long = "n".repeat(41);
    for query in ["", "?name=", "?name=%20", &format!("?name={long}")] {
        let refused = Client::try_connect(server.address, &format!("/room/lobby{query}")).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.contains("400"), "{query}: {error}");
    }
    let too_long = line(&"x".repeat(501));
    for nonsense in [
        "",
        "null",
        r#"{"type":"say"}"#,
        r#"{"type":"say","text":" "}"#,
        r#"{"type":"say","text":"\ud83d"}"#,
        r#"{"type":"earlier","before":-1}"#,
        r#"{"type":"earlier","before":1.5}"#,
        &too_long,
    ] {
        let (mut client, _) = join(&server, "Ada").await;
        client.send(nonsense).await;
        let (code, reason) = client.closed().await;
        assert_eq!((code, reason.as_str()), (1008, "not a message of this example"), "{nonsense}");
    }
    let (_, page) = join(&server, "Ada").await;
    assert_eq!(ids(&page), Vec::<u64>::new());
}

#[test]
fn the_page_is_served() {
    has_page(&serve("history"), "Chat with history on zigttp");
}
