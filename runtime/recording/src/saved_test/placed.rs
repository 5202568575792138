//! The world in which a test sees an event: which connections there are, what rooms have stored, and the recorded event as
//! it is there.

use std::collections::BTreeMap;

use zigttp_abi::value::Value;
use zigttp_sandbox::given::{
    Answers, Given, GivenEntry, GivenList, GivenMembers, GivenRooms, GivenRoomsOf, GivenState,
};
use zigttp_sandbox::state::Space;

use crate::record::{Input, Record, RequestRecord, SignalRecord, Text};

/// When every world of a test begins (`zigttp_testing`): 2026-01-01.
pub(super) const BEGINNING: u64 = 1_767_225_600_000;

/// A connection that is there before the event.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// In the recording.
    pub(super) id: u64,
    pub(super) room: String,
    pub(super) joined: Vec<String>,
    pub(super) attachment: Option<Value>,
    pub(super) parameters: Vec<(String, String)>,
}

/// A value that a room has.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) space: Space,
    pub(super) room: String,
    pub(super) key: String,
    pub(super) entry: GivenEntry,
}

/// How a test is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    /// The clock says the time of the recording.
    pub(super) has_clock: bool,
    pub(super) has_random: bool,
    /// Connections have the ids of the recording.
    pub(super) keeps_ids: bool,
}

/// What there is before the event.
pub(super) struct World {
    pub(super) places: Vec<Place>,
    pub(super) stored: Vec<Stored>,
    /// The connection that the event opens.
    pub(super) opens: Option<u64>,
    /// The one that has closed: it is in no list of members any more.
    closed: Option<u64>,
}

impl World {
    /// That of a recorded event.
    pub(super) fn of(record: &Record<'_>) -> World {
        let own_room = record.room.as_ref().map_or("", |room| &room.0);
        let opens = match &record.input {
            Input::Open { .. } | Input::Upgrade { .. } => record.connection,
            _ => None,
        };
        let closed = match &record.input {
            Input::Close { .. } => record.connection,
            _ => None,
        };
        let mut ids: Vec<u64> = Vec::new();
        let mut add = |id: u64| {
            if Some(id) != opens && !ids.contains(&id) {
                ids.push(id);
            }
        };
        let given: &Given = &record.given;
        // In the order of the members of the event's room, as others will be listed.
        let of_room = given.members.iter().filter(|it| *it.room == *own_room);
        of_room.flat_map(|it| &it.ids).for_each(|id| add(*id));
        given.members.iter().flat_map(|it| &it.ids).for_each(|id| add(*id));
        record.connection.into_iter().for_each(&mut add);
        given.connections.iter().for_each(|it| add(it.id));
        let places = ids.into_iter().map(|id| place(record, own_room, id)).collect();
        World { places, stored: stored(record, own_room), opens, closed }
    }

    /// The ids of connections in their places, that of the one that the event opens last.
    pub(super) fn ids(&self, ways: Ways) -> Vec<u64> {
        let mut ids: Vec<u64> = match ways.keeps_ids {
            true => self.places.iter().map(|place| place.id).collect(),
            false => (1..=self.places.len() as u64).collect(),
        };
        // Ids that are given are not counted.
        ids.extend(self.opens.map(|_| if ways.keeps_ids { 1 } else { ids.len() as u64 + 1 }));
        ids
    }

    /// The same in the recording.
    pub(super) fn recorded_ids(&self) -> Vec<u64> {
        self.places.iter().map(|place| place.id).chain(self.opens).collect()
    }

    /// The event as it is in a test.
    pub(super) fn event<'a>(&self, record: &Record<'a>, ways: Ways) -> Record<'a> {
        let mut record = if ways.has_clock { record.clone() } else { at_time(record, BEGINNING) };
        let (old, new) = (self.recorded_ids(), self.ids(ways));
        let id = |id: u64| {
            let place = old.iter().position(|known| *known == id);
            place.map_or(id, |place| new[place])
        };
        record.connection = record.connection.map(id);
        let at = record.at;
        let given = record.given.to_mut();
        for connection in &mut given.connections {
            let place = self.places.iter().find(|place| place.id == connection.id);
            connection.id = id(connection.id);
            connection.window = 0;
            connection.queued = Answers::default();
            // Whoever opens has nothing yet.
            if connection.attachment.at(0).is_some() {
                let attachment = place.and_then(|place| place.attachment.clone());
                connection.attachment =
                    Answers::of(attachment.map(zigttp_sandbox::given::GivenValue));
            }
            if let (Some(place), true) = (place, connection.rooms.at(0).is_some()) {
                let own = place.room.as_str().into();
                let joined = place.joined.iter().map(|room| room.as_str().into()).collect();
                connection.rooms = Answers::of(GivenRoomsOf { own, joined });
            }
        }
        for list in &mut given.members {
            list.ids = self.members(list, &id);
        }
        for list in &mut given.room_lists {
            self.list_rooms(list);
        }
        for state in &mut given.states {
            as_in_a_test(state);
        }
        for (_, is_there) in &mut given.streams {
            *is_there = false;
        }
        given.stream_counts = Answers::of((0, 0));
        match &mut record.input {
            Input::Signal(signal) => as_of_operator(signal, at),
            Input::Upgrade { request, resumable } => {
                *resumable = None;
                at_localhost(request);
            }
            Input::Request(request) => at_localhost(request),
            _ => {}
        }
        if let Some(asked) = &mut record.journal.asked {
            // The clock stands still while the test answers.
            asked.horizon = 0;
            for answer in asked.entries.iter_mut().filter_map(|entry| entry.answer.as_mut()) {
                answer.at = 0;
            }
        }
        record
    }

    /// The places whose connections are in lists of members when the event runs.
    fn members_left(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| Some(place.id) != self.closed)
    }

    fn members(&self, list: &GivenMembers, id: &impl Fn(u64) -> u64) -> Vec<u64> {
        let is_in = |place: &&Place| {
            *place.room == *list.room || place.joined.iter().any(|room| **room == *list.room)
        };
        let members = self.members_left().filter(is_in).map(|place| id(place.id));
        let opened = self.opens.filter(|opened| list.ids.contains(opened)).map(id);
        members.chain(opened).collect()
    }

    fn list_rooms(&self, list: &mut GivenRooms) {
        let mut rooms: BTreeMap<&str, usize> = BTreeMap::new();
        for place in self.members_left() {
            for room in place.joined.iter().chain([&place.room]) {
                *rooms.entry(room).or_default() += 1;
            }
        }
        if list.of_state {
            for stored in self.stored.iter().filter(|it| it.space == Space::Storage) {
                rooms.entry(&stored.room).or_default();
            }
        }
        let is_listed = |name: &&str| {
            name.starts_with(&*list.prefix)
                && list.after.as_ref().is_none_or(|after| **name > **after)
        };
        let listed = rooms.into_iter().filter(|(name, _)| is_listed(name)).take(list.limit);
        list.rooms = listed.map(|(name, count)| (name.into(), count)).collect();
    }
}

fn place(record: &Record<'_>, own_room: &str, id: u64) -> Place {
    let given: &Given = &record.given;
    let known = given.connections.iter().find(|it| it.id == id);
    let rooms = known.and_then(|it| it.rooms.at(0));
    let mut lists: Vec<&str> =
        given.members.iter().filter(|it| it.ids.contains(&id)).map(|it| &*it.room).collect();
    let room = match rooms {
        Some(rooms) => rooms.own.to_string(),
        None if record.connection == Some(id) || lists.contains(&own_room) => own_room.to_owned(),
        None => match lists.first() {
            Some(first) => (*first).to_owned(),
            // It was found by its id alone.
            None => "/another".to_owned(),
        },
    };
    if let Some(rooms) = rooms {
        lists.extend(rooms.joined.iter().map(|room| &**room));
    }
    let mut joined: Vec<String> = Vec::new();
    for name in lists {
        if *name != *room && !joined.iter().any(|known| *known == name) {
            joined.push(name.to_owned());
        }
    }
    let attachment = known.and_then(|it| it.attachment.at(0)).and_then(Option::as_ref);
    let parameters = known.into_iter().flat_map(|it| &it.parameters);
    let parameters = parameters
        .filter_map(|(name, value)| Some((name.to_string(), value.as_ref()?.to_string())));
    Place {
        id,
        room,
        joined,
        attachment: attachment.map(|value| value.0.clone()),
        parameters: parameters.collect(),
    }
}

fn stored(record: &Record<'_>, own_room: &str) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    for state in &record.given.states {
        let room = state.room.as_deref().unwrap_or(own_room);
        for (key, entry) in entries(state) {
            all.push(Stored {
                space: state.space,
                room: room.to_owned(),
                key: key.to_owned(),
                entry: entry.clone(),
            });
        }
    }
    all
}

/// What is known to be in the state of a room.
fn entries(state: &GivenState) -> BTreeMap<&str, &GivenEntry> {
    let read = state.entries.iter().filter_map(|(key, entry)| Some((&**key, entry.as_ref()?)));
    let listed = state.lists.iter().flat_map(|list| &list.entries);
    listed.map(|(key, entry)| (&**key, entry)).chain(read).collect()
}

fn as_in_a_test(state: &mut GivenState) {
    let entries = entries(state);
    let bytes = entries.iter().map(|(key, entry)| entry.to_entry().bytes(key)).sum();
    (state.keys, state.bytes) = (entries.len() as u64, bytes);
    state.timer_count = 0;
    for (_, at) in &mut state.timers {
        *at = None;
    }
}

/// The same event at another time.
pub(super) fn at_time<'a>(record: &Record<'a>, at: u64) -> Record<'a> {
    let mut record = record.clone();
    let by = at.wrapping_sub(record.at);
    let shift = |time: &mut u64| *time = time.wrapping_add(by);
    record.at = at;
    if let Some(began) = &mut record.journal.began {
        *began = at.saturating_mul(1_000_000);
    }
    if let Input::Signal(signal) = &mut record.input {
        shift(&mut signal.scheduled);
        signal.next.iter_mut().for_each(shift);
    }
    for state in &mut record.given.to_mut().states {
        let of_lists = state.lists.iter_mut().flat_map(|GivenList { entries, now, .. }| {
            shift(now);
            entries.iter_mut().map(|(_, entry)| entry)
        });
        let read = state.entries.iter_mut().filter_map(|(_, entry)| entry.as_mut());
        of_lists.chain(read).filter_map(|entry| entry.expires.as_mut()).for_each(shift);
    }
    record
}

/// A signal as `world.signal` sends it.
fn as_of_operator(signal: &mut SignalRecord<'_>, at: u64) {
    signal.id = 1;
    signal.kind = 0;
    signal.scheduled = at;
    signal.attempt = 1;
    signal.is_last = false;
    signal.missed = 0;
    signal.from = None;
    signal.next = None;
}

/// A request as the client of a test makes it.
fn at_localhost(request: &mut RequestRecord<'_>) {
    let mut lines = request.target.0.lines().skip(1);
    let (path, query) = (lines.next().unwrap_or("/"), lines.next().unwrap_or_default());
    request.target = Text(format!("http://localhost\n{path}\n{query}").into());
}
