//! The state of rooms: what `zigttp:storage` and `zigttp:memory` store.

mod across_restarts;
mod backups;
#[cfg(target_os = "linux")]
mod disk_faults;
mod hostile_guests;
mod limits;
mod memory;
mod operator_signals;
mod operators;
#[cfg(target_os = "linux")]
mod power_loss;
mod schedules;
mod signals;
mod storage;
mod streams;
mod streams_operated;
mod whole;
mod whole_events;

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::programs;

/// Runs the calls that a message lists.
static HANDLER: LazyLock<PathBuf> =
    LazyLock::new(|| programs::compile_file("tests/fixtures/handlers/state.ts"));

/// What one event's calls return.
async fn run(client: &mut Client, calls: Value) -> Value {
    ask(client, json!({ "calls": calls })).await
}

/// The same of a whole script.
async fn ask(client: &mut Client, script: Value) -> Value {
    let reply = client.ask(&script.to_string()).await;
    serde_json::from_str(&reply).expect("the handler replies with JSON")
}

/// One call.
fn call(function: &str, arguments: &[Value]) -> Value {
    json!({ "f": function, "a": arguments })
}
