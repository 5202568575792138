//! Every option of a server: a flag, an environment variable and a default each.
//!
//! The defaults are written as a user would type them; a test holds them to those of the library.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use zigttp_runtime::{Config, Fsync, Isolation, OnError};

use crate::values::{duration, memory, number, origin, size, switch, within};

/// Options of the server, grouped as `--help` shows them.
#[derive(Args)]
pub struct ServerOptions {
    /// Keep attachments in this folder, across crashes and restarts
    #[arg(long, env = "ZIGTTP_DURABLE", value_name = "DIR", help_heading = "Durability")]
    durable: Option<PathBuf>,

    /// What attachments survive: never, a crash of the server; always, the loss of power as well
    #[arg(
        long,
        env = "ZIGTTP_FSYNC",
        value_name = "WHEN",
        default_value = "never",
        help_heading = "Durability"
    )]
    fsync: FsyncArgument,

    /// Give a browser that comes back to the same URL the attachment it has left there; needs --durable
    #[arg(long, env = "ZIGTTP_RESUME", value_parser = switch, help_heading = "Durability")]
    resume: bool,

    /// How long the attachment of a connection that dropped can be resumed; after a restart it is 24 hours
    #[arg(long, env = "ZIGTTP_RESUME_WINDOW", value_name = "TIME", default_value = "2min", value_parser = duration, help_heading = "Durability")]
    resume_window: Duration,

    /// How long a connection that looks live has to answer when its browser wants to resume it
    #[arg(long, env = "ZIGTTP_RESUME_PROBE_TIMEOUT", value_name = "TIME", default_value = "1s", value_parser = duration, help_heading = "Durability")]
    resume_probe_timeout: Duration,

    /// Attachments that may wait for their clients to resume; beyond them the oldest is removed
    /// [default: as many as --max-connections]
    #[arg(long, env = "ZIGTTP_MAX_LEFTOVERS", value_name = "N", value_parser = number::<usize>, help_heading = "Durability")]
    max_leftovers: Option<usize>,

    /// Bytes that the files of such attachments may take; beyond them the oldest is removed [default: room
    /// for the largest attachment of each]
    #[arg(long, env = "ZIGTTP_MAX_LEFTOVER_BYTES", value_name = "SIZE", value_parser = memory, help_heading = "Durability")]
    max_leftover_bytes: Option<usize>,

    /// How long an attachment is kept that no connection has any more
    #[arg(long, env = "ZIGTTP_ATTACHMENT_TTL", value_name = "TIME", default_value = "7d", value_parser = duration, help_heading = "Durability")]
    attachment_ttl: Duration,

    /// What becomes of a connection whose event threw
    #[arg(
        long,
        env = "ZIGTTP_ON_ERROR",
        value_name = "WHAT",
        default_value = "keep",
        help_heading = "Events"
    )]
    on_error: OnErrorArgument,

    /// CPU time of one event; beyond it the connection is closed with 1011
    #[arg(long, env = "ZIGTTP_CPU_LIMIT", value_name = "TIME", default_value = "50ms", value_parser = duration, help_heading = "Events")]
    cpu_limit: Duration,

    /// Memory of one event, with all that the host holds for it; beyond it the connection is closed with
    /// 1011
    #[arg(long, env = "ZIGTTP_MEMORY_LIMIT", value_name = "SIZE", default_value = "32MiB", value_parser = size, help_heading = "Events")]
    memory_limit: usize,

    /// Memory of all events that run together, beyond what their sandboxes begin with and 64 KiB each;
    /// an event that does not fit fails, with 1013 or 503
    #[arg(long, env = "ZIGTTP_MAX_EVENT_MEMORY", value_name = "SIZE", default_value = "512MiB", value_parser = memory, help_heading = "Events")]
    max_event_memory: usize,

    /// Events that may run at the same time; beyond them sockets are not read and HTTP gets 503
    /// [default: 64 per core]
    #[arg(long, env = "ZIGTTP_MAX_EVENTS", value_name = "N", value_parser = number::<usize>, help_heading = "Events")]
    max_events: Option<usize>,

    /// Largest attachment
    #[arg(long, env = "ZIGTTP_MAX_ATTACHMENT_SIZE", value_name = "SIZE", default_value = "64KiB", value_parser = size, help_heading = "Events")]
    max_attachment_size: usize,

    /// How an event gets a fresh sandbox
    #[arg(
        long,
        env = "ZIGTTP_ISOLATION",
        value_name = "WAY",
        default_value = "restore",
        help_heading = "Events"
    )]
    isolation: IsolationArgument,

    /// Lines a second that the handler's console and failures may cause in the log
    #[arg(
        long,
        env = "ZIGTTP_HANDLER_LOG_RATE",
        value_name = "N",
        value_parser = number::<NonZeroU32>,
        default_value = "1000",
        help_heading = "Events"
    )]
    handler_log_rate: NonZeroU32,

    /// Compare the whole sandbox with the artifact after every Nth event that restored one
    #[arg(long, env = "ZIGTTP_VERIFY_RESTORE", value_name = "N", value_parser = number::<NonZeroU32>, help_heading = "Events")]
    verify_restore: Option<NonZeroU32>,

    /// Open connections; an upgrade beyond them is answered 503
    #[arg(
        long,
        env = "ZIGTTP_MAX_CONNECTIONS",
        value_name = "N",
        value_parser = number::<usize>,
        default_value_t = 100_000,
        help_heading = "Connections"
    )]
    max_connections: usize,

    /// Transports that speak HTTP, such as those that are about to open; more are closed at once
    #[arg(
        long,
        env = "ZIGTTP_MAX_TRANSPORTS",
        value_name = "N",
        value_parser = number::<usize>,
        default_value_t = 10_000,
        help_heading = "HTTP"
    )]
    max_transports: usize,

    // Not a doc comment: rustdoc would have links of the origins.
    #[arg(
        long,
        help = "Let pages of this origin connect besides the server's own: https://app.example.com, \
                https://*.example.com or * for any; may be repeated, or a list with commas",
        env = "ZIGTTP_ALLOWED_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = origin,
        help_heading = "Connections"
    )]
    allowed_origin: Vec<String>,

    /// Handshakes of one address in a second; more are answered 429 [default: no bound]
    #[arg(long, env = "ZIGTTP_HANDSHAKE_RATE", value_name = "N", value_parser = number::<NonZeroU32>, help_heading = "Connections")]
    handshake_rate: Option<NonZeroU32>,

    /// Messages of one connection in a second; more close it with 1008 [default: no bound]
    #[arg(long, env = "ZIGTTP_MESSAGE_RATE", value_name = "N", value_parser = number::<NonZeroU32>, help_heading = "Connections")]
    message_rate: Option<NonZeroU32>,

    /// Largest message; a larger one closes with 1009
    #[arg(long, env = "ZIGTTP_MAX_MESSAGE_SIZE", value_name = "SIZE", default_value = "1MiB", value_parser = size, help_heading = "Connections")]
    max_message_size: usize,

    /// Bytes that messages under way may hold, all connections together; a connection whose message does
    /// not fit is closed with 1013
    #[arg(long, env = "ZIGTTP_MAX_PARTIAL_BYTES", value_name = "SIZE", default_value = "256MiB", value_parser = memory, help_heading = "Connections")]
    max_partial_bytes: usize,

    /// How long a message may take from its first byte to its last; then its connection is closed with
    /// 1008
    #[arg(long, env = "ZIGTTP_MESSAGE_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "Connections")]
    message_timeout: Duration,

    /// Compress messages for clients that offer it (permessage-deflate)
    #[arg(
        long,
        env = "ZIGTTP_COMPRESSION",
        value_name = "WHETHER",
        default_value = "on",
        help_heading = "Connections"
    )]
    compression: CompressionArgument,

    /// Smallest message that is compressed
    #[arg(long, env = "ZIGTTP_COMPRESSION_MIN_SIZE", value_name = "SIZE", default_value = "1KiB", value_parser = size, help_heading = "Connections")]
    compression_min_size: usize,

    /// How hard messages are compressed: 1, fast, to 9, small
    #[arg(long, env = "ZIGTTP_COMPRESSION_LEVEL", value_name = "N", default_value = "1", value_parser = |text: &str| within(text, 1..=9), help_heading = "Connections")]
    compression_level: u32,

    /// Bytes that may wait for one connection before send() returns false; each frame counts 128 more
    #[arg(long, env = "ZIGTTP_MAX_QUEUE", value_name = "SIZE", default_value = "1MiB", value_parser = size, help_heading = "Connections")]
    max_queue: usize,

    /// How long a queue may stay over its bound before the connection is closed with 1008
    #[arg(long, env = "ZIGTTP_SLOW_CONSUMER_TIMEOUT", value_name = "TIME", default_value = "5s", value_parser = duration, help_heading = "Connections")]
    slow_consumer_timeout: Duration,

    /// Ping a connection that was silent for this long
    #[arg(long, env = "ZIGTTP_PING_INTERVAL", value_name = "TIME", default_value = "25s", value_parser = duration, help_heading = "Connections")]
    ping_interval: Duration,

    /// Drop a pinged connection that stays silent for this long
    #[arg(long, env = "ZIGTTP_PONG_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "Connections")]
    pong_timeout: Duration,

    /// Let a connection without an event for this long give up its buffers
    #[arg(long, env = "ZIGTTP_DORMANT_AFTER", value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "Connections")]
    dormant_after: Duration,

    /// How long a closing handshake may take
    #[arg(long, env = "ZIGTTP_CLOSE_TIMEOUT", value_name = "TIME", default_value = "5s", value_parser = duration, help_heading = "Connections")]
    close_timeout: Duration,

    /// How long connections may take to close when the server stops; their closes are spread over
    /// the first half of it
    #[arg(long, env = "ZIGTTP_DRAIN_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "Connections")]
    drain_timeout: Duration,

    /// Bring the old handler back if N of a new one's first 100 events fail
    #[arg(long, env = "ZIGTTP_ROLLBACK_AFTER", value_name = "N", value_parser = |text: &str| within(text, 1..=100), help_heading = "Swapping the handler")]
    rollback_after: Option<u32>,

    /// Longest path and query of a request or an upgrade; a longer one is answered 414
    #[arg(long, env = "ZIGTTP_MAX_URL", value_name = "SIZE", default_value = "8KiB", value_parser = size, help_heading = "HTTP")]
    max_url: usize,

    /// Largest HTTP request body; a larger one is answered 413
    #[arg(long, env = "ZIGTTP_MAX_BODY_SIZE", value_name = "SIZE", default_value = "1MiB", value_parser = size, help_heading = "HTTP")]
    max_body_size: usize,

    /// Bytes of responses that clients have not taken yet, all together; beyond them, responses that made
    /// no progress for --slow-consumer-timeout are given up, or a new one is 503
    #[arg(long, env = "ZIGTTP_MAX_RESPONSE_BYTES", value_name = "SIZE", default_value = "256MiB", value_parser = memory, help_heading = "HTTP")]
    max_response_bytes: usize,

    /// How long a client may take to send its request head
    #[arg(long, env = "ZIGTTP_HEADER_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "HTTP")]
    header_timeout: Duration,

    /// Drop a transport that sends no further request for this long, and give up a response that makes no
    /// progress for this long
    #[arg(long, env = "ZIGTTP_HTTP_IDLE_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "HTTP")]
    http_idle_timeout: Duration,

    /// How long a client may take to send a request body; then it is answered 408
    #[arg(long, env = "ZIGTTP_BODY_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration, help_heading = "HTTP")]
    body_timeout: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum FsyncArgument {
    /// Leave it to the system when files reach the disk
    Never,
    /// Bring files to the disk before any frame of the same event leaves
    Always,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum CompressionArgument {
    /// No message is compressed, in either direction
    Off,
    /// Where both sides know how
    On,
}

#[derive(Clone, Copy, ValueEnum)]
enum OnErrorArgument {
    /// It goes on
    Keep,
    /// It is closed with 1011
    Close,
}

#[derive(Clone, Copy, ValueEnum)]
enum IsolationArgument {
    /// Undo what the last event wrote
    Restore,
    /// Make a new one, and drop it afterwards
    Instantiate,
}

impl ServerOptions {
    /// The library's form of them.
    pub fn into_config(self, cache_dir: Option<PathBuf>) -> Config {
        Config {
            durable: self.durable,
            fsync: match self.fsync {
                FsyncArgument::Never => Fsync::Never,
                FsyncArgument::Always => Fsync::Always,
            },
            resume: self.resume,
            resume_window: self.resume_window,
            resume_probe_timeout: self.resume_probe_timeout,
            max_leftovers: self.max_leftovers,
            max_leftover_bytes: self.max_leftover_bytes,
            attachment_ttl: self.attachment_ttl,
            cache_dir,
            max_message_size: self.max_message_size,
            max_partial_bytes: self.max_partial_bytes,
            message_timeout: self.message_timeout,
            max_url: self.max_url,
            max_body_size: self.max_body_size,
            max_attachment_size: self.max_attachment_size,
            compression: self.compression == CompressionArgument::On,
            compression_min_size: self.compression_min_size,
            compression_level: self.compression_level,
            max_queue: self.max_queue,
            slow_consumer_timeout: self.slow_consumer_timeout,
            max_connections: self.max_connections,
            max_transports: self.max_transports,
            allowed_origins: self.allowed_origin,
            loopback_only: false,
            inspector: None,
            handshake_rate: self.handshake_rate,
            message_rate: self.message_rate,
            max_events: self.max_events.unwrap_or(Config::default().max_events),
            memory_limit: self.memory_limit,
            max_event_memory: self.max_event_memory,
            cpu_limit: self.cpu_limit,
            on_error: match self.on_error {
                OnErrorArgument::Keep => OnError::Keep,
                OnErrorArgument::Close => OnError::Close,
            },
            isolation: match self.isolation {
                IsolationArgument::Restore => Isolation::Restore,
                IsolationArgument::Instantiate => Isolation::Instantiate,
            },
            verify_restore: self.verify_restore,
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            dormant_after: self.dormant_after,
            max_response_bytes: self.max_response_bytes,
            header_timeout: self.header_timeout,
            http_idle_timeout: self.http_idle_timeout,
            body_timeout: self.body_timeout,
            handler_log_rate: self.handler_log_rate,
            dropped_log_lines: Arc::default(),
            close_timeout: self.close_timeout,
            drain_timeout: self.drain_timeout,
            rollback_after: self.rollback_after.and_then(NonZeroU32::new),
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

    #[test]
    fn the_defaults_of_the_flags_are_those_of_the_library() {
        let Program { server } = Program::parse_from(["zigttp"]);
        assert_eq!(format!("{:?}", server.into_config(None)), format!("{:?}", Config::default()));
    }
}
