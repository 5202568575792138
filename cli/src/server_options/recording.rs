//! Which events are recorded on disk, for `zigttp replay`.

use std::path::PathBuf;

use clap::Args;
use zigttp_recording::pattern::Pattern;
use zigttp_recording::redaction::Rule;
use zigttp_runtime::RecordOptions;

use crate::values::TotalSize;

#[derive(Args)]
#[command(next_help_heading = "Recording")]
pub(super) struct Recording {
    /// Record what events are given, and a digest of what they do, in this folder, for `zigttp replay`
    ///
    /// Recordings hold the data of users: the folder is for its owner only.
    #[arg(long, env, value_name = "DIR")]
    record: Option<PathBuf>,

    /// Record the events of these rooms alone; a * stands for any text; repeatable
    #[arg(long, env, value_name = "PATTERN", value_delimiter = ',', requires = "record")]
    record_rooms: Vec<String>,

    /// Most bytes of recordings; over it the oldest are removed
    #[arg(long, env, value_name = "SIZE", default_value_t = TotalSize(RecordOptions::DEFAULT_MAX_BYTES))]
    record_max_bytes: TotalSize,

    /// Replace what this names before it is recorded: header:NAME, key:PATTERN or json:FIELD; repeatable
    ///
    /// `header:x-token` is a header of requests and of answers, `key:secret/*` what zigttp:storage and zigttp:memory hold
    /// under keys, `json:password` the fields of that name at any depth of JSON in messages, attachments, stored values,
    /// signals, bodies and pieces of streams. The headers authorization, cookie, proxy-authorization and set-cookie are
    /// always replaced, unless `none` comes first. A value is replaced by as many hexadecimal digits; if its event
    /// does something else in a replay, that is told as not comparable. Values of --env and --env-file are never
    /// recorded.
    #[arg(long, env, value_name = "WHAT", value_delimiter = ',', requires = "record")]
    record_redact: Vec<Rule>,
}

impl Recording {
    /// The library's form of them.
    pub(super) fn into_options(self) -> Option<RecordOptions> {
        Some(RecordOptions {
            folder: self.record?,
            rooms: self.record_rooms.into_iter().map(Pattern::new).collect(),
            max_bytes: self.record_max_bytes.0 as u64,
            redact: self.record_redact,
        })
    }
}
