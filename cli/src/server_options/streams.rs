//! How many streams there may be, and what each may take.

use clap::Args;
use zigttp_runtime::StreamLimits;

use crate::defaults::DEFAULTS;
use crate::values::{Size, Time, number};

#[derive(Args)]
#[command(next_help_heading = "Streams")]
pub(super) struct Streams {
    /// Most streams that are open at the same time; more wait
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.streams.max_open)]
    max_streams: usize,

    /// Most streams that wait; more is a RangeError in the handler
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.streams.max_waiting)]
    max_waiting_streams: usize,

    /// Most streams of a room, those that wait included; more is a RangeError in the handler
    #[arg(long, env, value_name = "N", value_parser = number::<usize>, default_value_t = DEFAULTS.streams.max_of_room)]
    max_room_streams: usize,

    /// Largest request of a stream: URL, headers and body; a larger one is a RangeError in the handler
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.streams.max_request))]
    max_stream_request: Size,

    /// How long a stream may wait for the head of its response; then it ends with `timeout`
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.streams.first_byte_timeout))]
    stream_first_byte_timeout: Time,

    /// How long nothing may come of a stream; then it ends with `timeout`
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.streams.idle_timeout))]
    stream_idle_timeout: Time,

    /// How long a stream may take from its request to its end; then it ends with `timeout`
    #[arg(long, env, value_name = "TIME", default_value_t = Time(DEFAULTS.streams.max_time))]
    max_stream_time: Time,

    /// Most bytes of the body of a stream; over this limit it ends with `too-large`
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.streams.max_bytes))]
    max_stream_bytes: Size,

    /// Bytes of a stream that wait for its room
    ///
    /// At this limit the other server is not read. A line or event that is longer ends the stream with `too-large`.
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(DEFAULTS.streams.buffer))]
    stream_buffer: Size,
}

impl Streams {
    /// The library's form of them.
    pub(super) fn into_limits(self) -> StreamLimits {
        StreamLimits {
            max_open: self.max_streams,
            max_waiting: self.max_waiting_streams,
            max_of_room: self.max_room_streams,
            max_request: self.max_stream_request.0,
            first_byte_timeout: self.stream_first_byte_timeout.0,
            idle_timeout: self.stream_idle_timeout.0,
            max_time: self.max_stream_time.0,
            max_bytes: self.max_stream_bytes.0,
            buffer: self.stream_buffer.0,
        }
    }
}
