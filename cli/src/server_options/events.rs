//! What an event may use, and how it is isolated from others.

use std::num::NonZeroU32;

use clap::Args;

use crate::choices::{IsolationChoice, OnErrorChoice};
use crate::defaults::DEFAULTS;
use crate::values::{Size, Time, TotalSize, number};

#[derive(Args)]
#[command(next_help_heading = "Events")]
pub(super) struct Events {
    /// What happens to a connection when one of its events throws
    #[arg(long, env, value_enum, value_name = "WHAT", default_value_t = OnErrorChoice(DEFAULTS.on_error))]
    pub(super) on_error: OnErrorChoice,

    /// CPU time of one event
    ///
    /// Over this limit the event fails: its connection is closed with 1011, an HTTP request gets 504.
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.cpu_limit))]
    pub(super) cpu_limit: Time,

    /// CPU time of the long computations of one event (PBKDF2, RSA), which are done outside of its turn
    ///
    /// What would exceed it is an OperationError in the handler, before it begins.
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.crypto_limit))]
    pub(super) crypto_limit: Time,

    /// Longest time that an upgrade or a request waits for its room's turn
    ///
    /// After this time it gets 503.
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.turn_timeout))]
    pub(super) turn_timeout: Time,

    /// Most upgrades and requests that wait for the turn of one room
    ///
    /// At this limit more of them get 503 at once.
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_turn_waits)]
    pub(super) max_turn_waits: usize,

    /// Most events that wait for the turn of one room
    ///
    /// At this limit its sockets are not read, and upgrades and requests of it get 503, until no more than half of them
    /// wait. Nothing that was read is lost.
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.room_queue)]
    pub(super) room_queue: usize,

    /// Most bytes of messages and bodies that wait for the turn of one room; the same happens at this limit
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.room_queue_bytes))]
    pub(super) room_queue_bytes: TotalSize,

    /// Most signals a second of one room; more of them wait
    #[arg(long, env, value_name = "N", value_parser = number::<NonZeroU32>, default_value_t = DEFAULTS.room_signal_rate)]
    pub(super) room_signal_rate: NonZeroU32,

    /// Most signals that a room has sent and that wait; an event that would exceed this fails
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_room_signals)]
    pub(super) max_room_signals: usize,

    /// Most timers of a room; more is a RangeError in the handler
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_room_timers)]
    pub(super) max_room_timers: usize,

    /// Memory of one event: its sandbox, and all that the host holds for it
    ///
    /// Over this limit the event fails: its connection is closed with 1011, an HTTP request gets 500.
    /// At least four times the largest message or body.
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.memory_limit))]
    pub(super) memory_limit: Size,

    /// Memory of all running events together, beyond what their sandboxes start with and 64 KiB each
    ///
    /// An event that does not fit fails: its connection is closed with 1013, an HTTP request gets 503.
    /// At least --memory-limit.
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.max_event_memory))]
    pub(super) max_event_memory: TotalSize,

    /// Most events that run at the same time [default: 64 per core]
    ///
    /// At this limit connections are not read and requests of no room get 503. HTTP gets half of it at most.
    #[arg(long, env, value_name = "N", value_parser = number::<usize>)]
    pub(super) max_events: Option<usize>,

    /// Largest attachment; a larger one is a RangeError in the handler
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_attachment_size))]
    pub(super) max_attachment_size: Size,

    /// Most keys of its room's state that one event changes; more is a RangeError in the handler
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.max_event_writes)]
    pub(super) max_event_writes: usize,

    /// Most bytes that one event stores in its room; more is a RangeError in the handler
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_event_write_bytes))]
    pub(super) max_event_write_bytes: Size,

    /// How an event gets a fresh sandbox
    #[arg(long, env, value_enum, value_name = "WAY", default_value_t = IsolationChoice(DEFAULTS.isolation))]
    pub(super) isolation: IsolationChoice,

    /// Most log lines a second from the handler's console and failures; more are dropped and counted
    #[arg(long, env, value_name = "N", value_parser = number::<NonZeroU32>, default_value_t = DEFAULTS.handler_log_rate)]
    pub(super) handler_log_rate: NonZeroU32,

    /// Compare the whole sandbox with the artifact after every Nth event that restored one
    #[arg(long, env, value_name = "N", value_parser = number::<NonZeroU32>)]
    pub(super) verify_restore: Option<NonZeroU32>,
}
