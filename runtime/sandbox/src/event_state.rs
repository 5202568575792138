//! The state of the host while one event runs.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::ResourceLimiter;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::LogLevel;
use zigttp_abi::value::Value;
use zigttp_protocol::frame::Frame;

use crate::asks::Asks;
use crate::budget::{CpuBudget, MemoryBudget, OverBudget};
use crate::effect::{Addressed, Effect, PeerIndex};
use crate::effects::Effects;
use crate::event::{Call, Event, Response};
use crate::failure::Thrown;
use crate::given::Given;
use crate::guest_memory::{GuestMemory, MemoryAccess};
use crate::journal::{Answer, Ask, EntryId, Fingerprint, Journal};
use crate::limits::Limits;
use crate::read_log::{ReadLog, StateRead, WhatWasRead};
use crate::reads::Reads;
use crate::rooms::RoomsOf;
use crate::signal::TimerCount;
use crate::state::{OpenStates, RoomName, RoomState, Space};
use crate::used::Used;
use crate::view::{Members, Peer, View};
use crate::wait::Wait;

/// The host data of a store: the state of the event that it runs. Between events it holds nothing of them.
pub(crate) struct HostData<V: View> {
    state: Option<Box<EventState<V>>>,
    /// The permit to keep its instance for another event. An event that is suspended releases it, because
    /// it goes on only after all other ready tasks: with 10,000 busy connections, such events held all
    /// permits, and a third of the others got a new instance each.
    pub(crate) idle_permit: Option<OwnedSemaphorePermit>,
}

impl<V: View> HostData<V> {
    /// The data of a store that runs no event.
    pub(crate) fn idle() -> HostData<V> {
        HostData { state: None, idle_permit: None }
    }

    /// Begins an event.
    pub(crate) fn begin(&mut self, state: Box<EventState<V>>) {
        self.state = Some(state);
    }

    /// Ends the event. Returns its state.
    pub(crate) fn end(&mut self) -> Box<EventState<V>> {
        self.state.take().expect(AN_EVENT_RUNS)
    }
}

const DROPPED_TIMER: &str = "setTimeout: the event has ended before its timer, which is dropped: wait for it, or set \
                             one of the room with signalAt";

const AN_EVENT_RUNS: &str = "a guest runs, and calls its host, only for an event";

impl<V: View> Deref for HostData<V> {
    type Target = EventState<V>;

    fn deref(&self) -> &EventState<V> {
        self.state.as_ref().expect(AN_EVENT_RUNS)
    }
}

impl<V: View> DerefMut for HostData<V> {
    fn deref_mut(&mut self) -> &mut EventState<V> {
        self.state.as_mut().expect(AN_EVENT_RUNS)
    }
}

/// The state of one event while it runs.
pub struct EventState<V: View> {
    pub event: Event,
    pub effects: Effects<V::Peer>,
    pub reads: Reads,
    pub used: Used,
    /// What it has read of the state of rooms, if somebody watches it.
    pub read_log: Option<Box<ReadLog>>,
    /// What this run has learned of its view, if it is recorded.
    pub given: Option<Box<Given>>,
    /// The memory that is counted for the event, until this is dropped.
    pub memory_budget: MemoryBudget,
    /// What all runs of the event share.
    pub journal: Journal,
    /// Its lines of `console`, for the log when it has ended.
    pub lines: Vec<(LogLevel, String)>,
    pub(crate) view: V,
    /// How many of the lines were told early.
    told_early: usize,
    /// What this run waits for.
    pub(crate) asks: Asks,
    /// How many random bytes this run has got.
    random_position: usize,
    /// The states of rooms that it has read.
    pub(crate) states: OpenStates<V::State>,
    pub(crate) timers: TimerCount,
    /// Bytes that the reads take.
    read_bytes: usize,
    /// Bytes that the lines take.
    line_bytes: usize,
    pub(crate) cpu: CpuBudget,
    /// The guest's memory, once it is instantiated.
    pub(crate) memory: Option<GuestMemory>,
    /// A result that did not fit the guest's buffer; set by [`EventState::keep`].
    pub(crate) answer: Bytes,
    /// What the guest reports. Boxed, because most events report nothing.
    pub reported: Option<Box<Reported>>,
    /// The members of rooms, as they were at this event's first look.
    pub(crate) lists: MemberLists,
}

/// What a guest reports of the end of a call.
#[derive(Default)]
pub struct Reported {
    /// The exception that the guest reports. Its length is limited.
    pub(crate) thrown: Option<Thrown>,
    /// The response of `handler(req)`, or with which `onUpgrade(req)` refuses; set by
    /// [`EventState::respond`].
    pub(crate) response: Option<Response>,
    /// The client of the request becomes a member of the room, and its response a stream of what that is sent.
    pub member: Option<NewMember>,
    /// The room that `roomOf` has named.
    pub named_room: Option<Box<str>>,
}

impl Reported {
    /// How many bytes it holds.
    fn bytes(&self) -> usize {
        let response = self.response.as_ref();
        let response = response.map_or(0, |it| it.headers.capacity() + it.body.len());
        let member = self.member.as_ref().and_then(|it| it.attachment.as_ref());
        response + member.map_or(0, |attachment| attachment.bytes().len())
    }
}

/// A connection that `onRequest` makes of its client.
pub struct NewMember {
    /// What is stored with it at first.
    pub attachment: Option<Value>,
}

/// The lists of members that an event has read.
#[derive(Default)]
pub(crate) struct MemberLists {
    pub(crate) own: Option<Members>,
    pub(crate) others: Vec<(Box<str>, Members)>,
}

/// What the open state of another room takes besides its name and what it holds.
const OPEN_STATE_BYTES: usize = 128;

impl<V: View> EventState<V> {
    /// Boxed, because it is moved into its store and out again.
    pub(crate) fn new(
        view: V,
        event: Event,
        journal: Journal,
        limits: &Limits,
    ) -> Box<EventState<V>> {
        Box::new(EventState {
            view,
            event,
            journal,
            lines: Vec::new(),
            told_early: 0,
            asks: Asks::default(),
            random_position: 0,
            line_bytes: 0,
            effects: Effects::new(),
            reads: Reads::default(),
            states: OpenStates::new(),
            timers: TimerCount::default(),
            read_bytes: 0,
            cpu: CpuBudget::new(limits.cpu, V::cpu_clock),
            memory_budget: MemoryBudget::new(limits.memory),
            memory: None,
            answer: Bytes::new(),
            reported: None,
            lists: MemberLists::default(),
            used: Used::default(),
            read_log: None,
            given: None,
        })
    }

    /// A run begins.
    pub(crate) fn begin_run(&mut self, now: Instant) {
        self.journal.begin_run();
        self.cpu.start(now);
    }

    /// The connection with this id, with what this event has done to it; `None` when it has closed.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn address(
        &mut self,
        id: i64,
    ) -> Result<Option<&mut Addressed<V::Peer>>, OverBudget> {
        let Ok(id) = u64::try_from(id) else { return Ok(None) };
        let id = ConnectionId::from_number(id);
        if self.is_candidate(id) {
            return Ok(None);
        }
        let Some(index) = self.find(id) else { return Ok(None) };
        self.account()?;
        Ok(Some(self.effects.at(index)))
    }

    /// The index of a connection that the event addresses, if the view has it.
    pub(crate) fn find(&mut self, id: ConnectionId) -> Option<PeerIndex> {
        let EventState { effects, view, given, .. } = self;
        effects.address(id, || {
            let found = view.find(id);
            if let Some(given) = given {
                match &found {
                    Some(peer) => given.found(peer),
                    None => given.not_found(id),
                }
            }
            found
        })
    }

    /// How many bytes the queue of a connection holds; `None` if it has closed or is closing.
    pub(crate) fn queued_bytes(&mut self, connection: PeerIndex) -> Option<usize> {
        let queued = self.effects.at(connection).peer.queued_bytes();
        if let Some(given) = &mut self.given {
            given.queued(connection, queued);
        }
        queued
    }

    /// The rooms of a connection as they are committed.
    pub(crate) fn committed_rooms(&mut self, connection: PeerIndex) -> RoomsOf {
        let rooms = self.effects.at(connection).peer.rooms();
        if let Some(given) = &mut self.given {
            given.rooms_of(connection, &rooms);
        }
        rooms
    }

    /// The rooms of a connection, for this event to change.
    pub(crate) fn rooms_of(&mut self, connection: PeerIndex) -> &mut RoomsOf {
        if self.effects.at(connection).rooms.is_none() {
            let rooms = self.committed_rooms(connection);
            self.effects.begin_rooms(connection, rooms);
        }
        let rooms = self.effects.at(connection).rooms.as_mut();
        rooms.expect("they were set above")
    }

    /// Whether this connection is one that a client only asks for, so that it is not open yet.
    fn is_candidate(&self, id: ConnectionId) -> bool {
        matches!(self.event.call, Call::Upgrade { .. }) && self.event.connection == Some(id)
    }

    /// The same, but `None` also for the event's own connection in its `onClose`: nothing can be sent to it
    /// or stored with it any more.
    pub(crate) fn address_writable(
        &mut self,
        id: i64,
    ) -> Result<Option<&mut Addressed<V::Peer>>, OverBudget> {
        let is_own_close = matches!(self.event.call, Call::Close { .. })
            && self.event.connection.is_some_and(|own| u64::try_from(id) == Ok(own.number()));
        if is_own_close { Ok(None) } else { self.address(id) }
    }

    /// Adds an effect other than a frame.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn push(&mut self, effect: Effect) -> Result<(), OverBudget> {
        self.effects.push(effect);
        self.account()
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn push_frame(&mut self, to: PeerIndex, frame: Frame) -> Result<(), OverBudget> {
        let is_compressed = frame.payload().len() >= self.view.limits().compression_min_size;
        let window = self.effects.at(to).peer.window().filter(|_| is_compressed);
        self.effects.push_frame(to, frame, window);
        self.account()
    }

    /// Notes that the members of a room were read, of which there are so many.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn has_read_members(
        &mut self,
        room: &str,
        members: usize,
    ) -> Result<(), OverBudget> {
        let list = size_of::<(Box<str>, Members)>() + room.len();
        self.read_bytes +=
            self.reads.members(room) + 2 * list + members * size_of::<ConnectionId>();
        self.account()
    }

    /// Notes what was read of the state of a room, if somebody watches.
    pub(crate) fn note_read(
        &mut self,
        space: Space,
        room: &RoomName,
        what: impl FnOnce() -> WhatWasRead,
    ) {
        if let Some(log) = &mut self.read_log {
            let room = match room {
                RoomName::Own => None,
                RoomName::Other(name) => Some(name.clone()),
            };
            log.note(StateRead { space, room, what: what() });
        }
    }

    /// Keeps the state of a room as it is at the first read.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn open_state(
        &mut self,
        space: Space,
        room: &RoomName,
        state: V::State,
    ) -> Result<(), OverBudget> {
        if let RoomName::Other(name) = room {
            // It may be a copy that nobody else holds.
            let usage = usize::try_from(state.usage().bytes).unwrap_or(usize::MAX);
            self.read_bytes += name.len() + usage.min(V::State::MAX_HELD_BYTES) + OPEN_STATE_BYTES;
        }
        if let Some(given) = &mut self.given {
            given.opened(space, room, &state);
        }
        self.states.add(space, room, state);
        self.account()
    }

    /// The time of the event: that at which its first run began, with a step at each answer from outside. For a
    /// signal, it is never before the time at which that was due.
    pub(crate) fn now(&mut self) -> SystemTime {
        let EventState { journal, view, event, .. } = self;
        let due = match &event.call {
            Call::Signal(signal) => Duration::from_millis(signal.info.scheduled),
            _ => Duration::ZERO,
        };
        let began = journal.began(|| view.wall_clock().max(SystemTime::UNIX_EPOCH + due));
        began + self.asks.clock()
    }

    /// The same in milliseconds since 1970.
    pub(crate) fn unix_millis(&mut self) -> u64 {
        let since = self.now().duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }

    /// Fills a buffer with random bytes, which are the same in all runs of the event.
    ///
    /// # Errors
    /// When the system cannot give random bytes, or the event is over its memory limit then.
    pub(crate) fn fill_random(&mut self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        let EventState { journal, view, random_position, .. } = self;
        journal
            .random(*random_position, bytes, |bytes| view.fill_random(bytes))
            .map_err(wasmtime::Error::new)?;
        *random_position += bytes.len();
        Ok(self.account()?)
    }

    /// Asks the outside, unless an earlier run has. Returns the answer if there is one; otherwise the run waits
    /// for it, and a later one gets it here.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn ask(
        &mut self,
        fingerprint: Fingerprint,
        ask: impl FnOnce(&Self) -> Result<Ask, Answer>,
    ) -> Result<Option<Answer>, OverBudget> {
        let known = self.journal.find(fingerprint);
        let entry = known.unwrap_or_else(|| match ask(self) {
            Ok(ask) => self.journal.add(fingerprint, None, ask),
            Err(refusal) => self.journal.remember(fingerprint, refusal),
        });
        let answer = self.journal.answer(entry).cloned();
        if answer.is_none() {
            self.asks.question(entry);
        }
        self.account()?;
        Ok(answer)
    }

    /// An answer that depends on chance and is there at once: that of an earlier run, if it has asked the same.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn answer_by_chance(
        &mut self,
        fingerprint: Fingerprint,
        answer: impl FnOnce() -> Answer,
    ) -> Result<Answer, OverBudget> {
        let known = self.journal.find(fingerprint);
        let entry = known.unwrap_or_else(|| self.journal.remember(fingerprint, answer()));
        self.account()?;
        Ok(self.journal.answer(entry).expect("it is settled").clone())
    }

    /// What the run waits for, if it waits for anything that has not come yet.
    pub(crate) fn wait(&mut self) -> Option<Wait> {
        // Later runs begin at the same time, also if this one has not looked at it.
        self.now();
        if self.asks.has_settled(&self.journal) {
            return None;
        }
        let questions: Vec<EntryId> = self.asks.pending_questions().collect();
        let timer = self.asks.next_timer();
        (timer.is_some() || !questions.is_empty()).then_some(Wait { questions, timer })
    }

    /// Tells of the lines so far: the event computes for long.
    pub(crate) fn tell_lines(&mut self) {
        for (_level, line) in &self.lines[self.told_early..] {
            self.view.tell_early(&self.event, line);
        }
        self.told_early = self.lines.len();
    }

    /// Says that timers are dropped which the handler has not waited for.
    pub(crate) fn tell_of_timers(&mut self) {
        if self.asks.next_timer().is_some() && self.view.shows(LogLevel::Warn) {
            self.lines.push((LogLevel::Warn, DROPPED_TIMER.to_owned()));
        }
    }

    /// What a run that waits hands to the next.
    pub fn into_next(self) -> (Event, Journal, V) {
        let EventState { event, journal, view, .. } = self;
        (event, journal, view)
    }

    /// Keeps a line of `console` for the log, if that shows it.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn log(&mut self, level: LogLevel, line: String) -> Result<(), OverBudget> {
        self.line_bytes += 2 * size_of::<(LogLevel, String)>() + line.capacity();
        self.lines.push((level, line));
        self.account()
    }

    /// Keeps a result for the guest to take.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn keep(&mut self, answer: Bytes) -> Result<(), OverBudget> {
        self.answer = answer;
        self.account()
    }

    /// Sets the handler's response.
    ///
    /// # Errors
    /// When the event is over its memory limit then.
    pub(crate) fn respond(&mut self, response: Response) -> Result<(), OverBudget> {
        self.reported().response = Some(response);
        self.account()
    }

    /// What the guest reports, to add to it.
    pub(crate) fn reported(&mut self) -> &mut Reported {
        self.reported.get_or_insert_default()
    }

    /// Counts what the host holds for this event.
    pub(crate) fn account(&mut self) -> Result<(), OverBudget> {
        let reported = self.reported.as_ref().map_or(0, |reported| reported.bytes());
        let asked = self.journal.bytes() + self.asks.bytes() + self.line_bytes;
        let held = self.effects.bytes() + self.read_bytes + self.answer.len() + reported + asked;
        self.memory_budget.hold(held, &self.view.limits().event_memory)
    }
}

impl<V: View> MemoryAccess for HostData<V> {
    fn guest_memory(&self) -> Option<GuestMemory> {
        self.memory
    }

    fn has_room_for(&self, more: usize) -> Result<(), OverBudget> {
        self.memory_budget.has_room_for(more)
    }
}

impl<V: View> ResourceLimiter for EventState<V> {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if self.memory.is_none() {
            // Its instance is being made. The memory that instances begin with is limited by their number.
            self.memory_budget.begin_with(desired);
            return Ok(self.memory_budget.has_room_for(0).is_ok());
        }
        // The module's own maximum is at most the limit; reaching it counts as exceeding the limit.
        let is_possible = maximum.is_none_or(|maximum| desired <= maximum);
        let desired = if is_possible { desired } else { usize::MAX };
        Ok(self.memory_budget.may_grow(desired, &self.view.limits().event_memory))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The engine's table does not grow; this only limits what a hand-made module may declare.
        Ok(desired <= 20_000 && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
