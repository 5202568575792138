//! What events may ask of the world outside.

use clap::Args;

use crate::defaults::DEFAULTS;
use crate::values::{TotalSize, number};

#[derive(Args)]
#[command(next_help_heading = "Calling out")]
pub(super) struct Outside {
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
