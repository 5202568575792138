//! When a connection is pinged, dropped without a pong, slow, late with a message, or dormant.
//!
//! Each connection has one timer, set to the next moment when something may be due. It is not moved when
//! frames arrive: it fires at most once an interval, and then checks what has happened since.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Config;

/// The deadlines of one connection.
pub(crate) struct Liveness {
    timer: Pin<Box<Sleep>>,
    /// When anything was last read.
    last_read: Instant,
    /// When the last event ended.
    event_ended: Instant,
    /// By when the client must send something after the last ping.
    pong_due: Option<Instant>,
    /// When the first byte of an incomplete message was read.
    message_began: Option<Instant>,
    is_dormant: bool,
    /// Since when the socket is not read, if it is not. Then nothing of the client can be late.
    unread_since: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ping,
    /// The client has sent nothing in time after a ping.
    NoPong,
    /// The queue has been over its limit for too long.
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
            last_read: now,
            event_ended: now,
            pong_due: None,
            message_began: None,
            is_dormant: false,
            unread_since: None,
        }
    }

    /// The socket is not read from now on.
    pub(crate) fn stop_reading(&mut self) {
        self.unread_since.get_or_insert_with(Instant::now);
    }

    /// The socket is read again. What the client may have sent meanwhile is still to be read.
    pub(crate) fn read_again(&mut self) {
        let Some(since) = self.unread_since.take() else { return };
        self.was_read();
        if let Some(began) = &mut self.message_began {
            *began += self.last_read - since;
        }
    }

    /// Something was read.
    pub(crate) fn was_read(&mut self) {
        self.last_read = Instant::now();
        self.pong_due = None;
    }

    /// All input is decoded; `is_inside` says whether it ends inside a message. The message's time counts
    /// from the last read, so this does not read the clock.
    pub(crate) fn input_ended(&mut self, is_inside: bool) {
        self.message_began = is_inside.then(|| self.message_began.unwrap_or(self.last_read));
    }

    /// A message is complete.
    pub(crate) fn message_ended(&mut self) {
        self.message_began = None;
    }

    /// A ping is sent for a browser that wants to resume; it has a shorter time-out than others.
    pub(crate) fn probe(&mut self, config: &Config) {
        let due = Instant::now() + config.resume_probe_timeout;
        self.pong_due = Some(self.pong_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// An event of the connection has ended. Its time is that of the last read: reading the clock for
    /// each event would cost more than an exact time is worth.
    pub(crate) fn event_ended(&mut self) {
        self.event_ended = self.last_read;
        self.is_dormant = false;
    }

    /// What is due next, and when. `over_since` is when the queue went over its limit.
    fn next(
        &self,
        config: &Config,
        over_since: Option<std::time::Instant>,
    ) -> Option<(Instant, Due)> {
        let slow = over_since
            .map(|since| (Instant::from_std(since) + config.slow_consumer_timeout, Due::Slow));
        let dormant =
            (!self.is_dormant).then(|| (self.event_ended + config.dormant_after, Due::Dormant));
        let first =
            |all: [Option<(Instant, Due)>; 2]| all.into_iter().flatten().min_by_key(|(at, _)| *at);
        let of_server = first([slow, dormant]);
        if self.unread_since.is_some() {
            return of_server;
        }
        let ping = match self.pong_due {
            Some(due) => (due, Due::NoPong),
            None => (self.last_read + config.ping_interval, Due::Ping),
        };
        let late =
            self.message_began.map(|began| (began + config.message_timeout, Due::LateMessage));
        first([first([Some(ping), late]), of_server])
    }

    /// Waits until something is due. Called when nothing more can be read at present.
    ///
    /// It also notices what is due for a client that never pauses: tokio suspends a task that has read for
    /// long, and the timer is then pending even if its time has passed.
    pub(crate) fn poll_due(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        over_since: Option<std::time::Instant>,
    ) -> Poll<Due> {
        loop {
            let Some((at, due)) = self.next(config, over_since) else { return Poll::Pending };
            // If it was due at the last read, it is due now: neither timer nor clock is needed.
            if self.last_read < at {
                // A timer that fires early costs one check; one that fires late would be wrong.
                if at < self.timer.deadline() {
                    self.timer.as_mut().reset(at);
                }
                // Nearly always it ends here, without reading the clock.
                ready!(self.timer.as_mut().poll(cx));
                if Instant::now() < at {
                    self.timer.as_mut().reset(at);
                    continue;
                }
            }
            match due {
                Due::Ping => self.pong_due = Some(Instant::now() + config.pong_timeout),
                Due::Dormant => self.is_dormant = true,
                Due::NoPong | Due::Slow | Due::LateMessage => {}
            }
            return Poll::Ready(due);
        }
    }
}

/// Whether a queue that went over its limit at this time has been over it for too long.
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

    /// What is due first for a client that sends something every second, in a task that has used up its
    /// budget each time.
    async fn due_of_talker(
        liveness: &mut Liveness,
        over_since: Option<std::time::Instant>,
    ) -> (Due, Duration) {
        let (started, config) = (Instant::now(), config());
        loop {
            tokio::time::advance(Duration::from_secs(1)).await;
            liveness.was_read();
            let checked = poll_fn(|cx| {
                while tokio::task::coop::has_budget_remaining() {
                    let _ = pin!(tokio::task::consume_budget()).poll(cx);
                }
                Poll::Ready(liveness.poll_due(cx, &config, over_since))
            });
            if let Poll::Ready(due) = checked.await {
                return (due, started.elapsed());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_pinged_and_then_dropped() {
        let mut liveness = Liveness::new(&config());
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
        assert_eq!(due(&mut liveness).await, (Due::NoPong, Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_pings_becomes_dormant() {
        let mut liveness = Liveness::new(&config());
        for _ in 0..2 {
            assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
            liveness.was_read();
        }
        assert_eq!(due(&mut liveness).await, (Due::Dormant, Duration::from_secs(10)));
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(15)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_not_read_is_neither_dead_nor_late_and_has_its_time_again_afterwards()
    {
        let mut liveness = Liveness::new(&config());
        liveness.input_ended(true);
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(25)));
        liveness.stop_reading();
        assert_eq!(due(&mut liveness).await, (Due::Dormant, Duration::from_secs(35)));
        let (long, config) = (Duration::from_secs(1000), config());
        let nothing = poll_fn(|cx| liveness.poll_due(cx, &config, None));
        assert!(tokio::time::timeout(long, nothing).await.is_err());
        liveness.read_again();
        assert_eq!(due(&mut liveness).await, (Due::LateMessage, Duration::from_secs(15)));
        liveness.message_ended();
        liveness.input_ended(false);
        assert_eq!(due(&mut liveness).await, (Due::Ping, Duration::from_secs(10)));
        assert_eq!(due(&mut liveness).await, (Due::NoPong, Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_has_its_time_out_whether_its_client_pauses_or_not() {
        let mut silent = Liveness::new(&config());
        silent.input_ended(true);
        assert_eq!(due(&mut silent).await, (Due::Ping, Duration::from_secs(25)));
        silent.was_read();
        assert_eq!(due(&mut silent).await, (Due::LateMessage, Duration::from_secs(15)));

        let mut talker = Liveness::new(&config());
        talker.input_ended(true);
        let late = due_of_talker(&mut talker, None).await;
        assert_eq!(late, (Due::LateMessage, Duration::from_secs(40)));
        talker.message_ended();
        talker.input_ended(true);
        assert_eq!(due_of_talker(&mut talker, None).await.0, Due::Dormant, "the next has its own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_pauses_is_slow_and_dormant_in_time_too() {
        let mut talker = Liveness::new(&config());
        let dormant = due_of_talker(&mut talker, None).await;
        assert_eq!(dormant, (Due::Dormant, Duration::from_secs(60)));
        let since = Some(Instant::now().into_std());
        let slow = due_of_talker(&mut talker, since).await;
        assert_eq!(slow, (Due::Slow, config().slow_consumer_timeout));
    }
}
