//! How many streams there may be, and how much each may take.

use std::time::Duration;

/// The limits of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Most that are open at the same time; more wait.
    pub max_open: usize,
    /// Most that wait.
    pub max_waiting: usize,
    /// Most of one room, those that wait included.
    pub max_of_room: usize,
    /// Largest request in bytes.
    pub max_request: usize,
    /// Until the head of a response.
    pub first_byte_timeout: Duration,
    /// Between two parts of its body.
    pub idle_timeout: Duration,
    /// From the request to the end.
    pub max_time: Duration,
    /// Bytes of its body.
    pub max_bytes: usize,
    /// Bytes that wait for the room's turn. The other server is not read beyond it, and a line or event that does not
    /// fit ends the stream.
    pub buffer: usize,
}

impl StreamLimits {
    /// Most that are stored.
    pub fn max_stored(&self) -> usize {
        self.max_open.saturating_add(self.max_waiting)
    }
}

impl Default for StreamLimits {
    fn default() -> StreamLimits {
        StreamLimits {
            max_open: 1_000,
            max_waiting: 10_000,
            max_of_room: 100,
            max_request: 1 << 20,
            first_byte_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(60),
            max_time: Duration::from_secs(10 * 60),
            max_bytes: 16 << 20,
            buffer: 1 << 20,
        }
    }
}
