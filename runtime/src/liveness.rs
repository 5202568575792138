//! When a connection is pinged, given up as dead, called slow, or dormant.
//!
//! One timer a connection, set to the next moment at which something could be due and not moved
//! when frames arrive: it fires at most once an interval and looks then at what has happened since.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Config;

/// The clocks of one connection.
pub(crate) struct Liveness {
    timer: Pin<Box<Sleep>>,
    bounds: Bounds,
    /// When anything was last read.
    heard: Instant,
    /// When the last event ended.
    event_ended: Instant,
    /// By when something must follow the ping that went out.
    answer_due: Option<Instant>,
    is_dormant: bool,
}

struct Bounds {
    ping_interval: Duration,
    pong_timeout: Duration,
    dormant_after: Duration,
    slow_consumer_timeout: Duration,
    probe_timeout: Duration,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ping,
    /// The last ping was not answered in time.
    Dead,
    /// The queue has been over its bound for too long.
    Slow,
    Dormant,
}

impl Liveness {
    pub(crate) fn new(config: &Config) -> Liveness {
        let now = Instant::now();
        let bounds = Bounds {
            ping_interval: config.ping_interval,
            pong_timeout: config.pong_timeout,
            dormant_after: config.dormant_after,
            slow_consumer_timeout: config.slow_consumer_timeout,
            probe_timeout: config.resume_probe_timeout,
        };
        Liveness {
            timer: Box::pin(sleep_until(now + bounds.ping_interval.min(bounds.dormant_after))),
            bounds,
            heard: now,
            event_ended: now,
            answer_due: None,
            is_dormant: false,
        }
    }

    /// Something was read.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
        self.answer_due = None;
    }

    /// A ping goes out now whose sender will not wait as long as for others.
    pub(crate) fn probe(&mut self) {
        let due = Instant::now() + self.bounds.probe_timeout;
        self.answer_due = Some(self.answer_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// An event of the connection has ended. It counts from when its message was read: a look at the
    /// clock for each event costs more than a connection gains by being dormant so much later.
    pub(crate) fn event_ended(&mut self) {
        self.event_ended = self.heard;
        self.is_dormant = false;
    }

    /// Waits until something is due. `over_since` says since when the queue is over its bound.
    pub(crate) fn poll_due(
        &mut self,
        cx: &mut Context<'_>,
        over_since: Option<std::time::Instant>,
    ) -> Poll<Due> {
        loop {
            let slow_at = over_since
                .map(|since| Instant::from_std(since) + self.bounds.slow_consumer_timeout);
            let (alive_at, alive_due) = match self.answer_due {
                Some(due) => (due, Due::Dead),
                None => (self.heard + self.bounds.ping_interval, Due::Ping),
            };
            let dormant_at =
                (!self.is_dormant).then(|| self.event_ended + self.bounds.dormant_after);
            let next = [slow_at, dormant_at].into_iter().flatten().fold(alive_at, Instant::min);
            // A timer that fires early costs one look; one that fires late would be wrong.
            if next < self.timer.deadline() {
                self.timer.as_mut().reset(next);
            }
            // Nearly always it ends here, without a look at the clock.
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if slow_at.is_some_and(|at| at <= now) {
                return Poll::Ready(Due::Slow);
            }
            if alive_at <= now {
                if alive_due == Due::Ping {
                    self.answer_due = Some(now + self.bounds.pong_timeout);
                }
                return Poll::Ready(alive_due);
            }
            if dormant_at.is_some_and(|at| at <= now) {
                self.is_dormant = true;
                return Poll::Ready(Due::Dormant);
            }
            self.timer.as_mut().reset(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn liveness() -> Liveness {
        Liveness::new(&Config {
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            dormant_after: Duration::from_secs(60),
            ..Config::default()
        })
    }

    async fn due(liveness: &mut Liveness) -> (Due, Duration) {
        let started = Instant::now();
        let due = poll_fn(|cx| liveness.poll_due(cx, None)).await;
        (due, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_pinged_and_then_dead() {
        let mut liveness = liveness();
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
        assert_eq!(due(&mut liveness).await, (Due::Dead, Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_pings_becomes_dormant() {
        let mut liveness = liveness();
        for _ in 0..2 {
            assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
            liveness.heard();
        }
        assert_eq!(due(&mut liveness).await, (Due::Dormant, Duration::from_secs(10)));
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(15)));
    }
}
