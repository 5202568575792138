//! Responses that clients have not taken yet: how much of them the server holds, and when one is given up.
//!
//! A response is held until its client has taken all of it. One whose client takes nothing for
//! `--http-idle-timeout` is given up: over HTTP/2 its stream is reset and the others of its transport go on,
//! over HTTP/1.1 the transport ends. All of them together hold `--max-response-bytes` at most. A response
//! that does not fit takes the place of those whose clients have taken nothing for the longest time, if it
//! is `--slow-consumer-timeout` at least; else it is not given, and its client gets 503.
//!
//! Hyper looks at a body only when there is room for more of it. So a response is given up by ending the
//! task that sends it, which drops all it holds: that of its stream, or of its transport.

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
use crate::transport::activity::InUse;

/// Bytes of a response that are handed over at a time. What the client does not take stays here, so
/// that a slow one is seen to take something; hyper holds up to 16 KiB more.
const PIECE_BYTES: usize = 64 << 10;
/// What a response holds besides its body and the texts of its headers.
const RESPONSE_BYTES: usize = 1 << 10;
/// The same for each of its headers.
const HEADER_BYTES: usize = 64;
/// How often in the time of an idle response those are looked for.
const LOOKS: u32 = 8;

tokio::task_local! {
    /// The task that sends what is being answered in it.
    static SENDING: Arc<OnceLock<AbortHandle>>;
}

/// Runs a task that answers requests.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    let own = Arc::default();
    let task = tokio::spawn(SENDING.scope(Arc::clone(&own), future));
    own.set(task.abort_handle()).expect("it is set here alone");
}

/// What hyper runs the streams of an HTTP/2 transport with.
#[derive(Clone)]
pub(crate) struct Streams;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, future: F) {
        spawn(future);
    }
}

/// All responses of a server that are not taken yet.
pub(crate) struct Responses {
    pool: Arc<Pool>,
    made: Instant,
    /// By their addresses. Written when a response begins to be sent, and when its body is dropped.
    waiting: Mutex<HashMap<usize, Arc<Account>>>,
}

/// What a response holds.
struct Account {
    /// Dropped with the last of its bytes, or when it is given up: then they are about to be.
    share: Mutex<Share>,
    /// When its client last took something: milliseconds since the responses were made.
    taken: AtomicU64,
    sending: Arc<OnceLock<AbortHandle>>,
}

impl Responses {
    pub(crate) fn new(max_bytes: usize) -> Arc<Responses> {
        let (pool, made) = (Pool::new(max_bytes), Instant::now());
        Arc::new(Responses { pool, made, waiting: Mutex::default() })
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.pool.held()
    }

    /// The response as it is sent, if there is room for it, and else one that says so.
    pub(crate) fn hold(
        self: &Arc<Responses>,
        response: Response<Body>,
        version: Version,
        in_use: Arc<InUse>,
        config: &Config,
        counters: &Counters,
    ) -> Response<Held> {
        if response.body().is_end_stream() {
            return response.map(|_nothing| Held::nothing(in_use));
        }
        let mut share = self.pool.share();
        let bytes = bytes_of(&response);
        let fits = share.resize(bytes) || {
            // A part more than is needed, so that not each response has to look.
            let wanted = bytes.saturating_add(config.max_response_bytes / LOOKS as usize);
            counters.given_up_responses.add(self.give_up(config.slow_consumer_timeout, wanted));
            share.resize(bytes)
        };
        let response = match fits {
            true => response,
            false => {
                counters.count_unanswered(Unanswered::TooManyResponses);
                // A line that costs nothing.
                busy("too many responses wait for their clients\n")
            }
        };
        let account = Arc::new(Account {
            share: Mutex::new(share),
            taken: AtomicU64::new(self.now()),
            // Without one it is not given up, as in a test.
            sending: SENDING.try_with(Arc::clone).unwrap_or_default(),
        });
        self.waiting().insert(address(&account), Arc::clone(&account));
        let place = Place { responses: Arc::clone(self), account };
        response.map(|body| Held {
            state: State::Begins(body),
            holds_back: version == Version::HTTP_2,
            place: Some(place),
            _in_use: in_use,
        })
    }

    /// Gives up those whose clients have taken nothing for so long, for ever.
    pub(crate) async fn watch(&self, idle: Duration, counters: &Counters) {
        let mut due = tokio::time::interval((idle / LOOKS).max(Duration::from_millis(10)));
        loop {
            due.tick().await;
            counters.given_up_responses.add(self.give_up(idle, usize::MAX));
        }
    }

    /// Gives up responses of which nothing was taken for so long, the longest first, until these many
    /// bytes are free. How many it were.
    fn give_up(&self, idle: Duration, wanted: usize) -> usize {
        let latest = self.now().checked_sub(millis(idle));
        let Some(latest) = latest else { return 0 };
        let mut idle: Vec<_> = {
            let waiting = self.waiting();
            let all =
                waiting.values().map(|account| (account.taken.load(Ordering::Relaxed), account));
            all.filter(|(taken, _)| *taken <= latest)
                .map(|(taken, account)| (taken, Arc::clone(account)))
                .collect()
        };
        idle.sort_unstable_by_key(|(taken, _)| *taken);
        let (mut freed, mut count) = (0, 0);
        for (_, account) in idle {
            if freed >= wanted {
                break;
            }
            // It is no more than about to end.
            self.waiting().remove(&address(&account));
            freed += account.release();
            if let Some(task) = account.sending.get() {
                task.abort();
            }
            count += 1;
        }
        count
    }

    fn now(&self) -> u64 {
        millis(self.made.elapsed())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<usize, Arc<Account>>> {
        // Nothing under this lock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Holds nothing any more; what it has held.
    fn release(&self) -> usize {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = share.bytes();
        assert!(share.resize(0), "less always fits");
        bytes
    }
}

fn address(account: &Arc<Account>) -> usize {
    Arc::as_ptr(account) as usize
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

/// The bytes of a response. Whoever holds a piece of them holds them all.
struct Counted {
    bytes: Bytes,
    account: Arc<Account>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.account.release();
    }
}

/// A place among those that wait.
struct Place {
    responses: Arc<Responses>,
    account: Arc<Account>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.responses.waiting().remove(&address(&self.account));
    }
}

/// A response's body while it is sent, in pieces each of which its client takes or does not.
pub(crate) struct Held {
    state: State,
    /// Whether the last byte is handed over by itself. Over HTTP/2 it is the last piece that ends the task
    /// which could be given up, though its client has taken none of it: so let there be next to nothing
    /// in it, and let the client have made room for all before it.
    holds_back: bool,
    place: Option<Place>,
    /// The transport is in use as long as something of the response is here.
    _in_use: Arc<InUse>,
}

enum State {
    Begins(Body),
    Goes(Bytes),
}

impl Held {
    fn nothing(in_use: Arc<InUse>) -> Held {
        let state = State::Goes(Bytes::new());
        Held { state, holds_back: false, place: None, _in_use: in_use }
    }
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Held { state, holds_back, place, .. } = &mut *self;
        let Some(Place { responses, account }) = place else { return Poll::Ready(None) };
        account.taken.store(responses.now(), Ordering::Relaxed);
        if let State::Begins(body) = state {
            let mut bytes = Bytes::new();
            if let Poll::Ready(Some(Ok(frame))) = Pin::new(body).poll_frame(context)
                && let Ok(data) = frame.into_data()
            {
                let account = Arc::clone(account);
                bytes = Bytes::from_owner(Counted { bytes: data, account });
            }
            *state = State::Goes(bytes);
        }
        let State::Goes(rest) = state else { unreachable!("it was set above") };
        let len = match rest.len() {
            0 => return Poll::Ready(None),
            1 => 1,
            len => PIECE_BYTES.min(len - usize::from(*holds_back)),
        };
        Poll::Ready(Some(Ok(Frame::data(rest.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Begins(body) => body.is_end_stream(),
            State::Goes(rest) => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Begins(body) => body.size_hint(),
            State::Goes(rest) => SizeHint::with_exact(rest.len() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};
    use hyper::StatusCode;

    use super::*;
    use crate::http::response::text;
    use crate::transport::activity::Activity;

    const SLOW: Duration = Duration::from_secs(5);

    struct World {
        responses: Arc<Responses>,
        config: Config,
        counters: Counters,
        activity: Arc<Activity>,
    }

    impl World {
        fn new(max_response_bytes: usize) -> World {
            let config =
                Config { max_response_bytes, slow_consumer_timeout: SLOW, ..Config::default() };
            World {
                responses: Responses::new(max_response_bytes),
                config,
                counters: Counters::default(),
                activity: Activity::new(1),
            }
        }

        /// A response with so many bytes of a body, as it is sent.
        fn hold(&self, len: usize, version: Version) -> Response<Held> {
            let response = Response::new(Full::new(Bytes::from(vec![7; len])));
            let (config, counters) = (&self.config, &self.counters);
            self.responses.hold(response, version, self.activity.begin(), config, counters)
        }
    }

    async fn next(response: &mut Response<Held>) -> Bytes {
        let frame = response.body_mut().frame().await.expect("it is not at its end");
        frame.expect("infallible").into_data().expect("a body has no trailers")
    }

    #[tokio::test]
    async fn a_body_comes_whole_in_pieces_and_over_http_2_its_last_byte_by_itself() {
        let world = World::new(1 << 20);
        for (len, version, lens) in [
            (2 * PIECE_BYTES + 1, Version::HTTP_11, &[PIECE_BYTES, PIECE_BYTES, 1][..]),
            (2 * PIECE_BYTES, Version::HTTP_2, &[PIECE_BYTES, PIECE_BYTES - 1, 1]),
            (2 * PIECE_BYTES, Version::HTTP_11, &[PIECE_BYTES, PIECE_BYTES]),
            (2, Version::HTTP_2, &[1, 1]),
            (1, Version::HTTP_2, &[1]),
            (5, Version::HTTP_11, &[5]),
        ] {
            let mut response = world.hold(len, version);
            let mut left = len;
            for piece in lens {
                assert!(!response.body().is_end_stream());
                assert_eq!(response.body().size_hint().exact(), Some(left as u64));
                assert_eq!(next(&mut response).await.len(), *piece, "{len} {version:?}");
                left -= piece;
            }
            assert!(response.body().is_end_stream() && response.body_mut().frame().await.is_none());
        }
        assert!(world.hold(0, Version::HTTP_2).body().is_end_stream());
        assert_eq!(world.responses.held(), 0);
    }

    #[tokio::test]
    async fn a_response_counts_until_its_last_piece_is_dropped() {
        let world = World::new(1 << 20);
        let mut response = world.hold(2 * PIECE_BYTES, Version::HTTP_11);
        let held = world.responses.held();
        assert!((2 * PIECE_BYTES..2 * PIECE_BYTES + 2 * RESPONSE_BYTES).contains(&held), "{held}");
        let pieces = (next(&mut response).await, next(&mut response).await);
        drop(response);
        drop(pieces.0);
        assert_eq!(world.responses.held(), held, "they are one piece of memory");
        drop(pieces.1);
        assert_eq!(world.responses.held(), 0);
        drop(world.hold(7, Version::HTTP_2));
        assert_eq!(world.responses.held(), 0);
        let large = text(StatusCode::OK, "");
        assert!(bytes_of(&large) > RESPONSE_BYTES + HEADER_BYTES, "its headers count");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_takes_the_place_of_those_that_wait_the_longest_or_is_503() {
        let world = World::new(100_000);
        let mut taken = world.hold(40_000, Version::HTTP_2);
        let left = world.hold(40_000, Version::HTTP_2);
        let is_given = |response: &Response<Held>| response.status() == StatusCode::OK;
        assert!(is_given(&taken) && is_given(&left));
        tokio::time::sleep(SLOW / 2).await;
        next(&mut taken).await;
        assert!(!is_given(&world.hold(40_000, Version::HTTP_2)), "both may be about to be taken");
        assert_eq!(world.counters.given_up_responses.get(), 0);
        tokio::time::sleep(SLOW / 2).await;
        let third = world.hold(40_000, Version::HTTP_2);
        assert!(is_given(&third));
        assert_eq!(world.counters.given_up_responses.get(), 1);
        assert!(world.responses.held() <= 100_000);
        // What was given up and is dropped later frees nothing twice.
        let held = world.responses.held();
        drop(left);
        assert_eq!(world.responses.held(), held);
        drop((taken, third));
        assert_eq!(world.responses.held(), 0);
        assert!(world.responses.waiting().is_empty());
        assert!(!is_given(&world.hold(100_000, Version::HTTP_2)), "it is more than all");
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_a_response_ends_the_task_that_sends_it_and_no_other() {
        let world = World::new(1 << 20);
        let idle = Duration::from_secs(60);
        let World { responses, config, counters, activity } = &world;
        let (told, mut ends) = tokio::sync::mpsc::unbounded_channel();
        for is_idle in [true, false] {
            let hold = {
                let (responses, activity) = (Arc::clone(responses), Arc::clone(activity));
                let config = config.clone();
                move || {
                    let response = Response::new(Full::new(Bytes::from(vec![7; 3 * PIECE_BYTES])));
                    let counters = Counters::default();
                    responses.hold(response, Version::HTTP_2, activity.begin(), &config, &counters)
                }
            };
            let told = told.clone();
            spawn(async move {
                let mut response = hold();
                for _ in 0..3 {
                    next(&mut response).await;
                    tokio::time::sleep(if is_idle { 2 * idle } else { idle / 2 }).await;
                }
                told.send(is_idle).expect("the test waits");
            });
        }
        drop(told);
        tokio::select! {
            () = responses.watch(idle, counters) => unreachable!("it never ends"),
            end = ends.recv() => assert_eq!(end, Some(false)),
        }
        assert_eq!(ends.recv().await, None, "the other has told nothing");
        assert_eq!(counters.given_up_responses.get(), 1);
        assert_eq!(responses.held(), 0);
    }
}
