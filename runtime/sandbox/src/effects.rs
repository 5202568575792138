//! The effects of one event, as plain values: collected while it runs, committed when it returns.

use std::mem::take;
use std::ops::Index;

use zigttp_abi::connection_id::{ById, ConnectionId};
use zigttp_abi::value::Value;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_protocol::frame::Frame;

use crate::effect::{Addressed, Effect, PeerIndex};
use crate::reads;
use crate::rooms::RoomsOf;
use crate::shared_text::SharedText;
use crate::signal::SignalEffect;
use crate::state::{RoomChanges, Space};
use crate::stream::StreamEffect;
use crate::view::{Members, Peer};

/// The effects of one event in their order, and what later calls of the same event must see of them.
pub struct Effects<P: Peer> {
    list: Vec<Effect>,
    addressed: AllAddressed<P>,
    /// The indices of all addressed connections, once there are more than [`FEW`].
    indices: ById<PeerIndex>,
    has_closed_any: bool,
    changes_rooms: bool,
    /// The memory that they take, with all tables; it counts towards the event's memory limit.
    bytes: usize,
    /// The windows with which the last frame will be compressed, as bits.
    windows: u8,
    /// The largest frame that will be compressed. Frames are compressed one at a time, into a buffer of
    /// this size.
    largest_compressed: usize,
    /// What the event changes of its room's state, its signals and streams; most events have none.
    state: Option<Box<StateEffects>>,
}

/// What an event changes of its room's state, its signals and its streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateEffects {
    /// In each [`Space`].
    pub changes: [RoomChanges; 2],
    pub signals: Vec<SignalEffect>,
    pub streams: Vec<StreamEffect>,
}

/// What an effect takes besides its payload: its entry in a list that doubles as it grows.
const EFFECT_BYTES: usize = 2 * size_of::<Effect>();

/// What a payload takes besides its bytes: what a small one is rounded up to, and what sharing it takes.
const PAYLOAD_BYTES: usize = 64;

/// What the job of writing a file takes: its entry, with a browser's id, and its temporary name, each
/// rounded up.
const FILE_JOB_BYTES: usize = 256;

/// What an addressed connection takes: its entries in a list and a table that double as they grow, the note
/// that its attachment was read, its entries in the lists of a commit (attachments, rooms, their locks,
/// and receivers), and the job of writing its file.
const fn addressed_bytes<P>() -> usize {
    2 * (size_of::<Addressed<P>>() + size_of::<(ConnectionId, PeerIndex)>() + 1)
        + reads::ATTACHMENT_BYTES
        + 2 * (size_of::<(P, Value)>() + 4 * size_of::<usize>())
        + FILE_JOB_BYTES
}

/// What the name of a room takes in an effect, and in the rooms of a connection.
fn room_bytes(room: &str) -> usize {
    2 * size_of::<SharedText>() + room.len() + PAYLOAD_BYTES
}

/// Up to this many connections, a scan finds one faster than a hash table.
const FEW: usize = 8;

/// Most entries for which a spare list has room.
const MAX_SPARE: usize = 64;

impl<P: Peer> Drop for Effects<P> {
    fn drop(&mut self) {
        let (mut list, mut addressed) = (take(&mut self.list), take(&mut self.addressed.0));
        if list.capacity().max(addressed.capacity()) <= MAX_SPARE {
            list.clear();
            addressed.clear();
            // Fails when the thread is ending, which needs no spare lists any more.
            let _ = P::spare().try_with(|spare| spare.set((list, addressed)));
        }
    }
}

impl<P: Peer> Effects<P> {
    /// The effects of an event that begins: none.
    pub(crate) fn new() -> Effects<P> {
        let (list, addressed) = P::spare().take();
        Effects {
            list,
            addressed: AllAddressed(addressed),
            indices: ById::default(),
            has_closed_any: false,
            changes_rooms: false,
            bytes: 0,
            windows: 0,
            largest_compressed: 0,
            state: None,
        }
    }

    /// The index of a connection that this event addresses. Each is looked up only once.
    pub(crate) fn address(
        &mut self,
        id: ConnectionId,
        find: impl FnOnce() -> Option<P>,
    ) -> Option<PeerIndex> {
        match self.index_of(id) {
            Some(index) => Some(index),
            None => Some(self.add(find()?)),
        }
    }

    /// A connection that this event has addressed.
    pub(crate) fn at(&mut self, index: PeerIndex) -> &mut Addressed<P> {
        &mut self.addressed.0[index.0]
    }

    fn index_of(&self, id: ConnectionId) -> Option<PeerIndex> {
        if self.addressed.0.len() > FEW {
            return self.indices.get(&id).copied();
        }
        let mut addressed = self.addressed.0.iter();
        addressed.find(|addressed| addressed.peer.id() == id).map(|addressed| addressed.index)
    }

    fn add(&mut self, peer: P) -> PeerIndex {
        let all = &mut self.addressed.0;
        let index = PeerIndex(all.len());
        self.bytes += addressed_bytes::<P>();
        all.push(Addressed {
            index,
            peer,
            sent: 0,
            is_closed: false,
            attachment: None,
            is_read: false,
            rooms: None,
        });
        if all.len() > FEW {
            let unknown = &all[self.indices.len()..];
            self.indices
                .extend(unknown.iter().map(|addressed| (addressed.peer.id(), addressed.index)));
        }
        index
    }

    /// Adds a frame; the caller has updated its [`Addressed`]. For each window, the compressed form of a
    /// frame counts once, with the size of the frame, which it cannot exceed.
    pub(crate) fn push_frame(&mut self, to: PeerIndex, frame: Frame, window: Option<WindowBits>) {
        let len = frame.bytes().len();
        if !self.last_sent().is_some_and(|last| last.shares_bytes_with(&frame)) {
            self.bytes += len + PAYLOAD_BYTES;
            self.windows = 0;
        }
        if let Some(window) = window
            && self.windows & window.bit() == 0
        {
            self.windows |= window.bit();
            self.bytes += len + PAYLOAD_BYTES + len.saturating_sub(self.largest_compressed);
            self.largest_compressed = self.largest_compressed.max(len);
        }
        self.bytes += EFFECT_BYTES;
        self.list.push(Effect::Send { to, frame });
    }

    /// Adds an effect other than a frame; the caller has updated its [`Addressed`].
    pub(crate) fn push(&mut self, effect: Effect) {
        self.bytes += EFFECT_BYTES
            + match &effect {
                Effect::Send { .. } => unreachable!("frames are added by push_frame"),
                Effect::SetAttachment { value, .. } => value.bytes().len() + PAYLOAD_BYTES,
                Effect::Close { close, .. } => close.reason.len() + PAYLOAD_BYTES,
                Effect::Join { room, .. } | Effect::Leave { room, .. } => room_bytes(room),
                Effect::Move { from, to, .. } => room_bytes(from) + room_bytes(to),
                Effect::SetAutoResponse { pair, .. } => pair
                    .as_ref()
                    .map_or(0, |pair| pair.request.len() + pair.response.len() + 2 * PAYLOAD_BYTES),
            };
        self.has_closed_any |= matches!(effect, Effect::Close { .. });
        self.changes_rooms |=
            matches!(effect, Effect::Join { .. } | Effect::Leave { .. } | Effect::Move { .. });
        self.list.push(effect);
    }

    /// Whether this event has closed the connection.
    pub(crate) fn has_closed(&self, id: ConnectionId) -> bool {
        self.has_closed_any
            && self.index_of(id).is_some_and(|index| self.addressed[index].is_closed)
    }

    /// Keeps the rooms of a connection, for this event to change.
    pub(crate) fn begin_rooms(&mut self, connection: PeerIndex, rooms: RoomsOf) {
        let names = std::iter::once(&rooms.own).chain(&rooms.joined);
        self.bytes += names.map(|room| room_bytes(room)).sum::<usize>();
        self.at(connection).rooms = Some(Box::new(rooms));
    }

    /// Whether a list of members is for this event the one that was committed.
    pub(crate) fn leaves_members(&self) -> bool {
        !self.has_closed_any && !self.changes_rooms
    }

    /// What this event makes of the members of a room: those that join it come last, those that leave it or that
    /// this event has closed are none.
    pub(crate) fn change_members(&self, room: &str, members: &mut Members) {
        if self.changes_rooms {
            for effect in &self.list {
                match effect {
                    Effect::Join { connection, room: joined } if **joined == *room => {
                        members.push(self.id(*connection));
                    }
                    Effect::Leave { connection, room: left } if **left == *room => {
                        members.retain(|id| *id != self.id(*connection));
                    }
                    Effect::Move { connection, from, to } => {
                        let id = self.id(*connection);
                        if **from == *room {
                            members.retain(|member| *member != id);
                        } else if **to == *room && !members.contains(&id) {
                            members.push(id);
                        }
                    }
                    _ => {}
                }
            }
        }
        members.retain(|id| !self.has_closed(*id));
    }

    /// The last frame, so that a broadcast can share its bytes.
    pub(crate) fn last_sent(&self) -> Option<&Frame> {
        match self.list.last() {
            Some(Effect::Send { frame, .. }) => Some(frame),
            _ => None,
        }
    }

    /// What the event has changed of the state of its room, if it has changed anything.
    pub fn room_changes(&self, space: Space) -> Option<&RoomChanges> {
        let changes = &self.state.as_deref()?.changes[space as usize];
        (!changes.changes.is_empty()).then_some(changes)
    }

    /// The same for changing it. The first change begins with `first`.
    pub(crate) fn room_changes_or(
        &mut self,
        space: Space,
        first: impl FnOnce() -> RoomChanges,
    ) -> &mut RoomChanges {
        let changes = &mut self.state.get_or_insert_default().changes[space as usize];
        if changes.changes.is_empty() {
            *changes = first();
        }
        changes
    }

    /// Adds an effect on signals.
    pub(crate) fn push_signal(&mut self, effect: SignalEffect) {
        self.bytes += effect.held_bytes();
        self.state.get_or_insert_default().signals.push(effect);
    }

    /// The effects on signals, in their order.
    pub fn signals(&self) -> &[SignalEffect] {
        self.state.as_deref().map_or(&[], |state| &state.signals)
    }

    /// When a timer fires that the event has set: `None` if it has not changed it, `Some(None)` if it has
    /// removed it.
    pub(crate) fn timer(&self, of: &str) -> Option<Option<u64>> {
        self.signals().iter().rev().find_map(|effect| match effect {
            SignalEffect::SetTimer { name, at, .. } if **name == *of => Some(Some(*at)),
            SignalEffect::CancelTimer { name } if **name == *of => Some(None),
            SignalEffect::CancelAllTimers => Some(None),
            _ => None,
        })
    }

    /// Adds an effect on streams.
    pub(crate) fn push_stream(&mut self, effect: StreamEffect) {
        self.bytes += effect.held_bytes();
        self.state.get_or_insert_default().streams.push(effect);
    }

    /// The effects on streams, in their order.
    pub fn streams(&self) -> &[StreamEffect] {
        self.state.as_deref().map_or(&[], |state| &state.streams)
    }

    /// Whether there is a stream of this name after the event; `None` if it has not changed that.
    pub(crate) fn stream(&self, of: &str) -> Option<bool> {
        self.streams().iter().rev().find_map(|effect| match effect {
            StreamEffect::Open { name, .. } if **name == *of => Some(true),
            StreamEffect::Cancel { name } if **name == *of => Some(false),
            StreamEffect::CancelAll => Some(false),
            _ => None,
        })
    }

    /// How many streams the event has opened.
    pub(crate) fn opened_streams(&self) -> usize {
        let opens = self.streams().iter();
        opens.filter(|effect| matches!(effect, StreamEffect::Open { .. })).count()
    }

    /// What the event changes of its room's state, its signals and streams, for the commit to take.
    pub fn take_state(&mut self) -> Option<Box<StateEffects>> {
        self.state.take()
    }

    /// How many bytes of memory the effects take.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.state.iter().flat_map(|state| &state.changes);
        let state: u64 = state.map(RoomChanges::held_bytes).sum();
        self.bytes + usize::try_from(state).unwrap_or(usize::MAX)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.state.is_none()
    }

    /// Whether it changes which rooms connections are in.
    pub fn changes_rooms(&self) -> bool {
        self.changes_rooms
    }

    /// Whether there is something to store among them: an attachment, the rooms of a connection, state or a
    /// signal.
    pub fn stores(&self) -> bool {
        self.state.is_some()
            || self.changes_rooms
            || self.addressed.0.iter().any(|addressed| addressed.attachment.is_some())
    }

    /// The effects, for reading.
    pub fn list(&self) -> &[Effect] {
        &self.list
    }

    /// The id of an addressed connection.
    pub fn id(&self, index: PeerIndex) -> ConnectionId {
        self.addressed[index].peer.id()
    }

    /// The effects and the addressed connections, for the commit to take.
    pub fn parts(&mut self) -> (&mut Vec<Effect>, &mut AllAddressed<P>) {
        (&mut self.list, &mut self.addressed)
    }
}

/// The connections that an event has addressed.
pub struct AllAddressed<P>(pub Vec<Addressed<P>>);

impl<P> Index<PeerIndex> for AllAddressed<P> {
    type Output = Addressed<P>;

    fn index(&self, index: PeerIndex) -> &Addressed<P> {
        &self.0[index.0]
    }
}

/// Whether two events had the same effects on the same connections, in the same order.
impl<P: Peer> PartialEq for Effects<P> {
    fn eq(&self, other: &Effects<P>) -> bool {
        let ids = |effects: &Effects<P>| -> Vec<ConnectionId> {
            effects.addressed.0.iter().map(|addressed| addressed.peer.id()).collect()
        };
        self.list == other.list && ids(self) == ids(other) && self.state == other.state
    }
}

#[cfg(test)]
mod tests {
    use zigttp_protocol::close::Close;

    use super::*;
    use crate::auto_response::AutoResponse;
    use crate::test_view::TestPeer;

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_number(number)
    }

    fn connection(number: u64) -> TestPeer {
        TestPeer::new(id(number))
    }

    #[test]
    fn connections_are_found_again_among_few_and_among_many() {
        let mut effects = Effects::<TestPeer>::new();
        for count in 1..=3 * FEW as u64 {
            let index = effects.address(id(count), || Some(connection(count))).expect("found");
            assert_eq!(effects.id(index), id(count));
            assert!(effects.address(id(1000), || None).is_none(), "it is closed");
            for known in 1..=count {
                let again = effects.address(id(known), || unreachable!("it is known"));
                effects.at(again.expect("it is known")).sent += 1;
            }
        }
        let (_, addressed) = effects.parts();
        let sent: Vec<usize> = addressed.0.iter().map(|addressed| addressed.sent).collect();
        assert_eq!(sent, (1..=3 * FEW).rev().collect::<Vec<_>>());
    }

    #[test]
    fn only_a_connection_that_the_event_has_closed_counts_as_closed() {
        let mut effects = Effects::<TestPeer>::new();
        for number in [1, 2] {
            effects.address(id(number), || Some(connection(number))).expect("found");
        }
        let connection = effects.address(id(2), || None).expect("known");
        effects.at(connection).is_closed = true;
        effects.push(Effect::Close { connection, close: Close::new(1000, "") });
        let has_closed = [1, 2, 3].map(|number| effects.has_closed(id(number)));
        assert_eq!(has_closed, [false, true, false]);
    }

    #[test]
    fn a_broadcast_counts_its_bytes_once_and_once_more_for_each_window() {
        const LEN: usize = 10_000;
        let held = |receivers: &[Option<WindowBits>]| {
            let mut effects = Effects::<TestPeer>::new();
            let frame = Frame::binary(&[7; LEN]);
            for (number, window) in (1..).zip(receivers) {
                let to = effects.address(id(number), || Some(connection(number))).expect("found");
                effects.push_frame(to, frame.clone(), *window);
            }
            let each = EFFECT_BYTES + addressed_bytes::<TestPeer>();
            (effects.bytes() - receivers.len() * each) / LEN
        };
        let largest = Some(WindowBits::MAX);
        assert_eq!(held(&[None; 20]), 1);
        // The frame, its compressed form, and the buffer for compressing it.
        assert_eq!(held(&[None, largest, None, largest, largest]), 3);
    }

    #[test]
    fn connections_and_payloads_count_with_their_tables() {
        let mut effects = Effects::<TestPeer>::new();
        let index = effects.address(id(1), || Some(connection(1))).expect("found");
        assert_eq!(effects.bytes(), addressed_bytes::<TestPeer>());
        let half = bytes::Bytes::from(vec![7; 2048]);
        let pair = Some(AutoResponse { request: half.clone(), response: half });
        effects.push(Effect::SetAutoResponse { connection: index, pair });
        assert!(effects.bytes() > addressed_bytes::<TestPeer>() + EFFECT_BYTES + 4096);
    }
}
