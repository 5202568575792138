//! Who may connect, and what a connection may hold and how long it may take.

use std::num::NonZeroU32;

use clap::Args;

use crate::choices::CompressionChoice;
use crate::defaults::DEFAULTS;
use crate::values::{Size, Time, TotalSize, number, origin, within};

#[derive(Args)]
#[command(next_help_heading = "Connections")]
pub(super) struct Connections {
    /// Most open connections; a further upgrade gets 503
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_connections)]
    pub(super) max_connections: usize,

    // Not a doc comment: rustdoc would make links of the origins.
    #[arg(
        long,
        env,
        help = "Let pages of this origin connect, besides the server's own",
        long_help = "Let pages of this origin connect, besides the server's own: https://app.example.com, \
                     https://*.example.com, or * for every origin. Repeat the flag or separate origins by commas.",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = origin
    )]
    pub(super) allowed_origin: Vec<String>,

    /// Most handshakes a second from one address (IPv6: /64); a further one gets 429 [default: no limit]
    #[arg(long, env, value_name = "N", value_parser = number::<NonZeroU32>)]
    pub(super) handshake_rate: Option<NonZeroU32>,

    /// Most messages a second from one connection; more close it with 1008 [default: no limit]
    #[arg(long, env, value_name = "N", value_parser = number::<NonZeroU32>)]
    pub(super) message_rate: Option<NonZeroU32>,

    /// Largest message, after decompression; a larger one closes its connection with 1009
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_message_size))]
    pub(super) max_message_size: Size,

    /// Bytes of all messages under way together: not whole yet, or over 64 KiB and waiting for their event
    ///
    /// A connection whose message does not fit is closed with 1013. An eighth is kept for messages that
    /// hold 8 KiB at most. At least four times --max-message-size.
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.max_partial_bytes))]
    pub(super) max_partial_bytes: TotalSize,

    /// How long a message may take from its first byte to its last; then its connection is closed with 1008
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.message_timeout))]
    pub(super) message_timeout: Time,

    /// Which messages are compressed (permessage-deflate)
    #[arg(long, env, value_enum, value_name = "WHETHER", default_value_t = CompressionChoice(DEFAULTS.compression))]
    pub(super) compression: CompressionChoice,

    /// Smallest message that is compressed
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.compression_min_size))]
    pub(super) compression_min_size: Size,

    /// How hard messages are compressed, from 1 (fast) to 9 (small)
    #[arg(long, env, value_name = "N", value_parser = |text: &str| within(text, 1..=9), default_value_t = DEFAULTS.compression_level)]
    pub(super) compression_level: u32,

    /// Bytes that may wait to be sent to one connection; over this limit `send` returns false
    ///
    /// Frames count as on the wire, and 128 bytes more for each.
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_queue))]
    pub(super) max_queue: Size,

    /// Most rooms that one connection may join, besides its own; one more is a RangeError in the handler
    #[arg(long, env, value_name = "N", value_parser = |text: &str| within(text, 0..=1000), default_value_t = DEFAULTS.max_joins)]
    pub(super) max_joins: u32,

    /// How long a queue may stay over --max-queue before its connection is closed with 1008
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.slow_consumer_timeout))]
    pub(super) slow_consumer_timeout: Time,

    /// Ping a connection that has been silent for this long
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.ping_interval))]
    pub(super) ping_interval: Time,

    /// Drop a connection that stays silent for this long after a ping
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.pong_timeout))]
    pub(super) pong_timeout: Time,

    /// Free the buffers of a connection that has had no event for this long
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.dormant_after))]
    pub(super) dormant_after: Time,

    /// How long a closing handshake may take; then the connection is dropped
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.close_timeout))]
    pub(super) close_timeout: Time,

    /// How long connections may take to close when the server stops; their closes are spread over the
    /// first half of it
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.drain_timeout))]
    pub(super) drain_timeout: Time,
}
