//! `zigttp:memory`: the same functions, never on disk.

use serde_json::json;

use super::{HANDLER, ask, call};
use crate::support::durable::Durable;
use crate::support::server::Server;

#[tokio::test]
async fn memory_and_storage_are_two_spaces_of_a_room() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/room/a").await;
    let put = |value: i32| call("put", &["k".into(), value.into()]);
    ask(&mut client, json!({ "calls": [put(1)] })).await;
    ask(&mut client, json!({ "calls": [put(2)], "memory": true })).await;
    let get = [call("get", &["k".into()])];
    assert_eq!(ask(&mut client, json!({ "calls": get })).await, json!([1]));
    assert_eq!(ask(&mut client, json!({ "calls": get, "memory": true })).await, json!([2]));
}

#[tokio::test]
async fn memory_is_gone_after_a_restart_and_leaves_nothing_in_the_durable_directory() {
    let durable = Durable::of(include_str!("../../fixtures/handlers/state.ts"));
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let secret = "this-is-never-on-disk";
    let put = call("put", &["k".into(), secret.into()]);
    assert_eq!(
        ask(&mut client, json!({ "calls": [put], "memory": true })).await,
        json!(["undefined"])
    );
    drop(client);
    server.kill();
    for file in ["store/state.db", "store/state.db-wal"] {
        let bytes = std::fs::read(durable.path(file)).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
    }
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let get = json!({ "calls": [call("get", &["k".into()])], "memory": true });
    assert_eq!(ask(&mut client, get).await, json!(["undefined"]));
}

#[tokio::test]
async fn a_server_says_at_its_start_that_state_is_in_memory() {
    let server = Server::start(&HANDLER, &[]);
    let line = "rooms keep state and signals in memory: they are gone when the server ends";
    crate::support::eventually("the line", || server.log().contains(line));
    let durable = Durable::of(include_str!("../../fixtures/handlers/state.ts"));
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    ask(&mut client, json!({ "calls": [] })).await;
    assert!(!server.log().contains(line));
}
