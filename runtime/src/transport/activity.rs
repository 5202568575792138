//! When a transport that speaks HTTP has been idle for too long. Each counts towards `--max-transports`, so
//! idle ones are closed.
//!
//! A transport is active from the arrival of a request until its response has been sent; a response that
//! makes no progress is given up ([`crate::http::responses`]). A WebSocket takes over the transport over
//! HTTP/1.1, and counts as an active request over HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::transport::tcp::ClientWatch;

/// When a transport was last active.
pub(crate) struct Activity {
    accepted: Instant,
    /// When its last request ended, in milliseconds after it was accepted.
    last: AtomicU64,
    /// Active requests.
    requests: AtomicUsize,
    has_sent_request: AtomicBool,
    /// One permit is one request whose body is held: the transport's share of the server's permits.
    bodies: Semaphore,
    /// `None` in tests without a socket.
    client: Option<ClientWatch>,
}

/// A request that has no complete response yet.
pub(crate) struct ActiveRequest(Arc<Activity>);

impl Activity {
    /// The activity of a transport that has just been accepted. It may hold `bodies` request bodies at a
    /// time.
    pub(crate) fn new(bodies: usize, client: Option<ClientWatch>) -> Arc<Activity> {
        Arc::new(Activity {
            accepted: Instant::now(),
            last: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            has_sent_request: AtomicBool::new(false),
            bodies: Semaphore::new(bodies),
            client,
        })
    }

    /// A request has arrived.
    pub(crate) fn begin_request(self: &Arc<Activity>) -> Arc<ActiveRequest> {
        self.has_sent_request.store(true, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Arc::new(ActiveRequest(Arc::clone(self)))
    }

    fn touch(&self) {
        let millis = u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    /// Waits until the transport has been idle for too long: for `first` before its first request, and for
    /// `idle` afterwards.
    pub(crate) async fn idle(&self, first: Duration, idle: Duration) {
        loop {
            let limit = if self.has_sent_request.load(Ordering::Relaxed) { idle } else { first };
            let last = match self.requests.load(Ordering::Relaxed) {
                0 => self.accepted + Duration::from_millis(self.last.load(Ordering::Relaxed)),
                _ => Instant::now(),
            };
            let (now, due) = (Instant::now(), last + limit);
            if due <= now {
                return;
            }
            // A request may arrive meanwhile, and the limit change.
            sleep_until(due.min(now + idle)).await;
        }
    }
}

impl ActiveRequest {
    /// The transport's permits to hold request bodies.
    pub(crate) fn body_permits(&self) -> &Semaphore {
        &self.0.bodies
    }

    /// Whether the client has closed the transport.
    pub(crate) fn has_client_left(&self) -> bool {
        self.0.client.as_ref().is_some_and(ClientWatch::has_left)
    }

    /// The same for one task, while nothing else reads the transport.
    pub(crate) fn poll_client_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.client.as_ref().map_or(Poll::Pending, |client| client.poll_left(cx))
    }

    /// Waits until it has.
    pub(crate) async fn client_left(&self) {
        match &self.0.client {
            Some(client) => client.left().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for ActiveRequest {
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
    async fn a_transport_without_a_request_is_idle_after_the_time_for_a_head() {
        let activity = Activity::new(1, None);
        let began = Instant::now();
        activity.idle(FIRST, IDLE).await;
        assert_eq!(began.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transport_is_never_idle_during_a_request() {
        let activity = Activity::new(1, None);
        let request = activity.begin_request();
        let began = Instant::now();
        tokio::select! {
            () = activity.idle(FIRST, IDLE) => panic!("it was active"),
            () = tokio::time::sleep(10 * IDLE) => {}
        }
        drop(request);
        activity.idle(FIRST, IDLE).await;
        assert_eq!(began.elapsed(), 11 * IDLE);
    }
}
