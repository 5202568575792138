//! The streams of a server, for the control socket.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zigttp_store::state::streams::StreamState;

use crate::server::Server;

/// A stream as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamSummary {
    pub id: u64,
    pub room: String,
    pub name: String,
    /// `waiting`, `open`, or `cancelled` until its room has been told.
    pub state: String,
    /// When the event was that has made it, in milliseconds since 1970.
    pub opened: u64,
    /// What is known of one whose request was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestSummary>,
}

/// The request of a stream, and how far its response has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestSummary {
    pub method: String,
    /// Without its query.
    pub url: String,
    /// Since the request, in milliseconds.
    pub age: u64,
    /// Once the response has begun.
    pub status: Option<u16>,
    /// Bytes of the body that were read.
    pub bytes: usize,
    /// Pieces that the room has taken.
    pub pieces: usize,
}

/// All streams, or those of a room, in the order in which they were made.
pub(super) fn list(server: &Server, of_room: Option<&str>) -> Vec<StreamSummary> {
    let hub = &server.hub;
    let listed = hub.states.storage.list_streams().into_iter();
    let wanted = listed.filter(|(stream, _)| of_room.is_none_or(|room| *stream.room == *room));
    let summaries = wanted.map(|(stream, state)| StreamSummary {
        id: stream.id,
        room: stream.room.to_string(),
        name: stream.name.to_string(),
        state: match state {
            StreamState::Waiting => "waiting",
            StreamState::Open => "open",
            StreamState::Cancelled => "cancelled",
        }
        .to_owned(),
        opened: stream.opened,
        request: hub.open_streams.progress(stream.id).map(|progress| RequestSummary {
            method: progress.method.clone(),
            url: progress.url.clone(),
            age: millis(hub.clock.now().saturating_duration_since(progress.since)),
            status: progress.status(),
            bytes: progress.bytes(),
            pieces: progress.pieces(),
        }),
    });
    summaries.collect()
}

/// Cancels a stream. Returns it as it was; `None` if there is none of this name that is not cancelled.
///
/// # Errors
/// When that cannot be stored.
pub(super) async fn cancel(
    server: &Server,
    room: &str,
    name: &str,
) -> Result<Option<StreamSummary>, String> {
    let mut streams = list(server, Some(room));
    streams.retain(|stream| stream.name == name && stream.state != "cancelled");
    let Some(stream) = streams.pop() else { return Ok(None) };
    let cancelled = server.hub.states.storage.cancel_stream(stream.id).await;
    cancelled.map_err(|error| error.to_string())?;
    tracing::info!(room, stream = name, "an operator has cancelled this stream");
    Ok(Some(stream))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
