//! What the host knows while one event runs. Built before it, taken apart after it.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::ResourceLimiter;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_protocol::frame::Frame;

use crate::budget::{CpuBudget, MemoryBudget, OverBudget};
use crate::effect::{Addressed, Effect, PeerIndex};
use crate::effects::Effects;
use crate::event::{Call, Event, Response};
use crate::failure::Thrown;
use crate::guest_memory::{GuestMemory, MemoryAccess};
use crate::limits::Limits;
use crate::reads::Reads;
use crate::used::Used;
use crate::view::{Peer, View};

/// Host data of a store: the state of the event that it runs, and nothing of any event in between.
pub(crate) struct HostData<V: View> {
    state: Option<Box<EventState<V>>>,
    /// What lets its instance wait for another event. An event that is suspended gives it up, as it goes
    /// on when all that is ready has had its turn: with 10,000 busy connections, such events held all
    /// permits, and a third of the others got a new instance each.
    pub(crate) idle_permit: Option<OwnedSemaphorePermit>,
}

impl<V: View> HostData<V> {
    /// Of a store that runs no event.
    pub(crate) fn idle() -> HostData<V> {
        HostData { state: None, idle_permit: None }
    }

    /// An event begins.
    pub(crate) fn begin(&mut self, state: Box<EventState<V>>) {
        self.state = Some(state);
    }

    /// The event has ended; what it leaves behind.
    pub(crate) fn end(&mut self) -> Box<EventState<V>> {
        self.state.take().expect(AN_EVENT_RUNS)
    }
}

const AN_EVENT_RUNS: &str = "a guest runs, and calls its host, for an event alone";

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

/// What is known of one event and collected while it runs.
pub struct EventState<V: View> {
    pub event: Event,
    pub effects: Effects<V::Peer>,
    pub reads: Reads,
    pub used: Used,
    /// What is held for the event until this is dropped.
    pub memory_budget: MemoryBudget,
    pub(crate) view: V,
    /// Bytes that the reads hold.
    read_bytes: usize,
    pub(crate) cpu: CpuBudget,
    /// The guest's memory, once it is instantiated.
    pub(crate) memory: Option<GuestMemory>,
    /// An answer that did not fit the buffer the guest offered; set by [`EventState::keep`].
    pub(crate) answer: Bytes,
    /// What the guest says it threw; bounded by itself.
    pub(crate) thrown: Option<Thrown>,
    /// What `handler(req)` returned, or `onUpgrade(req)` refuses with; set by [`EventState::respond`].
    pub(crate) response: Option<Response>,
}

impl<V: View> EventState<V> {
    /// Boxed: it goes into its store and out again.
    pub(crate) fn new(
        view: V,
        event: Event,
        limits: &Limits,
        began: Instant,
    ) -> Box<EventState<V>> {
        Box::new(EventState {
            view,
            event,
            effects: Effects::new(),
            reads: Reads::default(),
            read_bytes: 0,
            cpu: CpuBudget::start(limits.cpu, began, V::cpu_clock),
            memory_budget: MemoryBudget::new(limits.memory),
            memory: None,
            answer: Bytes::new(),
            thrown: None,
            response: None,
            used: Used::default(),
        })
    }

    /// The connection with this id, with what this event has done to it; `None` when it is gone.
    ///
    /// # Errors
    /// When the event's memory budget does not hold one more.
    pub(crate) fn address(
        &mut self,
        id: i64,
    ) -> Result<Option<&mut Addressed<V::Peer>>, OverBudget> {
        let Ok(id) = u64::try_from(id) else { return Ok(None) };
        let id = ConnectionId::from_number(id);
        if self.is_candidate(id) {
            return Ok(None);
        }
        let found = self.effects.address(id, || self.view.find(id));
        let Some(index) = found else { return Ok(None) };
        self.account()?;
        Ok(Some(self.effects.at(index)))
    }

    /// Whether a client only asks for this connection: there is none yet.
    fn is_candidate(&self, id: ConnectionId) -> bool {
        matches!(self.event.call, Call::Upgrade(_))
            && self.event.subject.as_ref().is_some_and(|subject| subject.connection == id)
    }

    /// The same, unless nothing may be sent to it or kept with it any more: a connection that is
    /// closed, which in its `onClose` includes its own.
    pub(crate) fn address_writable(
        &mut self,
        id: i64,
    ) -> Result<Option<&mut Addressed<V::Peer>>, OverBudget> {
        let is_own_close = matches!(self.event.call, Call::Close { .. })
            && self.event.connection().is_some_and(|own| u64::try_from(id) == Ok(own.number()));
        if is_own_close { Ok(None) } else { self.address(id) }
    }

    /// Collects an effect that is no frame.
    ///
    /// # Errors
    /// When the event's memory budget does not hold it.
    pub(crate) fn push(&mut self, effect: Effect) -> Result<(), OverBudget> {
        self.effects.push(effect);
        self.account()
    }

    /// Collects a frame.
    ///
    /// # Errors
    /// When the event's memory budget does not hold it.
    pub(crate) fn push_frame(&mut self, to: PeerIndex, frame: Frame) -> Result<(), OverBudget> {
        let is_compressed = frame.payload().len() >= self.view.limits().compression_min_size;
        let window = self.effects.at(to).peer.window().filter(|_| is_compressed);
        self.effects.push_frame(to, frame, window);
        self.account()
    }

    /// Notes that the members of a room were read.
    ///
    /// # Errors
    /// When the event's memory budget does not hold that.
    pub(crate) fn has_read_members(&mut self, room: &str) -> Result<(), OverBudget> {
        self.read_bytes += self.reads.members(room);
        self.account()
    }

    /// Keeps an answer for the guest to take.
    ///
    /// # Errors
    /// When the event's memory budget does not hold it.
    pub(crate) fn keep(&mut self, answer: Bytes) -> Result<(), OverBudget> {
        self.answer = answer;
        self.account()
    }

    /// Keeps what the handler responds with.
    ///
    /// # Errors
    /// When the event's memory budget does not hold it.
    pub(crate) fn respond(&mut self, response: Response) -> Result<(), OverBudget> {
        self.response = Some(response);
        self.account()
    }

    /// Counts what the host holds for this event.
    fn account(&mut self) -> Result<(), OverBudget> {
        let response = self.response.as_ref();
        let response = response.map_or(0, |it| it.headers.capacity() + it.body.len());
        let held = self.effects.bytes() + self.read_bytes + self.answer.len() + response;
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
            // Its instance is being made. What one begins with is the pool's, bounded by their number.
            self.memory_budget.begin_with(desired);
            return Ok(self.memory_budget.has_room_for(0).is_ok());
        }
        // Its own maximum is at most the limit, and is met as that is.
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
        // The engine's table is fixed; this only bounds what a hand-made module may declare.
        Ok(desired <= 20_000 && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
