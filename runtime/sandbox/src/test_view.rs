//! A view with fixed contents, for tests.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;

use crate::effect::Spare;
use crate::event::Event;
use crate::pool::Pool;
use crate::view::{EventLimits, Members, Peer, View};

/// Everything that a handler can see, as a map.
#[derive(Clone, Default)]
pub(crate) struct TestView {
    pub(crate) rooms: BTreeMap<String, Vec<TestPeer>>,
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
    max_room: 8 << 10,
    compression_min_size: 64,
    event_memory: Pool::new(64 << 20),
});

impl View for TestView {
    type Peer = TestPeer;

    fn find(&self, id: ConnectionId) -> Option<TestPeer> {
        self.rooms.values().flatten().find(|peer| peer.id == id).cloned()
    }

    fn members(&self, room: &str) -> Members {
        self.rooms.get(room).into_iter().flatten().map(|peer| peer.id).collect()
    }

    async fn stored(&self, _room: &str, _key: &str) -> Option<Value> {
        None
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

    fn seed(&self) -> i64 {
        4
    }

    fn log(&self, _event: &Event, _level: LogLevel, _line: &str) {}

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
