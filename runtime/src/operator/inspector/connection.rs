//! One connection: its details, its attachment, and closing it.

use std::time::Instant;

use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use zigttp_abi::close_code;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_protocol::close::Close;
use zigttp_rooms::connection::Connection;
use zigttp_rooms::observer::Preview;
use zigttp_sandbox::rooms::RoomsOf;
use zigttp_sandbox::shared_text::SharedText;

use super::http::{ErrorResponse, MAX_BINARY, MAX_TEXT, error_response};
use crate::http::response::{Body, text};
use crate::server::Server;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionDetails<'a> {
    id: u64,
    /// Its own.
    room: SharedText,
    /// Those that it has joined.
    joined: Vec<SharedText>,
    url: &'a str,
    state: &'static str,
    age_seconds: u64,
    queue_bytes: usize,
    is_open: bool,
    parameters: Vec<(&'a str, &'a str)>,
    attachment: Option<Preview>,
    auto_response: Option<(Preview, Preview)>,
}

/// A request to close a connection, as JSON.
#[derive(Deserialize)]
struct CloseRequest {
    id: u64,
    code: u16,
    #[serde(default)]
    reason: String,
}

/// The details of a connection as JSON; `null` for one that has closed.
pub(super) fn show(server: &Server, id: u64) -> String {
    let connection = server.hub.find(ConnectionId::from_number(id));
    let details = connection.as_ref().map(|connection| details(connection));
    serde_json::to_string(&details).expect("text and numbers always serialise")
}

fn details(connection: &Connection) -> ConnectionDetails<'_> {
    let attachment = connection.attachment();
    let RoomsOf { own, joined } = connection.rooms.names();
    ConnectionDetails {
        id: connection.id.number(),
        room: own,
        joined,
        url: &connection.url,
        state: connection.state().name(),
        age_seconds: Instant::now().saturating_duration_since(connection.opened).as_secs(),
        queue_bytes: connection.outbox.waiting_bytes(),
        is_open: connection.outbox.is_open(),
        parameters: connection.parameters.iter().map(|(name, value)| (&**name, &**value)).collect(),
        attachment: attachment.as_ref().map(|value| Preview::within(value, MAX_TEXT, MAX_BINARY)),
        auto_response: connection
            .auto_response()
            .map(|pair| (Preview::guess(&pair.request), Preview::guess(&pair.response))),
    }
}

/// Closes a connection as its handler could.
pub(super) fn close(server: &Server, request: &[u8]) -> Result<Response<Body>, ErrorResponse> {
    let bad = |line: &str| error_response(StatusCode::BAD_REQUEST, line);
    let CloseRequest { id, code, reason } = serde_json::from_slice(request)
        .map_err(|error| bad(&format!("the request cannot be read: {error}")))?;
    if !close_code::may_be_sent(code) {
        return Err(bad(&format!(
            "the code {code} may not be sent; use 1000 to 1003, 1007 to 1014 or 3000 to 4999"
        )));
    }
    if reason.len() > close_code::MAX_REASON_BYTES {
        let max = close_code::MAX_REASON_BYTES;
        return Err(bad(&format!("the reason is over {max} bytes")));
    }
    let connection = server
        .hub
        .find(ConnectionId::from_number(id))
        .ok_or_else(|| error_response(StatusCode::NOT_FOUND, "this connection has closed"))?;
    connection.outbox.close(Close::new(code, reason));
    connection.outbox.flush();
    Ok(text(StatusCode::OK, "closing\n"))
}
