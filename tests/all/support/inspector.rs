//! The inspector of a server, as its page sees it.

use serde_json::Value;

use super::server::Server;
use super::{PATIENCE, eventually};

/// A response of the inspector.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).expect("it is JSON")
    }
}

/// Requests a part of the inspector, with these further header lines.
pub(crate) fn get_with(server: &Server, part: &str, headers: &str) -> Answer {
    ask(server, "GET", part, headers, "")
}

pub(crate) fn get(server: &Server, part: &str) -> Answer {
    get_with(server, part, "")
}

pub(crate) fn post(server: &Server, part: &str, headers: &str, body: &str) -> Answer {
    ask(server, "POST", part, headers, body)
}

fn ask(server: &Server, method: &str, part: &str, headers: &str, body: &str) -> Answer {
    let host = server.address;
    let len = body.len();
    let (head, body) = server.request(&format!(
        "{method} /__zigttp{part} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Length: {len}\r\n{headers}\r\n{body}"
    ));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.expect("a status"), head: head.to_lowercase(), body }
}

/// Polls until an event of this kind has come, and returns all since `after`.
pub(crate) fn events_until(server: &Server, after: u64, kind: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut last = after;
    eventually(&format!("an event {kind} within {PATIENCE:?}"), || {
        let state = get(server, &format!("/state?after={last}")).json();
        last = state["last"].as_u64().expect("a number");
        events.extend(state["events"].as_array().expect("a list").iter().cloned());
        events.iter().any(|event| event["event"] == kind)
    });
    events
}
