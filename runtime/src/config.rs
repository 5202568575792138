//! Every bound and interval of a server, with its default.

pub(crate) mod dropped_log_lines;
pub(crate) mod inspector;
pub(crate) mod token;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use zigttp_rooms::limits::OnError;
use zigttp_sandbox::limits::{Isolation, Limits};
use zigttp_store::fsync::Fsync;

use crate::config::dropped_log_lines::DroppedLogLines;

use crate::config::inspector::{InspectorAccess, InspectorOptions};
use crate::gate::origin::OriginError;

/// Options of one server. The defaults are those of `zigttp run`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where attachments are kept across restarts; in memory alone without it.
    pub durable: Option<PathBuf>,
    /// What attachments in the durable folder survive.
    pub fsync: Fsync,
    /// Whether a browser that comes back to the same URL is given the attachment it has left.
    pub resume: bool,
    /// How long what a dropped link has left may be resumed; after a restart it is 24 hours.
    pub resume_window: Duration,
    /// How long a connection that looks live has to answer when its browser wants to resume it.
    pub resume_probe_timeout: Duration,
    /// Attachments that clients have left, by dropped links, crashes and restarts, and that wait for them
    /// where connections are resumed. Beyond them the oldest is removed. As many as connections without it.
    pub max_leftovers: Option<usize>,
    /// Bytes of their files, each in whole blocks of 4 KiB. Without it, as many as the largest attachments
    /// of so many leftovers take.
    pub max_leftover_bytes: Option<usize>,
    /// How long an attachment is kept that no connection has any more.
    pub attachment_ttl: Duration,
    /// Where compiled modules are cached. Whoever can write there can run code.
    pub cache_dir: Option<PathBuf>,
    /// Largest message, in bytes, after reassembly; a larger one closes with 1009.
    pub max_message_size: usize,
    /// Bytes that all messages together may hold that have begun to come and are not whole, or are large
    /// and wait for their event; a connection whose message does not fit is closed with 1013. An eighth is
    /// kept for messages that hold 8 KiB at most.
    pub max_partial_bytes: usize,
    /// How long a message may take from its first byte to its last; then its connection is closed with
    /// 1008.
    pub message_timeout: Duration,
    /// Whether messages are compressed for clients that offer it (permessage-deflate).
    pub compression: bool,
    /// Messages below this are not compressed.
    pub compression_min_size: usize,
    /// How hard messages are compressed, from 1 (fast) to 9 (small).
    pub compression_level: u32,
    /// Messages of one connection in a second, and at once; one that sends more is closed with 1008.
    /// As many as it likes without it.
    pub message_rate: Option<NonZeroU32>,
    /// Longest path and query of a request, upgrades included; a longer one is answered 414.
    pub max_url: usize,
    /// Largest HTTP request body in bytes; a larger one is answered 413.
    pub max_body_size: usize,
    /// Largest attachment in bytes.
    pub max_attachment_size: usize,
    /// Bytes that may wait to be written to one connection: frames as they are on the wire, and 128
    /// bytes for each. One frame of any size is taken while the queue is below it.
    pub max_queue: usize,
    /// How long a connection's queue may stay over its bound before it is closed with 1008.
    pub slow_consumer_timeout: Duration,
    /// Open connections; an upgrade beyond them is answered 503.
    pub max_connections: usize,
    /// Transports that speak HTTP, and are no WebSocket yet or never will be; more are closed at once.
    pub max_transports: usize,
    /// Origins of web pages that may connect, besides the server's own: `https://app.example.com`,
    /// `https://*.example.com` for all names of one label or more under one, or `*` for any.
    pub allowed_origins: Vec<String>,
    /// Answers only requests that name this machine by a loopback name or address, and pages of such an
    /// origin, on any port: for development, where no foreign page is to reach in.
    pub loopback_only: bool,
    /// The page at `/__zigttp` that shows what the server does. There is none without it.
    pub inspector: Option<InspectorOptions>,
    /// Handshakes of one address in a second, and at once; more are answered 429. As many as it likes
    /// without it.
    pub handshake_rate: Option<NonZeroU32>,
    /// Events that may run at the same time. Beyond them connections are not read, and HTTP requests,
    /// which get half of them at most, are answered 503. Each reserves some 9 GiB of address space; where
    /// there is less, fewer run.
    pub max_events: usize,
    /// Linear memory of one event plus all that the host holds for it, in bytes.
    pub memory_limit: usize,
    /// Bytes that all events that run together may hold beyond the memory that their sandboxes begin with:
    /// what they grow by, and the effects they collect. Of each event, 64 KiB are free. An event for
    /// which there is no more fails.
    pub max_event_memory: usize,
    /// CPU time of one event: its own slices, not the time it waits for a turn.
    pub cpu_limit: Duration,
    /// What becomes of a connection whose event threw.
    pub on_error: OnError,
    /// A connection that was silent for this long is pinged.
    pub ping_interval: Duration,
    /// A pinged connection that stays silent for this long is dropped (1006).
    pub pong_timeout: Duration,
    /// A connection without an event for this long is dormant and gives up its buffers. Control
    /// frames do not count.
    pub dormant_after: Duration,
    /// How an event gets a fresh sandbox.
    pub isolation: Isolation,
    /// Compares the whole sandbox with the artifact's image after every so many events that were
    /// restored. Never without it.
    pub verify_restore: Option<NonZeroU32>,
    /// Bytes of all responses together that clients have not taken whole yet. One that does not fit takes
    /// the place of those whose clients have taken nothing for `slow_consumer_timeout`, or is 503.
    pub max_response_bytes: usize,
    /// How long a client may take to send its request head.
    pub header_timeout: Duration,
    /// How long a transport that has sent a request may ask nothing more; then it is dropped. And how long
    /// a client may take nothing of a response; then that is given up.
    pub http_idle_timeout: Duration,
    /// How long a client may take to send a request's body; then it is answered 408.
    pub body_timeout: Duration,
    /// Lines a second, and at once, that the handler's `console` and its failures may cause in the log;
    /// more are dropped and counted.
    pub handler_log_rate: NonZeroU32,
    /// What whoever writes the log has dropped of it, for `/metrics` to show.
    pub dropped_log_lines: Arc<DroppedLogLines>,
    /// How long a closing handshake may take before the transport is dropped.
    pub close_timeout: Duration,
    /// How long connections may take to close when the server shuts down.
    pub drain_timeout: Duration,
    /// So many failures among the first 100 events of an artifact that has replaced another bring
    /// the old one back. Never without it.
    pub rollback_after: Option<NonZeroU32>,
}

/// Options that do not fit each other, named by their flags: fields have the same names.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An event could not hold its own message.
    #[error(
        "--memory-limit is {limit} bytes, less than four times the largest message or body, {message} \
         (--max-message-size, --max-body-size)"
    )]
    MemoryLimit { limit: usize, message: usize },
    /// Not even one message under way would fit.
    #[error(
        "--max-partial-bytes is {partial} bytes, less than four times --max-message-size, {message}"
    )]
    PartialBytes { partial: usize, message: usize },
    /// One event may hold more than all.
    #[error("--max-event-memory is {all} bytes, less than --memory-limit, {one}")]
    EventMemory { all: usize, one: usize },
    /// Even small responses would be 503.
    #[error(
        "--max-response-bytes is {0}, less than {MIN_RESPONSE_BYTES}: hardly a response would fit"
    )]
    ResponseBytes(usize),
    /// A bound that lets nothing through.
    #[error("{0} is 0: the least is 1")]
    Zero(&'static str),
    #[error("--resume needs a durable folder (--durable)")]
    ResumeInMemory,
    #[error(
        "--resume does not go with pages of any origin (--allowed-origin '*'): name the origins that may \
         connect"
    )]
    ResumeForAnyOrigin,
    #[error("an inspector without a token is for a server that answers this machine alone")]
    OpenInspector,
    #[error("--compression-level is from 1 to 9")]
    CompressionLevel,
    /// An allowed origin is none.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

/// Requests whose bodies are read or held at a time, for each event that may run: clients that send
/// slowly do not keep others out, and memory is bounded.
const BODIES_PER_EVENT: usize = 4;

/// With less for all responses together, even small ones would be 503.
const MIN_RESPONSE_BYTES: usize = 64 << 10;

impl Config {
    /// The bounds of the sandbox.
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

    /// Attachments that may wait for their clients. A crash of a full server loses none.
    pub(crate) fn max_leftovers(&self) -> usize {
        self.max_leftovers.unwrap_or(self.max_connections)
    }

    /// Bytes of their files.
    pub(crate) fn max_leftover_bytes(&self) -> u64 {
        // And what is left of its last block.
        const HEADER_BYTES: u64 = 2 * 4096;
        let largest = self.max_attachment_size as u64 + HEADER_BYTES;
        match self.max_leftover_bytes {
            Some(bytes) => bytes as u64,
            None => largest.saturating_mul(self.max_leftovers() as u64),
        }
    }

    /// Requests whose bodies are read or held at a time.
    pub(crate) fn max_bodies(&self) -> usize {
        self.max_events.saturating_mul(BODIES_PER_EVENT).min(Semaphore::MAX_PERMITS)
    }

    /// Checks what the type cannot.
    ///
    /// # Errors
    /// When options do not fit each other.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let message = self.max_message_size.max(self.max_body_size);
        // A message is in memory as it came, as a JavaScript string (two bytes a character, if
        // one is beyond Latin-1), and once more when the handler sends it on.
        if self.memory_limit / 4 < message {
            return Err(ConfigError::MemoryLimit { limit: self.memory_limit, message });
        }
        // While one is inflated there is what came of it, and what has come out, in memory that has
        // grown by doubling.
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
            ("--max-queue", self.max_queue),
            ("--max-transports", self.max_transports),
            ("--max-url", self.max_url),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(flag));
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
            durable: None,
            fsync: Fsync::Never,
            resume: false,
            resume_window: Duration::from_secs(2 * 60),
            resume_probe_timeout: Duration::from_secs(1),
            max_leftovers: None,
            max_leftover_bytes: None,
            attachment_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            cache_dir: None,
            max_message_size: 1 << 20,
            max_partial_bytes: 256 << 20,
            message_timeout: Duration::from_secs(60),
            compression: true,
            // Less fits a packet anyway.
            compression_min_size: 1 << 10,
            // A kilobyte of JSON took 7 us and became 44 %; at level 6 it took 21 us and became
            // 34 % (measured).
            compression_level: 1,
            message_rate: None,
            max_url: 8 << 10,
            max_body_size: 1 << 20,
            max_attachment_size: 64 << 10,
            max_queue: 1 << 20,
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
            cpu_limit: Duration::from_millis(50),
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
    fn an_inspector_without_a_token_is_for_this_machine_alone() {
        let inspector = InspectorOptions { access: InspectorAccess::ThisMachine, max_events: 1 };
        let open = Config { inspector: Some(inspector), ..Config::default() };
        assert!(open.check() == Err(ConfigError::OpenInspector));
        assert_eq!(Config { loopback_only: true, ..open }.check(), Ok(()));
    }
}
