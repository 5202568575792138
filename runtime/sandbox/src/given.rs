//! What one run of an event has learned of its view: with its event and its journal, all that its effects depend on.
//!
//! Answers are kept by what was asked, not as one list: another handler, which asks in another order or asks less,
//! finds them too. What may change while an event runs, such as the length of a queue, is kept with the number of
//! times that it had been asked for.

use serde::{Deserialize, Serialize};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::{Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::Value;
use zigttp_protocol::deflate::window::WindowBits;

use crate::effect::PeerIndex;
use crate::rooms::{ListedRoom, RoomRange, RoomsOf};
use crate::state::{RoomName, RoomState, Space};
use crate::view::Peer;

/// See the module's documentation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Given {
    /// The connections that were found, in the order in which the event has addressed them.
    pub connections: Vec<GivenConnection>,
    /// Those that were not.
    pub absent: Vec<u64>,
    pub members: Vec<GivenMembers>,
    pub room_lists: Vec<GivenRooms>,
    pub states: Vec<GivenState>,
    /// Whether the event's room has a stream of a name.
    pub streams: Vec<(Box<str>, bool)>,
    /// How many streams that room and all rooms have.
    pub stream_counts: Answers<(usize, usize)>,
    pub settings: Vec<GivenSetting>,
}

/// What was read of one connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenConnection {
    pub id: u64,
    /// The window of compressed frames for its client, in bits; 0 without permessage-deflate.
    pub window: u8,
    /// `None` means that it was closing.
    pub queued: Answers<Option<usize>>,
    pub attachment: Answers<Option<GivenValue>>,
    pub rooms: Answers<GivenRoomsOf>,
    pub parameters: Vec<(Box<str>, Option<Box<str>>)>,
}

/// The members of a room, at the first look.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenMembers {
    pub room: Box<str>,
    pub ids: Vec<u64>,
}

/// A list of rooms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenRooms {
    pub of_state: bool,
    pub prefix: Box<str>,
    pub after: Option<Box<str>>,
    pub limit: usize,
    pub rooms: Vec<(Box<str>, usize)>,
}

/// The rooms of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenRoomsOf {
    pub own: Box<str>,
    pub joined: Vec<Box<str>>,
}

/// What was read of the state of a room in one space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenState {
    pub space: Space,
    /// `None` is the event's own.
    pub room: Option<Box<str>>,
    pub keys: u64,
    pub bytes: u64,
    pub timer_count: usize,
    pub entries: Vec<(Box<str>, Option<GivenEntry>)>,
    pub lists: Vec<GivenList>,
    pub timers: Vec<(Box<str>, Option<u64>)>,
}

/// A list of entries, and what was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenList {
    pub range: GivenRange,
    pub hidden: Vec<Box<str>>,
    pub entry_limit: usize,
    pub byte_limit: usize,
    pub now: u64,
    pub entries: Vec<(Box<str>, GivenEntry)>,
}

/// A [`KeyRange`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenRange {
    pub start: std::ops::Bound<Box<str>>,
    pub end: std::ops::Bound<Box<str>>,
    pub reverse: bool,
}

/// An [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenEntry {
    pub value: GivenValue,
    pub expires: Option<u64>,
}

/// A [`Value`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenValue(pub Value);

/// A setting of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenSetting {
    pub name: Box<str>,
    /// How many bytes it has; `None`: there is none. Its value is never kept.
    pub len: Option<usize>,
}

/// The answers to one question that was asked any number of times.
#[derive(Clone, Debug)]
pub struct Answers<T> {
    /// Each that differs from the one before it, with how many times had been asked before.
    changes: Vec<(u32, T)>,
    asked: u32,
}

impl<T> Default for Answers<T> {
    fn default() -> Answers<T> {
        Answers { changes: Vec::new(), asked: 0 }
    }
}

impl<T> Answers<T> {
    /// The same answer whenever it is asked.
    pub fn of(answer: T) -> Answers<T> {
        Answers { changes: vec![(0, answer)], asked: 1 }
    }
}

impl<T: PartialEq> Answers<T> {
    /// Notes the answer to the question when it is asked once more.
    fn note(&mut self, answer: T) {
        if self.changes.last().is_none_or(|(_, last)| *last != answer) {
            self.changes.push((self.asked, answer));
        }
        self.asked += 1;
    }

    /// The answer when it had been asked so many times before; `None` if it was never asked.
    pub fn at(&self, asked_before: u32) -> Option<&T> {
        let later = self.changes.iter().position(|(asked, _)| *asked > asked_before);
        let index = later.unwrap_or(self.changes.len());
        self.changes[..index].last().map(|(_, answer)| answer)
    }

    /// Every answer, to change it.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.changes.iter_mut().map(|(_, answer)| answer)
    }
}

impl<T: Serialize> Serialize for Answers<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.changes.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Answers<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Answers<T>, D::Error> {
        Ok(Answers { changes: Vec::deserialize(deserializer)?, asked: 0 })
    }
}

impl Given {
    /// A connection was found. The event addresses it from then on with the next index.
    pub(crate) fn found(&mut self, peer: &impl Peer) {
        self.connections.push(GivenConnection {
            id: peer.id().number(),
            window: peer.window().map_or(0, WindowBits::get),
            queued: Answers::default(),
            attachment: Answers::default(),
            rooms: Answers::default(),
            parameters: Vec::new(),
        });
    }

    pub(crate) fn not_found(&mut self, id: ConnectionId) {
        self.absent.push(id.number());
    }

    fn of(&mut self, index: PeerIndex) -> &mut GivenConnection {
        &mut self.connections[index.0]
    }

    pub(crate) fn queued(&mut self, index: PeerIndex, bytes: Option<usize>) {
        self.of(index).queued.note(bytes);
    }

    pub(crate) fn attachment(&mut self, index: PeerIndex, value: Option<&Value>) {
        self.of(index).attachment.note(value.cloned().map(GivenValue));
    }

    pub(crate) fn rooms_of(&mut self, index: PeerIndex, rooms: &RoomsOf) {
        let joined = rooms.joined.iter().map(|room| (**room).into());
        let rooms = GivenRoomsOf { own: (*rooms.own).into(), joined: joined.collect() };
        self.of(index).rooms.note(rooms);
    }

    pub(crate) fn parameter(&mut self, index: PeerIndex, name: &str, value: Option<&str>) {
        let parameters = &mut self.of(index).parameters;
        if parameters.iter().all(|(known, _)| **known != *name) {
            parameters.push((name.into(), value.map(Box::from)));
        }
    }

    pub(crate) fn members(&mut self, room: &str, ids: &[ConnectionId]) {
        let ids = ids.iter().map(|id| id.number()).collect();
        self.members.push(GivenMembers { room: room.into(), ids });
    }

    pub(crate) fn rooms(&mut self, of_state: bool, range: &RoomRange, rooms: &[ListedRoom]) {
        self.room_lists.push(GivenRooms {
            of_state,
            prefix: range.prefix.clone(),
            after: range.after.clone(),
            limit: range.limit,
            rooms: rooms.iter().map(|it| ((*it.room).into(), it.members)).collect(),
        });
    }

    pub(crate) fn opened(&mut self, space: Space, room: &RoomName, state: &impl RoomState) {
        let Usage { keys, bytes } = state.usage();
        self.states.push(GivenState {
            space,
            room: room.other().map(Box::from),
            keys,
            bytes,
            timer_count: state.timers(),
            entries: Vec::new(),
            lists: Vec::new(),
            timers: Vec::new(),
        });
    }

    /// That of a room which was opened.
    fn state(&mut self, space: Space, room: &RoomName) -> Option<&mut GivenState> {
        let mut states = self.states.iter_mut();
        states.find(|state| state.space == space && state.room.as_deref() == room.other())
    }

    pub(crate) fn entry(
        &mut self,
        space: Space,
        room: &RoomName,
        key: &str,
        entry: Option<&Entry>,
    ) {
        if let Some(state) = self.state(space, room)
            && state.entries.iter().all(|(known, _)| **known != *key)
        {
            state.entries.push((key.into(), entry.map(GivenEntry::of)));
        }
    }

    pub(crate) fn list(&mut self, space: Space, room: &RoomName, list: GivenList) {
        if let Some(state) = self.state(space, room) {
            state.lists.push(list);
        }
    }

    pub(crate) fn timer(&mut self, room: &RoomName, name: &str, at: Option<u64>) {
        if let Some(state) = self.state(Space::Storage, room)
            && state.timers.iter().all(|(known, _)| **known != *name)
        {
            state.timers.push((name.into(), at));
        }
    }

    pub(crate) fn stream(&mut self, name: &str, is_there: bool) {
        if self.streams.iter().all(|(known, _)| **known != *name) {
            self.streams.push((name.into(), is_there));
        }
    }

    pub(crate) fn stream_counts(&mut self, counts: (usize, usize)) {
        self.stream_counts.note(counts);
    }

    pub(crate) fn setting(&mut self, name: &str, value: Option<&[u8]>) {
        if self.settings.iter().all(|known| *known.name != *name) {
            self.settings.push(GivenSetting { name: name.into(), len: value.map(<[u8]>::len) });
        }
    }
}

impl GivenList {
    /// A list that is asked for.
    pub fn of(range: &KeyRange, hidden: &[Box<str>], limits: ListLimits, now: u64) -> GivenList {
        let range = GivenRange {
            start: range.start.clone(),
            end: range.end.clone(),
            reverse: range.reverse,
        };
        let hidden = hidden.to_vec();
        let (entry_limit, byte_limit) = (limits.entries, limits.bytes);
        GivenList { range, hidden, entry_limit, byte_limit, now, entries: Vec::new() }
    }

    /// The same with its entries.
    pub(crate) fn with(self, entries: &[(Box<str>, Entry)]) -> GivenList {
        let entries = entries.iter().map(|(key, entry)| (key.clone(), GivenEntry::of(entry)));
        GivenList { entries: entries.collect(), ..self }
    }
}

impl GivenEntry {
    fn of(entry: &Entry) -> GivenEntry {
        GivenEntry { value: GivenValue(entry.value.clone()), expires: entry.expires }
    }

    pub fn to_entry(&self) -> Entry {
        Entry { value: self.value.0.clone(), expires: self.expires }
    }
}

impl Serialize for GivenValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Bytes as one piece, which is faster than one at a time.
        struct Piece<'a>(&'a [u8]);
        impl Serialize for Piece<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        (self.0.kind().number(), Piece(self.0.bytes())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GivenValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<GivenValue, D::Error> {
        let (kind, bytes) = <(u8, &[u8])>::deserialize(deserializer)?;
        let kind = zigttp_abi::value::ValueKind::from_number(kind.into())
            .ok_or_else(|| serde::de::Error::custom("an unknown kind of value"))?;
        Ok(GivenValue(Value::new(kind, bytes::Bytes::copy_from_slice(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_until_it_has_changed() {
        let mut answers = Answers::default();
        for answer in [4, 4, 7, 7, 4] {
            answers.note(answer);
        }
        let read: Vec<_> = (0..7).map(|asked| answers.at(asked).copied()).collect();
        assert_eq!(read, [4, 4, 7, 7, 4, 4, 4].map(Some));
        assert_eq!(answers.changes.len(), 3, "only changes are kept");
        assert_eq!(Answers::<u8>::default().at(0), None);
    }
}
