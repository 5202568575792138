//! What a guest can learn besides the event it is called with.

use std::future::Future;
use std::sync::Arc;
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use smallvec::SmallVec;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;

use crate::effect::Spare;
use crate::event::Event;
use crate::pool::Pool;

/// Members of a room whose ids are gathered without an allocation.
pub const FEW_MEMBERS: usize = 16;

/// The ids of a room's members.
pub type Members = SmallVec<[ConnectionId; FEW_MEMBERS]>;

/// The world as one event sees it. All that a guest learns besides its event comes through here, so a
/// recording of one event is the list of these answers.
pub trait View: Send + Sync + 'static {
    type Peer: Peer;

    /// The connection with this id, unless it is gone. The event's own is always found.
    fn find(&self, id: ConnectionId) -> Option<Self::Peer>;

    /// The members of a room that are not closing, in the order they opened.
    fn members(&self, room: &str) -> Members;

    /// The value that a room keeps under a key, as committed. One that is not in memory is waited for.
    fn stored(&self, room: &str, key: &str) -> impl Future<Output = Option<Value>> + Send;

    /// Does work that takes long, where it keeps no other event waiting; `None` if it has panicked or
    /// there is nowhere to do it.
    fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;

    /// The time that `Date.now()` is made of.
    fn wall_clock(&self) -> SystemTime;

    /// A clock that only goes forward, for how long things take.
    fn now(&self) -> Instant;

    /// CPU time of the present thread.
    fn cpu_clock() -> Duration;

    /// Random bytes that nobody can guess.
    ///
    /// # Errors
    /// When the system has none.
    fn fill_random(&self, bytes: &mut [u8]) -> std::io::Result<()>;

    /// The seed of `Math.random()`.
    fn seed(&self) -> i64;

    /// A line of `console`.
    fn log(&self, event: &Event, level: LogLevel, line: &str);

    /// The bounds that all events have in common.
    fn limits(&self) -> &EventLimits;
}

/// What one connection tells an event.
pub trait Peer: Clone + Send + Sync + 'static {
    fn id(&self) -> ConnectionId;

    /// The value of a parameter of the route it opened under.
    fn parameter(&self, name: &str) -> Option<&str>;

    /// The committed attachment, and the commit it is of.
    fn attachment(&self) -> Option<(Value, Version)>;

    /// Bytes that wait to be written to it; `None` for one that is closing or gone.
    fn queued_bytes(&self) -> Option<usize>;

    /// Of the compressed frames that it is sent; `None` without permessage-deflate.
    fn window(&self) -> Option<WindowBits>;

    /// Where a thread keeps the lists of an event that has ended for the next one.
    fn spare() -> &'static LocalKey<Spare<Self>>;
}

/// The bounds that all events have in common.
pub struct EventLimits {
    /// Bytes of a queue from which on nothing more is sent to its connection.
    pub max_queue: usize,
    /// Bytes of the largest attachment.
    pub max_attachment: usize,
    /// Bytes of the longest room name.
    pub max_room: usize,
    /// Bytes of payload from which on a frame is compressed.
    pub compression_min_size: usize,
    /// What the host holds for events, over all that run.
    pub event_memory: Arc<Pool>,
}
