//! The instance in which a test runs, and its door: a question goes out, and the instance is suspended until the answer
//! is there.

use std::cell::Cell;
use std::future::{Future, poll_fn, ready};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::Poll;
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_rooms::clock::Clock;
use zigttp_sandbox::cpu_clock;
use zigttp_sandbox::door::Door;
use zigttp_sandbox::effect::Spare;
use zigttp_sandbox::event::Event;
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::pool::Pool;
use zigttp_sandbox::rooms::{ListedRoom, RoomRange, RoomsOf};
use zigttp_sandbox::state::{RoomState, Space, StateLimits};
use zigttp_sandbox::view::{EventLimits, Members, Peer, View};

/// What questions begin with. No name of a setting does.
const MARK: char = '\0';

/// What goes through the door of a test.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Arc<Mutex<Exchanged>>);

#[derive(Default)]
struct Exchanged {
    question: Option<String>,
    answer: Option<Bytes>,
}

impl Exchange {
    /// What the test asks, if it asks anything.
    pub(crate) fn take_question(&self) -> Option<String> {
        self.with(|exchanged| exchanged.question.take())
    }

    pub(crate) fn answer(&self, answer: Bytes) {
        self.with(|exchanged| exchanged.answer = Some(answer));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Exchanged) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All that the instance of a test can see: its door. It is no event of a handler, and belongs to no room.
pub(crate) struct Guest {
    pub(crate) exchange: Exchange,
}

/// There are no connections and no state of rooms in it.
#[derive(Clone)]
pub(crate) enum Nothing {}

static LIMITS: LazyLock<EventLimits> = LazyLock::new(|| EventLimits {
    max_queue: 0,
    max_attachment: 0,
    max_joins: 0,
    max_room: 0,
    compression_min_size: usize::MAX,
    state: StateLimits {
        max_value: 0,
        max_room_bytes: 0,
        max_writes: 0,
        max_signals: 0,
        max_timers: 0,
        max_room_streams: 0,
        max_all_streams: 0,
        max_stream_request: 0,
        max_written_bytes: 0,
    },
    max_requests: 0,
    // For tokens and signatures that a client would bring.
    crypto: Duration::from_secs(10),
    event_memory: Pool::new(usize::MAX),
});

impl Door for Guest {
    fn ask(&self, text: String) -> impl Future<Output = Option<Bytes>> + Send + use<> {
        let exchange = self.exchange.clone();
        async move {
            let question = text.strip_prefix(MARK)?.to_owned();
            exchange.with(|exchanged| exchanged.question = Some(question));
            let answered = poll_fn(|_cx| {
                exchange
                    .with(|exchanged| exchanged.answer.take().map_or(Poll::Pending, Poll::Ready))
            });
            Some(answered.await)
        }
    }
}

impl View for Guest {
    type Peer = Nothing;
    type State = Nothing;

    fn find(&self, _id: ConnectionId) -> Option<Nothing> {
        None
    }

    fn members(&self, _room: &str) -> Members {
        Members::new()
    }

    fn rooms(&self, _range: &RoomRange) -> Vec<ListedRoom> {
        Vec::new()
    }

    fn stored_rooms(
        &self,
        _range: RoomRange,
    ) -> impl Future<Output = Result<Vec<ListedRoom>, Cause>> + Send + use<> {
        ready(Ok(Vec::new()))
    }

    fn state(&self, _space: Space, _room: &str) -> Option<Nothing> {
        None
    }

    fn load_state(
        &self,
        space: Space,
        room: &str,
        _is_own: bool,
    ) -> impl Future<Output = Result<Nothing, Cause>> + Send + use<> {
        let name = space.name();
        ready(Err(format!(
            "zigttp:{name} is for the handler's events; a test reads world.{name}({room:?})"
        )
        .into()))
    }

    fn has_stream(&self, _room: &str, _name: &str) -> bool {
        false
    }

    fn stream_counts(&self, _room: &str) -> (usize, usize) {
        (0, 0)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        Some(work())
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn now(&self) -> Instant {
        Clock::system().now()
    }

    fn cpu_clock() -> Duration {
        cpu_clock::of_thread()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        // The same in each run of a test.
        fastrand::fill(bytes);
        Ok(())
    }

    fn setting(&self, _name: &str) -> Option<Bytes> {
        None
    }

    fn shows(&self, _level: LogLevel) -> bool {
        true
    }

    fn tell_early(&self, _event: &Event, _line: &str) {}

    fn limits(&self) -> &EventLimits {
        &LIMITS
    }
}

thread_local! {
    static SPARE: Spare<Nothing> = const { Cell::new((Vec::new(), Vec::new())) };
}

impl Peer for Nothing {
    fn id(&self) -> ConnectionId {
        match *self {}
    }

    fn parameter(&self, _name: &str) -> Option<&str> {
        match *self {}
    }

    fn attachment(&self) -> Option<(Value, Version)> {
        match *self {}
    }

    fn rooms(&self) -> RoomsOf {
        match *self {}
    }

    fn queued_bytes(&self) -> Option<usize> {
        match *self {}
    }

    fn window(&self) -> Option<WindowBits> {
        match *self {}
    }

    fn spare() -> &'static LocalKey<Spare<Nothing>> {
        &SPARE
    }
}

impl RoomState for Nothing {
    const MAX_HELD_BYTES: usize = 0;

    async fn get(&self, _key: &str) -> Result<Option<Entry>, Cause> {
        match *self {}
    }

    async fn list(
        &self,
        _range: KeyRange,
        _hidden: Vec<Box<str>>,
        _limits: ListLimits,
        _now: u64,
    ) -> Result<Vec<(Box<str>, Entry)>, Cause> {
        match *self {}
    }

    async fn timer(&self, _name: &str) -> Result<Option<u64>, Cause> {
        match *self {}
    }

    fn timers(&self) -> usize {
        match *self {}
    }

    fn usage(&self) -> Usage {
        match *self {}
    }
}
