//! The only source of time.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock for connections and events.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Kind);

/// Small, because every connection has one.
#[derive(Clone, Copy, Debug)]
enum Kind {
    System,
    Simulated,
}

/// When a simulated clock began.
#[derive(Clone, Copy)]
struct Beginning {
    at: tokio::time::Instant,
    wall_clock: Duration,
}

thread_local! {
    static BEGINNING: Cell<Option<Beginning>> = const { Cell::new(None) };
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
impl Clock {
    /// The system's clock.
    pub const fn system() -> Clock {
        Clock(Kind::System)
    }

    /// A clock that goes by the time of this thread's tokio runtime, which a test may pause and advance. It says now
    /// that so many milliseconds have passed since 1970. A thread has one; what has an older one goes by this.
    pub fn simulated(unix_millis: u64) -> Clock {
        let wall_clock = Duration::from_millis(unix_millis);
        BEGINNING.set(Some(Beginning { at: tokio::time::Instant::now(), wall_clock }));
        Clock(Kind::Simulated)
    }

    /// Whether its time passes only while nothing runs, so that nothing may run beside it.
    pub fn is_simulated(&self) -> bool {
        matches!(self.0, Kind::Simulated)
    }

    /// How long a loop sleeps at most that looks now and then for what nothing tells it: for ever, almost, under a
    /// simulated clock, where a day of a test would else be thousands of looks.
    pub(crate) fn longest_sleep(&self, at_most: Duration) -> Duration {
        match self.0 {
            Kind::System => at_most,
            Kind::Simulated => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// The monotonic time, for durations.
    pub fn now(&self) -> Instant {
        match self.0 {
            Kind::System => Instant::now(),
            Kind::Simulated => tokio::time::Instant::now().into_std(),
        }
    }

    /// The calendar time.
    pub fn wall_clock(&self) -> SystemTime {
        match self.0 {
            Kind::System => SystemTime::now(),
            Kind::Simulated => {
                let beginning = BEGINNING.get().expect("the clock was made on this thread");
                UNIX_EPOCH + beginning.wall_clock + beginning.at.elapsed()
            }
        }
    }

    /// The calendar time in milliseconds since 1970.
    pub fn unix_millis(&self) -> u64 {
        let since = self.wall_clock().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_goes_by_the_time_of_its_runtime() {
        let clock = Clock::simulated(1_000_000);
        let began = clock.now();
        assert_eq!(clock.unix_millis(), 1_000_000);
        tokio::time::sleep(Duration::from_millis(1_234)).await;
        assert_eq!(clock.unix_millis(), 1_001_234);
        assert_eq!(clock.now() - began, Duration::from_millis(1_234));
        assert!(clock.is_simulated() && !Clock::system().is_simulated());
    }
}
