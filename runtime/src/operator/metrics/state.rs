//! The states of rooms, their signals and timers, and their streams.

use zigttp_sandbox::state::Space;
use zigttp_sandbox::stream::StreamError;
use zigttp_store::state::totals::Totals;

use crate::operator::metrics::page::Page;
use crate::server::Server;

/// What the states of rooms take, and the work of the thread that stores them.
pub(super) fn states(page: &mut Page, server: &Server) {
    let spaces = [Space::Storage, Space::Memory].map(|space| {
        let name = match space {
            Space::Storage => "storage",
            Space::Memory => "memory",
        };
        (name, server.hub.states.of(space).totals())
    });
    for (name, help, value) in [
        (
            "zigttp_state_rooms",
            "Rooms that have state, by module",
            (|totals| totals.rooms) as fn(&Totals) -> u64,
        ),
        (
            "zigttp_state_bytes",
            "Bytes that rooms store, by module, as --max-state counts them",
            |it| it.bytes,
        ),
        ("zigttp_live_rooms", "Rooms whose state is in memory, by module", |it| it.live_rooms),
        (
            "zigttp_live_room_bytes",
            "Bytes of rooms whose state is in memory, by module, as --state-cache counts them",
            |it| it.live_bytes,
        ),
        ("zigttp_state_log_bytes", "Bytes of the database's write-ahead log, by module", |it| {
            it.log_bytes
        }),
    ] {
        page.family(name, "gauge", help);
        for (space, totals) in &spaces {
            page.sample(name, &[("module", space)], value(totals));
        }
    }
    for (name, help, value) in [
        (
            "zigttp_state_commits_total",
            "Events whose state was stored, by module",
            (|totals| totals.commits) as fn(&Totals) -> u64,
        ),
        (
            "zigttp_state_groups_total",
            "Groups of events whose state was stored together, by module",
            |it| it.groups,
        ),
        (
            "zigttp_state_failures_total",
            "Events whose state could not be stored, by module",
            |it| it.failures,
        ),
        (
            "zigttp_state_expired_total",
            "Values removed after their time to live, by module",
            |it| it.expired,
        ),
        ("zigttp_state_loads_total", "Rooms that were read into memory, by module", |it| it.loads),
        ("zigttp_state_evictions_total", "Rooms that had to leave memory, by module", |it| {
            it.evictions
        }),
    ] {
        page.family(name, "counter", help);
        for (space, totals) in &spaces {
            page.sample(name, &[("module", space)], value(totals));
        }
    }
}

pub(super) fn signals(page: &mut Page, server: &Server) {
    let storage = &server.hub.states.storage;
    let totals = storage.signal_totals();
    let waiting = totals.stored.saturating_sub(totals.taken + totals.parked);
    let name = "zigttp_signals";
    page.family(
        name,
        "gauge",
        "Signals and timers that are stored: they wait, run, or have failed too often",
    );
    for (state, count) in
        [("waiting", waiting), ("running", totals.taken), ("parked", totals.parked)]
    {
        page.sample(name, &[("state", state)], count);
    }
    let late = totals.first_due.map_or(0, |due| server.hub.clock.unix_millis().saturating_sub(due));
    let name = "zigttp_signals_late_seconds";
    page.family(name, "gauge", "How late the first signal or timer is that waits to run");
    page.sample(name, &[], late as f64 / 1e3);
}

pub(super) fn streams(page: &mut Page, server: &Server) {
    let hub = &server.hub;
    let (open, oldest) = hub.open_streams.totals();
    let stored = hub.states.storage.stream_counts("").1;
    let name = "zigttp_streams";
    page.family(name, "gauge", "Streams that have not ended: they are open, or wait");
    for (state, count) in [("open", open), ("waiting", stored.saturating_sub(open))] {
        page.sample(name, &[("state", state)], count);
    }
    let age = oldest.map_or(0.0, |since| (hub.clock.now() - since).as_secs_f64());
    let name = "zigttp_streams_oldest_seconds";
    page.family(name, "gauge", "Age of the oldest stream that is open");
    page.sample(name, &[], age);
    let counters = &hub.counters;
    for (name, help, counter) in [
        (
            "zigttp_streams_started_total",
            "Streams whose request was made",
            &counters.started_streams,
        ),
        (
            "zigttp_stream_bytes_total",
            "Bytes of the bodies of streams that were read",
            &counters.stream_bytes,
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], counter.get());
    }
    let name = "zigttp_streams_ended_total";
    page.family(name, "counter", "Streams that have ended, by the error that their room was told");
    page.sample(name, &[("error", "none")], counters.ended_streams.get());
    for (error, counter) in StreamError::ALL.into_iter().zip(&counters.failed_streams) {
        page.sample(name, &[("error", error.name())], counter.get());
    }
}
