//! The assistant example, with a small server in place of the model's.

use serde_json::{Value, json};

use super::{has_page, json};
use crate::support::client::Client;
use crate::support::origin::{Exchange, Origin};
use crate::support::programs::compile_file;
use crate::support::server::Server;

const KEY: &str = "sk-test-0123456789";

/// The server of a model that speaks OpenAI's chat completions, and the assistant that asks it.
async fn serve(arguments: &[&str]) -> (Origin, Server) {
    let model = Origin::start().await;
    let (key, url) =
        (format!("OPENAI_API_KEY={KEY}"), format!("OPENAI_BASE_URL={}", model.url("/v1")));
    let allowed = model.allowed();
    let all = ["--env", &key, "--env", &url, &allowed];
    let handler = compile_file("examples/assistant/handler.ts");
    let server = Server::recorded(&handler, &[&all[..], arguments].concat());
    (model, server)
}

async fn join(server: &Server) -> (Client, Value) {
    let mut client = server.connect("/chat/lobby").await;
    let conversation = json(&mut client).await;
    assert_eq!(conversation["type"], "conversation", "{conversation}");
    (client, conversation)
}

async fn ask(client: &mut Client, text: &str) {
    client.send(json!({ "type": "ask", "text": text }).to_string()).await;
}

/// One event of an answer, as OpenAI sends it.
async fn say(exchange: &mut Exchange, word: &str) {
    let delta = json!({ "content": word });
    let chunk =
        json!({ "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta }] });
    exchange.send(format!("data: {chunk}\n\n")).await;
}

/// Reads words until they are these.
async fn read(client: &mut Client, expected: &str) {
    let mut words = String::new();
    while words.len() < expected.len() {
        let message = json(client).await;
        assert_eq!(message["type"], "words", "{message}");
        words += message["text"].as_str().expect("a text");
    }
    assert_eq!(words, expected);
}

#[tokio::test]
async fn an_answer_comes_to_all_word_by_word_and_is_kept() {
    let (model, server) = serve(&[]).await;
    let (mut ada, first) = join(&server).await;
    assert_eq!((&first["messages"], &first["pending"]), (&json!([]), &Value::Null));
    let (mut bob, _) = join(&server).await;
    ask(&mut ada, " Why is the sky blue? ").await;
    let mut exchange = model.next().await;
    assert!(exchange.head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", exchange.head);
    assert_eq!(exchange.header("authorization"), Some(&*format!("Bearer {KEY}")));
    let asked: Value = serde_json::from_slice(&exchange.body).expect("it is JSON");
    let question = json!({ "role": "user", "content": "Why is the sky blue?" });
    assert_eq!((&asked["stream"], &asked["messages"]), (&true.into(), &json!([question])));
    for client in [&mut ada, &mut bob] {
        assert_eq!(json(client).await["type"], "question");
    }
    exchange.respond("200 OK", "text/event-stream").await;
    for word in ["Because", " it", " scatters"] {
        say(&mut exchange, word).await;
        // Each has come before the next is sent.
        read(&mut ada, word).await;
        read(&mut bob, word).await;
    }
    // Who comes now gets what there is, and the rest.
    let (mut eve, now) = join(&server).await;
    assert_eq!(now["pending"], "Because it scatters");
    ask(&mut bob, "And at night?").await;
    assert_eq!(json(&mut bob).await["type"], "busy");
    say(&mut exchange, " light.").await;
    exchange
        .send("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
        .await;
    exchange.finish().await;
    for client in [&mut ada, &mut bob, &mut eve] {
        read(client, " light.").await;
        assert_eq!(json(client).await, json!({ "type": "answered", "error": null }));
    }
    let (_, kept) = join(&server).await;
    let answer = json!({ "role": "assistant", "content": "Because it scatters light." });
    assert_eq!((&kept["messages"], &kept["pending"]), (&json!([question, answer]), &Value::Null));
}

#[tokio::test]
async fn an_answer_is_stopped_and_a_refusal_is_told() {
    let (model, server) = serve(&[]).await;
    let (mut ada, _) = join(&server).await;
    ask(&mut ada, "Tell me everything").await;
    assert_eq!(json(&mut ada).await["type"], "question");
    let mut exchange = model.next().await;
    exchange.respond("200 OK", "text/event-stream").await;
    say(&mut exchange, "First").await;
    read(&mut ada, "First").await;
    ada.send(json!({ "type": "stop" }).to_string()).await;
    assert_eq!(json(&mut ada).await, json!({ "type": "answered", "error": "cancelled" }));
    exchange.closed().await;

    ask(&mut ada, "Again").await;
    assert_eq!(json(&mut ada).await["type"], "question");
    let mut exchange = model.next().await;
    let asked: Value = serde_json::from_slice(&exchange.body).expect("it is JSON");
    assert_eq!(asked["messages"][1], json!({ "role": "assistant", "content": "First" }));
    exchange.respond("429 Too Many Requests", "application/json").await;
    exchange.send("{\"error\":{\"message\":\"slow down\"}}").await;
    exchange.finish().await;
    assert_eq!(json(&mut ada).await, json!({ "type": "answered", "error": "nothing" }));
    let log = server.wait_for_log("slow down");
    assert!(log.contains("the model responds with 429") && !log.contains(KEY), "{log}");
}

#[tokio::test]
async fn the_key_is_not_stored_with_the_request() {
    let folder = crate::support::programs::folder();
    let data = folder.path().join("data");
    let durable = ["--durable", data.to_str().expect("a UTF-8 path")];
    let (model, server) = serve(&durable).await;
    let (mut ada, _) = join(&server).await;
    ask(&mut ada, "A question that is stored").await;
    assert_eq!(json(&mut ada).await["type"], "question");
    let _exchange = model.next().await;
    let mut stored = Vec::new();
    for file in ["state.db", "state.db-wal"] {
        stored.extend(std::fs::read(data.join("store").join(file)).expect("it is there"));
    }
    let has = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("A question that is stored") && has("OPENAI_API_KEY"));
    assert!(!has(KEY));
}

#[tokio::test]
async fn it_has_a_page() {
    let (_model, server) = serve(&[]).await;
    has_page(&server, "Assistant on zigttp");
}
