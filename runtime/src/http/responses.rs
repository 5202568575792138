//! Responses that clients have not taken yet: how much memory they hold, and when one is given up.
//!
//! A response is held until its client has taken all of it. One that makes no progress for
//! `--http-idle-timeout` is given up: over HTTP/2 its stream is reset and the transport's others go on,
//! over HTTP/1.1 the transport is closed. All of them together hold `--max-response-bytes` at most. For a
//! response that does not fit, those are given up that made no progress for the longest time, and for
//! `--slow-consumer-timeout` at least; if that is not enough, its client gets 503.
//!
//! Hyper polls a body only when it can send more of it. So a response is given up by aborting the task that
//! sends it, of its stream or its transport, which drops all that the task holds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::server::counters::{Counters, Unanswered};
use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::rt::Executor;
use hyper::{Response, Version};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use zigttp_sandbox::pool::{Pool, Share};

use crate::config::Config;
use crate::http::response::{Body, busy};
use crate::transport::activity::ActiveRequest;

/// Most bytes of a body that hyper gets at a time. The rest stays here, so the progress of a slow client is
/// noticed; hyper holds up to 16 KiB more.
const PIECE_BYTES: usize = 64 << 10;
/// What a response takes besides its body and the texts of its headers.
const RESPONSE_BYTES: usize = 1 << 10;
/// What each header takes besides its texts.
const HEADER_BYTES: usize = 64;
/// How often idle responses are looked for, in the time after which they are given up.
const CHECKS_PER_TIMEOUT: u32 = 8;
/// For a response that does not fit, this part of the limit is freed beyond what it needs, so that the next
/// ones fit at once.
const SPARE_PART: usize = 8;

tokio::task_local! {
    /// The task that sends the response.
    static SENDER: Arc<OnceLock<AbortHandle>>;
}

/// The task that sends the response to the present request, of its stream or its transport. Outside of such a task, as
/// in a test, there is none.
pub(crate) fn sender() -> Sender {
    Sender(SENDER.try_with(Arc::clone).unwrap_or_default())
}

/// A task that sends a response.
pub(crate) struct Sender(Arc<OnceLock<AbortHandle>>);

impl Sender {
    /// Gives the response up.
    pub(crate) fn abort(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

/// Spawns a task that sends responses.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    let own = Arc::default();
    let task = tokio::spawn(SENDER.scope(Arc::clone(&own), future));
    own.set(task.abort_handle()).expect("it is set only here");
}

/// Spawns the tasks for the streams of an HTTP/2 transport, for hyper.
#[derive(Clone)]
pub(crate) struct StreamExecutor;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, future: F) {
        spawn(future);
    }
}

/// All responses of a server that clients have not taken yet.
pub(crate) struct Responses {
    pool: Arc<Pool>,
    created: Instant,
    /// By their addresses. An entry is added when a response begins to be sent, and removed when its body
    /// is dropped.
    unsent: Mutex<HashMap<usize, Arc<Unsent>>>,
}

/// A response that its client has not taken yet.
struct Unsent {
    /// The memory it holds: until the last of its bytes is dropped, or until it is given up, as its bytes
    /// are about to be dropped then.
    share: Mutex<Share>,
    /// When its client last took something: milliseconds since the server was created.
    last_progress: AtomicU64,
    sender: Sender,
}

impl Responses {
    pub(crate) fn new(max_bytes: usize) -> Arc<Responses> {
        let (pool, created) = (Pool::new(max_bytes), Instant::now());
        Arc::new(Responses { pool, created, unsent: Mutex::default() })
    }

    /// Bytes that all responses hold.
    pub(crate) fn held_bytes(&self) -> usize {
        self.pool.held()
    }

    /// Wraps a response so that its memory is counted until its client has taken it. If it does not fit,
    /// this is a 503 instead.
    pub(crate) fn hold(
        self: &Arc<Responses>,
        response: Response<Body>,
        version: Version,
        active: Arc<ActiveRequest>,
        config: &Config,
        counters: &Counters,
    ) -> Response<HeldBody> {
        if response.body().is_end_stream() {
            return response
                .map(|_empty| HeldBody::uncounted(State::Started(Bytes::new()), active));
        }
        // What it holds is limited by the queue of its connection.
        if let Body::Events(_) = response.body() {
            return response.map(|body| HeldBody::uncounted(State::NotStarted(body), active));
        }
        let mut share = self.pool.share();
        let bytes = bytes_of(&response);
        let fits = share.resize(bytes) || {
            let wanted = bytes.saturating_add(config.max_response_bytes / SPARE_PART);
            counters.given_up_responses.add(self.give_up(config.slow_consumer_timeout, wanted));
            share.resize(bytes)
        };
        let response = match fits {
            true => response,
            false => {
                counters.count_unanswered(Unanswered::TooManyResponses);
                // Its text is static and takes no memory.
                busy("too many responses wait for their clients\n")
            }
        };
        let unsent = Arc::new(Unsent {
            share: Mutex::new(share),
            last_progress: AtomicU64::new(self.now()),
            sender: sender(),
        });
        self.unsent().insert(address(&unsent), Arc::clone(&unsent));
        let entry = Entry { responses: Arc::clone(self), unsent };
        response.map(|body| HeldBody {
            state: State::NotStarted(body),
            sends_last_byte_alone: version == Version::HTTP_2,
            entry: Some(entry),
            _active: active,
        })
    }

    /// Gives up responses that made no progress for `idle`, as long as it runs.
    pub(crate) async fn give_up_idle(&self, idle: Duration, counters: &Counters) {
        let interval = (idle / CHECKS_PER_TIMEOUT).max(Duration::from_millis(10));
        let mut due = tokio::time::interval(interval);
        loop {
            due.tick().await;
            counters.given_up_responses.add(self.give_up(idle, usize::MAX));
        }
    }

    /// Gives up responses that made no progress for `idle`, the most idle first, until `wanted` bytes are
    /// free. Returns how many it has given up.
    fn give_up(&self, idle: Duration, wanted: usize) -> usize {
        let latest = self.now().checked_sub(millis(idle));
        let Some(latest) = latest else { return 0 };
        let mut idle: Vec<_> = {
            let unsent = self.unsent();
            let all = unsent
                .values()
                .map(|response| (response.last_progress.load(Ordering::Relaxed), response));
            all.filter(|(progress, _)| *progress <= latest)
                .map(|(progress, response)| (progress, Arc::clone(response)))
                .collect()
        };
        idle.sort_unstable_by_key(|(progress, _)| *progress);
        let (mut freed, mut count) = (0, 0);
        for (_, response) in idle {
            if freed >= wanted {
                break;
            }
            // Removed now, because its task ends only later.
            self.unsent().remove(&address(&response));
            freed += response.release();
            response.sender.abort();
            count += 1;
        }
        count
    }

    fn now(&self) -> u64 {
        millis(self.created.elapsed())
    }

    fn unsent(&self) -> MutexGuard<'_, HashMap<usize, Arc<Unsent>>> {
        // Nothing under this lock can panic in the middle of a change.
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsent {
    /// Stops counting its memory. Returns how much it was.
    fn release(&self) -> usize {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = share.bytes();
        assert!(share.resize(0), "less always fits");
        bytes
    }
}

fn address(response: &Arc<Unsent>) -> usize {
    Arc::as_ptr(response) as usize
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn bytes_of(response: &Response<Body>) -> usize {
    let headers = response.headers().iter();
    let headers: usize =
        headers.map(|(name, value)| HEADER_BYTES + name.as_str().len() + value.len()).sum();
    let body = response.body().size_hint().exact().unwrap_or(0);
    RESPONSE_BYTES + headers + usize::try_from(body).unwrap_or(usize::MAX)
}

/// The bytes of a body. They are counted until the last piece of them is dropped.
struct CountedBytes {
    bytes: Bytes,
    response: Arc<Unsent>,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.response.release();
    }
}

/// The entry of a response in the table, which is removed when this is dropped.
struct Entry {
    responses: Arc<Responses>,
    unsent: Arc<Unsent>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.responses.unsent().remove(&address(&self.unsent));
    }
}

/// A response's body while it is sent, in pieces: each that hyper asks for is progress.
pub(crate) struct HeldBody {
    state: State,
    /// Whether the last byte is a piece of its own. Over HTTP/2 the stream's task ends with the last piece,
    /// before the client has taken that piece, and can then not be aborted: so the last piece is tiny,
    /// and hyper asks for it only when the client has made room for all before it.
    sends_last_byte_alone: bool,
    entry: Option<Entry>,
    /// The transport is in use as long as the body exists.
    _active: Arc<ActiveRequest>,
}

enum State {
    NotStarted(Body),
    /// What is still to be sent.
    Started(Bytes),
}

impl HeldBody {
    /// A body whose memory does not count here.
    fn uncounted(state: State, active: Arc<ActiveRequest>) -> HeldBody {
        HeldBody { state, sends_last_byte_alone: false, entry: None, _active: active }
    }
}

impl hyper::body::Body for HeldBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let HeldBody { state, sends_last_byte_alone, entry, .. } = &mut *self;
        if let State::NotStarted(body @ Body::Events(_)) = state {
            return Pin::new(body).poll_frame(context);
        }
        let Some(Entry { responses, unsent }) = entry else { return Poll::Ready(None) };
        unsent.last_progress.store(responses.now(), Ordering::Relaxed);
        if let State::NotStarted(body) = state {
            let mut bytes = Bytes::new();
            if let Poll::Ready(Some(Ok(frame))) = Pin::new(body).poll_frame(context)
                && let Ok(data) = frame.into_data()
            {
                let response = Arc::clone(unsent);
                bytes = Bytes::from_owner(CountedBytes { bytes: data, response });
            }
            *state = State::Started(bytes);
        }
        let State::Started(rest) = state else { unreachable!("it was set above") };
        let len = match rest.len() {
            0 => return Poll::Ready(None),
            1 => 1,
            len => PIECE_BYTES.min(len - usize::from(*sends_last_byte_alone)),
        };
        Poll::Ready(Some(Ok(Frame::data(rest.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::NotStarted(body) => body.is_end_stream(),
            State::Started(rest) => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::NotStarted(body) => body.size_hint(),
            State::Started(rest) => SizeHint::with_exact(rest.len() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::StatusCode;

    use super::*;
    use crate::http::response::text;
    use crate::transport::activity::Activity;

    const SLOW: Duration = Duration::from_secs(5);

    struct Fixture {
        responses: Arc<Responses>,
        config: Config,
        counters: Counters,
        activity: Arc<Activity>,
    }

    impl Fixture {
        fn new(max_response_bytes: usize) -> Fixture {
            let config =
                Config { max_response_bytes, slow_consumer_timeout: SLOW, ..Config::default() };
            Fixture {
                responses: Responses::new(max_response_bytes),
                config,
                counters: Counters::default(),
                activity: Activity::new(1, None),
            }
        }

        /// A response with a body of `len` bytes, as it is sent.
        fn hold(&self, len: usize, version: Version) -> Response<HeldBody> {
            let response = Response::new(Body::from(Bytes::from(vec![7; len])));
            let (config, counters) = (&self.config, &self.counters);
            self.responses.hold(response, version, self.activity.begin_request(), config, counters)
        }
    }

    async fn next(response: &mut Response<HeldBody>) -> Bytes {
        let frame = response.body_mut().frame().await.expect("it is not at its end");
        frame.expect("infallible").into_data().expect("a body has no trailers")
    }

    #[tokio::test]
    async fn a_body_is_sent_in_pieces_and_over_http_2_its_last_byte_alone() {
        let fixture = Fixture::new(1 << 20);
        for (len, version, lens) in [
            (2 * PIECE_BYTES + 1, Version::HTTP_11, &[PIECE_BYTES, PIECE_BYTES, 1][..]),
            (2 * PIECE_BYTES, Version::HTTP_2, &[PIECE_BYTES, PIECE_BYTES - 1, 1]),
            (2 * PIECE_BYTES, Version::HTTP_11, &[PIECE_BYTES, PIECE_BYTES]),
            (2, Version::HTTP_2, &[1, 1]),
            (1, Version::HTTP_2, &[1]),
            (5, Version::HTTP_11, &[5]),
        ] {
            let mut response = fixture.hold(len, version);
            let mut left = len;
            for piece in lens {
                assert!(!response.body().is_end_stream());
                assert_eq!(response.body().size_hint().exact(), Some(left as u64));
                assert_eq!(next(&mut response).await.len(), *piece, "{len} {version:?}");
                left -= piece;
            }
            assert!(response.body().is_end_stream() && response.body_mut().frame().await.is_none());
        }
        assert!(fixture.hold(0, Version::HTTP_2).body().is_end_stream());
        assert_eq!(fixture.responses.held_bytes(), 0);
    }

    #[tokio::test]
    async fn a_response_counts_until_its_last_piece_is_dropped() {
        let fixture = Fixture::new(1 << 20);
        let mut response = fixture.hold(2 * PIECE_BYTES, Version::HTTP_11);
        let held = fixture.responses.held_bytes();
        assert!((2 * PIECE_BYTES..2 * PIECE_BYTES + 2 * RESPONSE_BYTES).contains(&held), "{held}");
        let pieces = (next(&mut response).await, next(&mut response).await);
        drop(response);
        drop(pieces.0);
        assert_eq!(fixture.responses.held_bytes(), held, "they share one allocation");
        drop(pieces.1);
        assert_eq!(fixture.responses.held_bytes(), 0);
        drop(fixture.hold(7, Version::HTTP_2));
        assert_eq!(fixture.responses.held_bytes(), 0);
        let large = text(StatusCode::OK, "");
        assert!(bytes_of(&large) > RESPONSE_BYTES + HEADER_BYTES, "its headers count");
    }

    #[tokio::test(start_paused = true)]
    async fn for_a_response_that_does_not_fit_the_most_idle_ones_are_given_up_or_it_is_503() {
        let fixture = Fixture::new(100_000);
        let mut read = fixture.hold(40_000, Version::HTTP_2);
        let unread = fixture.hold(40_000, Version::HTTP_2);
        let is_sent = |response: &Response<HeldBody>| response.status() == StatusCode::OK;
        assert!(is_sent(&read) && is_sent(&unread));
        tokio::time::sleep(SLOW / 2).await;
        next(&mut read).await;
        assert!(
            !is_sent(&fixture.hold(40_000, Version::HTTP_2)),
            "neither is idle for long enough"
        );
        assert_eq!(fixture.counters.given_up_responses.get(), 0);
        tokio::time::sleep(SLOW / 2).await;
        let third = fixture.hold(40_000, Version::HTTP_2);
        assert!(is_sent(&third));
        assert_eq!(fixture.counters.given_up_responses.get(), 1);
        assert!(fixture.responses.held_bytes() <= 100_000);
        // A response that was given up is freed once, even if it is dropped later.
        let held = fixture.responses.held_bytes();
        drop(unread);
        assert_eq!(fixture.responses.held_bytes(), held);
        drop((read, third));
        assert_eq!(fixture.responses.held_bytes(), 0);
        assert!(fixture.responses.unsent().is_empty());
        assert!(
            !is_sent(&fixture.hold(100_000, Version::HTTP_2)),
            "it is over the limit by itself"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_a_response_aborts_the_task_that_sends_it_and_no_other() {
        let fixture = Fixture::new(1 << 20);
        let idle = Duration::from_secs(60);
        let Fixture { responses, config, counters, activity } = &fixture;
        let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
        for is_idle in [true, false] {
            let hold = {
                let (responses, activity) = (Arc::clone(responses), Arc::clone(activity));
                let config = config.clone();
                move || {
                    let response = Response::new(Body::from(Bytes::from(vec![7; 3 * PIECE_BYTES])));
                    let counters = Counters::default();
                    responses.hold(
                        response,
                        Version::HTTP_2,
                        activity.begin_request(),
                        &config,
                        &counters,
                    )
                }
            };
            let sender = sender.clone();
            spawn(async move {
                let mut response = hold();
                for _ in 0..3 {
                    next(&mut response).await;
                    tokio::time::sleep(if is_idle { 2 * idle } else { idle / 2 }).await;
                }
                sender.send(is_idle).expect("the test waits");
            });
        }
        drop(sender);
        tokio::select! {
            () = responses.give_up_idle(idle, counters) => unreachable!("it never ends"),
            end = ends.recv() => assert_eq!(end, Some(false)),
        }
        assert_eq!(ends.recv().await, None, "the idle one was aborted");
        assert_eq!(counters.given_up_responses.get(), 1);
        assert_eq!(responses.held_bytes(), 0);
    }
}
