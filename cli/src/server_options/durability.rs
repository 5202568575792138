//! What survives of the state of rooms and of attachments.

use std::path::PathBuf;

use clap::Args;

use crate::choices::FsyncChoice;
use crate::defaults::DEFAULTS;
use crate::values::{Size, Time, TotalSize, number, switch};

#[derive(Args)]
#[command(next_help_heading = "Durability")]
pub(super) struct Durability {
    /// Keep the state of rooms and attachments in this folder, across crashes and restarts
    #[arg(long, env, value_name = "DIR")]
    pub(super) durable: Option<PathBuf>,

    /// When state and attachments are forced to the disk
    #[arg(long, env, value_enum, value_name = "WHEN", default_value_t = FsyncChoice(DEFAULTS.fsync))]
    pub(super) fsync: FsyncChoice,

    /// Give a browser that comes back to the same URL the attachment it has left there; needs --durable
    #[arg(long, env, value_parser = switch)]
    pub(super) resume: bool,

    /// How long a dropped connection can be resumed
    ///
    /// After a restart of the server it is 24 hours.
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.resume_window))]
    pub(super) resume_window: Time,

    /// How long a connection that looks open has to answer a ping when its browser wants to resume it
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.resume_probe_timeout))]
    pub(super) resume_probe_timeout: Time,

    /// Most attachments that wait to be resumed; over this limit the oldest is removed
    /// [default: as many as --max-connections]
    #[arg(long, env, value_name = "N", value_parser = number::<usize>)]
    pub(super) max_leftovers: Option<usize>,

    /// Most bytes that the files of such attachments take; over this limit the oldest is removed
    /// [default: room for the largest attachment of each]
    #[arg(long, env, value_name = "SIZE")]
    pub(super) max_leftover_bytes: Option<TotalSize>,

    /// Largest value that a room stores under a key; a larger one is a RangeError in the handler
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.max_value_size))]
    pub(super) max_value_size: Size,

    /// Most bytes that one room stores; more is a RangeError in the handler
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.max_room_state))]
    pub(super) max_room_state: TotalSize,

    /// Most bytes that all rooms store together; an event that would exceed this fails
    /// [default: 16 GiB with --durable, else 1 GiB]
    #[arg(long, env, value_name = "SIZE")]
    pub(super) max_state: Option<TotalSize>,

    /// Most bytes of rooms that are kept in memory in front of the durable folder
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.state_cache))]
    pub(super) state_cache: TotalSize,

    /// Most bytes of the database in the durable folder [default: as much as the disk has]
    #[arg(long, env, value_name = "SIZE")]
    pub(super) store_max_bytes: Option<TotalSize>,

    /// Bytes that must stay free on the disk of the durable folder for events to store anything
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(DEFAULTS.store_min_free))]
    pub(super) store_min_free: TotalSize,

    /// Deliver no signal and no timer until `zigttp storage release-signals`; needs --durable
    ///
    /// They are stored as usual. A directory that a backup was restored to starts like this without the flag.
    #[arg(long, env, value_parser = switch)]
    pub(super) hold_signals: bool,

    /// Try parked signals once more at the start; needs --durable
    #[arg(long, env, value_parser = switch)]
    pub(super) wake_parked: bool,

    /// How long an attachment is kept that no connection has any more
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.attachment_ttl))]
    pub(super) attachment_ttl: Time,
}
