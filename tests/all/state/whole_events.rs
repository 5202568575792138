//! An event is whole or absent, whatever it has stored: state, attachments and signals.

#![expect(clippy::print_stdout, reason = "a proof says how much it has proven")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Client;
use crate::support::durable::{Durable, kills, random};
use crate::support::patiently;

const HANDLER: &str = include_str!("../../fixtures/handlers/whole.ts");

const ROOMS: usize = 4;

/// Where a server may be made to crash, besides a kill at any time.
const FAILPOINTS: [&str; 5] = ["state-written", "state-committed", "written", "renamed", "redone"];

/// What the clients of one room know when the server has ended.
struct Account {
    /// The last event that was confirmed.
    acknowledged: u64,
    /// The two members.
    ids: [String; 2],
}

/// Sends one message after the other, from the first of two members of a room, until the server ends.
async fn work(address: SocketAddr, room: usize) -> Option<Account> {
    let url = format!("ws://{address}/{room}");
    let (mut first, _) = tokio_tungstenite::connect_async(&url).await.ok()?;
    let (mut second, _) = tokio_tungstenite::connect_async(&url).await.ok()?;
    let mut ids = Vec::new();
    for member in [&mut first, &mut second] {
        member.send(Message::text("?")).await.ok()?;
        let Some(Ok(Message::Text(state))) = member.next().await else { return None };
        let state: Value = serde_json::from_str(&state).expect("the handler replies with JSON");
        ids.push(state["id"].as_str().expect("an id").to_owned());
    }
    let ids = ids.try_into().expect("two members");
    let mut acknowledged = 0;
    while first.send(Message::text("next")).await.is_ok() {
        let Some(Ok(Message::Text(n))) = first.next().await else { break };
        acknowledged = n.parse().expect("a number");
    }
    Some(Account { acknowledged, ids })
}

/// The number of a room's last event, once all its signals are handled. Every key must have it.
async fn settled(client: &mut Client) -> u64 {
    let started = Instant::now();
    loop {
        let state: Value = serde_json::from_str(&client.ask("?").await).expect("JSON");
        let n = &state["keys"][0];
        assert!(
            state["keys"].as_array().expect("keys").iter().all(|key| key == n),
            "torn: {state}"
        );
        let (n, handled) = (n.as_u64().expect("n"), state["handled"].as_u64().expect("a count"));
        assert!(handled <= n, "a signal had its effect twice: {state}");
        if handled == n {
            return n;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "a signal is lost: {state}");
    }
}

#[tokio::test]
async fn an_event_with_state_attachments_and_a_signal_is_whole_or_absent_after_kills() {
    let (kills, time) = kills();
    let durable = Durable::of(HANDLER);
    let started = Instant::now();
    let (mut killed, mut events) = (0, [0; ROOMS]);
    while killed < kills && started.elapsed() < time {
        let point = FAILPOINTS[killed as usize / 2 % FAILPOINTS.len()];
        // The first ones are those of the start.
        let skipped = 4 + random(Duration::from_nanos(40)).as_nanos();
        let failpoint = format!("{point}:{skipped}");
        let is_crash = killed % 2 == 1;
        let variables = [("ZIGTTP_FAILPOINT", &*failpoint)];
        let variables = if is_crash { &variables[..] } else { &[] };
        let server = durable.serve_with(&["--fsync", "never"], variables);
        let clients: Vec<_> =
            (0..ROOMS).map(|room| tokio::spawn(work(server.address, room))).collect();
        tokio::time::sleep(random(Duration::from_millis(if is_crash { 400 } else { 150 }))).await;
        server.kill();
        killed += 1;
        let accounts = patiently("the end of all clients", join_all(clients)).await;

        let server = durable.serve(&["--fsync", "never"]);
        for (room, account) in accounts.into_iter().enumerate() {
            let mut client = server.connect(&format!("/{room}")).await;
            let n = settled(&mut client).await;
            let before = events[room];
            events[room] = n;
            let Some(Account { acknowledged, ids }) = account.expect("a client keeps count") else {
                continue;
            };
            assert!(
                acknowledged == 0 || (acknowledged..=acknowledged + 1).contains(&n),
                "{n} events are stored, and {acknowledged} were confirmed"
            );
            for id in ids {
                let stored = durable.find_value(&id);
                let number =
                    stored.as_ref().map(|value| value.split(' ').next().map(str::to_owned));
                let expected = (n > before).then(|| Some(n.to_string()));
                assert_eq!(number, expected, "the attachment of {id}; {before} events before");
            }
        }
    }
    let events: u64 = events.iter().sum();
    assert!(events > u64::from(killed), "the clients were heard before the kills");
    println!("survived {killed} kills with {events} events in {:?}", started.elapsed());
}
