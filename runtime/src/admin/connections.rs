//! `/connections`: who is there, a page at a time. What connections keep and send is not shown.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::server::Server;

/// Connections of a page that asks for no number.
const DEFAULT_LIMIT: usize = 100;
/// Most connections of a page.
const MAX_LIMIT: usize = 1000;

/// `?after=<id>&limit=<number>`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    after: ConnectionId,
    limit: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    connections: Vec<Shown>,
    /// The `after` of the next page; none on the last.
    next: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: u64,
    room: String,
    state: &'static str,
    age_seconds: u64,
    queue_bytes: usize,
    attachment_bytes: Option<usize>,
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Query, String> {
        let mut parsed = Query { after: ConnectionId::from_number(0), limit: DEFAULT_LIMIT };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = value.parse::<u64>().map_err(|_none| format!("{name} is no number"))?;
            match name {
                "after" => parsed.after = ConnectionId::from_number(number),
                "limit" if (1..=MAX_LIMIT as u64).contains(&number) => {
                    parsed.limit = number as usize
                }
                "limit" => return Err(format!("limit is not between 1 and {MAX_LIMIT}")),
                _ => return Err("only after and limit can be asked for".to_owned()),
            }
        }
        Ok(parsed)
    }
}

/// A page of the connections in the order of their ids.
pub(super) fn print(server: &Server, query: Query) -> String {
    let mut connections = server.hub.all();
    connections.retain(|connection| connection.id > query.after);
    let has_more = connections.len() > query.limit;
    if has_more {
        connections.select_nth_unstable_by_key(query.limit, |connection| connection.id);
        connections.truncate(query.limit);
    }
    connections.sort_unstable_by_key(|connection| connection.id);
    let next = connections.last().filter(|_| has_more).map(|last| last.id.number());
    let now = Instant::now();
    let connections = connections.iter().map(|connection| shown(connection, now)).collect();
    let page = Page { connections, next };
    serde_json::to_string(&page).expect("text and numbers always serialise") + "\n"
}

fn shown(connection: &Arc<Connection>, now: Instant) -> Shown {
    Shown {
        id: connection.id.number(),
        room: connection.room.key().to_owned(),
        state: connection.state().name(),
        age_seconds: now.saturating_duration_since(connection.opened).as_secs(),
        queue_bytes: connection.outbox.waiting_bytes(),
        attachment_bytes: connection.attachment_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_a_place_and_a_bounded_number() {
        let query = |after, limit| Query { after: ConnectionId::from_number(after), limit };
        assert_eq!(Query::parse(""), Ok(query(0, 100)));
        assert_eq!(Query::parse("limit=5&after=7"), Ok(query(7, 5)));
        for bad in ["limit=0", "limit=1001", "limit=x", "after=-1", "other=1", "after"] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }
}
