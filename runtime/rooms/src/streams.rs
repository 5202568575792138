//! Makes the requests of streams, and brings their responses to rooms, piece by piece.
//!
//! ```text
//!  store ── take_stream ──▶ the loop below: a task for each
//!                             │
//!  stored_request ── the request, with what was hidden of it
//!                             │
//!  flow ── reads the response while there is room in the buffer, and hands pieces to the room's turns
//!   ├ cutter ── bytes to lines and server-sent events
//!   └ buffer ── what has come and was not taken yet
//!  open_streams ── what operators see of those that run
//! ```
//!
//! A request is made at most once: one that a server before this one has left may have been made, and is told as
//! interrupted. Each piece is an event of the room, in its turn; the last one commits together with the removal of the
//! stream.

mod buffer;
mod cutter;
mod flow;
pub mod limits;
pub mod open_streams;
pub mod stored_request;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use zigttp_sandbox::stream::StreamError;
use zigttp_store::state::streams::TakenStream;

use crate::dispatcher::Dispatcher;
use crate::panic_watch::PanicWatch;
use crate::streams::flow::Flow;
use crate::streams::limits::StreamLimits;
use crate::streams::stored_request::StoredRequest;

/// How long the loop sleeps at most, because nothing tells it that the server stops.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The loop that takes streams.
pub struct Streams {
    dispatcher: Arc<Dispatcher>,
    limits: StreamLimits,
    running: JoinSet<()>,
}

impl Streams {
    pub fn new(dispatcher: Arc<Dispatcher>, limits: StreamLimits) -> Streams {
        Streams { dispatcher, limits, running: JoinSet::new() }
    }

    /// Takes streams until the future is dropped, and with it all that run.
    pub async fn run(mut self) {
        let hub = Arc::clone(&self.dispatcher.hub);
        loop {
            while self.running.len() < self.limits.max_open
                && !hub.is_draining.load(Ordering::SeqCst)
                && !hub.signals_hold.is_held()
                && let Some(taken) = hub.states.storage.take_stream()
            {
                self.start(taken);
            }
            let longest = hub.clock.longest_sleep(LONGEST_SLEEP);
            tokio::select! {
                () = tokio::time::sleep(longest) => {}
                () = hub.states.storage.stream_added() => {}
                Some(_ended) = self.running.join_next() => {}
            }
        }
    }

    fn start(&mut self, taken: TakenStream) {
        let (dispatcher, limits) = (Arc::clone(&self.dispatcher), self.limits);
        self.running.spawn(async move {
            let _watch = PanicWatch(Arc::clone(&dispatcher.hub.counters.panics));
            handle(&dispatcher, limits, taken).await;
        });
    }
}

/// Runs one stream from its request to its last piece.
async fn handle(dispatcher: &Arc<Dispatcher>, limits: StreamLimits, taken: TakenStream) {
    let TakenStream { stream, is_interrupted, cancelled } = taken;
    let hub = &dispatcher.hub;
    let flow = Flow::new(dispatcher, limits, Arc::clone(&stream), cancelled);
    if is_interrupted {
        return flow.end(StreamError::Interrupted, None).await;
    }
    let stored = match hub.states.storage.stream_request(stream.id).await {
        Ok(Some(stored)) => StoredRequest::restore(stored, &hub.settings.current()),
        Ok(None) => return flow.end(StreamError::Cancelled, None).await,
        Err(error) => Err(error.to_string()),
    };
    let request = match stored {
        Ok(request) => request,
        Err(problem) => {
            tracing::error!(
                room = &*stream.room,
                stream = &*stream.name,
                "its request cannot be made: {problem}"
            );
            return flow.end(StreamError::Network, Some(problem)).await;
        }
    };
    hub.counters.started_streams.add_one();
    let opened = hub.open_streams.open(&stream, &request.request, hub.clock.now());
    flow.run(request, &opened).await;
}
