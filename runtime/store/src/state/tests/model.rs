//! Random events over all kinds of states, compared with plain maps.

use std::collections::BTreeMap;
use std::ops::Bound;

use zigttp_abi::state::{Changes, Entry, KeyRange, ListLimits, Usage};
use zigttp_abi::value::{Value, ValueKind};

use super::folder::Folder;
use super::{ALL, NO_LIMIT, all, transaction};
use crate::fsync::Fsync;
use crate::state::limits::StateLimits;
use crate::state::room_state::RoomState;
use crate::state::states::States;

type Model = BTreeMap<Box<str>, Entry>;

const ROOMS: [&str; 5] = ["/a", "/b", "/c d", "/ü", ""];

/// The states of a program, and how they are opened anew.
struct Subject {
    states: Option<States>,
    folder: Option<Folder>,
    limits: StateLimits,
    fsync: Fsync,
}

impl Subject {
    fn states(&self) -> &States {
        self.states.as_ref().expect("they are open")
    }

    fn reopen(&mut self) {
        if let Some(folder) = &self.folder {
            self.states = None;
            self.states = Some(folder.try_open(self.fsync, self.limits).expect("it opens"));
        }
    }
}

#[tokio::test]
async fn states_in_memory_are_those_of_a_map() {
    let states = Some(States::in_memory(StateLimits::of_memory()));
    let limits = StateLimits::of_memory();
    run(Subject { states, folder: None, limits, fsync: Fsync::Never }, 1, 3000).await;
}

#[tokio::test]
async fn states_in_a_database_are_those_of_a_map() {
    let (folder, limits) = (Folder::new(), StateLimits::of_database());
    let states = Some(folder.open(limits));
    run(Subject { states, folder: Some(folder), limits, fsync: Fsync::Never }, 2, 700).await;
}

#[tokio::test]
async fn states_that_hardly_fit_into_memory_are_those_of_a_map() {
    let folder = Folder::new();
    let limits = StateLimits { live_bytes: 200 << 10, reads: 1, ..StateLimits::of_database() };
    let fsync = Fsync::Always;
    let states = Some(folder.try_open(fsync, limits).expect("it opens"));
    run(Subject { states, folder: Some(folder), limits, fsync }, 3, 250).await;
}

async fn run(mut subject: Subject, seed: u64, steps: usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut models: BTreeMap<&str, Model> = BTreeMap::new();
    let mut looks: Vec<(RoomState, Model, u64)> = Vec::new();
    let (mut now, mut large) = (1_000_000, 0);
    for step in 0..steps {
        now += random.u64(..2000);
        let room = random.choice(ROOMS).expect("there are some");
        let model = models.entry(room).or_default();
        let states = subject.states();
        let state = match states.cached(room) {
            Some(state) => state,
            None => states.load(room).await.expect("it is readable"),
        };
        large += usize::from(state.whole().is_none());
        compare(&state, model, now, &mut random).await;
        if random.u32(..4) == 0 {
            let other = random.choice(ROOMS).expect("there are some");
            let look = states.look(other).await.expect("it is readable");
            looks.push((look, models.get(other).cloned().unwrap_or_default(), now));
        }
        drop(state);

        let changes = random_changes(&mut random, now);
        let model = models.entry(room).or_default();
        if changes.clears {
            model.clear();
        }
        for (key, entry) in &changes.entries {
            match entry {
                Some(entry) => model.insert(key.clone(), entry.clone()),
                None => model.remove(key),
            };
        }
        states.commit(transaction(room, changes), |_| {}).await.expect("it is committed");
        if random.u32(..20) == 0 {
            states.sweep(now);
        }
        if looks.len() > 8 || step % 100 == 0 {
            for (state, model, then) in looks.drain(..) {
                compare(&state, &model, then, &mut random).await;
            }
        }
        if random.u32(..100) == 0 {
            subject.reopen();
        }
    }
    looks.clear();
    subject.reopen();
    for (room, model) in &models {
        let state = subject.states().load(room).await.expect("it is readable");
        compare(&state, model, now, &mut random).await;
    }
    if subject.folder.is_some() {
        assert!(large > steps / 50, "{large} events had a large room");
    }
    let totals = subject.states().totals();
    let mut bytes = 0;
    for room in ROOMS {
        bytes += subject.states().look(room).await.expect("it is readable").usage().bytes;
    }
    assert_eq!(totals.bytes, bytes);
}

async fn compare(state: &RoomState, model: &Model, now: u64, random: &mut fastrand::Rng) {
    for _ in 0..3 {
        let key = random_key(random);
        let there = |entry: &Entry| entry.is_there_at(now);
        let found = state.get(&key).await.expect("it is readable").filter(there);
        assert_eq!(
            found.as_ref(),
            model.get(&*key).filter(|entry| entry.is_there_at(now)),
            "{key}"
        );
    }
    let (from, to) = (random_key(random), random_key(random));
    let range = match random.u32(..3) {
        0 => ALL,
        1 => KeyRange { start: Bound::Included(from), end: Bound::Excluded(to), reverse: false },
        _ => KeyRange { start: Bound::Excluded(from), end: Bound::Included(to), reverse: true },
    };
    let hidden = vec![random_key(random), random_key(random)];
    let is_in = |key: &str| match (&range.start, &range.end) {
        (Bound::Included(start), Bound::Excluded(end)) => &**start <= key && key < &**end,
        (Bound::Excluded(start), Bound::Included(end)) => &**start < key && key <= &**end,
        _ => true,
    };
    let mut expected: Vec<(Box<str>, Entry)> = model
        .iter()
        .filter(|(key, entry)| is_in(key) && entry.is_there_at(now) && !hidden.contains(key))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect();
    if range.reverse {
        expected.reverse();
    }
    let entries = random.usize(..40);
    expected.truncate(entries + 1);
    let most = ListLimits { entries, ..NO_LIMIT };
    assert_eq!(state.list(range, hidden, most, now).await.expect("it is readable"), expected);

    if state.whole().is_some() {
        let all = all(state).await;
        let bytes = all.iter().map(|(key, entry)| entry.bytes(key)).sum();
        assert_eq!(state.usage(), Usage { keys: all.len() as u64, bytes });
    }
}

fn random_key(random: &mut fastrand::Rng) -> Box<str> {
    match random.u32(..20) {
        0 => "k\0".into(),
        1 => "ß".into(),
        _ => format!("k{:02}", random.u32(..60)).into(),
    }
}

fn random_changes(random: &mut fastrand::Rng, now: u64) -> Changes {
    let mut changes = Changes { clears: random.u32(..150) == 0, ..Changes::default() };
    for _ in 0..random.usize(..6) {
        let size = if random.bool() { random.usize(..100_000) } else { random.usize(..300) };
        let value = match random.u32(..3) {
            0 => Value::text("t".repeat(size)),
            1 => Value::new(ValueKind::Json, format!("[\"{}\"]", "j".repeat(size)).into()),
            _ => Value::new(ValueKind::Uint16Array, vec![random.u8(..); size].into()),
        };
        let expires = (random.u32(..6) == 0).then(|| now + random.u64(1..100_000));
        let entry = (random.u32(..5) > 0).then_some(Entry { value, expires });
        changes.entries.insert(random_key(random), entry);
    }
    changes
}
