//! What events may ask of the world outside.

use clap::Args;
use zigttp_runtime::Proxy;

use crate::defaults::DEFAULTS;
use crate::grant_options::CALLING_OUT;
use crate::values::{Size, Time, TotalSize, number};

#[derive(Args)]
#[command(next_help_heading = CALLING_OUT)]
pub(super) struct Outside {
    // Not a doc comment: rustdoc would make links of the URL.
    #[arg(
        long,
        env,
        help = "Make all requests of handlers through this HTTP proxy",
        long_help = "Make all requests of handlers through this HTTP proxy: http://proxy.example:3128. It resolves the \
                     names, so --allow-fetch is checked on names and on addresses in URLs, not on the addresses of \
                     names. A password in it is best given by the variable, which other users cannot see. The \
                     system's own settings of proxies are ignored.",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(super) fetch_proxy: Option<Proxy>,

    /// How long a request of a handler may take, waiting for others included
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.fetch_timeout))]
    pub(super) fetch_timeout: Time,

    /// Largest answer to a request of a handler, once decoded; a larger one is a TypeError in the handler
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_fetch_response))]
    pub(super) max_fetch_response: Size,

    /// Most requests of handlers under way; more wait
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_fetches)]
    pub(super) max_fetches: usize,

    /// Most of them to one host
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_host_fetches)]
    pub(super) max_host_fetches: usize,

    /// Most of them of one room
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_room_fetches)]
    pub(super) max_room_fetches: usize,

    /// Most requests that one event makes, over all its runs, with its waits for timers
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_event_fetches)]
    pub(super) max_event_fetches: usize,

    /// Most events that wait for answers from outside; beyond it fetch is a TypeError in the handler
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_waiting_events)]
    pub(super) max_waiting_events: usize,

    /// Most bytes of their inputs and answers together; the same happens at this limit
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.max_waiting_bytes))]
    pub(super) max_waiting_bytes: TotalSize,
}
