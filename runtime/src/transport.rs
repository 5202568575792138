//! What bounds a transport for as long as it speaks HTTP: each holds one of `--max-transports` places,
//! and one that does nothing for a while is dropped.
//!
//! A transport does something while a request is being answered, and whenever its client takes a piece
//! of an answer. A WebSocket is something else: over HTTP/1.1 it takes the transport over, over HTTP/2
//! it counts as a request that is being answered.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// Bytes of an answer that are handed over at a time. What the client does not take stays here, so
/// that a slow one is seen to take something; hyper holds up to 16 KiB more.
const PIECE_BYTES: usize = 64 << 10;

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

/// An answer's body, in pieces of which each is something that the transport does.
pub(crate) struct Paced<B> {
    body: B,
    /// Of the frame that is being handed over.
    rest: Bytes,
    activity: Arc<Activity>,
}

impl<B> Paced<B> {
    pub(crate) fn new(body: B, activity: Arc<Activity>) -> Paced<B> {
        Paced { body, rest: Bytes::new(), activity }
    }
}

impl<B: Body<Data = Bytes, Error = Infallible> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.activity.touch();
        if self.rest.is_empty() {
            let Some(Ok(frame)) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let len = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

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

    #[tokio::test(start_paused = true)]
    async fn each_piece_of_an_answer_that_is_taken_counts() {
        let activity = Activity::new(1);
        drop(activity.begin());
        let bytes = Bytes::from(vec![7; 2 * PIECE_BYTES + 1]);
        let mut body = Paced::new(Full::new(bytes.clone()), Arc::clone(&activity));
        let began = Instant::now();
        let mut taken = Vec::new();
        while !body.is_end_stream() {
            assert_eq!(body.size_hint().exact(), Some((bytes.len() - taken.len()) as u64));
            tokio::select! {
                () = activity.ceased(FIRST, IDLE) => panic!("something was taken"),
                () = tokio::time::sleep(IDLE / 2) => {}
            }
            let frame = body.frame().await.expect("it is not at its end").expect("infallible");
            taken.extend_from_slice(&frame.into_data().expect("a body has no trailers"));
        }
        assert_eq!(taken, bytes);
        activity.ceased(FIRST, IDLE).await;
        assert_eq!(began.elapsed(), 3 * (IDLE / 2) + IDLE);
    }
}
