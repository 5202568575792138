//! The rooms that use most and the rooms that are paused, for the admin listener and the control socket.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zigttp_abi::number;
use zigttp_rooms::own_thread::on_own_thread;
use zigttp_rooms::room_list::{self, RoomOrder, RoomSummary, Sample};

use crate::server::Server;

/// How many rooms a page has if the query does not say.
const DEFAULT_LIMIT: usize = 100;
/// Most rooms of a page.
const MAX_LIMIT: usize = 1000;
/// For how long use is measured if the query does not say, and the longest time.
const DEFAULT_SECONDS: u64 = 1;
const MAX_SECONDS: u64 = 30;

/// Which rooms are asked for: `?sort=cpu&limit=100&seconds=1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsQuery {
    pub sort: RoomOrder,
    pub limit: usize,
    /// For how long use is measured; the response comes after this time.
    pub seconds: u64,
}

impl Default for RoomsQuery {
    fn default() -> RoomsQuery {
        RoomsQuery { sort: RoomOrder::default(), limit: DEFAULT_LIMIT, seconds: DEFAULT_SECONDS }
    }
}

/// The rooms that have used most.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomsPage {
    /// For how long use was measured.
    pub seconds: f64,
    /// Rooms that have a connection or an event.
    pub all_rooms: usize,
    pub paused_rooms: usize,
    pub rooms: Vec<RoomSummary>,
}

impl RoomsQuery {
    pub(super) fn parse(query: &str) -> Result<RoomsQuery, String> {
        let mut parsed = RoomsQuery::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = || number::parse(value).ok_or_else(|| format!("{name} is not a number"));
            match name {
                "sort" => {
                    let order = RoomOrder::ALL.into_iter().find(|order| order.name() == value);
                    parsed.sort = order.ok_or("sort is cpu, wait, bytes, signals or events")?;
                }
                "limit" => parsed.limit = usize::try_from(number()?).unwrap_or(usize::MAX),
                "seconds" => parsed.seconds = number()?,
                _ => return Err("only sort, limit and seconds are supported".to_owned()),
            }
        }
        parsed.check()?;
        Ok(parsed)
    }

    /// # Errors
    /// When it asks for too much or nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return Err(format!("limit is not between 1 and {MAX_LIMIT}"));
        }
        if !(1..=MAX_SECONDS).contains(&self.seconds) {
            return Err(format!("seconds is not between 1 and {MAX_SECONDS}"));
        }
        Ok(())
    }
}

/// Measures for as long as the query says. Rooms are scanned on a thread of its own: the threads that serve connections
/// do not wait for it.
///
/// # Errors
/// When no thread can be started.
pub(super) async fn measure(server: &Arc<Server>, query: RoomsQuery) -> io::Result<RoomsPage> {
    let _permit = server.room_measures.acquire().await.map_err(io::Error::other)?;
    let began = Instant::now();
    let hub = Arc::clone(&server.hub);
    let before = on_own_thread(move || Sample::take(&hub)).await?;
    tokio::time::sleep(Duration::from_secs(query.seconds)).await;
    let hub = Arc::clone(&server.hub);
    on_own_thread(move || RoomsPage {
        seconds: began.elapsed().as_secs_f64(),
        all_rooms: hub.rooms.count(),
        paused_rooms: hub.pauses.count(),
        rooms: room_list::top(&hub, &before, query.sort, query.limit),
    })
    .await
}

/// Pauses a room. Returns it as it is then, and whether it was paused before.
///
/// # Errors
/// When it cannot be paused, with the reason.
pub(super) async fn pause(server: &Server, room: &str) -> Result<(RoomSummary, bool), String> {
    let paused = server.hub.pauses.pause(&server.hub.rooms, room).await;
    let (found, is_new) = paused.map_err(|error| error.to_string())?;
    if is_new {
        tracing::warn!(room, "an operator has paused this room");
    }
    Ok((room_list::idle(&found), !is_new))
}

/// Ends a pause.
///
/// # Errors
/// When the room is not paused.
pub(super) fn resume(server: &Server, room: &str) -> Result<RoomSummary, String> {
    let found = server.hub.pauses.resume(&server.hub.rooms, room);
    let found = found.ok_or_else(|| format!("room {room:?} is not paused"))?;
    tracing::info!(room, "an operator has ended the pause of this room");
    Ok(room_list::idle(&found))
}

/// The paused rooms, in the order of their names.
pub(super) fn paused(server: &Server) -> Vec<RoomSummary> {
    server.hub.pauses.all().iter().map(room_list::idle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_an_order_a_number_of_rooms_and_a_time() {
        assert_eq!(RoomsQuery::parse(""), Ok(RoomsQuery::default()));
        let expected = RoomsQuery { sort: RoomOrder::Wait, limit: 5, seconds: 30 };
        assert_eq!(RoomsQuery::parse("sort=wait&limit=5&seconds=30"), Ok(expected));
        for bad in [
            "sort=memory",
            "sort",
            "limit=0",
            "limit=1001",
            "limit=x",
            "seconds=0",
            "seconds=31",
            "seconds=1s",
            "by=cpu",
        ] {
            assert!(RoomsQuery::parse(bad).is_err(), "{bad}");
        }
    }
}
