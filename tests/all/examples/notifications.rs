//! The notifications example.

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::programs::{compile_file, folder};
use crate::support::server::Server;

/// A tab, and what its user has not read.
async fn open(server: &Server, user: &str) -> (Client, Vec<Value>) {
    let mut tab = server.connect(&format!("/notifications?token={user}-token")).await;
    let unread = json(&mut tab).await;
    assert_eq!(unread["type"], "unread", "{unread}");
    (tab, unread["notifications"].as_array().expect("a list").clone())
}

/// What the other program gets for a POST.
fn post(server: &Server, user: &str, authorization: &str, body: &str) -> (u16, String) {
    let (head, body) = server.request(&format!(
        "POST /api/users/{user}/notifications HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body)
}

fn notify(server: &Server, user: &str, text: &str) -> Value {
    let (status, body) =
        post(server, user, "Bearer sender-token", &json!({ "text": text }).to_string());
    assert_eq!(status, 202, "{body}");
    serde_json::from_str(&body).expect("it is JSON")
}

#[tokio::test]
async fn every_tab_of_a_user_shows_what_is_posted_and_what_is_read_elsewhere() {
    let server = serve("notifications");
    let ((mut one, _), (mut two, _)) = (open(&server, "ada").await, open(&server, "ada").await);
    let (mut bob, _) = open(&server, "bob").await;
    assert_eq!(notify(&server, "ada", " hello "), json!({ "id": 1, "tabs": 2 }));
    for tab in [&mut one, &mut two] {
        let new = json(tab).await;
        assert_eq!((&new["type"], &new["notification"]["text"]), (&json!("new"), &json!("hello")));
    }
    one.send(r#"{"type":"read","id":1}"#).await;
    assert_eq!(json(&mut two).await, json!({ "type": "read", "id": 1 }));
    // Reading it twice, or what is not there, tells nobody.
    for nothing in [r#"{"type":"read","id":1}"#, r#"{"type":"read","id":"x"}"#, "", "null"] {
        one.send(nothing).await;
    }
    assert_eq!(notify(&server, "ada", "again")["id"], 2);
    assert_eq!(json(&mut two).await["notification"]["id"], 2);
    assert_eq!(notify(&server, "bob", "for you"), json!({ "id": 1, "tabs": 1 }));
    assert_eq!(json(&mut bob).await["notification"]["text"], "for you");
}

#[tokio::test]
async fn who_is_away_finds_the_last_hundred_also_after_a_restart() {
    let folder = folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let handler = compile_file("examples/notifications/handler.ts");
    let server = Server::start(&handler, &["--durable", path]);
    for number in 1..=103 {
        assert_eq!(notify(&server, "ada", &format!("number {number}"))["tabs"], 0);
    }
    server.kill();
    let server = Server::start(&handler, &["--durable", path]);
    let (_tab, unread) = open(&server, "ada").await;
    let ids: Vec<_> = unread.iter().map(|it| it["id"].as_u64().expect("a number")).collect();
    assert_eq!(ids, (4..=103).collect::<Vec<_>>());
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() {
    let server = serve("notifications");
    let good = r#"{"text":"hello"}"#;
    assert_eq!(post(&server, "ada", "Bearer guessed", good).0, 401);
    for nonsense in ["", "null", "{}", r#"{"text":" "}"#, r#"{"text":7}"#, r#"{"text":"\ud83d"}"#] {
        assert_eq!(post(&server, "ada", "Bearer sender-token", nonsense).0, 400, "{nonsense}");
    }
    for path in ["/notifications", "/notifications?token=toString"] {
        let refused = Client::try_connect(server.address, path).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.contains("401"), "{path}: {error}");
    }
    let (_tab, unread) = open(&server, "ada").await;
    assert_eq!(unread, Vec::<Value>::new());
}

#[test]
fn the_page_is_served() {
    has_page(&serve("notifications"), "Notifications on zigttp");
}
