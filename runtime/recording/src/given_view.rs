//! The view of an event that runs again: what it was given before.
//!
//! What the recorded run had not asked for is noted, and answered as if there were nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::LocalKey;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_sandbox::cpu_clock;
use zigttp_sandbox::effect::Spare;
use zigttp_sandbox::event::Event;
use zigttp_sandbox::failure::Cause;
use zigttp_sandbox::given::{Given, GivenConnection, GivenEntry, GivenList, GivenState};
use zigttp_sandbox::rooms::{ListedRoom, RoomRange, RoomsOf};
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::state::{RoomState, Space};
use zigttp_sandbox::view::{EventLimits, Members, Peer, View};

use crate::record::Record;

/// Something that a run has asked for and the recorded one had not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// What kind of thing it is.
    pub what: &'static str,
    /// Which one.
    pub name: String,
}

/// Most things that are noted of one run.
const MOST_MISSING: usize = 32;

/// Settings that whoever replays gives.
pub type ReplaySettings = BTreeMap<String, String>;

/// See the module's documentation. Cloning it shares what is noted.
#[derive(Clone)]
pub struct GivenView(Arc<Shared>);

struct Shared {
    given: Given,
    room: Option<SharedText>,
    own: Option<ConnectionId>,
    at: SystemTime,
    seed: [u8; 8],
    limits: Arc<EventLimits>,
    settings: Arc<ReplaySettings>,
    stream_counts: AtomicU32,
    missing: Mutex<Vec<Missing>>,
}

impl GivenView {
    /// That of a recorded event.
    pub fn of(
        record: &Record<'_>,
        limits: Arc<EventLimits>,
        settings: Arc<ReplaySettings>,
    ) -> GivenView {
        GivenView(Arc::new(Shared {
            given: record.given.clone().into_owned(),
            room: record.room.as_ref().map(|room| SharedText::from(&*room.0)),
            own: record.connection.map(ConnectionId::from_number),
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(record.at),
            seed: record.journal.seed,
            limits,
            settings,
            stream_counts: AtomicU32::new(0),
            missing: Mutex::default(),
        }))
    }

    /// What the run has asked for and the recorded one had not.
    pub fn missing(&self) -> Vec<Missing> {
        self.0.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn miss(&self, what: &'static str, name: impl Into<String>) {
        let missed = Missing { what, name: name.into() };
        let mut missing = self.0.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.len() < MOST_MISSING && !missing.contains(&missed) {
            missing.push(missed);
        }
    }

    fn listed(&self, of_state: bool, range: &RoomRange) -> Vec<ListedRoom> {
        let mut lists = self.0.given.room_lists.iter();
        let RoomRange { prefix, after, limit } = range;
        let found = lists.find(|it| {
            it.of_state == of_state
                && it.prefix == *prefix
                && it.after == *after
                && it.limit == *limit
        });
        let Some(found) = found else {
            self.miss("a list of rooms", &**prefix);
            return Vec::new();
        };
        let rooms = found.rooms.iter();
        rooms
            .map(|(room, members)| ListedRoom { room: (**room).into(), members: *members })
            .collect()
    }

    fn open(&self, space: Space, room: &str) -> GivenRoom {
        let own = self.0.room.as_deref() == Some(room);
        let name = (!own).then_some(room);
        let mut states = self.0.given.states.iter();
        let index = states.position(|it| it.space == space && it.room.as_deref() == name);
        if index.is_none() {
            let what = match space {
                Space::Storage => "the storage of a room",
                Space::Memory => "the memory of a room",
            };
            self.miss(what, room);
        }
        GivenRoom { view: self.clone(), index }
    }
}

impl View for GivenView {
    type Peer = GivenPeer;
    type State = GivenRoom;

    fn find(&self, id: ConnectionId) -> Option<GivenPeer> {
        let given = &self.0.given;
        let number = id.number();
        let index = given.connections.iter().position(|it| it.id == number);
        let peer = GivenPeer(Arc::new(PeerState {
            view: self.clone(),
            id,
            index,
            asked: Default::default(),
        }));
        if index.is_some() {
            return Some(peer);
        }
        if given.absent.contains(&number) {
            return None;
        }
        // Nothing is known of it but that it was there.
        let is_member = given.members.iter().any(|it| it.ids.contains(&number));
        if is_member || self.0.own == Some(id) {
            return Some(peer);
        }
        self.miss("a connection", number.to_string());
        None
    }

    fn members(&self, room: &str) -> Members {
        match self.0.given.members.iter().find(|it| *it.room == *room) {
            Some(members) => members.ids.iter().map(|id| ConnectionId::from_number(*id)).collect(),
            None => {
                self.miss("the members of a room", room);
                Members::new()
            }
        }
    }

    fn rooms(&self, range: &RoomRange) -> Vec<ListedRoom> {
        self.listed(false, range)
    }

    fn stored_rooms(
        &self,
        range: RoomRange,
    ) -> impl Future<Output = Result<Vec<ListedRoom>, Cause>> + Send + use<> {
        ready(Ok(self.listed(true, &range)))
    }

    fn state(&self, space: Space, room: &str) -> Option<GivenRoom> {
        Some(self.open(space, room))
    }

    fn load_state(
        &self,
        space: Space,
        room: &str,
        _is_own: bool,
    ) -> impl Future<Output = Result<GivenRoom, Cause>> + Send + use<> {
        ready(Ok(self.open(space, room)))
    }

    fn has_stream(&self, _room: &str, name: &str) -> bool {
        match self.0.given.streams.iter().find(|(known, _)| **known == *name) {
            Some((_, is_there)) => *is_there,
            None => {
                self.miss("a stream", name);
                false
            }
        }
    }

    fn stream_counts(&self, _room: &str) -> (usize, usize) {
        let asked = self.0.stream_counts.fetch_add(1, Ordering::Relaxed);
        match self.0.given.stream_counts.at(asked) {
            Some(counts) => *counts,
            None => {
                self.miss("the number of streams", "");
                (0, 0)
            }
        }
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        Some(work())
    }

    fn wall_clock(&self) -> SystemTime {
        self.0.at
    }

    #[expect(clippy::disallowed_methods, reason = "budgets are those of the replay")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn cpu_clock() -> Duration {
        cpu_clock::of_thread()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        // More than the recorded run has drawn: the same in each replay.
        for (number, part) in (0_u64..).zip(bytes.chunks_mut(32)) {
            let hash = Sha256::new().chain_update(self.0.seed).chain_update(number.to_le_bytes());
            part.copy_from_slice(&hash.finalize()[..part.len()]);
        }
        Ok(())
    }

    fn setting(&self, name: &str) -> Option<Bytes> {
        let given = self.0.settings.get(name).map(|value| Bytes::from(value.clone()));
        match self.0.given.settings.iter().find(|it| *it.name == *name) {
            Some(setting) => {
                let len = setting.len?;
                // Recordings hold no values.
                Some(
                    given.unwrap_or_else(|| {
                        b"redacted-".iter().copied().cycle().take(len).collect()
                    }),
                )
            }
            None => {
                if given.is_none() {
                    self.miss("a setting", name);
                }
                given
            }
        }
    }

    fn shows(&self, _level: LogLevel) -> bool {
        false
    }

    fn tell_early(&self, _event: &Event, _line: &str) {}

    fn limits(&self) -> &EventLimits {
        &self.0.limits
    }
}

/// A connection as the event was given it. Clones count together what they are asked.
#[derive(Clone)]
pub struct GivenPeer(Arc<PeerState>);

struct PeerState {
    view: GivenView,
    id: ConnectionId,
    /// Its place in what was given; `None` if no more is known of it than that it was there.
    index: Option<usize>,
    /// How often it was asked for its queue, attachment and rooms.
    asked: [AtomicU32; 3],
}

impl PeerState {
    fn given(&self) -> Option<&GivenConnection> {
        self.index.map(|index| &self.view.0.given.connections[index])
    }

    /// Counts a question. Returns how often it was asked before.
    fn asks(&self, question: usize) -> u32 {
        self.asked[question].fetch_add(1, Ordering::Relaxed)
    }

    fn miss(&self, what: &'static str) {
        self.view.miss(what, self.id.number().to_string());
    }
}

thread_local! {
    static SPARE: Spare<GivenPeer> = const { Cell::new((Vec::new(), Vec::new())) };
}

impl Peer for GivenPeer {
    fn id(&self) -> ConnectionId {
        self.0.id
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let given = self.0.given();
        let mut parameters = given.into_iter().flat_map(|given| &given.parameters);
        match parameters.find(|(known, _)| **known == *name) {
            Some((_, value)) => value.as_deref(),
            None => {
                self.0.view.miss("a parameter of a connection's route", name);
                None
            }
        }
    }

    fn attachment(&self) -> Option<(Value, Version)> {
        let asked = self.0.asks(1);
        match self.0.given().and_then(|given| given.attachment.at(asked)) {
            Some(value) => value.as_ref().map(|value| (value.0.clone(), Version::default())),
            None => {
                self.0.miss("the attachment of a connection");
                None
            }
        }
    }

    fn rooms(&self) -> RoomsOf {
        let asked = self.0.asks(2);
        match self.0.given().and_then(|given| given.rooms.at(asked)) {
            Some(rooms) => RoomsOf {
                own: (*rooms.own).into(),
                joined: rooms.joined.iter().map(|room| (**room).into()).collect(),
            },
            None => {
                self.0.miss("the rooms of a connection");
                let own = self.0.view.0.room.clone();
                RoomsOf { own: own.unwrap_or_else(|| "".into()), joined: Vec::new() }
            }
        }
    }

    fn queued_bytes(&self) -> Option<usize> {
        let asked = self.0.asks(0);
        // A queue that nobody has looked at is taken to be empty.
        self.0.given().and_then(|given| given.queued.at(asked)).copied().unwrap_or(Some(0))
    }

    fn window(&self) -> Option<WindowBits> {
        WindowBits::new(self.0.given()?.window)
    }

    fn spare() -> &'static LocalKey<Spare<GivenPeer>> {
        &SPARE
    }
}

/// The state of a room as far as the event was given it.
#[derive(Clone)]
pub struct GivenRoom {
    view: GivenView,
    /// Its place in what was given.
    index: Option<usize>,
}

impl GivenRoom {
    fn given(&self) -> Option<&GivenState> {
        self.index.map(|index| &self.view.0.given.states[index])
    }

    fn find(&self, key: &str) -> Option<Option<&GivenEntry>> {
        let given = self.given()?;
        let read = given.entries.iter().find(|(known, _)| **known == *key);
        if let Some((_, entry)) = read {
            return Some(entry.as_ref());
        }
        let mut listed = given.lists.iter().flat_map(|list| &list.entries);
        listed.find(|(known, _)| **known == *key).map(|(_, entry)| Some(entry))
    }
}

impl RoomState for GivenRoom {
    const MAX_HELD_BYTES: usize = 1 << 20;

    async fn get(&self, key: &str) -> Result<Option<Entry>, Cause> {
        if self.index.is_none() {
            return Ok(None);
        }
        match self.find(key) {
            Some(entry) => Ok(entry.map(GivenEntry::to_entry)),
            None => {
                self.view.miss("a key", key);
                Ok(None)
            }
        }
    }

    async fn list(
        &self,
        range: KeyRange,
        hidden: Vec<Box<str>>,
        limits: ListLimits,
        now: u64,
    ) -> Result<Vec<(Box<str>, Entry)>, Cause> {
        let Some(given) = self.given() else { return Ok(Vec::new()) };
        let asked = GivenList::of(&range, &hidden, limits, now);
        // At the same time if there is such a list, else at another.
        let is_alike = |list: &&GivenList| {
            list.range == asked.range
                && list.hidden == asked.hidden
                && (list.entry_limit, list.byte_limit) == (asked.entry_limit, asked.byte_limit)
        };
        let mut alike = given.lists.iter().filter(is_alike);
        let at_once = alike.clone().find(|list| list.now == asked.now);
        let found = at_once.or_else(|| alike.next());
        match found {
            Some(list) => {
                let entries = list.entries.iter();
                Ok(entries.map(|(key, entry)| (key.clone(), entry.to_entry())).collect())
            }
            None => {
                self.view.miss("a list of keys", format!("{:?}", asked.range.start));
                Ok(Vec::new())
            }
        }
    }

    async fn timer(&self, name: &str) -> Result<Option<u64>, Cause> {
        let Some(given) = self.given() else { return Ok(None) };
        match given.timers.iter().find(|(known, _)| **known == *name) {
            Some((_, at)) => Ok(*at),
            None => {
                self.view.miss("a timer", name);
                Ok(None)
            }
        }
    }

    fn timers(&self) -> usize {
        self.given().map_or(0, |given| given.timer_count)
    }

    fn usage(&self) -> Usage {
        let given = self.given();
        given.map_or_else(Usage::default, |it| Usage { keys: it.keys, bytes: it.bytes })
    }
}
