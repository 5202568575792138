//! The handler of the benchmarks follows their protocol.

use crate::support::programs;
use crate::support::server::Server;

#[tokio::test]
async fn it_echoes_parses_broadcasts_remembers_names_and_answers_heartbeats() {
    let server = Server::recorded(&programs::compile_file("examples/bench/bench.ts"), &[]);
    let mut echo = server.connect("/echo").await;
    assert_eq!(echo.ask("hello").await, "hello");
    echo.send(b"bytes".to_vec()).await;
    assert_eq!(echo.bytes().await, b"bytes");

    let mut game = server.connect("/json").await;
    let its_move = r#"{"type":"move","seq":"1","player":{"id":1},"pos":[12.5,-3.25,100],"tags":["a"],"text":"\u00e9"}"#;
    assert_eq!(game.ask(&its_move.replace(':', " : ")).await, its_move.replace("\\u00e9", "é"));
    assert_eq!(game.ask(r#"{"type":"chat"}"#).await, "bad");

    let mut ada = server.connect("/room/one").await;
    let mut bob = server.connect("/room/one").await;
    assert_eq!(bob.ask("heartbeat").await, "alive");
    assert_eq!(ada.ask("to all").await, "to all");
    assert_eq!(bob.text().await, "to all");

    let mut ada = server.connect("/chat/one").await;
    let mut bob = server.connect("/chat/one").await;
    assert_eq!(ada.ask("ada").await, "hello ada");
    assert_eq!(bob.ask("bob").await, "hello bob");
    assert_eq!(ada.ask("hi").await, "ada: hi");
    assert_eq!(bob.text().await, "ada: hi");
    for client in [&mut ada, &mut bob, &mut echo] {
        assert_eq!(client.ask("heartbeat").await, "alive");
    }
    server.signal("TERM");
    server.wait_for_log("auto_responses=4 ");
}
