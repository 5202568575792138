//! The CPU time of threads, which budgets are measured in. The only place that reads it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the present thread.
pub fn of_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no thread runs for a negative time")
}
