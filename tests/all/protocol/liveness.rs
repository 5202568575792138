//! Pings, unresponsive clients and idle connections.

use std::pin::pin;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::raw::RawClient;
use crate::support::server::Server;
use crate::support::{patiently, programs};

const ECHO: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function onClose(ws: WebSocket, code: number) { console.log("closed", ws, code); }
"#;

#[tokio::test]
async fn a_peer_that_does_not_answer_pings_is_dropped_with_1006() {
    let server = Server::start(
        &programs::compile(ECHO),
        &["--ping-interval", "100ms", "--pong-timeout", "100ms"],
    );
    let _dead = RawClient::connect(server.address, "/dead");
    server.wait_for_log("closed 1 1006");
    server.signal("TERM");
    server.wait_for_log("dead_peers=1");
}

#[tokio::test]
async fn a_peer_that_answers_pings_stays() {
    let server = Server::start(
        &programs::compile(ECHO),
        &["--ping-interval", "50ms", "--pong-timeout", "20s"],
    );
    let mut client = server.connect("/").await;
    assert!(client.pinged().await && client.pinged().await, "it is pinged again after its pong");
    assert_eq!(client.ask("still here").await, "still here");
}

#[tokio::test]
async fn an_idle_connection_becomes_dormant_and_an_event_wakes_it() {
    let artifact = std::fs::read(programs::compile(ECHO)).expect("it was just built");
    let config = zigttp_runtime::Config {
        dormant_after: Duration::from_millis(300),
        ping_interval: Duration::from_millis(50),
        ..zigttp_runtime::Config::default()
    };
    let server = zigttp_runtime::Server::new(config, &artifact).expect("the handler loads");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(zigttp_runtime::run(listener, server.clone(), async {
        // The sender is dropped by a test that fails.
        let _ = stopped.await;
    }));

    let mut client = Client::connect(address, "/").await;
    assert_eq!(client.ask("hello").await, "hello");
    let dormant = async |count| {
        patiently("the change of state", async {
            while server.scan_idle().dormant != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    // It is pinged more often than that, and its pongs are no events.
    let pongs = async { while client.pinged().await {} };
    futures_util::future::select(pin!(dormant(1)), pin!(pongs)).await;
    assert_eq!(server.scan_idle().dormant, 1);
    client.send("wake").await;
    assert_eq!(client.text().await, "wake");
    dormant(0).await;
    assert_eq!(client.ask("on").await, "on");
    assert_eq!(server.scan_idle().live + server.scan_idle().parked, 1);

    stop.send(()).expect("the server waits for it");
    assert_eq!(client.closed().await.0, 1001);
    patiently("the end of the server", running).await.expect("it does not panic");
}
