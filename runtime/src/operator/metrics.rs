//! `/metrics`: the counters, and a scan of every connection, in Prometheus's text format.
//!
//! No label comes from a room, a path or an id: clients must not be able to create time series.

mod fetches;
mod page;
mod recording;
mod state;

use std::sync::atomic::Ordering;

use zigttp_rooms::connection::State;
use zigttp_rooms::counters::Counters;
use zigttp_rooms::histogram::Histogram;
use zigttp_rooms::leftovers::Leftovers;
use zigttp_rooms::transport::Transport;
use zigttp_sandbox::event::EventKind;
use zigttp_sandbox::failure::FailureKind;

use crate::operator::allocated;
use crate::operator::metrics::page::Page;
use crate::server::Server;
use crate::server::counters::{HandshakeResult, Unanswered};

/// The media type of the text format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The totals over all connections.
#[derive(Default)]
struct ConnectionTotals {
    live: usize,
    parked: usize,
    dormant: usize,
    event_streams: usize,
    queued_bytes: usize,
    attachments: usize,
    attachment_bytes: usize,
}

impl ConnectionTotals {
    fn of(server: &Server) -> ConnectionTotals {
        let mut totals = ConnectionTotals::default();
        for connection in server.hub.all() {
            match connection.state() {
                State::Live | State::Waiting => totals.live += 1,
                State::Parked => totals.parked += 1,
                State::Dormant => totals.dormant += 1,
            }
            totals.event_streams += usize::from(connection.transport == Transport::Events);
            totals.queued_bytes += connection.outbox.waiting_bytes();
            if let Some(bytes) = connection.attachment_bytes() {
                totals.attachments += 1;
                totals.attachment_bytes += bytes;
            }
        }
        totals
    }
}

/// Prints all metrics. Takes about a tenth of a microsecond for each connection.
pub(crate) fn print(server: &Server) -> String {
    let mut page = Page::default();
    gauges(&mut page, server);
    state::states(&mut page, server);
    state::signals(&mut page, server);
    state::streams(&mut page, server);
    fetches::fetches(&mut page, server);
    fetches::spans(&mut page, server);
    recording::recording(&mut page, server);
    recording::shadow(&mut page, server);
    counts(&mut page, server);
    log_lines(&mut page, server);
    durations(&mut page, &server.hub.counters, &server.hub.rooms.queues().waits);
    page.text
}

fn gauges(page: &mut Page, server: &Server) {
    let totals = ConnectionTotals::of(server);
    let [leftovers, most_leftovers] =
        server.hub.leftovers.as_ref().map_or([(0, 0); 2], Leftovers::sizes);
    page.family("zigttp_connections", "gauge", "Open connections, by state");
    for (state, count) in [
        (State::Live, totals.live),
        (State::Parked, totals.parked),
        (State::Dormant, totals.dormant),
    ] {
        page.sample("zigttp_connections", &[("state", state.name())], count);
    }
    let queues = server.hub.rooms.queues();
    let running = server.config.max_events.saturating_sub(server.dispatcher.slots.free());
    for (name, help, value) in [
        (
            "zigttp_connections_limit",
            "Most connections (--max-connections)",
            server.config.max_connections,
        ),
        (
            "zigttp_event_streams",
            "Open connections that are streams of server-sent events",
            totals.event_streams,
        ),
        (
            "zigttp_transports",
            "Transports that speak HTTP",
            server.config.max_transports.saturating_sub(server.transports.available_permits()),
        ),
        (
            "zigttp_transports_limit",
            "Most transports that speak HTTP (--max-transports)",
            server.config.max_transports,
        ),
        (
            "zigttp_rooms",
            "Rooms that have a member, or an event that waits or runs",
            server.rooms(),
        ),
        (
            "zigttp_joined_rooms",
            "Rooms that connections have joined besides their own, each of each connection (--max-joins)",
            server.hub.joins.load(Ordering::Relaxed),
        ),
        (
            "zigttp_waiting_events",
            "Events that wait for the outside, which hold no turn (--max-waiting-events)",
            server.hub.waiting.get(),
        ),
        (
            "zigttp_waiting_bytes",
            "Bytes of their inputs and answers (--max-waiting-bytes)",
            server.dispatcher.wait_limits.bytes.held(),
        ),
        (
            "zigttp_queue_bytes",
            "Bytes of frames that wait to be written, as --max-queue counts them",
            totals.queued_bytes,
        ),
        (
            "zigttp_partial_bytes",
            "Bytes that messages under way hold, as --max-partial-bytes counts them",
            server.partial.held(),
        ),
        (
            "zigttp_partial_bytes_limit",
            "Most bytes of messages under way (--max-partial-bytes)",
            server.config.max_partial_bytes,
        ),
        ("zigttp_leftovers", "Attachments that wait to be resumed", leftovers.0),
        (
            "zigttp_leftovers_limit",
            "Most attachments that wait to be resumed (--max-leftovers)",
            most_leftovers.0,
        ),
        (
            "zigttp_leftover_bytes",
            "Bytes of the files of attachments that wait to be resumed, in blocks of 4 KiB",
            leftovers.1,
        ),
        (
            "zigttp_leftover_bytes_limit",
            "Most bytes of the files of attachments that wait to be resumed (--max-leftover-bytes)",
            most_leftovers.1,
        ),
        ("zigttp_attachments", "Connections that have an attachment", totals.attachments),
        (
            "zigttp_attachment_bytes",
            "Bytes of the attachments of connections",
            totals.attachment_bytes,
        ),
        ("zigttp_events_running", "Events that run or are about to start", running),
        (
            "zigttp_events_limit",
            "Most events that run at the same time (--max-events)",
            server.config.max_events,
        ),
        (
            "zigttp_event_memory_bytes",
            "Bytes that events hold together, as --max-event-memory counts them",
            server.hub.limits.event_memory.held(),
        ),
        (
            "zigttp_event_memory_limit",
            "Most bytes that events hold together (--max-event-memory)",
            server.config.max_event_memory,
        ),
        (
            "zigttp_room_queue_events",
            "Events that wait for the turn of their room (--room-queue is the limit of one room)",
            queues.events.get(),
        ),
        (
            "zigttp_room_queue_bytes",
            "Bytes of messages and bodies that wait for the turn of their room (--room-queue-bytes is the limit of one room)",
            queues.bytes.get(),
        ),
        (
            "zigttp_unread_connections",
            "Connections that are not read because their room is over --room-queue or --room-queue-bytes",
            queues.unread.get(),
        ),
        ("zigttp_paused_rooms", "Rooms that an operator has paused", server.hub.pauses.count()),
        (
            "zigttp_request_bodies",
            "Request bodies that are held",
            server.config.max_bodies().saturating_sub(server.bodies.available_permits()),
        ),
        (
            "zigttp_request_bodies_limit",
            "Most request bodies that are held (four for each of --max-events)",
            server.config.max_bodies(),
        ),
        (
            "zigttp_expected_bytes",
            "Bytes of requests that wait for the first byte of their body (at most 64 MiB)",
            server.expected.held_bytes(),
        ),
        (
            "zigttp_response_bytes",
            "Bytes of responses that clients have not taken yet, as --max-response-bytes counts them",
            server.responses.held_bytes(),
        ),
        (
            "zigttp_response_bytes_limit",
            "Most bytes of responses that clients have not taken yet (--max-response-bytes)",
            server.config.max_response_bytes,
        ),
        (
            "zigttp_allocated_bytes",
            "Bytes of memory in use, without free memory that the allocator keeps (glibc; elsewhere 0)",
            allocated::bytes(),
        ),
        ("zigttp_draining", "Whether the server is stopping", usize::from(server.is_draining())),
        (
            "zigttp_signals_held",
            "Whether no signal and no timer is delivered until an operator releases them (--hold-signals)",
            usize::from(server.hub.signals_hold.is_held()),
        ),
        (
            "zigttp_store_failing",
            "Whether the durable folder cannot be written, or its disk or database is full",
            usize::from(server.hub.states.storage.problem().is_some()),
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value);
    }
}

fn counts(page: &mut Page, server: &Server) {
    let (counters, http) = (&server.hub.counters, &server.counters);
    page.counters(
        "zigttp_event_failures_total",
        "Events that failed and had no effect, by reason",
        "kind",
        FailureKind::ALL.map(FailureKind::name).into_iter().zip(&counters.failures),
    );
    page.counters(
        "zigttp_handshakes_total",
        "Requests for a WebSocket, by result",
        "result",
        HandshakeResult::ALL.map(HandshakeResult::name).into_iter().zip(&http.handshakes),
    );
    page.counters(
        "zigttp_http_unanswered_total",
        "HTTP requests that got no response from the handler, by reason",
        "reason",
        Unanswered::ALL.map(Unanswered::name).into_iter().zip(&http.unanswered),
    );
    for (name, help, counter) in [
        (
            "received_bytes",
            "Bytes of payload received, after decompression",
            &counters.received_bytes,
        ),
        (
            "received_compressed_bytes",
            "Bytes of compressed payload received, as on the wire",
            &counters.received_compressed_bytes,
        ),
        ("sent_frames", "Frames queued for connections", &counters.sent_frames),
        (
            "sent_bytes",
            "Bytes of payload queued for connections, before compression",
            &counters.sent_bytes,
        ),
        (
            "sent_compressed_bytes",
            "Bytes of compressed payload queued for connections, as on the wire",
            &counters.sent_compressed_bytes,
        ),
        ("auto_responses", "Messages that got an auto-response", &counters.auto_responses),
        ("attachment_reads", "Attachments read by handlers", &counters.attachment_reads),
        ("attachment_writes", "Attachments written by handlers", &counters.attachment_writes),
        (
            "state_reads",
            "Reads of the state of rooms by handlers (zigttp:storage and zigttp:memory)",
            &counters.state_reads,
        ),
        ("state_writes", "Keys of the state of rooms written by handlers", &counters.state_writes),
        (
            "filling_rooms",
            "Events with which the state of a room has grown beyond 80 % of --max-room-state",
            &counters.filling_rooms,
        ),
        (
            "delayed_signals",
            "Signals that waited because their room was over --room-signal-rate",
            &counters.delayed_signals,
        ),
        (
            "retried_signals",
            "Signals that have failed and are tried again",
            &counters.retried_signals,
        ),
        (
            "parked_signals",
            "Signals that have failed too often and were parked",
            &counters.parked_signals,
        ),
        ("event_reruns", "Runs of events that have waited for the outside", &counters.reruns),
        (
            "refused_waits",
            "Events that could not wait for the outside (--max-waiting-events, --max-waiting-bytes)",
            &counters.refused_waits,
        ),
        (
            "repeated_fetches",
            "Requests that events made again because their content had changed while they waited",
            &counters.repeated_requests,
        ),
        (
            "refused_frames",
            "Frames refused because the queue was over --max-queue",
            &counters.refused_frames,
        ),
        (
            "dropped_volatile_frames",
            "Volatile frames dropped because older ones waited in the queue",
            &counters.dropped_volatile,
        ),
        (
            "refused_turns",
            "Upgrades and requests refused because their room had no turn for them in time (--turn-timeout, --max-turn-waits)",
            &counters.refused_turns,
        ),
        (
            "rooms_over_queue",
            "Times that so much waited in a room that it was not read (--room-queue, --room-queue-bytes)",
            &server.hub.rooms.queues().over,
        ),
        (
            "slow_consumers",
            "Connections closed because their queue stayed over --max-queue",
            &counters.slow_consumers,
        ),
        (
            "fast_senders",
            "Connections closed because they were over --message-rate",
            &counters.fast_senders,
        ),
        (
            "oversized_messages",
            "Connections closed because a message was over --max-message-size",
            &counters.oversized_messages,
        ),
        (
            "refused_messages",
            "Connections closed because their message did not fit in --max-partial-bytes",
            &counters.refused_messages,
        ),
        (
            "late_messages",
            "Connections closed because a message took longer than --message-timeout",
            &counters.late_messages,
        ),
        (
            "protocol_violations",
            "Connections closed because the client broke the protocol",
            &counters.protocol_violations,
        ),
        (
            "dead_peers",
            "Connections dropped because the client did not answer a ping",
            &counters.dead_peers,
        ),
        (
            "attachments_pruned",
            "Attachment files removed after --attachment-ttl",
            &counters.attachments_pruned,
        ),
        ("resumed", "Connections that resumed an attachment", &counters.resumed),
        (
            "evicted_leftovers",
            "Attachments removed because those that wait to be resumed were over a limit",
            &counters.evicted_leftovers,
        ),
        (
            "forged_tokens",
            "Resume tokens ignored because this server has not signed them",
            &counters.forged_tokens,
        ),
        (
            "restored_bytes",
            "Bytes of memory that restoring has copied back after events",
            &counters.restored_bytes,
        ),
        (
            "restore_mismatches",
            "Restored sandboxes that differed from their artifact, which is a bug",
            &counters.restore_mismatches,
        ),
        (
            "accept_failures",
            "Failures to accept a transport, for lack of descriptors or memory",
            &http.accept_failures,
        ),
        (
            "refused_transports",
            "Transports closed because there were too many (--max-transports)",
            &http.refused_transports,
        ),
        (
            "idle_transports",
            "Transports closed because they were idle (--header-timeout, --http-idle-timeout)",
            &http.idle_transports,
        ),
        (
            "given_up_responses",
            "Responses given up because they made no progress for too long",
            &http.given_up_responses,
        ),
        (
            "dropped_admin_transports",
            "Transports of the admin listener and the control socket that were closed for a new one",
            &http.dropped_admin_transports,
        ),
        ("panics", "Connections and requests that a bug in the server ended", &counters.panics),
        ("swaps", "Handlers that have replaced another", &counters.swaps),
        (
            "rollbacks",
            "New handlers that the one before has replaced again (--rollback-after)",
            &counters.rollbacks,
        ),
    ] {
        let name = format!("zigttp_{name}_total");
        page.family(&name, "counter", help);
        page.sample(&name, &[], counter.get());
    }
}

fn log_lines(page: &mut Page, server: &Server) {
    let name = "zigttp_dropped_log_lines_total";
    page.family(name, "counter", "Dropped lines of the log, by reason");
    let dropped = &server.config.dropped_log_lines;
    for (reason, count) in [
        ("handler_log_rate", server.hub.counters.dropped_log_lines.get()),
        ("repeated", dropped.repeated.load(Ordering::Relaxed)),
        ("unwritten", dropped.unwritten.load(Ordering::Relaxed)),
    ] {
        page.sample(name, &[("reason", reason)], count);
    }
}

fn durations(page: &mut Page, counters: &Counters, turn_waits: &Histogram) {
    let name = "zigttp_event_duration_seconds";
    page.family(name, "histogram", "Time of an event, from taking an instance to the commit");
    for (kind, histogram) in EventKind::ALL.into_iter().zip(&counters.events) {
        page.histogram(name, &[("event", kind.name())], histogram);
    }
    for (name, help, histogram) in [
        (
            "zigttp_turn_wait_seconds",
            "Time that events, requests, upgrades and signals waited for the turn of their room; those that did not wait are in the first bucket",
            turn_waits,
        ),
        ("zigttp_instantiate_seconds", "Time to make a new instance", &counters.instantiations),
        (
            "zigttp_restore_seconds",
            "Time to restore an instance after an event, measured for one event in 64",
            &counters.restores,
        ),
        (
            "zigttp_state_commit_seconds",
            "Time that an event which stores something waits until that is as safe as --fsync says",
            &counters.commits,
        ),
        (
            "zigttp_crypto_seconds",
            "Time of long computations of crypto.subtle (--crypto-limit), without the time that they wait for a processor",
            &counters.computations,
        ),
    ] {
        page.family(name, "histogram", help);
        page.histogram(name, &[], histogram);
    }
}
