//! Random events with signals over both kinds of states, compared with a list.

use std::collections::{BTreeMap, BTreeSet};

use zigttp_abi::state::{Changes, ENTRY_BYTES};
use zigttp_abi::value::Value;

use super::folder::Folder;
use super::{text, transaction};
use crate::state::limits::StateLimits;
use crate::state::signals::{
    Done, FailedSignal, NewSignal, NewTimer, Restored, Signal, SignalChanges, SignalTotals,
    StoredSignal,
};
use crate::state::states::States;
use crate::state::transaction::Transaction;

const ROOMS: [&str; 4] = ["/a", "/b", "/c d", "/ü"];
const NAMES: [&str; 2] = ["x", "yy"];

/// A signal of the model. Each has data of its own, by which it is known again.
#[derive(Clone, Debug)]
struct Known {
    tag: u64,
    room: &'static str,
    payer: &'static str,
    name: &'static str,
    is_timer: bool,
    scheduled: u64,
    due: u64,
    period: Option<u64>,
    attempt: u32,
    on_fail: bool,
    is_parked: bool,
    /// The tag that its data has: of the signal `failed` that of the other.
    data: Option<u64>,
}

#[derive(Default)]
struct Model {
    signals: BTreeMap<u64, Known>,
    /// The tag of the signal of a room that is taken, also one that is gone, and when it was taken.
    taken: BTreeMap<&'static str, (u64, Signal, u64)>,
    not_before: BTreeMap<&'static str, u64>,
    entries: BTreeMap<&'static str, u64>,
    last_tag: u64,
}

impl Model {
    /// The signals that are due, one of each room.
    fn due(&self, now: u64) -> Vec<&Known> {
        let mut due: Vec<_> = ROOMS
            .iter()
            .filter(|room| !self.taken.contains_key(*room))
            .filter_map(|room| {
                let waiting = self.signals.values().filter(|it| it.room == *room && !it.is_parked);
                let first = waiting.min_by_key(|it| (it.due, it.tag))?;
                let not_before = self.not_before.get(room).copied().unwrap_or_default();
                Some((first.due.max(not_before), first))
            })
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort_by_key(|(due, it)| (*due, it.tag));
        due.into_iter().map(|(_, it)| it).collect()
    }

    /// A room waits only while it has a signal that waits.
    fn forget_wait(&mut self, room: &str) {
        let is_waiting = |it: &Known| it.room == room && !it.is_parked;
        if !self.taken.contains_key(room) && !self.signals.values().any(is_waiting) {
            self.not_before.remove(room);
        }
    }

    fn bytes(&self, room: &str) -> u64 {
        let signals = self.signals.values().filter(|it| it.payer == room);
        let signals = signals.map(|it| {
            let data = it.data.map_or(0, |tag| tag.to_string().len());
            (it.name.len() + data) as u64 + ENTRY_BYTES
        });
        let entry = self.entries.get(room).map_or(0, |bytes| 3 + bytes + ENTRY_BYTES);
        signals.sum::<u64>() + entry
    }

    fn sent(&self, room: &str) -> usize {
        let sent = |it: &&Known| it.payer == room && !it.is_timer && !it.is_parked;
        self.signals.values().filter(sent).count()
    }
}

#[tokio::test]
async fn signals_in_memory_are_those_of_a_list() {
    let states = States::in_memory(StateLimits::of_memory());
    run(states, None, 4, 6000).await;
}

#[tokio::test]
async fn signals_in_a_database_are_those_of_a_list() {
    let folder = Folder::new();
    run(folder.open(StateLimits::of_database()), Some(folder), 5, 2500).await;
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn signals_in_a_cluster_are_those_of_a_list() {
    let Some(server) = super::redis_server::RedisServer::start_with(&[]) else { return };
    let states = server.node(StateLimits::of_database()).await;
    states.clustered().simulate();
    run(states, None, 6, 2000).await;
}

async fn run(mut states: States, folder: Option<Folder>, seed: u64, steps: usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut model = Model::default();
    let mut now = 1_000_000_000;
    let (mut handled, mut gone, mut parked) = (0, 0, 0);
    for step in 0..steps {
        // Sometimes further than signals are held in memory.
        now += if random.u32(..10) == 0 { random.u64(..200_000) } else { random.u64(..3) };
        let room = *random.choice(&ROOMS).expect("there are some");
        match random.u32(..10) {
            0..4 => commit(&states, &mut model, &mut random, room, now, None).await,
            4 => take(&states, &mut model, now).await,
            5..8 => {
                let Some((tag, signal, at)) = model.taken.get(room).cloned() else { continue };
                let is_current = model.signals.contains_key(&tag);
                assert_eq!(states.is_current(&signal), is_current, "{signal:?}");
                if !is_current {
                    gone += 1;
                    model.taken.remove(room);
                    continue;
                }
                match random.u32(..8) {
                    // A node of a cluster keeps one that is given back, and runs it before others that come.
                    0 if !is_in_cluster(&states) => {
                        let due = now + random.u64(..500);
                        states.give_back(signal.id, due);
                        model.taken.remove(room);
                        model.not_before.insert(room, due);
                    }
                    1 => {
                        parked += 1;
                        fail(&states, &mut model, &mut random, now, (tag, &signal, at)).await;
                    }
                    _ => {
                        handled += 1;
                        commit(&states, &mut model, &mut random, room, now, Some(tag)).await;
                    }
                }
            }
            _ => match random.u32(..20) {
                0 => {
                    wake_parked(&states, 9).await;
                    for signal in model.signals.values_mut().filter(|it| it.is_parked) {
                        signal.is_parked = false;
                        signal.attempt = 9;
                    }
                    finish(&states).await;
                }
                1 => {
                    if let Some(folder) = &folder {
                        drop(states);
                        states = folder.open(StateLimits::of_database());
                        model.taken.clear();
                        model.not_before.clear();
                    }
                }
                2..4 => restore(&states, &mut model, &mut random, room, now).await,
                _ => states.sweep(now),
            },
        }
        if step % 20 == 0 {
            compare(&states, &model).await;
        }
    }
    assert!(
        handled > steps / 20 && gone > steps / 200 && parked > steps / 100,
        "{handled} {gone} {parked}"
    );
    if let Some(folder) = &folder {
        drop(states);
        let states = folder.open(StateLimits::of_database());
        model.taken.clear();
        compare(&states, &model).await;
    }
}

fn is_in_cluster(states: &States) -> bool {
    #[cfg(feature = "cluster")]
    let is_in_cluster = states.in_cluster().is_some();
    #[cfg(not(feature = "cluster"))]
    let is_in_cluster = {
        let _ = states;
        false
    };
    is_in_cluster
}

async fn wake_parked(states: &States, attempts: u32) {
    #[cfg(feature = "cluster")]
    if let Some(clustered) = states.in_cluster() {
        return clustered.wake_parked_now(attempts).await;
    }
    states.wake_parked(attempts);
}

/// Waits until all that was sent to the thread that writes is done.
async fn finish(states: &States) {
    #[cfg(feature = "cluster")]
    if let Some(clustered) = states.in_cluster() {
        return clustered.feed_now().await;
    }
    for _ in 0..3 {
        states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
    }
}

async fn take(states: &States, model: &mut Model, now: u64) {
    let mut expected: Vec<Known> = model.due(now).into_iter().cloned().collect();
    let mut taken = Vec::new();
    for round in 0.. {
        assert!(round < 1000, "{expected:?} are due, and {taken:?} were taken");
        let some = states.take_due(now, usize::MAX);
        assert!(some.is_sorted_by_key(|it| it.due) || !model.not_before.is_empty());
        taken.extend(some);
        if taken.len() >= expected.len() {
            break;
        }
        // They are being read.
        finish(states).await;
    }
    expected.sort_by_key(|it| it.room);
    taken.sort_by(|one, other| one.room.cmp(&other.room));
    assert_eq!(taken.len(), expected.len(), "{taken:?} {expected:?}");
    for (signal, known) in taken.into_iter().zip(expected) {
        let told = (&*signal.room, &*signal.name, signal.is_timer, signal.attempt);
        assert_eq!(told, (known.room, known.name, known.is_timer, known.attempt));
        let times = (signal.scheduled, signal.due, signal.period);
        assert_eq!(times, (known.scheduled, known.due, known.period));
        assert_eq!(signal.data, known.data.map(|tag| Value::text(tag.to_string())));
        model.taken.insert(known.room, (known.tag, signal, now));
    }
}

async fn fail(
    states: &States,
    model: &mut Model,
    random: &mut fastrand::Rng,
    now: u64,
    (tag, signal, taken_at): (u64, &Signal, u64),
) {
    // An event of the room may come before it.
    let room = model.signals[&tag].room;
    if random.bool() {
        commit(states, model, random, room, now, None).await;
    }
    let due = now + random.u64(..100_000);
    let parks = random.bool();
    let outcome = if parks { FailedSignal::Park } else { FailedSignal::Retry { due } };
    states.fail(signal.id, outcome).await.expect("it is committed");
    model.taken.remove(room);
    let Some(known) = model.signals.get_mut(&tag) else { return };
    known.attempt += 1;
    if !parks {
        known.due = due;
        return;
    }
    known.is_parked = true;
    if known.on_fail {
        let (payer, data) = (known.payer, known.data);
        model.last_tag += 1;
        let tag = model.last_tag;
        let told = Known {
            tag,
            room: payer,
            payer: room,
            name: "failed",
            is_timer: false,
            scheduled: taken_at,
            due: taken_at,
            period: None,
            attempt: 0,
            on_fail: false,
            is_parked: false,
            data,
        };
        model.signals.insert(tag, told);
    }
}

/// An import of a room.
async fn restore(
    states: &States,
    model: &mut Model,
    random: &mut fastrand::Rng,
    room: &'static str,
    now: u64,
) {
    let mut restored = Restored { replaces: random.bool(), signals: Vec::new() };
    let (mut known, mut timers) = (BTreeMap::new(), BTreeSet::new());
    for _ in 0..random.usize(..4) {
        model.last_tag += 1;
        let tag = model.last_tag;
        let name = *random.choice(&NAMES).expect("there are some");
        let is_timer = random.bool() && timers.insert(name);
        let sender = (!is_timer && random.bool()).then(|| *random.choice(&ROOMS).expect("some"));
        let due = now + if random.bool() { 0 } else { random.u64(..200_000) };
        let signal = Known {
            tag,
            room,
            payer: sender.unwrap_or(room),
            name,
            is_timer,
            scheduled: now - random.u64(..100),
            due,
            period: is_timer.then(|| random.u64(1..100_000)),
            attempt: random.u32(..9),
            on_fail: sender.is_some() && random.bool(),
            is_parked: random.bool(),
            data: Some(tag),
        };
        restored.signals.push(StoredSignal {
            signal: Signal {
                id: 0,
                room: "/elsewhere".into(),
                sender: sender.map(Into::into),
                name: name.into(),
                is_timer,
                cron: None,
                scheduled: signal.scheduled,
                due,
                period: signal.period,
                attempt: signal.attempt,
                data: Some(Value::text(tag.to_string())),
                on_fail: signal.on_fail.then(|| "failed".into()),
            },
            is_parked: signal.is_parked,
        });
        known.insert(tag, signal);
    }
    let is_allowed = restored.replaces || !model.signals.values().any(|it| it.room == room);
    let signals = SignalChanges { restored: Some(restored), ..SignalChanges::default() };
    let import = Transaction { now, signals, ..transaction(room, Changes::default()) };
    let imported = states.commit(import, |_| {}).await;
    assert_eq!(imported.is_ok(), is_allowed, "{imported:?}");
    if is_allowed {
        model.signals.retain(|_tag, it| it.room != room);
        model.forget_wait(room);
        model.signals.append(&mut known);
    }
}

/// An event of a room, which may have handled a signal.
async fn commit(
    states: &States,
    model: &mut Model,
    random: &mut fastrand::Rng,
    room: &'static str,
    now: u64,
    handled: Option<u64>,
) {
    let mut signals = SignalChanges { clears_timers: random.u32(..15) == 0, ..Default::default() };
    let mut set: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..random.usize(..3) {
        let name = *random.choice(&NAMES).expect("there are some");
        signals.timers.insert(name.into(), None);
        set.insert(name);
    }
    // What was there before.
    let is_removed = |it: &Known| {
        it.is_timer && it.room == room && (signals.clears_timers || set.contains(it.name))
    };
    let removed: Vec<u64> =
        model.signals.values().filter(|it| is_removed(it)).map(|it| it.tag).collect();
    if let Some(tag) = handled {
        let (_, signal, _) = model.taken.remove(room).expect("it is taken");
        let again = signal.period.map(|period| now + period);
        signals.done = Some(Done { id: signal.id, again });
        match again.filter(|_| !removed.contains(&tag)) {
            Some(again) => {
                let known = model.signals.get_mut(&tag).expect("it is current");
                (known.scheduled, known.due, known.attempt) = (again, again, 0);
            }
            None => {
                model.signals.remove(&tag);
            }
        }
    }
    for tag in removed {
        model.signals.remove(&tag);
    }
    model.forget_wait(room);
    for name in set {
        if random.bool() {
            continue;
        }
        model.last_tag += 1;
        let tag = model.last_tag;
        let most = if random.bool() { 100 } else { 500_000 };
        let at = now + random.u64(..most);
        let period = random.bool().then(|| random.u64(1..100_000));
        let timer = NewTimer { at, period, data: Some(Value::text(tag.to_string())) };
        signals.timers.insert(name.into(), Some(timer));
        let known = Known {
            tag,
            room,
            payer: room,
            name,
            is_timer: true,
            scheduled: at,
            due: at,
            period,
            attempt: 0,
            on_fail: false,
            is_parked: false,
            data: Some(tag),
        };
        model.signals.insert(tag, known);
    }
    let has_room = handled.is_some() || random.u32(..5) > 0;
    // Fewer than are handled, so that timers have their turn.
    let most = if model.signals.len() > 10 { 1 } else { 3 };
    for _ in 0..random.usize(..most) {
        model.last_tag += 1;
        let tag = model.last_tag;
        let to = *random.choice(&ROOMS).expect("there are some");
        let name = *random.choice(&NAMES).expect("there are some");
        let on_fail = random.bool().then(|| "failed".into());
        let known = Known {
            tag,
            room: to,
            payer: if has_room { room } else { to },
            name,
            is_timer: false,
            scheduled: now,
            due: now,
            period: None,
            attempt: 0,
            on_fail: on_fail.is_some() && has_room,
            is_parked: false,
            data: Some(tag),
        };
        model.signals.insert(tag, known);
        let data = Some(Value::text(tag.to_string()));
        signals.sends.push(NewSignal { room: to.into(), name: name.into(), data, on_fail });
    }
    let mut event = Transaction { now, signals, ..Transaction::default() };
    if has_room {
        let changes = random_changes(model, random, room);
        event = Transaction { now, signals: event.signals, ..transaction(room, changes) };
    } else {
        // It has sent signals alone.
        let (timers, clears) =
            (std::mem::take(&mut event.signals.timers), event.signals.clears_timers);
        event.signals.clears_timers = false;
        let own = SignalChanges { timers, clears_timers: clears, ..SignalChanges::default() };
        let own =
            Transaction { room: Some(room.into()), now, signals: own, ..Transaction::default() };
        // Numbers are given in the order of commits.
        states.commit(own, |_| {}).await.expect("it is committed");
    }
    states.commit(event, |_| {}).await.expect("it is committed");
}

fn random_changes(model: &mut Model, random: &mut fastrand::Rng, room: &'static str) -> Changes {
    let mut changes = Changes { clears: random.u32(..10) == 0, ..Changes::default() };
    if changes.clears {
        model.entries.remove(room);
    }
    match random.u32(..4) {
        0 => {
            let size = if random.u32(..10) == 0 { 1_200_000 } else { random.usize(..100) };
            changes.entries.insert("key".into(), text("x".repeat(size)));
            model.entries.insert(room, size as u64);
        }
        1 => {
            changes.entries.insert("key".into(), None);
            model.entries.remove(room);
        }
        _ => {}
    }
    changes
}

async fn compare(states: &States, model: &Model) {
    let mut all = 0;
    for room in ROOMS {
        let state = states.load(room).await.expect("it is readable");
        let timers: Vec<_> =
            model.signals.values().filter(|it| it.is_timer && it.room == room).collect();
        assert_eq!(state.timers(), timers.len(), "{room}");
        for timer in timers {
            let at = state.timer(timer.name).await.expect("it is readable");
            assert_eq!(at, Some(timer.scheduled));
        }
        assert_eq!(state.usage().bytes, model.bytes(room), "{room}: {} are sent", model.sent(room));
        all += model.bytes(room);
    }
    #[cfg(feature = "cluster")]
    if let Some(clustered) = states.in_cluster() {
        clustered.sweep_now(0).await;
    }
    let totals = states.signal_totals();
    let expected = SignalTotals {
        stored: model.signals.len() as u64,
        taken: model.taken.len() as u64,
        parked: model.signals.values().filter(|it| it.is_parked).count() as u64,
        first_due: totals.first_due,
    };
    assert_eq!(totals, expected);
    assert_eq!(states.totals().bytes, all);
}
