//! Rooms whose events change state, attachments and signals together, and what may be left of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Client;
use crate::support::patiently;
use crate::support::server::Server;

pub(super) const HANDLER: &str = include_str!("../../fixtures/handlers/whole.ts");

pub(super) const ROOMS: usize = 4;

/// What the clients of one room know when the server has ended.
pub(super) struct Account {
    /// The last event that was confirmed.
    pub(super) acknowledged: u64,
    /// The two members.
    pub(super) ids: [String; 2],
}

/// Clients that work until the server ends.
pub(super) struct Clients(Vec<JoinHandle<Option<Account>>>);

impl Clients {
    /// Two in each room.
    pub(super) fn start(server: &Server) -> Clients {
        Clients((0..ROOMS).map(|room| tokio::spawn(work(server.address, room))).collect())
    }

    /// What they know of each room, when the server has ended; nothing of one that they were not members of yet.
    pub(super) async fn accounts(self) -> Vec<Option<Account>> {
        let accounts = patiently("the end of all clients", join_all(self.0)).await;
        accounts.into_iter().map(|account| account.expect("a client keeps count")).collect()
    }
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

/// The number of a room's last event: every key must have it. And how many signals were handled.
pub(super) async fn last_event(client: &mut Client) -> (u64, u64) {
    let state: Value = serde_json::from_str(&client.ask("?").await).expect("JSON");
    let n = &state["keys"][0];
    assert!(state["keys"].as_array().expect("keys").iter().all(|key| key == n), "torn: {state}");
    let (n, handled) = (n.as_u64().expect("n"), state["handled"].as_u64().expect("a count"));
    assert!(handled <= n, "a signal had its effect twice: {state}");
    (n, handled)
}

/// The number of a room's last event, once all its signals are handled.
pub(super) async fn settled(client: &mut Client) -> u64 {
    let started = Instant::now();
    loop {
        let (n, handled) = last_event(client).await;
        if handled == n {
            return n;
        }
        let is_early = started.elapsed() < Duration::from_secs(20);
        assert!(is_early, "a signal is lost: {handled} of {n} were handled");
    }
}

/// The number of the event that has stored a value with a connection.
pub(super) fn number_of(value: &str) -> u64 {
    let (number, rest) = value.split_once(' ').expect("a number comes first");
    let number: u64 = number.parse().expect("a number");
    assert_eq!(rest.len() as u64, number * 104_729 % 9000, "torn");
    number
}
