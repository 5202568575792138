//! What a guest can see besides its event.

use std::future::Future;
use std::sync::Arc;
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use smallvec::SmallVec;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;

use crate::effect::Spare;
use crate::event::Event;
use crate::failure::Cause;
use crate::pool::Pool;
use crate::rooms::{ListedRoom, RoomRange, RoomsOf};
use crate::state::{RoomState, Space, StateLimits};

/// The ids of up to this many members are collected without an allocation.
pub const FEW_MEMBERS: usize = 16;

/// The ids of a room's members.
pub type Members = SmallVec<[ConnectionId; FEW_MEMBERS]>;

/// The view of one event: all that a guest can see besides its event. So the list of the returned values is
/// a recording of the event.
pub trait View: Send + Sync + 'static {
    type Peer: Peer;
    type State: RoomState;

    /// The connection with this id, if it has not closed. The event's own is always found.
    fn find(&self, id: ConnectionId) -> Option<Self::Peer>;

    /// The members of a room that are not closing, in the order they opened.
    fn members(&self, room: &str) -> Members;

    /// The rooms that have members, in the order of their names' bytes, each with how many.
    fn rooms(&self, range: &RoomRange) -> Vec<ListedRoom>;

    /// Waits for the rooms that have state in storage, in the same order.
    fn stored_rooms(
        &self,
        range: RoomRange,
    ) -> impl Future<Output = Result<Vec<ListedRoom>, Cause>> + Send + use<Self>;

    /// The state of a room, if it is in memory.
    fn state(&self, space: Space, room: &str) -> Option<Self::State>;

    /// Waits for the state of a room that is not in memory. That of the event's own room stays there.
    fn load_state(
        &self,
        space: Space,
        room: &str,
        is_own: bool,
    ) -> impl Future<Output = Result<Self::State, Cause>> + Send + use<Self>;

    /// Whether a room has a stream of this name that is not cancelled.
    fn has_stream(&self, room: &str, name: &str) -> bool;

    /// How many streams a room has, and how many there are of all rooms: all that have not ended.
    fn stream_counts(&self, room: &str) -> (usize, usize);

    /// Does work that takes long, without blocking other events; `None` if it has panicked or no thread can
    /// be started for it.
    fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;

    /// The time of `Date.now()`.
    fn wall_clock(&self) -> SystemTime;

    /// The monotonic time, for durations.
    fn now(&self) -> Instant;

    /// CPU time of the present thread.
    fn cpu_clock() -> Duration;

    /// Fills a buffer with random bytes that cannot be guessed.
    ///
    /// # Errors
    /// When the system cannot give random bytes.
    fn fill_random(&self, bytes: &mut [u8]) -> std::io::Result<()>;

    /// The setting of this name, if the operator gives it.
    fn setting(&self, name: &str) -> Option<Bytes>;

    /// Whether the log takes another line of `console` of this level.
    fn shows(&self, level: LogLevel) -> bool;

    /// Told of a line of `console` of an event that computes for long, before the event has ended.
    fn tell_early(&self, event: &Event, line: &str);

    /// The limits of every event.
    fn limits(&self) -> &EventLimits;
}

/// What an event can see of one connection.
pub trait Peer: Clone + Send + Sync + 'static {
    fn id(&self) -> ConnectionId;

    /// The value of a parameter of its route.
    fn parameter(&self, name: &str) -> Option<&str>;

    /// The committed attachment, and the commit that wrote it.
    fn attachment(&self) -> Option<(Value, Version)>;

    /// The rooms that it is in.
    fn rooms(&self) -> RoomsOf;

    /// How many bytes its queue holds; `None` if it has closed or is closing.
    fn queued_bytes(&self) -> Option<usize>;

    /// The window of compressed frames for its client; `None` without permessage-deflate.
    fn window(&self) -> Option<WindowBits>;

    /// Where a thread keeps the empty lists of an event that has ended, for the next one.
    fn spare() -> &'static LocalKey<Spare<Self>>;
}

/// The limits of every event.
pub struct EventLimits {
    /// The limit of a connection's queue in bytes.
    pub max_queue: usize,
    /// Largest attachment in bytes.
    pub max_attachment: usize,
    /// Most rooms that a connection joins.
    pub max_joins: usize,
    /// Longest path of a room in bytes.
    pub max_room: usize,
    /// Smallest payload that is compressed, in bytes.
    pub compression_min_size: usize,
    pub state: StateLimits,
    /// Most requests that an event makes, over all its runs.
    pub max_requests: usize,
    /// CPU time of an event's long computations, over all its runs.
    pub crypto: Duration,
    /// The memory of all running events together.
    pub event_memory: Arc<Pool>,
}
