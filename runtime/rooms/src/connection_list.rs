//! Connections in the order of their ids, a page at a time, for the admin listener and the inspector. Without
//! their attachments and messages.

use std::time::Instant;

use serde::Serialize;
use zigttp_abi::connection_id::ConnectionId;

use crate::connection::Connection;
use crate::hub::Hub;

/// One connection in the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionSummary {
    pub id: u64,
    /// `websocket`, or `sse` for a stream of server-sent events.
    transport: &'static str,
    room: String,
    state: &'static str,
    age_seconds: u64,
    queue_bytes: usize,
    attachment_bytes: Option<usize>,
}

/// A page of the list.
pub struct Page {
    pub connections: Vec<ConnectionSummary>,
    /// Whether more connections follow.
    pub has_more: bool,
}

/// Lists at most `limit` connections after this id. Visits all connections, which takes a moment if there
/// are many.
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
        connections: connections.iter().map(|connection| summary(connection, now)).collect(),
        has_more,
    }
}

fn summary(connection: &Connection, now: Instant) -> ConnectionSummary {
    ConnectionSummary {
        id: connection.id.number(),
        transport: connection.transport.name(),
        room: connection.rooms.with_own(|own| own.key().to_owned()),
        state: connection.state().name(),
        age_seconds: now.saturating_duration_since(connection.opened).as_secs(),
        queue_bytes: connection.outbox.waiting_bytes(),
        attachment_bytes: connection.attachment_bytes(),
    }
}
