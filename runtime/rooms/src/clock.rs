//! The only source of time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// The clock for connections and events.
#[derive(Clone, Copy, Debug)]
pub struct Clock(());

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
impl Clock {
    /// The system's clock.
    pub const fn system() -> Clock {
        Clock(())
    }

    /// The monotonic time, for durations.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The calendar time.
    pub fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    /// The calendar time in milliseconds since 1970.
    pub fn unix_millis(&self) -> u64 {
        let since = self.wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// CPU time of the present thread.
    pub fn thread_cpu_time() -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(time).expect("no thread runs for a negative time")
    }
}
