//! The arena example.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::programs::{compile_file, folder};
use crate::support::server::Server;

/// Enters an arena; returns the scores as last saved, too.
async fn enter(server: &Server, name: &str) -> (Client, Value) {
    let mut client = server.connect(&format!("/arena/one?name={name}")).await;
    let told = next(&mut client, "scores").await;
    (client, told["scores"].clone())
}

/// Reads on until a message of this type.
async fn next(client: &mut Client, kind: &str) -> Value {
    loop {
        let message = json(client).await;
        if message["type"] == kind {
            return message;
        }
    }
}

async fn aim(client: &mut Client, point: &Value) {
    client.send(json!({ "x": point["x"], "y": point["y"] }).to_string()).await;
}

fn dot<'a>(tick: &'a Value, name: &str) -> &'a Value {
    let dots = tick["dots"].as_array().expect("a list");
    dots.iter().find(|dot| dot["name"] == name).unwrap_or_else(|| panic!("no {name} in {tick}"))
}

/// Runs after the coin until there is a point.
async fn score(client: &mut Client, name: &str) {
    loop {
        let tick = next(client, "tick").await;
        if dot(&tick, name)["score"] != 0 {
            return;
        }
        aim(client, &tick["coin"]).await;
    }
}

async fn refusal(server: &Server, query: &str) -> String {
    let refused = Client::try_connect(server.address, &format!("/arena/one{query}")).await;
    refused.err().expect("it is refused").to_string()
}

#[tokio::test]
async fn dots_go_where_their_players_aim_and_everybody_sees_it() {
    let server = serve("arena");
    let ((mut ada, _), (mut bob, _)) = (enter(&server, "ada").await, enter(&server, "bob").await);
    aim(&mut ada, &json!({ "x": 0, "y": 1000 })).await;
    for client in [&mut ada, &mut bob] {
        loop {
            let tick = next(client, "tick").await;
            let ada = dot(&tick, "ada");
            if (&ada["x"], &ada["y"]) == (&json!(0), &json!(1000)) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn after_a_crash_the_scores_are_as_last_saved() {
    let folder = folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let handler = compile_file("examples/arena/handler.ts");
    let server = Server::start(&handler, &["--durable", path]);
    let (mut ada, none) = enter(&server, "ada").await;
    assert_eq!(none, json!([]));
    score(&mut ada, "ada").await;
    // Ten seconds after the first player has come, and every ten seconds from then on.
    let saved = loop {
        let scores = next(&mut ada, "scores").await["scores"].clone();
        if scores[0][1] != 0 {
            break scores;
        }
    };
    server.kill();
    let server = Server::start(&handler, &["--durable", path]);
    let (mut ada, scores) = enter(&server, "ada").await;
    assert_eq!(scores, saved);
    assert_eq!(dot(&next(&mut ada, "tick").await, "ada")["score"], saved[0][1]);
}

#[tokio::test]
async fn who_leaves_keeps_the_score_and_the_game_goes_on_with_the_next_first_player() {
    let server = serve("arena");
    let (mut ada, _) = enter(&server, "ada").await;
    score(&mut ada, "ada").await;
    ada.leave().await;
    let (mut bob, _) = enter(&server, "bob").await;
    assert_eq!(next(&mut bob, "tick").await["dots"].as_array().map(Vec::len), Some(1));
    bob.leave().await;
    let (_cy, scores) = enter(&server, "cy").await;
    assert_eq!(scores[0][0], "ada", "{scores}");
    assert!(scores[0][1].as_u64() >= Some(1), "{scores}");
}

#[tokio::test]
async fn odd_names_and_messages_are_refused() {
    let server = serve("arena");
    for query in ["", "?name=", "?name=a%20b"] {
        let error = refusal(&server, query).await;
        assert!(error.contains("400"), "{query}: {error}");
    }
    let (_ada, _) = enter(&server, "ada").await;
    let error = refusal(&server, "?name=ada").await;
    assert!(error.contains("409"), "{error}");
    for odd in ["", "null", r#"{"x":1}"#, r#"{"x":1.5,"y":1}"#, r#"{"x":1001,"y":1}"#] {
        let (mut eve, _) = enter(&server, "eve").await;
        eve.send(odd).await;
        while !matches!(eve.next().await, Message::Close(_)) {}
        eve.ended().await;
    }
}

#[test]
fn the_page_is_served() {
    has_page(&serve("arena"), "Arena on zigttp");
}
