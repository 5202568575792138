//! One room: what its state takes, some of its keys, its timers and its signals.
//!
//! It need not have a connection. It is read as it was last committed, beside its events: no turn is waited for, and
//! a room that is not in memory does not come there.

use std::ops::Bound;
use std::sync::Arc;

use hyper::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use zigttp_abi::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};
use zigttp_abi::state::{Entry, KeyRange, ListLimits};
use zigttp_rooms::observer::Preview;
use zigttp_sandbox::state::Space;
use zigttp_store::state::room_contents::{ContentsQuery, RoomContents, SignalList};
use zigttp_store::state::signals::Signal;

use super::http::{ErrorResponse, MAX_BINARY, MAX_TEXT, error_response};
use crate::server::Server;

/// Most keys of a space that are listed at once, and most bytes of them and their values.
const KEYS: ListLimits = ListLimits { entries: 50, bytes: 256 << 10 };

/// Most signals of each list, and most bytes of the data of each that are shown.
const SIGNALS: usize = 50;
const MAX_DATA: usize = 1 << 10;

/// Which room is asked about, and which of its keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RoomQuery {
    room: String,
    /// Only keys that begin with this.
    prefix: String,
    /// Only keys behind this one, in each space.
    after: [Option<String>; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomDetails<'a> {
    room: &'a str,
    /// The present time, in milliseconds since 1970 like all times here.
    now: u64,
    members: usize,
    /// Most bytes of each space.
    limit: u64,
    storage: SpaceDetails<'a>,
    memory: SpaceDetails<'a>,
    timers: Signals<'a>,
    /// Signals of rooms that wait for this room.
    waiting: Signals<'a>,
    /// Those that have failed too often.
    parked: Signals<'a>,
    /// False if others may wait that were not looked at.
    is_complete: bool,
    /// The number of the signal or timer that an event handles.
    running: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpaceDetails<'a> {
    keys: u64,
    bytes: u64,
    entries: Vec<KeyDetails<'a>>,
    has_more: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyDetails<'a> {
    key: &'a str,
    kind: &'static str,
    value: Preview,
    expires: Option<u64>,
}

#[derive(Serialize)]
struct Signals<'a> {
    count: usize,
    first: Vec<SignalDetails<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignalDetails<'a> {
    /// A text, because scripts cannot hold it as a number.
    id: String,
    name: &'a str,
    is_timer: bool,
    from: Option<&'a str>,
    scheduled: u64,
    due: u64,
    period: Option<u64>,
    /// Attempts that have failed.
    attempts: u32,
    data: Option<Preview>,
    on_fail: Option<&'a str>,
}

impl RoomQuery {
    /// Parses `name=<room>`, and if given `prefix=`, `after=` and `memory-after=`.
    pub(super) fn parse(query: &str) -> Result<RoomQuery, ErrorResponse> {
        let bad = |line: &str| error_response(StatusCode::BAD_REQUEST, line);
        let mut parsed = RoomQuery::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Forms write a space as a plus.
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8();
            let value = value.map_err(|_| bad("a text of the query is not UTF-8"))?.into_owned();
            let is_short =
                value.len() <= if name == "name" { MAX_ROOM_BYTES } else { MAX_KEY_BYTES };
            if !is_short {
                return Err(bad("a room has at most 1,024 bytes, and a key 512"));
            }
            match name {
                "name" => parsed.room = value,
                "prefix" => parsed.prefix = value,
                "after" => parsed.after[Space::Storage as usize] = Some(value),
                "memory-after" => parsed.after[Space::Memory as usize] = Some(value),
                _ => return Err(bad("only name, prefix, after and memory-after are supported")),
            }
        }
        if parsed.room.is_empty() {
            return Err(bad("a room is needed: name=<room>"));
        }
        Ok(parsed)
    }

    fn of(&self, space: Space) -> ContentsQuery {
        let prefix: Box<str> = self.prefix.as_str().into();
        let start = match &self.after[space as usize] {
            Some(after) if **after >= *prefix => Bound::Excluded(after.as_str().into()),
            _ => Bound::Included(prefix),
        };
        let keys = KeyRange { start, end: Bound::Unbounded, reverse: false };
        ContentsQuery { keys, limits: KEYS, signals: SIGNALS }
    }
}

/// The details of a room as JSON. One without state has none.
pub(super) async fn show(server: &Server, query: &RoomQuery) -> Result<String, ErrorResponse> {
    let hub = &server.hub;
    let now = hub.clock.unix_millis();
    let read = async |space| {
        let states = hub.states.of(space);
        let contents = states.contents(&query.room, query.of(space), now).await;
        contents.map_err(|error| {
            tracing::warn!(room = query.room, %error, "the inspector cannot read a room");
            error_response(StatusCode::SERVICE_UNAVAILABLE, &format!("cannot read it: {error}"))
        })
    };
    let (storage, memory) = (read(Space::Storage).await?, read(Space::Memory).await?);
    let members = hub.rooms.get(&query.room).map_or(0, |room| room.members().ids().count());
    let details = RoomDetails {
        room: &query.room,
        now,
        members,
        limit: hub.limits.state.max_room_bytes,
        storage: SpaceDetails::of(&storage, &query.prefix),
        memory: SpaceDetails::of(&memory, &query.prefix),
        timers: Signals::of(&storage.timers),
        waiting: Signals::of(&storage.waiting),
        parked: Signals::of(&storage.parked),
        is_complete: storage.is_complete,
        running: storage.taken.map(|id| id.to_string()),
    };
    Ok(serde_json::to_string(&details).expect("text and numbers always serialise"))
}

impl<'a> SpaceDetails<'a> {
    fn of(contents: &'a RoomContents, prefix: &str) -> SpaceDetails<'a> {
        let mut listed = &contents.entries[..];
        let bytes = |(key, entry): &(Box<str>, Entry)| key.len() + entry.value.bytes().len();
        let is_over =
            listed.len() > KEYS.entries || listed.iter().map(bytes).sum::<usize>() > KEYS.bytes;
        // The last is one too many, unless it is alone.
        if is_over && listed.len() > 1 {
            listed = &listed[..listed.len() - 1];
        }
        let has_prefix = listed.partition_point(|(key, _)| key.starts_with(prefix));
        let entries = listed[..has_prefix].iter().map(|(key, entry)| KeyDetails {
            key,
            kind: entry.value.kind().name(),
            value: Preview::within(&entry.value, MAX_TEXT, MAX_BINARY),
            expires: entry.expires,
        });
        SpaceDetails {
            keys: contents.usage.keys,
            bytes: contents.usage.bytes,
            entries: entries.collect(),
            has_more: is_over && has_prefix == listed.len(),
        }
    }
}

impl<'a> Signals<'a> {
    fn of(list: &'a SignalList) -> Signals<'a> {
        let details = |signal: &'a Arc<Signal>| SignalDetails {
            id: signal.id.to_string(),
            name: &signal.name,
            is_timer: signal.is_timer,
            from: signal.sender.as_deref(),
            scheduled: signal.scheduled,
            due: signal.due,
            period: signal.period,
            attempts: signal.attempt,
            data: signal.data.as_ref().map(|data| Preview::within(data, MAX_DATA, MAX_DATA / 8)),
            on_fail: signal.on_fail.as_deref(),
        };
        Signals { count: list.count, first: list.first.iter().map(details).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_room_and_a_part_of_its_keys() {
        let parsed = RoomQuery::parse("name=%2Froom%2Fa%2520b+c&prefix=log%2F&after=log%2F1").ok();
        let parsed = parsed.expect("it is a query");
        assert_eq!((&*parsed.room, &*parsed.prefix), ("/room/a%20b c", "log/"));
        assert_eq!(parsed.after, [Some("log/1".to_owned()), None]);
        let start = |query: &str, space| {
            let query = format!("name=/a&{query}");
            RoomQuery::parse(&query).ok().map(|query| query.of(space).keys.start)
        };
        let (included, excluded) = (
            |key: &str| Some(Bound::<Box<str>>::Included(key.into())),
            |key: &str| Some(Bound::<Box<str>>::Excluded(key.into())),
        );
        assert_eq!(start("", Space::Storage), included(""));
        assert_eq!(start("prefix=b&after=a", Space::Storage), included("b"));
        assert_eq!(start("prefix=b&after=b1", Space::Storage), excluded("b1"));
        assert_eq!(start("prefix=b&after=b1", Space::Memory), included("b"));
        assert_eq!(start("memory-after=x", Space::Memory), excluded("x"));
        for bad in ["", "name=", "prefix=a", "name=/a&other=1", "name=%ff"] {
            assert!(RoomQuery::parse(bad).is_err(), "{bad}");
        }
        assert!(RoomQuery::parse(&format!("name={}", "x".repeat(1024))).is_ok());
        assert!(RoomQuery::parse(&format!("name={}", "x".repeat(1025))).is_err());
        assert!(RoomQuery::parse(&format!("name=/a&prefix={}", "x".repeat(513))).is_err());
    }
}
