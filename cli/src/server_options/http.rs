//! What HTTP requests and the transports that carry them may hold, and how long they may take.

use clap::Args;

use crate::defaults::DEFAULTS;
use crate::values::{Size, Time, TotalSize, number};

#[derive(Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct Http {
    /// Most transports (TCP connections) that speak HTTP or are about to; a further one is closed at once
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_transports)]
    pub(super) max_transports: usize,

    /// Longest path with its query, of requests and upgrades; a longer one gets 414
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_url))]
    pub(super) max_url: Size,

    /// Largest body of a request; a larger one gets 413
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_body_size))]
    pub(super) max_body_size: Size,

    /// Bytes of all responses together that clients have not taken yet
    ///
    /// Over this limit, responses that made no progress for --slow-consumer-timeout are given up; if that
    /// is not enough, a new response is 503.
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.max_response_bytes))]
    pub(super) max_response_bytes: TotalSize,

    /// How long a client may take to send a request's head; then its transport is closed
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.header_timeout))]
    pub(super) header_timeout: Time,

    /// How long a transport may send no request, or a response make no progress; then the transport is closed
    ///
    /// Over HTTP/2 only the response is given up.
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.http_idle_timeout))]
    pub(super) http_idle_timeout: Time,

    /// How long a client may take to send a request's body; then it gets 408
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.body_timeout))]
    pub(super) body_timeout: Time,
}
