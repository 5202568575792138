//! What an event can see: the connections of the hub, the clock, random numbers, the log.

use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::cpu_clock;
use zigttp_sandbox::effect::Spare;
use zigttp_sandbox::event::Event;
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::rooms::{ListedRoom, RoomRange, RoomsOf};
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::state::Space;
use zigttp_sandbox::view::{EventLimits, Members, Peer, View};

use crate::connection::Connection;
use crate::handler_log;
use crate::hub::WorkersHub;
use crate::own_thread;
use crate::room_states::CommittedState;
use crate::rooms::Room;
use crate::settings::Settings;

/// The view of one event.
pub struct World {
    hub: Arc<WorkersHub>,
    /// The connection of the event. It is found without a look-up, and before `onUpgrade` has accepted it
    /// only this event finds it.
    own: Option<Arc<Connection>>,
    /// The room whose turn it is.
    room: Option<Arc<Room>>,
    /// Those that were current when the event first looked at them, for all its runs.
    settings: OnceLock<Arc<Settings>>,
}

impl World {
    pub fn new(
        hub: Arc<WorkersHub>,
        own: Option<Arc<Connection>>,
        room: Option<Arc<Room>>,
    ) -> World {
        World { hub, own, room, settings: OnceLock::new() }
    }

    /// For a run in the turn of this room.
    pub(crate) fn move_to(&mut self, room: Option<Arc<Room>>) {
        self.room = room;
    }
}

/// The seed of `Math.random()` of an event.
#[expect(clippy::disallowed_methods, reason = "random numbers enter here")]
pub fn seed() -> i64 {
    fastrand::i64(..)
}

/// The id of a new trace (W3C Trace Context). Not 0.
#[expect(clippy::disallowed_methods, reason = "random numbers enter here")]
pub(crate) fn trace_id() -> u128 {
    u128::from(span_id()) << 64 | u128::from(fastrand::u64(..))
}

/// The id of a part of a trace. Not 0.
#[expect(clippy::disallowed_methods, reason = "random numbers enter here")]
pub(crate) fn span_id() -> u64 {
    fastrand::u64(1..)
}

/// A random number from 0 up to 1.
pub fn random_share() -> f64 {
    fastrand::f64()
}

impl View for World {
    type Peer = LocalPeer;
    type State = CommittedState;

    fn find(&self, id: ConnectionId) -> Option<LocalPeer> {
        let own = self.own.as_ref().filter(|own| own.id == id);
        let member = || {
            let member = self.room.as_ref()?.members().get(id).map(Arc::clone);
            member?.downcast().ok()
        };
        // Mostly it is a member of the event's room. All events look into the hub.
        let found = own.map(Arc::clone).or_else(member).or_else(|| self.hub.find(id));
        found.map(LocalPeer)
    }

    fn members(&self, room: &str) -> Members {
        let ids_of = |room: &Room| room.members().ids().collect::<Members>();
        // Mostly it is the event's own, which need not be looked up among all.
        match self.room.as_ref().filter(|own| own.key() == room) {
            Some(own) => ids_of(own),
            None => self.hub.rooms.get(room).map_or_else(Members::new, |room| ids_of(&room)),
        }
    }

    fn rooms(&self, range: &RoomRange) -> Vec<ListedRoom> {
        self.hub.rooms.list(range)
    }

    fn stored_rooms(
        &self,
        range: RoomRange,
    ) -> impl Future<Output = Result<Vec<ListedRoom>, Cause>> + Send + use<> {
        let hub = Arc::clone(&self.hub);
        async move {
            let RoomRange { prefix, after, limit } = range;
            let names = hub.states.storage.room_names(&prefix, after.as_deref(), limit).await?;
            let listed = names.into_iter().map(|name| {
                let members = hub.rooms.get(&name).map_or(0, |room| room.members().len());
                ListedRoom { room: SharedText::from(name), members }
            });
            Ok(listed.collect())
        }
    }

    fn state(&self, space: Space, room: &str) -> Option<CommittedState> {
        self.hub.states.of(space).cached(room).map(CommittedState)
    }

    fn load_state(
        &self,
        space: Space,
        room: &str,
        is_own: bool,
    ) -> impl Future<Output = Result<CommittedState, Cause>> + Send + use<> {
        let (hub, room) = (Arc::clone(&self.hub), room.to_owned());
        async move {
            let states = hub.states.of(space);
            let state = match is_own {
                true => states.load(&room).await,
                false => states.look(&room).await,
            };
            Ok(CommittedState(state?))
        }
    }

    fn has_stream(&self, room: &str, name: &str) -> bool {
        self.hub.states.storage.has_stream(room, name)
    }

    fn stream_counts(&self, room: &str) -> (usize, usize) {
        self.hub.states.storage.stream_counts(room)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        own_thread::compute(self.hub.clock, work).await.ok()
    }

    fn wall_clock(&self) -> SystemTime {
        self.hub.clock.wall_clock()
    }

    fn now(&self) -> Instant {
        self.hub.clock.now()
    }

    fn cpu_clock() -> Duration {
        cpu_clock::of_thread()
    }

    #[expect(clippy::disallowed_methods, reason = "random numbers enter here")]
    fn fill_random(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        if self.hub.clock.is_simulated() {
            // The same in each run of a test.
            fastrand::fill(bytes);
            return Ok(());
        }
        getrandom::fill(bytes).map_err(std::io::Error::from)
    }

    fn setting(&self, name: &str) -> Option<Bytes> {
        self.settings.get_or_init(|| self.hub.settings.current()).get(name)
    }

    fn shows(&self, level: LogLevel) -> bool {
        let hub = &self.hub;
        hub.handler_log.shows(level, &hub.counters.dropped_log_lines, hub.clock.now())
    }

    fn tell_early(&self, event: &Event, line: &str) {
        handler_log::early(event, line);
    }

    fn limits(&self) -> &EventLimits {
        &self.hub.limits
    }
}

/// A connection of this server that an event has found.
#[derive(Clone)]
pub struct LocalPeer(pub Arc<Connection>);

impl Deref for LocalPeer {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.0
    }
}

thread_local! {
    static SPARE: Spare<LocalPeer> = const { Cell::new((Vec::new(), Vec::new())) };
}

impl Peer for LocalPeer {
    fn id(&self) -> ConnectionId {
        self.0.id
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.0.parameter(name)
    }

    fn attachment(&self) -> Option<(Value, Version)> {
        self.0.versioned_attachment()
    }

    fn rooms(&self) -> RoomsOf {
        self.0.rooms.names()
    }

    fn queued_bytes(&self) -> Option<usize> {
        self.0.outbox.queued_bytes()
    }

    fn window(&self) -> Option<WindowBits> {
        self.0.window
    }

    fn spare() -> &'static LocalKey<Spare<LocalPeer>> {
        &SPARE
    }
}
