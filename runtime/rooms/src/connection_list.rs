//! Connections in the order of their ids, a page at a time, as the admin listener and the inspector show
//! them. What connections keep and send is not in it.

use std::time::Instant;

use serde::Serialize;
use zigttp_abi::connection_id::ConnectionId;

use crate::connection::Connection;
use crate::hub::Hub;

/// A connection of a page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub id: u64,
    room: String,
    state: &'static str,
    age_seconds: u64,
    queue_bytes: usize,
    attachment_bytes: Option<usize>,
}

/// At most so many connections after this id.
pub struct Page {
    pub listed: Vec<Listed>,
    /// Whether there are others behind them.
    pub has_more: bool,
}

/// Looks at all connections, which takes a moment where there are many.
pub fn page(hub: &Hub, after: ConnectionId, limit: usize, now: Instant) -> Page {
    let mut connections = hub.all();
    connections.retain(|connection| connection.id > after);
    let has_more = connections.len() > limit;
    if has_more {
        connections.select_nth_unstable_by_key(limit, |connection| connection.id);
        connections.truncate(limit);
    }
    connections.sort_unstable_by_key(|connection| connection.id);
    Page {
        listed: connections.iter().map(|connection| listed(connection, now)).collect(),
        has_more,
    }
}

fn listed(connection: &Connection, now: Instant) -> Listed {
    Listed {
        id: connection.id.number(),
        room: connection.room.key().to_owned(),
        state: connection.state().name(),
        age_seconds: now.saturating_duration_since(connection.opened).as_secs(),
        queue_bytes: connection.outbox.waiting_bytes(),
        attachment_bytes: connection.attachment_bytes(),
    }
}
