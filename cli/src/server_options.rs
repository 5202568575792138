//! The options of a server, which `zigttp run` and `zigttp dev` share: a flag, an environment variable and
//! a default each.
//!
//! An option is declared once, in one of the groups below. Its variable is made from its name
//! ([`variables`](crate::variables)), its default is the library's, and README's table is printed from it.

mod connections;
mod durability;
mod events;
mod http;
mod outside;
mod recording;
mod streams;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use zigttp_runtime::{Config, Grants, Settings, Spans};

use self::connections::Connections;
use self::durability::Durability;
use self::events::Events;
use self::http::Http;
use self::outside::Outside;
use self::recording::Recording;
use self::streams::Streams;
use crate::defaults::DEFAULTS;
use crate::grant_options::GrantOptions;
use crate::values::within;

/// The heading of `--help` for options about replacing the handler.
pub(crate) const SWAPPING: &str = "Swapping the handler";

/// Options of the server, grouped as `--help` shows them.
#[derive(Args)]
pub struct ServerOptions {
    /// Bring the old handler back if N of a new one's first 100 events fail
    #[arg(long, env, value_name = "N", value_parser = |text: &str| within(text, 1..=100), help_heading = SWAPPING)]
    rollback_after: Option<u32>,

    #[command(flatten)]
    durability: Durability,

    #[command(flatten)]
    events: Events,

    #[command(flatten)]
    connections: Connections,

    #[command(flatten)]
    http: Http,

    /// Read by whoever starts the server, because a file may be among them.
    #[command(flatten)]
    pub grants: GrantOptions,

    #[command(flatten)]
    outside: Outside,

    #[command(flatten)]
    streams: Streams,

    #[command(flatten)]
    recording: Recording,
}

impl ServerOptions {
    /// The library's form of them.
    pub fn into_config(self, cache_dir: Option<PathBuf>) -> Config {
        let ServerOptions {
            rollback_after,
            durability,
            events,
            connections,
            http,
            outside,
            streams,
            recording,
            grants: _,
        } = self;
        Config {
            settings: Settings::default(),
            durable: durability.durable,
            fsync: durability.fsync.0,
            resume: durability.resume,
            resume_window: durability.resume_window.0,
            resume_probe_timeout: durability.resume_probe_timeout.0,
            max_leftovers: durability.max_leftovers,
            max_leftover_bytes: durability.max_leftover_bytes.map(|size| size.0),
            max_value_size: durability.max_value_size.0,
            max_room_state: durability.max_room_state.0,
            max_event_writes: events.max_event_writes,
            max_event_write_bytes: events.max_event_write_bytes.0,
            max_state: durability.max_state.map(|size| size.0),
            state_cache: durability.state_cache.0,
            store_max_bytes: durability.store_max_bytes.map(|size| size.0),
            store_min_free: durability.store_min_free.0,
            hold_signals: durability.hold_signals,
            wake_parked: durability.wake_parked,
            attachment_ttl: durability.attachment_ttl.0,
            cache_dir,
            max_message_size: connections.max_message_size.0,
            max_partial_bytes: connections.max_partial_bytes.0,
            message_timeout: connections.message_timeout.0,
            max_url: http.max_url.0,
            max_body_size: http.max_body_size.0,
            max_attachment_size: events.max_attachment_size.0,
            compression: connections.compression.0,
            compression_min_size: connections.compression_min_size.0,
            compression_level: connections.compression_level,
            max_queue: connections.max_queue.0,
            max_joins: connections.max_joins,
            slow_consumer_timeout: connections.slow_consumer_timeout.0,
            max_connections: connections.max_connections,
            max_transports: http.max_transports,
            allowed_origins: connections.allowed_origin,
            loopback_only: false,
            inspector: None,
            handshake_rate: connections.handshake_rate,
            message_rate: connections.message_rate,
            max_events: events.max_events.unwrap_or(DEFAULTS.max_events),
            memory_limit: events.memory_limit.0,
            max_event_memory: events.max_event_memory.0,
            cpu_limit: events.cpu_limit.0,
            crypto_limit: events.crypto_limit.0,
            turn_timeout: events.turn_timeout.0,
            max_turn_waits: events.max_turn_waits,
            room_queue: events.room_queue,
            room_queue_bytes: events.room_queue_bytes.0,
            room_signal_rate: events.room_signal_rate,
            max_room_signals: events.max_room_signals,
            max_room_timers: events.max_room_timers,
            grants: Grants::default(),
            fetch_proxy: outside.fetch_proxy,
            fetch_timeout: outside.fetch_timeout.0,
            max_fetch_response: outside.max_fetch_response.0,
            max_fetches: outside.max_fetches,
            max_host_fetches: outside.max_host_fetches,
            max_room_fetches: outside.max_room_fetches,
            max_event_fetches: outside.max_event_fetches,
            max_waiting_events: outside.max_waiting_events,
            max_waiting_bytes: outside.max_waiting_bytes.0,
            streams: streams.into_limits(),
            on_error: events.on_error.0,
            isolation: events.isolation.0,
            verify_restore: events.verify_restore,
            ping_interval: connections.ping_interval.0,
            pong_timeout: connections.pong_timeout.0,
            dormant_after: connections.dormant_after.0,
            max_response_bytes: http.max_response_bytes.0,
            header_timeout: http.header_timeout.0,
            http_idle_timeout: http.http_idle_timeout.0,
            body_timeout: http.body_timeout.0,
            handler_log_rate: events.handler_log_rate,
            record: recording.into_options(),
            shadow: None,
            spans: Spans::default(),
            dropped_log_lines: Arc::default(),
            close_timeout: connections.close_timeout.0,
            drain_timeout: connections.drain_timeout.0,
            rollback_after: rollback_after.and_then(NonZeroU32::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        server: ServerOptions,
    }

    /// Includes defaults that the help gives in words. Parsing a default gives the library's value.
    #[test]
    fn the_defaults_of_the_flags_are_those_of_the_library() {
        let Program { server } = Program::parse_from(["zigttp"]);
        assert_eq!(format!("{:?}", server.into_config(None)), format!("{:?}", Config::default()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(DEFAULTS.max_events, 64 * cores, "as the help says");
    }
}
