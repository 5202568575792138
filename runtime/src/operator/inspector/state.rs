//! What the page requests repeatedly: the connections, and the events since its last request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{sleep, timeout};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::manifest::Schedule;
use zigttp_abi::route::Route;
use zigttp_abi::schedule::Cron;
use zigttp_rooms::connection_list::{self, ConnectionSummary};
use zigttp_rooms::histogram::Distribution;
use zigttp_rooms::observer::{EventRecord, NewEvents};
use zigttp_rooms::own_thread::on_own_thread;

use crate::server::Server;
use crate::server::inspector::Inspector;

/// How long a request waits at most for an event.
const WAIT: Duration = Duration::from_secs(1);
/// How long further events are gathered after the first.
const GATHERING: Duration = Duration::from_millis(100);
/// Most connections that are listed.
const MAX_CONNECTIONS: usize = 500;
/// Before every id.
const FIRST: ConnectionId = ConnectionId::from_number(0);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State<'a> {
    version: &'static str,
    /// The present time in milliseconds, on the clock of the events.
    now: u64,
    handler: Handler<'a>,
    /// The number of the last build; 0 if there was none.
    build: u64,
    connections: Connections,
    counts: Totals,
    latency: Latency,
    events: Vec<EventRecord>,
    /// Events since the last request that are not kept any more.
    missed: u64,
    /// The `after` of the next request.
    last: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Handler<'a> {
    routes: Option<&'a [Route]>,
    effects: &'a BTreeMap<String, Vec<String>>,
    source_hash: &'a str,
    schedules: Vec<NextRun<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    total: usize,
    rooms: usize,
    /// The oldest, in the order of their ids.
    listed: Vec<ConnectionSummary>,
}

/// A schedule, and when it is due next, in milliseconds since 1970.
#[derive(Serialize)]
struct NextRun<'a> {
    #[serde(flatten)]
    schedule: &'a Schedule,
    next: Option<u64>,
}

/// Counts since the server was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    events: u64,
    failures: u64,
    auto_responses: u64,
    sent_frames: u64,
    swaps: u64,
}

/// How long events took, since the server was made.
#[derive(Serialize)]
struct Latency {
    /// In microseconds.
    bounds: Vec<f64>,
    /// How many events took no longer than each bound, and then the number of all.
    counts: Vec<u64>,
}

/// The state with the events after the one of this number; waits a moment for one. Without a number it
/// returns at once, with all events that are kept.
pub(super) async fn look(
    server: &Arc<Server>,
    inspector: &Inspector,
    after: Option<u64>,
) -> String {
    let observer = server.dispatcher.observer.as_ref().expect("an inspector has one");
    if let Some(after) = after
        && !server.is_draining()
    {
        // Events are recorded while this waits.
        observer.events_after(after, Instant::now());
        if timeout(WAIT, observer.added(after)).await.is_ok() {
            sleep(GATHERING).await;
        }
    }
    let now = Instant::now();
    let NewEvents { records, missed, last } = observer.events_after(after.unwrap_or(0), now);
    let listed = Arc::clone(server);
    // On a thread of its own, as there may be many connections.
    let connections = on_own_thread(move || list(&listed, now)).await;
    let counters = &server.hub.counters;
    let counts = counters.counts();
    let handler = server.handler();
    let app = &handler.app;
    let unix_now = server.hub.clock.unix_millis();
    let state = State {
        version: env!("CARGO_PKG_VERSION"),
        now: observer.milliseconds(now),
        handler: Handler {
            routes: app.manifest.routes.as_deref(),
            effects: &app.manifest.effects,
            source_hash: &app.manifest.source_hash,
            schedules: app.manifest.schedules.iter().map(|it| next_run(it, unix_now)).collect(),
        },
        build: inspector.builds.last_number(),
        // If no thread can be started, on this one.
        connections: connections.unwrap_or_else(|_| list(server, now)),
        counts: Totals {
            events: counts.events,
            failures: counts.failures,
            auto_responses: counts.auto_responses,
            sent_frames: counters.sent_frames.get(),
            swaps: counts.swaps,
        },
        latency: latency(counters.events.iter().map(|histogram| histogram.distribution())),
        events: records,
        missed: if after.is_some() { missed } else { 0 },
        last,
    };
    serde_json::to_string(&state).expect("text and numbers always serialise")
}

fn next_run(schedule: &Schedule, now: u64) -> NextRun<'_> {
    let next = Cron::parse(&schedule.cron).ok().and_then(|cron| cron.next_after(now));
    NextRun { schedule, next }
}

fn list(server: &Server, now: Instant) -> Connections {
    let page = connection_list::page(&server.hub, FIRST, MAX_CONNECTIONS, now);
    Connections { total: server.hub.count(), rooms: server.rooms(), listed: page.connections }
}

/// The latency of all kinds of events together.
fn latency(kinds: impl Iterator<Item = Distribution>) -> Latency {
    let mut latency = Latency { bounds: Vec::new(), counts: Vec::new() };
    for Distribution { buckets, count, .. } in kinds {
        latency.bounds = buckets.iter().map(|(bound, _)| bound * 1e6).collect();
        latency.counts.resize(buckets.len() + 1, 0);
        let counts = buckets.iter().map(|(_, count)| *count).chain([count]);
        for (sum, count) in latency.counts.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    latency
}
