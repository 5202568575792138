//! `/connections`: the open connections, a page at a time, without their attachments and messages.

use std::time::Instant;

use serde::Serialize;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::number;
use zigttp_rooms::connection_list::{self, ConnectionSummary};

use crate::server::Server;

/// How many connections a page has if the query does not say.
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
    connections: Vec<ConnectionSummary>,
    /// The `after` of the next page; `None` on the last.
    next: Option<u64>,
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Query, String> {
        let mut parsed = Query { after: ConnectionId::from_number(0), limit: DEFAULT_LIMIT };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = number::parse(value).ok_or_else(|| format!("{name} is not a number"))?;
            match name {
                "after" => parsed.after = ConnectionId::from_number(number),
                "limit" if (1..=MAX_LIMIT as u64).contains(&number) => {
                    parsed.limit = number as usize
                }
                "limit" => return Err(format!("limit is not between 1 and {MAX_LIMIT}")),
                _ => return Err("only after and limit are supported".to_owned()),
            }
        }
        Ok(parsed)
    }
}

/// Prints a page of connections, in the order of their ids.
pub(super) fn print(server: &Server, query: Query) -> String {
    let page = connection_list::page(&server.hub, query.after, query.limit, Instant::now());
    let next = page.connections.last().filter(|_| page.has_more).map(|last| last.id);
    let page = Page { connections: page.connections, next };
    serde_json::to_string(&page).expect("text and numbers always serialise") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_an_id_and_a_number_from_1_to_1000() {
        let query = |after, limit| Query { after: ConnectionId::from_number(after), limit };
        assert_eq!(Query::parse(""), Ok(query(0, 100)));
        assert_eq!(Query::parse("limit=5&after=7"), Ok(query(7, 5)));
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=x",
            "limit=+5",
            "after=-1",
            "after=+1",
            "other=1",
            "after",
        ] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }
}
