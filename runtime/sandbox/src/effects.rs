//! What an event did, as plain values: collected while it runs, committed when it returns.

use std::mem::take;
use std::ops::Index;

use zigttp_abi::connection_id::{ById, ConnectionId};
use zigttp_abi::value::Value;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_protocol::frame::Frame;

use crate::effect::{Addressed, Effect, PeerIndex};
use crate::reads;
use crate::view::Peer;

/// The effects of one event in the order they happened, and what later calls of the same event
/// must see of them.
pub struct Effects<P: Peer> {
    list: Vec<Effect>,
    addressed: AllAddressed<P>,
    /// Places of all that are addressed, once those are more than [`FEW`].
    indices: ById<PeerIndex>,
    has_closed_any: bool,
    /// Memory held, tables and all; it counts against the event's memory budget.
    bytes: usize,
    /// Windows that the last frame will be compressed for, as bits.
    windows: u8,
    /// The largest frame that will be compressed: one at a time is, into a buffer of its size.
    largest_compressed: usize,
}

/// What an effect holds besides its payload: its entry in a list that doubles as it grows.
const EFFECT_BYTES: usize = 2 * size_of::<Effect>();

/// What a payload's memory takes besides: what small ones are rounded up to, and what sharing it takes.
const PAYLOAD_BYTES: usize = 64;

/// An entry of the order to write a file, with a browser's name, and its temporary name, each rounded up.
const FILE_ORDER_BYTES: usize = 256;

/// What an addressed connection holds: its entries in a list and in a table that double as they grow, what
/// is noted of reading its attachment, its entries in the lists of a commit (of attachments, rooms, their
/// locks, and receivers), and what ordering its file to be written takes.
const fn addressed_bytes<P>() -> usize {
    2 * (size_of::<Addressed<P>>() + size_of::<(ConnectionId, PeerIndex)>() + 1)
        + reads::ATTACHMENT_BYTES
        + 2 * (size_of::<(P, Value)>() + 4 * size_of::<usize>())
        + FILE_ORDER_BYTES
}

/// Connections up to which looking at each finds one sooner than hashing.
const FEW: usize = 8;

/// Entries that a spare list has room for, at most.
const MAX_SPARE: usize = 64;

impl<P: Peer> Drop for Effects<P> {
    fn drop(&mut self) {
        let (mut list, mut addressed) = (take(&mut self.list), take(&mut self.addressed.0));
        if list.capacity().max(addressed.capacity()) <= MAX_SPARE {
            list.clear();
            addressed.clear();
            // None is kept any more where the thread is about to end.
            let _ = P::spare().try_with(|spare| spare.set((list, addressed)));
        }
    }
}

impl<P: Peer> Effects<P> {
    /// Of an event that begins.
    pub(crate) fn new() -> Effects<P> {
        let (list, addressed) = P::spare().take();
        Effects {
            list,
            addressed: AllAddressed(addressed),
            indices: ById::default(),
            has_closed_any: false,
            bytes: 0,
            windows: 0,
            largest_compressed: 0,
        }
    }

    /// The index of a connection this event addresses, looked up once.
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

    /// The record of a connection it has addressed.
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
        });
        if all.len() > FEW {
            let unknown = &all[self.indices.len()..];
            self.indices
                .extend(unknown.iter().map(|addressed| (addressed.peer.id(), addressed.index)));
        }
        index
    }

    /// Adds a frame; the caller has updated what [`Effects::address`] gave it. One that will be compressed
    /// is, for each window once, as large as before at most.
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

    /// Adds one that is no frame; the caller has updated what [`Effects::address`] gave it.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.bytes += EFFECT_BYTES
            + match &effect {
                Effect::Send { .. } => unreachable!("a frame has a way of its own"),
                Effect::SetAttachment { value, .. } => value.bytes().len() + PAYLOAD_BYTES,
                Effect::Close { close, .. } => close.reason.len() + PAYLOAD_BYTES,
                Effect::SetAutoResponse { pair, .. } => pair
                    .as_ref()
                    .map_or(0, |pair| pair.request.len() + pair.response.len() + 2 * PAYLOAD_BYTES),
            };
        self.has_closed_any |= matches!(effect, Effect::Close { .. });
        self.list.push(effect);
    }

    /// Whether this event has closed the connection.
    pub(crate) fn has_closed(&self, id: ConnectionId) -> bool {
        self.has_closed_any
            && self.index_of(id).is_some_and(|index| self.addressed[index].is_closed)
    }

    /// The last frame sent, so that a broadcast can share its bytes.
    pub(crate) fn last_sent(&self) -> Option<&Frame> {
        match self.list.last() {
            Some(Effect::Send { frame, .. }) => Some(frame),
            _ => None,
        }
    }

    /// Bytes of memory the effects hold.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether an attachment is among them.
    pub fn writes_attachments(&self) -> bool {
        self.addressed.0.iter().any(|addressed| addressed.attachment.is_some())
    }

    /// The effects, for whoever only looks.
    pub fn list(&self) -> &[Effect] {
        &self.list
    }

    /// The id of a connection that it has addressed.
    pub fn id(&self, index: PeerIndex) -> ConnectionId {
        self.addressed[index].peer.id()
    }

    /// The effects and the connections they name, to take them out.
    pub fn parts(&mut self) -> (&mut Vec<Effect>, &mut AllAddressed<P>) {
        (&mut self.list, &mut self.addressed)
    }
}

/// The connections an event has addressed.
pub struct AllAddressed<P>(pub Vec<Addressed<P>>);

impl<P> Index<PeerIndex> for AllAddressed<P> {
    type Output = Addressed<P>;

    fn index(&self, index: PeerIndex) -> &Addressed<P> {
        &self.0[index.0]
    }
}

/// Two events did the same: the same to the same connections, in the same order.
impl<P: Peer> PartialEq for Effects<P> {
    fn eq(&self, other: &Effects<P>) -> bool {
        let ids = |effects: &Effects<P>| -> Vec<ConnectionId> {
            effects.addressed.0.iter().map(|addressed| addressed.peer.id()).collect()
        };
        self.list == other.list && ids(self) == ids(other)
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
            assert!(effects.address(id(1000), || None).is_none(), "one that is gone");
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
    fn what_is_closed_is_told_of_that_connection_alone() {
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
    fn a_broadcast_counts_its_bytes_once_and_once_for_each_window_it_is_compressed_for() {
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
        // The compressed form of all with one window, and the buffer it is made in.
        assert_eq!(held(&[None, largest, None, largest, largest]), 3);
    }

    #[test]
    fn what_is_addressed_and_kept_counts_with_its_tables() {
        let mut effects = Effects::<TestPeer>::new();
        let index = effects.address(id(1), || Some(connection(1))).expect("found");
        assert_eq!(effects.bytes(), addressed_bytes::<TestPeer>());
        let half = bytes::Bytes::from(vec![7; 2048]);
        let pair = Some(AutoResponse { request: half.clone(), response: half });
        effects.push(Effect::SetAutoResponse { connection: index, pair });
        assert!(effects.bytes() > addressed_bytes::<TestPeer>() + EFFECT_BYTES + 4096);
    }
}
