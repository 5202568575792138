//! The times of an event over all of its runs. What passes between two of them, while it waits for the outside, for its
//! room's turn and for a slot, is no part of how long it took, nor of what its runs have used.

use std::time::{Duration, Instant};

pub(crate) struct RunTimes {
    began: Instant,
    /// When the last run began.
    run_began: Instant,
    /// When the last run ended, while the event waits for the next.
    wait_began: Option<Instant>,
    /// How long it has waited before the last run.
    waited: Duration,
    /// CPU time of the runs that have ended in waiting.
    cpu: Duration,
}

impl RunTimes {
    /// The first run begins.
    pub(crate) fn begin(now: Instant) -> RunTimes {
        RunTimes {
            began: now,
            run_began: now,
            wait_began: None,
            waited: Duration::ZERO,
            cpu: Duration::ZERO,
        }
    }

    /// The run has ended and the event waits. `cpu` is what the run has used, if that was measured.
    pub(crate) fn wait(&mut self, now: Instant, cpu: Option<Duration>) {
        self.cpu += cpu.unwrap_or(now - self.run_began);
        self.wait_began = Some(now);
    }

    /// The next run begins. Returns its time.
    pub(crate) fn run_again(&mut self, now: Instant) -> Instant {
        self.waited += self.wait_began.take().map_or(Duration::ZERO, |began| now - began);
        self.run_began = now;
        now
    }

    /// When the first run began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// How long its runs have taken so far.
    pub(crate) fn took(&self, now: Instant) -> Duration {
        (self.wait_began.unwrap_or(now) - self.began).saturating_sub(self.waited)
    }

    /// CPU time of all runs, if the last one has `ended` and was measured to use `cpu`, or was not measured.
    pub(crate) fn cpu(&self, ended: Instant, cpu: Option<Duration>) -> Duration {
        self.cpu + cpu.unwrap_or(ended - self.run_began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn waits_between_runs_are_not_counted_and_runs_are() {
        let began = Clock::system().now();
        let at = |second: u64| began + Duration::from_secs(second);
        let cpu = |seconds: u64| Some(Duration::from_secs(seconds));
        let mut times = RunTimes::begin(began);
        times.wait(at(2), None);
        assert_eq!(times.took(at(50)), Duration::from_secs(2), "an event that ends while it waits");
        assert_eq!(times.run_again(at(10)), at(10));
        // Of these five seconds others have used four.
        times.wait(at(15), cpu(1));
        times.run_again(at(100));
        assert_eq!(times.took(at(103)), Duration::from_secs(2 + 5 + 3));
        assert_eq!(times.cpu(at(103), None), Duration::from_secs(2 + 1 + 3));
        assert_eq!(times.cpu(at(103), cpu(2)), Duration::from_secs(2 + 1 + 2));
        assert_eq!(times.began(), began);
    }
}
