//! Clients of services, as npm has them, ask a double of their service in an event.

use serde_json::{Value, json};

use crate::support::double::{Double, Received};
use crate::support::programs::{compile_file, root};
use crate::support::server::Server;
use crate::support::skipped;

/// What a client sends for a text, and what the handler makes of the answer.
async fn ask(package: &str, answer: Value) -> Option<(Received, String)> {
    if !root().join("tests/packages/node_modules").exists() {
        skipped("run `npm ci` in tests/packages");
        return None;
    }
    let double = Double::answering(answer);
    let grant = double.address().to_string();
    let handler = compile_file(&format!("tests/packages/clients/{package}.ts"));
    let server = Server::start(&handler, &["--allow-fetch", &grant, "--verify-restore", "1"]);
    let mut client = server.connect("/").await;
    let told = client.ask(&format!("http://{grant} zoë")).await;
    // Later runs of the event ask the same, which is not sent again.
    let mut received = double.received();
    assert_eq!(received.len(), 1, "{told}\n{}", server.log());
    Some((received.remove(0), told))
}

#[tokio::test]
async fn openai_asks_its_service() {
    let answer = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "finish_reason": "stop",
            "message": { "role": "assistant", "content": "hello zoë" },
        }],
    });
    let Some((received, told)) = ask("openai", answer).await else { return };
    assert_eq!(told, "hello zoë");
    assert_eq!(received.line, "POST /v1/chat/completions");
    assert_eq!(received.header("authorization"), Some("Bearer sk-test"));
    assert_eq!(received.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    let messages = json!([{ "role": "user", "content": "zoë" }]);
    assert_eq!(body, json!({ "model": "gpt-test", "messages": messages }));
}

#[tokio::test]
async fn anthropic_asks_its_service() {
    let answer = json!({
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [{ "type": "text", "text": "hello zoë" }],
        "stop_reason": "end_turn",
        "usage": { "input_tokens": 1, "output_tokens": 2 },
    });
    let Some((received, told)) = ask("anthropic", answer).await else { return };
    assert_eq!(told, "hello zoë");
    assert_eq!(received.line, "POST /v1/messages");
    assert_eq!(received.header("authorization"), Some("Bearer sk-ant-test"));
    assert_eq!(received.header("anthropic-version"), Some("2026-10-21"));
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    assert_eq!(body["max_tokens"], 100);
    assert_eq!(body["messages"], json!([{ "role": "user", "content": "zoë" }]));
}

#[tokio::test]
async fn stripe_asks_its_service() {
    let answer = json!({ "id": "cus_1", "object": "customer", "name": "zoë" });
    let Some((received, told)) = ask("stripe", answer).await else { return };
    assert_eq!(told, "cus_1 zoë");
    assert_eq!(received.line, "POST /v1/customers");
    assert_eq!(received.header("authorization"), Some("Bearer sk_test_double"));
    assert_eq!(received.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(received.body, "name=zo%C3%AB");
}
