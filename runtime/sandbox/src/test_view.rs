//! A view with fixed contents, for tests.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;

use crate::effect::Spare;
use crate::event::Event;
use crate::failure::Cause;
use crate::pool::Pool;
use crate::rooms::{ListedRoom, RoomRange, RoomsOf};
use crate::state::{RoomState, Space, StateLimits};
use crate::view::{EventLimits, Members, Peer, View};

/// Everything that a handler can see, as a map.
#[derive(Clone, Default)]
pub(crate) struct TestView {
    pub(crate) rooms: BTreeMap<String, Vec<TestPeer>>,
    pub(crate) states: BTreeMap<String, TestState>,
}

/// The state of a room as a map.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestState(pub(crate) BTreeMap<Box<str>, Entry>);

impl RoomState for TestState {
    const MAX_HELD_BYTES: usize = 1 << 20;

    async fn get(&self, key: &str) -> Result<Option<Entry>, Cause> {
        Ok(self.0.get(key).cloned())
    }

    async fn list(
        &self,
        range: KeyRange,
        hidden: Vec<Box<str>>,
        limits: ListLimits,
        now: u64,
    ) -> Result<Vec<(Box<str>, Entry)>, Cause> {
        let entries = self.0.range((range.start, range.end));
        let mut found: Vec<_> = entries
            .filter(|(key, entry)| !hidden.contains(*key) && entry.is_there_at(now))
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect();
        if range.reverse {
            found.reverse();
        }
        found.truncate(limits.entries + 1);
        Ok(found)
    }

    async fn timer(&self, _name: &str) -> Result<Option<u64>, Cause> {
        Ok(None)
    }

    fn timers(&self) -> usize {
        0
    }

    fn usage(&self) -> Usage {
        let bytes = self.0.iter().map(|(key, entry)| entry.bytes(key)).sum();
        Usage { keys: self.0.len() as u64, bytes }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestPeer {
    pub(crate) id: ConnectionId,
    pub(crate) attachment: Option<(Value, Version)>,
}

impl TestPeer {
    pub(crate) fn new(id: ConnectionId) -> TestPeer {
        TestPeer { id, attachment: None }
    }
}

static LIMITS: LazyLock<EventLimits> = LazyLock::new(|| EventLimits {
    max_queue: 1 << 20,
    max_attachment: 64 << 10,
    max_joins: 100,
    max_room: 8 << 10,
    compression_min_size: 64,
    state: StateLimits {
        max_value: 128 << 10,
        max_room_bytes: 1 << 20,
        max_writes: 1_000,
        max_signals: 10_000,
        max_timers: 1_000,
        max_room_streams: 100,
        max_all_streams: 10_000,
        max_stream_request: 1 << 20,
        max_written_bytes: 4 << 20,
    },
    max_requests: 8,
    crypto: Duration::from_secs(1),
    event_memory: Pool::new(64 << 20),
});

impl View for TestView {
    type Peer = TestPeer;
    type State = TestState;

    fn find(&self, id: ConnectionId) -> Option<TestPeer> {
        self.rooms.values().flatten().find(|peer| peer.id == id).cloned()
    }

    fn members(&self, room: &str) -> Members {
        self.rooms.get(room).into_iter().flatten().map(|peer| peer.id).collect()
    }

    fn rooms(&self, range: &RoomRange) -> Vec<ListedRoom> {
        let rooms = self.rooms.iter().filter(|(room, _)| room.starts_with(&*range.prefix));
        let listed = rooms
            .map(|(room, members)| ListedRoom { room: (**room).into(), members: members.len() });
        listed.take(range.limit).collect()
    }

    fn stored_rooms(
        &self,
        _range: RoomRange,
    ) -> impl Future<Output = Result<Vec<ListedRoom>, Cause>> + Send + use<> {
        std::future::ready(Ok(Vec::new()))
    }

    fn state(&self, _space: Space, room: &str) -> Option<TestState> {
        self.states.get(room).cloned()
    }

    fn load_state(
        &self,
        _space: Space,
        _room: &str,
        _is_own: bool,
    ) -> impl Future<Output = Result<TestState, Cause>> + Send + use<> {
        std::future::ready(Ok(TestState::default()))
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
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
    }

    #[expect(clippy::disallowed_methods, reason = "only the clock makes an instant")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn cpu_clock() -> Duration {
        Duration::ZERO
    }

    fn fill_random(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        bytes.fill(4);
        Ok(())
    }

    fn shows(&self, _level: LogLevel) -> bool {
        false
    }

    fn setting(&self, _name: &str) -> Option<Bytes> {
        None
    }

    fn tell_early(&self, _event: &Event, _line: &str) {}

    fn limits(&self) -> &EventLimits {
        &LIMITS
    }
}

thread_local! {
    static SPARE: Spare<TestPeer> = const { Cell::new((Vec::new(), Vec::new())) };
}

impl Peer for TestPeer {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn parameter(&self, _name: &str) -> Option<&str> {
        None
    }

    fn attachment(&self) -> Option<(Value, Version)> {
        self.attachment.clone()
    }

    fn rooms(&self) -> RoomsOf {
        RoomsOf { own: "/room".into(), joined: Vec::new() }
    }

    fn queued_bytes(&self) -> Option<usize> {
        Some(0)
    }

    fn window(&self) -> Option<WindowBits> {
        None
    }

    fn spare() -> &'static LocalKey<Spare<TestPeer>> {
        &SPARE
    }
}
