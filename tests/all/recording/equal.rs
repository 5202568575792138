//! Events that run again on the handler that they were recorded with do the same.

use crate::support::client::Client;
use crate::support::programs::compile_file;
use crate::support::server::Server;

fn everything() -> std::path::PathBuf {
    compile_file("tests/fixtures/handlers/everything.ts")
}

/// Sends so many messages, each of which does something else. A number that is thrown is not answered.
async fn work(client: &mut Client, begin: u64, count: u64) {
    for number in begin..begin + count {
        if number % 20 == 19 && number % 3 == 0 {
            client.send(number.to_string()).await;
            continue;
        }
        client.send(number.to_string()).await;
        // What others broadcast comes in between.
        while client.text().await.starts_with("to all") {}
    }
}

#[tokio::test]
async fn every_kind_of_event_does_the_same_in_a_replay() {
    let server = Server::recorded(&everything(), &["--handler-log-rate", "1"]);
    let mut ada = server.connect("/room/a").await;
    let mut bob = server.connect("/room/b%20c").await;
    work(&mut ada, 0, 60).await;
    work(&mut bob, 1_000, 60).await;
    ada.send(vec![1, 2, 3]).await;
    while !matches!(ada.next().await, tokio_tungstenite::tungstenite::Message::Binary(_)) {}
    let refused = Client::try_connect(server.address, "/room/refused").await;
    assert!(refused.is_err(), "onUpgrade refuses");
    let body = "POST /room/a HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    assert!(server.request(body).0.starts_with("HTTP/1.1 200"));
    assert_eq!(server.get("/elsewhere").0, 200);
    bob.close(4000, "enough").await;
    ada.leave().await;
}

/// How many events are recorded: a sample, or as many as `ZIGTTP_REPLAYED` says (`tests/replay.sh`).
fn events() -> u64 {
    std::env::var("ZIGTTP_REPLAYED").ok().and_then(|it| it.parse().ok()).unwrap_or(1_000)
}

#[tokio::test]
async fn a_hundred_thousand_events_do_the_same_in_a_replay() {
    const CLIENTS: u64 = 8;
    let server = Server::recorded(&everything(), &["--handler-log-rate", "1"]);
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut client = server.connect(&format!("/room/{}", number / 2)).await;
        clients.push(tokio::spawn(async move {
            work(&mut client, number * 1_000, events() / CLIENTS).await;
            client.leave().await;
        }));
    }
    for client in clients {
        client.await.expect("no client panics");
    }
}
