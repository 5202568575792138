//! When a connection is pinged, given up as dead, called slow, late with a message, or dormant.
//!
//! One timer a connection, set to the next moment at which something could be due and not moved
//! when frames arrive: it fires at most once an interval and looks then at what has happened since.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Config;

/// The clocks of one connection.
pub(crate) struct Liveness {
    timer: Pin<Box<Sleep>>,
    /// When anything was last read.
    heard: Instant,
    /// When the last event ended.
    event_ended: Instant,
    /// By when something must follow the ping that went out.
    answer_due: Option<Instant>,
    /// When what there is of a message that is not whole began to come.
    message_began: Option<Instant>,
    is_dormant: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ping,
    /// The last ping was not answered in time.
    Dead,
    /// The queue has been over its bound for too long.
    Slow,
    /// A message has been under way for too long.
    LateMessage,
    Dormant,
}

impl Liveness {
    pub(crate) fn new(config: &Config) -> Liveness {
        let now = Instant::now();
        let first = now + config.ping_interval.min(config.dormant_after);
        Liveness {
            timer: Box::pin(sleep_until(first)),
            heard: now,
            event_ended: now,
            answer_due: None,
            message_began: None,
            is_dormant: false,
        }
    }

    /// Something was read.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
        self.answer_due = None;
    }

    /// All that was read is decoded; says whether it ends inside of a message. That counts from when its
    /// beginning was read, and no look at the clock is added.
    pub(crate) fn ends_inside_message(&mut self, is_inside: bool) {
        self.message_began = is_inside.then(|| self.message_began.unwrap_or(self.heard));
    }

    /// A message is whole.
    pub(crate) fn message_ended(&mut self) {
        self.message_began = None;
    }

    /// A ping goes out now whose sender will not wait as long as for others.
    pub(crate) fn probe(&mut self, config: &Config) {
        let due = Instant::now() + config.resume_probe_timeout;
        self.answer_due = Some(self.answer_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// An event of the connection has ended. It counts from when its message was read: a look at the
    /// clock for each event costs more than a connection gains by being dormant so much later.
    pub(crate) fn event_ended(&mut self) {
        self.event_ended = self.heard;
        self.is_dormant = false;
    }

    /// What is due next, and when. `over_since` says since when the queue is over its bound.
    fn next(&self, config: &Config, over_since: Option<std::time::Instant>) -> (Instant, Due) {
        let alive = match self.answer_due {
            Some(due) => (due, Due::Dead),
            None => (self.heard + config.ping_interval, Due::Ping),
        };
        let slow = over_since
            .map(|since| (Instant::from_std(since) + config.slow_consumer_timeout, Due::Slow));
        let late =
            self.message_began.map(|began| (began + config.message_timeout, Due::LateMessage));
        let dormant =
            (!self.is_dormant).then(|| (self.event_ended + config.dormant_after, Due::Dormant));
        let others = [slow, late, dormant].into_iter().flatten();
        others.fold(alive, |first, other| if other.0 < first.0 { other } else { first })
    }

    /// Waits until something is due. Called when nothing more can be read at present.
    ///
    /// A peer that always has more to say is told so too: tokio suspends a task that has read for long
    /// before there is nothing to read, and does not let it look at its timer then.
    pub(crate) fn poll_due(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        over_since: Option<std::time::Instant>,
    ) -> Poll<Due> {
        loop {
            let (at, due) = self.next(config, over_since);
            // It is later now than when something was read.
            if self.heard < at {
                // A timer that fires early costs one look; one that fires late would be wrong.
                if at < self.timer.deadline() {
                    self.timer.as_mut().reset(at);
                }
                // Nearly always it ends here, without a look at the clock.
                ready!(self.timer.as_mut().poll(cx));
                if Instant::now() < at {
                    self.timer.as_mut().reset(at);
                    continue;
                }
            }
            match due {
                Due::Ping => self.answer_due = Some(Instant::now() + config.pong_timeout),
                Due::Dormant => self.is_dormant = true,
                Due::Dead | Due::Slow | Due::LateMessage => {}
            }
            return Poll::Ready(due);
        }
    }
}

/// Whether a queue that has been over its bound since then has been so for too long.
pub(crate) fn is_slow(config: &Config, over_since: std::time::Instant) -> bool {
    over_since.elapsed() >= config.slow_consumer_timeout
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    fn config() -> Config {
        Config {
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            dormant_after: Duration::from_secs(60),
            message_timeout: Duration::from_secs(40),
            ..Config::default()
        }
    }

    async fn due(liveness: &mut Liveness) -> (Due, Duration) {
        let (started, config) = (Instant::now(), config());
        let due = poll_fn(|cx| liveness.poll_due(cx, &config, None)).await;
        (due, started.elapsed())
    }

    /// The first thing that is due of a peer that is heard every second, in a task that has used up its
    /// turn each time.
    async fn due_of_talker(
        liveness: &mut Liveness,
        over_since: Option<std::time::Instant>,
    ) -> (Due, Duration) {
        let (started, config) = (Instant::now(), config());
        loop {
            tokio::time::advance(Duration::from_secs(1)).await;
            liveness.heard();
            let looked = poll_fn(|cx| {
                while tokio::task::coop::has_budget_remaining() {
                    let _ = pin!(tokio::task::consume_budget()).poll(cx);
                }
                Poll::Ready(liveness.poll_due(cx, &config, over_since))
            });
            if let Poll::Ready(due) = looked.await {
                return (due, started.elapsed());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_pinged_and_then_dead() {
        let mut liveness = Liveness::new(&config());
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
        assert_eq!(due(&mut liveness).await, (Due::Dead, Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_pings_becomes_dormant() {
        let mut liveness = Liveness::new(&config());
        for _ in 0..2 {
            assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
            liveness.heard();
        }
        assert_eq!(due(&mut liveness).await, (Due::Dormant, Duration::from_secs(10)));
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(15)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_has_its_time_whether_its_sender_is_silent_or_talks() {
        let mut silent = Liveness::new(&config());
        silent.ends_inside_message(true);
        assert_eq!(due(&mut silent).await, (Due::Ping, Duration::from_secs(25)));
        silent.heard();
        assert_eq!(due(&mut silent).await, (Due::LateMessage, Duration::from_secs(15)));

        let mut talker = Liveness::new(&config());
        talker.ends_inside_message(true);
        let late = due_of_talker(&mut talker, None).await;
        assert_eq!(late, (Due::LateMessage, Duration::from_secs(40)));
        talker.message_ended();
        talker.ends_inside_message(true);
        assert_eq!(due_of_talker(&mut talker, None).await.0, Due::Dormant, "the next has its own");
    }

    #[tokio::test(start_paused = true)]
    async fn who_talks_without_a_pause_is_slow_and_dormant_in_time_too() {
        let mut talker = Liveness::new(&config());
        let dormant = due_of_talker(&mut talker, None).await;
        assert_eq!(dormant, (Due::Dormant, Duration::from_secs(60)));
        let since = Some(Instant::now().into_std());
        let slow = due_of_talker(&mut talker, since).await;
        assert_eq!(slow, (Due::Slow, config().slow_consumer_timeout));
    }
}
