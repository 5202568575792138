//! Every limit and interval of a server, with its default.

pub(crate) mod dropped_log_lines;
pub(crate) mod inspector;
pub(crate) mod recording;
pub(crate) mod spans;
pub(crate) mod token;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use zigttp_outbound::grants::Grants;
use zigttp_outbound::options::Options;
use zigttp_outbound::proxy::Proxy;
use zigttp_rooms::limits::OnError;
use zigttp_rooms::settings::Settings;
use zigttp_rooms::streams::limits::StreamLimits;
use zigttp_rooms::turn_queues::QueueLimits;
use zigttp_sandbox::limits::{Isolation, Limits};
use zigttp_store::fsync::Fsync;
use zigttp_store::state::limits::StateLimits;

use crate::config::dropped_log_lines::DroppedLogLines;
use crate::config::inspector::{InspectorAccess, InspectorOptions};
use crate::config::recording::{RecordOptions, ShadowArtifact};
use crate::config::spans::Spans;
use crate::gate::origin::OriginError;

/// Options of one server. The defaults are those of `zigttp run`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that keeps attachments across restarts; `None`: they are kept in memory only.
    pub durable: Option<PathBuf>,
    /// What attachments in the durable folder survive.
    pub fsync: Fsync,
    /// Whether a browser that comes back to the same URL gets the attachment it has left there.
    pub resume: bool,
    /// How long a dropped connection can be resumed; after a restart of the server it is 24 hours.
    pub resume_window: Duration,
    /// How long a connection that looks open has to answer a ping when its browser wants to resume it.
    pub resume_probe_timeout: Duration,
    /// Most attachments that wait to be resumed after dropped connections, crashes and restarts; over this
    /// limit the oldest is removed. `None`: as many as `max_connections`.
    pub max_leftovers: Option<usize>,
    /// Most bytes that the files of such attachments take, each in blocks of 4 KiB; over this limit the
    /// oldest is removed. `None`: room for the largest attachment of each.
    pub max_leftover_bytes: Option<usize>,
    /// Delivers no signal and no timer until an operator releases them.
    pub hold_signals: bool,
    /// Tries parked signals once more at the start.
    pub wake_parked: bool,
    /// How long an attachment is kept that no connection has any more.
    pub attachment_ttl: Duration,
    /// Largest value in bytes that a room stores under a key; a larger one is a RangeError in the handler.
    pub max_value_size: usize,
    /// Bytes that one room stores; more is a RangeError in the handler.
    pub max_room_state: usize,
    /// Keys that one event changes; more is a RangeError in the handler.
    pub max_event_writes: usize,
    /// Bytes of keys and values that one event stores; more is a RangeError in the handler.
    pub max_event_write_bytes: usize,
    /// Bytes that all rooms store together. An event that would exceed this fails; what only deletes does
    /// not. `None`: 16 GiB in a durable folder, 1 GiB in memory.
    pub max_state: Option<usize>,
    /// Bytes of rooms that are held in memory, in front of a durable folder.
    pub state_cache: usize,
    /// Bytes of the database of a durable folder. `None`: as much as there is.
    pub store_max_bytes: Option<usize>,
    /// Bytes that must stay free on the disk of a durable folder for events to store anything.
    pub store_min_free: usize,
    /// What the handler reads with `env`.
    pub settings: Settings,
    /// The folder where compiled modules are cached. Every user who can write there can run code as the
    /// server.
    pub cache_dir: Option<PathBuf>,
    /// Largest message in bytes, after decompression; a larger one closes its connection with 1009.
    pub max_message_size: usize,
    /// Bytes of all messages under way together: not complete yet, or over 64 KiB and waiting for their
    /// event. A connection whose message does not fit is closed with 1013. An eighth is kept for messages
    /// that hold 8 KiB at most.
    pub max_partial_bytes: usize,
    /// How long a message may take from its first byte to its last; then its connection is closed with
    /// 1008.
    pub message_timeout: Duration,
    /// Whether messages are compressed for clients that offer it (permessage-deflate).
    pub compression: bool,
    /// Smallest message that is compressed, in bytes.
    pub compression_min_size: usize,
    /// How hard messages are compressed, from 1 (fast) to 9 (small).
    pub compression_level: u32,
    /// Most messages a second from one connection, and most in a burst; more close it with 1008. `None`:
    /// no limit.
    pub message_rate: Option<NonZeroU32>,
    /// Longest path with its query in bytes, of requests and upgrades; a longer one gets 414.
    pub max_url: usize,
    /// Largest body of a request in bytes; a larger one gets 413.
    pub max_body_size: usize,
    /// Largest attachment in bytes; a larger one is a RangeError in the handler.
    pub max_attachment_size: usize,
    /// Bytes that may wait to be written to one connection: frames as on the wire, and 128 bytes more for
    /// each. While the queue is below this limit, it accepts one frame of any size.
    pub max_queue: usize,
    /// Most rooms that a connection may join, at most 1,000: their names are in its attachment file.
    pub max_joins: u32,
    /// How long a queue may stay over `max_queue` before its connection is closed with 1008.
    pub slow_consumer_timeout: Duration,
    /// Most open connections; a further upgrade gets 503.
    pub max_connections: usize,
    /// Most transports (TCP connections) that speak HTTP or are about to; a further one is closed at once.
    pub max_transports: usize,
    /// Origins of web pages that may connect, besides the server's own: `https://app.example.com`,
    /// `https://*.example.com` for all names with one label or more before `example.com`, or `*` for every
    /// origin.
    pub allowed_origins: Vec<String>,
    /// Accepts only requests that name this machine by a loopback name or address, and pages of such an
    /// origin, on any port: for development, where pages of other sites must not reach the server.
    pub loopback_only: bool,
    /// The page at `/__zigttp` that shows what the server does. `None`: there is no such page.
    pub inspector: Option<InspectorOptions>,
    /// Most handshakes a second from one address, and most in a burst; a further one gets 429. `None`: no
    /// limit.
    pub handshake_rate: Option<NonZeroU32>,
    /// Most events that run at the same time. At this limit connections are not read and HTTP requests get
    /// 503; HTTP gets half of it at most. Each event reserves some 9 GiB of address space; where there is
    /// less, fewer run.
    pub max_events: usize,
    /// Memory of one event in bytes: its sandbox, and all that the host holds for it.
    pub memory_limit: usize,
    /// Bytes of memory of all running events together, beyond what their sandboxes start with: what they
    /// grow by, and the effects that they collect. 64 KiB of each event do not count. An event that does
    /// not fit fails.
    pub max_event_memory: usize,
    /// CPU time of one event. The time it waits for its turn does not count.
    pub cpu_limit: Duration,
    /// CPU time of an event's long computations, which are done outside of its turn. Beyond it they are an
    /// OperationError in the handler.
    pub crypto_limit: Duration,
    /// How long an upgrade or a request waits for its room's turn before it gets 503.
    pub turn_timeout: Duration,
    /// Most signals a second of one room, and most in a burst; more of them wait.
    pub room_signal_rate: NonZeroU32,
    /// Signals that a room has sent and that wait. An event that would exceed this fails.
    pub max_room_signals: usize,
    /// Timers of a room; more is a RangeError in the handler.
    pub max_room_timers: usize,
    /// What streams may take.
    pub streams: StreamLimits,
    /// Upgrades and requests that may wait for the turn of one room; more get 503 at once.
    pub max_turn_waits: usize,
    /// Events that may wait for the turn of one room. At this limit its sockets are not read, and upgrades and requests
    /// get 503, until no more than half of them wait.
    pub room_queue: usize,
    /// The same of the bytes of messages and bodies that wait for the turn of one room.
    pub room_queue_bytes: usize,
    /// Hosts that handlers may call.
    pub grants: Grants,
    /// The proxy that all requests of handlers go through. It resolves names, so the addresses of names are
    /// not checked.
    pub fetch_proxy: Option<Proxy>,
    /// How long a request of a handler may take, from being asked for to the last byte of its answer.
    pub fetch_timeout: Duration,
    /// Largest body of an answer to a handler's request in bytes, once decoded; a larger one is an error in
    /// the handler.
    pub max_fetch_response: usize,
    /// Requests of handlers that are under way at a time; more wait, within their time.
    pub max_fetches: usize,
    /// The same to one host.
    pub max_host_fetches: usize,
    /// The same of one room.
    pub max_room_fetches: usize,
    /// Requests that one event makes, over all its runs, with its waits for timers. More is a TypeError in the handler.
    pub max_event_fetches: usize,
    /// Events that wait for the outside. What does not fit is a TypeError in the handler.
    pub max_waiting_events: usize,
    /// Bytes that their inputs and answers take together.
    pub max_waiting_bytes: usize,
    /// What happens to a connection when one of its events throws.
    pub on_error: OnError,
    /// A connection that was silent for this long is pinged.
    pub ping_interval: Duration,
    /// A connection that stays silent for this long after a ping is dropped (1006).
    pub pong_timeout: Duration,
    /// A connection that has had no event for this long becomes dormant and frees its buffers. Control
    /// frames do not count.
    pub dormant_after: Duration,
    /// How an event gets a fresh sandbox.
    pub isolation: Isolation,
    /// Compares the whole sandbox with the artifact's image after every Nth event that restored one.
    /// `None`: never.
    pub verify_restore: Option<NonZeroU32>,
    /// Bytes of all responses together that clients have not taken yet. Over this limit, responses that
    /// made no progress for `slow_consumer_timeout` are given up; if that is not enough, a new response is
    /// 503.
    pub max_response_bytes: usize,
    /// How long a client may take to send a request's head; then its transport is closed.
    pub header_timeout: Duration,
    /// How long a transport may send no request, or a response make no progress; then the transport is
    /// closed. Over HTTP/2 only the response is given up.
    pub http_idle_timeout: Duration,
    /// How long a client may take to send a request's body; then it gets 408.
    pub body_timeout: Duration,
    /// Most log lines a second, and in a burst, from the handler's `console` and failures; more are dropped
    /// and counted.
    pub handler_log_rate: NonZeroU32,
    /// Records events on disk. `None`: it does not.
    pub record: Option<RecordOptions>,
    /// Another artifact, on which events run as well, without any effect. `None`: there is none.
    pub shadow: Option<ShadowArtifact>,
    /// Records traces of events, their requests and their commits.
    pub spans: Spans,
    /// Lines that the program's log has dropped, for `/metrics`.
    pub dropped_log_lines: Arc<DroppedLogLines>,
    /// How long a closing handshake may take; then the connection is dropped.
    pub close_timeout: Duration,
    /// How long connections may take to close when the server stops.
    pub drain_timeout: Duration,
    /// Brings the old handler back if this many of a new one's first 100 events fail. `None`: never.
    pub rollback_after: Option<NonZeroU32>,
}

/// Options that contradict each other, named by their flags: the fields of [`Config`] have the same names.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The memory of an event is too small for its own message.
    #[error(
        "--memory-limit is {limit} bytes, less than four times the largest message, body or answer, {message} \
         (--max-message-size, --max-body-size, --max-fetch-response)"
    )]
    MemoryLimit { limit: usize, message: usize },
    /// Not even one message would fit.
    #[error(
        "--max-partial-bytes is {partial} bytes, less than four times --max-message-size, {message}"
    )]
    PartialBytes { partial: usize, message: usize },
    /// One event may hold more than all events together.
    #[error("--max-event-memory is {all} bytes, less than --memory-limit, {one}")]
    EventMemory { all: usize, one: usize },
    /// Even small responses would be 503.
    #[error(
        "--max-response-bytes is {0}, less than {MIN_RESPONSE_BYTES}: hardly any response would fit"
    )]
    ResponseBytes(usize),
    /// A limit of 0 would refuse everything.
    #[error("{0} is 0; it must be at least 1")]
    Zero(&'static str),
    #[error("--resume needs a durable folder (--durable)")]
    ResumeInMemory,
    /// What is in memory has no parked signals at the start, and no operator could release held ones.
    #[error("{0} needs a durable folder (--durable)")]
    SignalsInMemory(&'static str),
    #[error(
        "--resume cannot be combined with --allowed-origin '*': name the origins that may connect"
    )]
    ResumeForAnyOrigin,
    #[error("an inspector without a token needs a server that accepts this machine only")]
    OpenInspector,
    #[error("--compression-level must be from 1 to 9")]
    CompressionLevel,
    /// A text that was given as an allowed origin is not an origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

/// Requests whose bodies may be held at a time, for each event that may run: so slow clients do not keep
/// others out, and memory is limited.
const BODIES_PER_EVENT: usize = 4;

/// With a lower limit for all responses together, even small ones would be 503.
const MIN_RESPONSE_BYTES: usize = 64 << 10;

impl Config {
    /// The limits of the sandbox.
    pub(crate) fn sandbox_limits(&self) -> Limits {
        Limits {
            max_events: self.max_events,
            memory: self.memory_limit,
            cpu: self.cpu_limit,
            isolation: self.isolation,
            verify_restore: self.verify_restore,
            cache_dir: self.cache_dir.clone(),
        }
    }

    /// What rooms may store, in a durable folder and in memory.
    pub(crate) fn state_limits(&self) -> [StateLimits; 2] {
        let limits = [StateLimits::of_database(), StateLimits::of_memory()];
        limits.map(|default| StateLimits {
            room_bytes: self.max_room_state as u64,
            room_signals: self.max_room_signals as u64,
            streams: self.streams.max_stored() as u64,
            all_bytes: self.max_state.map_or(default.all_bytes, |bytes| bytes as u64),
            live_bytes: self.state_cache as u64,
            file_bytes: self.store_max_bytes.map(|bytes| bytes as u64),
            free_bytes: self.store_min_free as u64,
            reads: default.reads,
        })
    }

    /// What the requests of handlers may take.
    pub(crate) fn outbound_options(&self) -> Options {
        Options {
            max_requests: self.max_fetches,
            max_host_requests: self.max_host_fetches,
            max_group_requests: self.max_room_fetches,
            timeout: self.fetch_timeout,
            max_response: self.max_fetch_response,
            proxy: self.fetch_proxy.clone(),
            ..Options::default()
        }
    }

    /// What may wait for the turn of one room.
    pub(crate) fn queue_limits(&self) -> QueueLimits {
        QueueLimits { events: self.room_queue, bytes: self.room_queue_bytes }
    }

    /// Attachments that may wait to be resumed. The default is enough for a crash of a full server.
    pub(crate) fn max_leftovers(&self) -> usize {
        self.max_leftovers.unwrap_or(self.max_connections)
    }

    /// Bytes of their files.
    pub(crate) fn max_leftover_bytes(&self) -> u64 {
        // The header, and the unused part of the last block.
        const HEADER_BYTES: u64 = 2 * 4096;
        let largest = self.max_attachment_size as u64 + HEADER_BYTES;
        match self.max_leftover_bytes {
            Some(bytes) => bytes as u64,
            None => largest.saturating_mul(self.max_leftovers() as u64),
        }
    }

    /// Requests whose bodies may be held at a time.
    pub(crate) fn max_bodies(&self) -> usize {
        self.max_events.saturating_mul(BODIES_PER_EVENT).min(Semaphore::MAX_PERMITS)
    }

    /// Checks what the types of the fields cannot.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let message = self.max_message_size.max(self.max_body_size).max(self.max_fetch_response);
        // A message is in memory as it was received, as a JavaScript string (two bytes for each
        // character, if one is beyond Latin-1), and once more when the handler sends it on.
        if self.memory_limit / 4 < message {
            return Err(ConfigError::MemoryLimit { limit: self.memory_limit, message });
        }
        // A message that is being inflated takes its compressed bytes, and its inflated ones in memory
        // that grows by doubling.
        if self.max_partial_bytes / 4 < self.max_message_size {
            let (partial, message) = (self.max_partial_bytes, self.max_message_size);
            return Err(ConfigError::PartialBytes { partial, message });
        }
        if self.max_event_memory < self.memory_limit {
            let (all, one) = (self.max_event_memory, self.memory_limit);
            return Err(ConfigError::EventMemory { all, one });
        }
        if self.max_response_bytes < MIN_RESPONSE_BYTES {
            return Err(ConfigError::ResponseBytes(self.max_response_bytes));
        }
        for (flag, value) in [
            ("--max-attachment-size", self.max_attachment_size),
            ("--max-events", self.max_events),
            ("--max-value-size", self.max_value_size),
            ("--max-event-writes", self.max_event_writes),
            ("--max-room-signals", self.max_room_signals),
            ("--max-room-timers", self.max_room_timers),
            ("--max-fetches", self.max_fetches),
            ("--max-host-fetches", self.max_host_fetches),
            ("--max-room-fetches", self.max_room_fetches),
            ("--max-streams", self.streams.max_open),
            ("--max-room-streams", self.streams.max_of_room),
            ("--max-stream-request", self.streams.max_request),
            ("--max-stream-bytes", self.streams.max_bytes),
            ("--stream-buffer", self.streams.buffer),
            ("--max-queue", self.max_queue),
            ("--room-queue", self.room_queue),
            ("--room-queue-bytes", self.room_queue_bytes),
            ("--max-transports", self.max_transports),
            ("--max-url", self.max_url),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(flag));
            }
        }
        for (flag, is_set) in
            [("--hold-signals", self.hold_signals), ("--wake-parked", self.wake_parked)]
        {
            if is_set && self.durable.is_none() {
                return Err(ConfigError::SignalsInMemory(flag));
            }
        }
        if self.resume && self.durable.is_none() {
            return Err(ConfigError::ResumeInMemory);
        }
        if self.resume && self.allowed_origins.iter().any(|origin| origin == "*") {
            return Err(ConfigError::ResumeForAnyOrigin);
        }
        let is_open =
            |inspector: &InspectorOptions| matches!(inspector.access, InspectorAccess::ThisMachine);
        if self.inspector.as_ref().is_some_and(is_open) && !self.loopback_only {
            return Err(ConfigError::OpenInspector);
        }
        if !(1..=9).contains(&self.compression_level) {
            return Err(ConfigError::CompressionLevel);
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Config {
            settings: Settings::default(),
            durable: None,
            fsync: Fsync::Never,
            resume: false,
            resume_window: Duration::from_secs(2 * 60),
            resume_probe_timeout: Duration::from_secs(1),
            hold_signals: false,
            wake_parked: false,
            max_leftovers: None,
            max_leftover_bytes: None,
            attachment_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            max_value_size: 128 << 10,
            max_room_state: 64 << 20,
            max_event_writes: 1_000,
            max_event_write_bytes: 4 << 20,
            max_state: None,
            state_cache: 256 << 20,
            store_max_bytes: None,
            store_min_free: 64 << 20,
            cache_dir: None,
            max_message_size: 1 << 20,
            max_partial_bytes: 256 << 20,
            message_timeout: Duration::from_secs(60),
            compression: true,
            // A smaller message fits one packet anyway.
            compression_min_size: 1 << 10,
            // A kilobyte of JSON took 7 us and became 44 %; at level 6 it took 21 us and became
            // 34 % (measured).
            compression_level: 1,
            message_rate: None,
            max_url: 8 << 10,
            max_body_size: 1 << 20,
            max_attachment_size: 64 << 10,
            max_queue: 1 << 20,
            max_joins: 100,
            slow_consumer_timeout: Duration::from_secs(5),
            max_connections: 100_000,
            max_transports: 10_000,
            allowed_origins: Vec::new(),
            loopback_only: false,
            inspector: None,
            handshake_rate: None,
            max_events: 64 * cores,
            memory_limit: 32 << 20,
            max_event_memory: 512 << 20,
            turn_timeout: Duration::from_secs(5),
            max_turn_waits: 256,
            room_queue: QueueLimits::default().events,
            room_queue_bytes: QueueLimits::default().bytes,
            room_signal_rate: NonZeroU32::new(1000).expect("it is not zero"),
            max_room_signals: 10_000,
            max_room_timers: 1_000,
            max_event_fetches: 8,
            max_waiting_events: 1_000,
            max_waiting_bytes: 256 << 20,
            streams: StreamLimits::default(),
            cpu_limit: Duration::from_millis(50),
            grants: Grants::default(),
            fetch_proxy: None,
            fetch_timeout: Duration::from_secs(60),
            max_fetch_response: 1 << 20,
            max_fetches: 256,
            max_host_fetches: 64,
            max_room_fetches: 16,
            crypto_limit: Duration::from_secs(1),
            on_error: OnError::Keep,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            dormant_after: Duration::from_secs(60),
            isolation: Isolation::Restore,
            verify_restore: None,
            max_response_bytes: 256 << 20,
            header_timeout: Duration::from_secs(10),
            http_idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            handler_log_rate: NonZeroU32::new(1000).expect("it is not zero"),
            record: None,
            shadow: None,
            spans: Spans::default(),
            dropped_log_lines: Arc::default(),
            close_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(10),
            rollback_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inspector_without_a_token_needs_a_server_for_this_machine_only() {
        let inspector = InspectorOptions { access: InspectorAccess::ThisMachine, max_events: 1 };
        let open = Config { inspector: Some(inspector), ..Config::default() };
        assert!(open.check() == Err(ConfigError::OpenInspector));
        assert_eq!(Config { loopback_only: true, ..open }.check(), Ok(()));
    }
}
