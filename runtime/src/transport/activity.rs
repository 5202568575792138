//! What bounds a transport for as long as it speaks HTTP: each holds one of `--max-transports` places,
//! and one that does nothing for a while is dropped.
//!
//! A transport does something from a request until all of its response is handed over; one whose client takes
//! nothing of it is given up ([`crate::http::responses`]). A WebSocket is something else: over HTTP/1.1 it takes
//! the transport over, over HTTP/2 it counts as a request that is being answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// When a transport last did something.
pub(crate) struct Activity {
    accepted: Instant,
    /// Milliseconds after it was accepted.
    last: AtomicU64,
    /// Requests that are being answered.
    requests: AtomicUsize,
    has_asked: AtomicBool,
    /// One permit is one request whose body is read or held: its share of the server's.
    bodies: Semaphore,
}

/// A request that is being answered.
pub(crate) struct InUse(Arc<Activity>);

impl Activity {
    /// Of a transport that has just been accepted, and may have so many bodies of requests at a time.
    pub(crate) fn new(bodies: usize) -> Arc<Activity> {
        Arc::new(Activity {
            accepted: Instant::now(),
            last: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            has_asked: AtomicBool::new(false),
            bodies: Semaphore::new(bodies),
        })
    }

    /// A request has come.
    pub(crate) fn begin(self: &Arc<Activity>) -> Arc<InUse> {
        self.has_asked.store(true, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Arc::new(InUse(Arc::clone(self)))
    }

    fn touch(&self) {
        let millis = u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    /// Ready when nothing has been done for so long: until the first request for `first`, and then for
    /// `idle`.
    pub(crate) async fn ceased(&self, first: Duration, idle: Duration) {
        loop {
            let bound = if self.has_asked.load(Ordering::Relaxed) { idle } else { first };
            let last = match self.requests.load(Ordering::Relaxed) {
                0 => self.accepted + Duration::from_millis(self.last.load(Ordering::Relaxed)),
                _ => Instant::now(),
            };
            let (now, due) = (Instant::now(), last + bound);
            if due <= now {
                return;
            }
            // A request may come meanwhile, and the bound change.
            sleep_until(due.min(now + idle)).await;
        }
    }
}

impl InUse {
    /// The transport's share of the places for bodies.
    pub(crate) fn bodies(&self) -> &Semaphore {
        &self.0.bodies
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_transport_that_asks_nothing_ceases_after_the_time_for_a_head() {
        let activity = Activity::new(1);
        let began = Instant::now();
        activity.ceased(FIRST, IDLE).await;
        assert_eq!(began.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transport_never_ceases_while_a_request_is_answered() {
        let activity = Activity::new(1);
        let in_use = activity.begin();
        let began = Instant::now();
        tokio::select! {
            () = activity.ceased(FIRST, IDLE) => panic!("it was in use"),
            () = tokio::time::sleep(10 * IDLE) => {}
        }
        drop(in_use);
        activity.ceased(FIRST, IDLE).await;
        assert_eq!(began.elapsed(), 11 * IDLE);
    }
}
