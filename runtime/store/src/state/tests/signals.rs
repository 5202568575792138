//! Signals and timers, one case after the other.

mod failed;
mod timers;

use std::collections::BTreeMap;
use std::time::Duration;

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;
use crate::state::signals::{Done, FailedSignal, NewSignal, NewTimer, Signal, SignalChanges};

/// How long something that must come is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Changes of signals in a room, with no others.
fn event(room: &str, now: u64, signals: SignalChanges) -> Transaction {
    Transaction { room: Some(room.into()), now, signals, ..Transaction::default() }
}

fn sends<const N: usize>(sent: [(&str, &str); N]) -> SignalChanges {
    let sends = sent.into_iter().map(|(room, name)| NewSignal {
        room: room.into(),
        name: name.into(),
        data: Some(Value::text(name)),
        on_fail: None,
    });
    SignalChanges { sends: sends.collect(), ..SignalChanges::default() }
}

fn sets<const N: usize>(timers: [(&str, Option<u64>); N]) -> SignalChanges {
    let timers = timers.into_iter().map(|(name, at)| {
        let timer = at.map(|at| NewTimer { at, period: None, data: None });
        (name.into(), timer)
    });
    SignalChanges { timers: timers.collect(), ..SignalChanges::default() }
}

fn done(signal: &Signal) -> SignalChanges {
    let done = Some(Done { id: signal.id, again: None });
    SignalChanges { done, ..SignalChanges::default() }
}

async fn commit(states: &States, transaction: Transaction) {
    states.commit(transaction, |_| {}).await.expect("it is committed");
}

/// Takes what is due, when the thread that reads signals has nothing left to do.
async fn take(states: &States, now: u64) -> Vec<Signal> {
    // The thread reads a part after each group; in these tests there are not more than two.
    for _ in 0..3 {
        let taken = states.take_due(now, usize::MAX);
        if !taken.is_empty() {
            return taken;
        }
        commit(states, Transaction::default()).await;
    }
    states.take_due(now, usize::MAX)
}

fn names(signals: &[Signal]) -> Vec<&str> {
    signals.iter().map(|signal| &*signal.name).collect()
}

/// Takes the only signal that is due.
async fn take_one(states: &States, now: u64) -> Signal {
    let mut taken = take(states, now).await;
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

/// Takes the only signal that is due, which may be read first, with many others.
async fn take_when_read(states: &States, now: u64) -> Signal {
    let read = async {
        loop {
            if let Some(signal) = states.take_due(now, usize::MAX).pop() {
                return signal;
            }
            states.due_sooner().await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("one is due")
}

async fn handle(states: &States, signal: &Signal) {
    assert!(states.is_current(signal));
    commit(states, event(&signal.room, signal.due, done(signal))).await;
}

async fn timers(states: &States, room: &str, names: &[&str]) -> BTreeMap<String, u64> {
    let state = states.load(room).await.expect("it is readable");
    let mut timers = BTreeMap::new();
    for name in names {
        if let Some(at) = state.timer(name).await.expect("it is readable") {
            timers.insert((*name).to_owned(), at);
        }
    }
    assert_eq!(state.timers(), timers.len());
    timers
}

async fn bytes(states: &States, room: &str) -> u64 {
    states.load(room).await.expect("it is readable").usage().bytes
}

#[tokio::test]
async fn a_sent_signal_is_taken_with_all_that_was_given() {
    for (kind, states, _folder) in both(|_| {}) {
        let on_fail = Some("failed".into());
        let data = Some(Value::text("data"));
        let sent =
            NewSignal { room: "/b".into(), name: "name".into(), data: data.clone(), on_fail };
        let sends = SignalChanges { sends: vec![sent], ..SignalChanges::default() };
        commit(&states, event("/a", 5, sends)).await;
        assert_eq!(states.next_due(), Some(5), "{kind}");
        let signal = take_one(&states, 5).await;
        let expected = Signal {
            id: signal.id,
            room: "/b".into(),
            sender: Some("/a".into()),
            name: "name".into(),
            is_timer: false,
            cron: None,
            scheduled: 5,
            due: 5,
            period: None,
            attempt: 0,
            data,
            on_fail: Some("failed".into()),
        };
        assert_eq!(signal, expected);
        assert_eq!(bytes(&states, "/a").await, 64 + 4 + 4, "its sender pays");
        assert_eq!(bytes(&states, "/b").await, 0);
        handle(&states, &signal).await;
        assert_eq!((bytes(&states, "/a").await, states.totals().rooms), (0, 0));
        assert_eq!((states.next_due(), states.signal_totals().stored), (None, 0));
    }
}

#[tokio::test]
async fn a_signal_of_no_room_counts_for_its_receiver() {
    for (_kind, states, _folder) in both(|_| {}) {
        let sent = Transaction { signals: sends([("/a", "name")]), ..Transaction::default() };
        commit(&states, sent).await;
        assert_eq!(bytes(&states, "/a").await, 64 + 8);
        let signal = take_one(&states, 0).await;
        assert_eq!(signal.sender, None);
        handle(&states, &signal).await;
        assert_eq!(bytes(&states, "/a").await, 0);
    }
}

#[tokio::test]
async fn each_room_has_one_taken_at_a_time_in_its_order() {
    for (kind, states, _folder) in both(|_| {}) {
        let sent = sends([("/b", "1"), ("/c", "2"), ("/b", "3"), ("/c", "4"), ("/d", "5")]);
        commit(&states, event("/a", 10, sent)).await;
        commit(&states, event("/e", 9, sends([("/e", "first")]))).await;
        let first = take(&states, 10).await;
        assert_eq!(names(&first), ["first", "1", "2", "5"], "{kind}: who has waited longest");
        assert_eq!(states.signal_totals().taken, 4);
        assert!(states.take_due(10, 9).is_empty());
        assert_eq!(states.next_due(), None);
        handle(&states, &first[1]).await;
        assert_eq!(names(&take(&states, 10).await), ["3"]);
        handle(&states, &first[0]).await;
        handle(&states, &first[2]).await;
        assert_eq!(names(&states.take_due(10, 1)), ["4"], "no more than asked for");
    }
}

#[tokio::test]
async fn one_that_is_replaced_or_cancelled_while_it_is_taken_does_not_run() {
    for (kind, states, _folder) in both(|_| {}) {
        commit(&states, event("/a", 0, sets([("a", Some(100)), ("b", Some(150))]))).await;
        let signal = take_one(&states, 100).await;
        assert!(states.is_current(&signal));
        commit(&states, event("/a", 100, sets([("a", Some(120))]))).await;
        assert!(take(&states, 200).await.is_empty(), "{kind}: one of the room is taken");
        assert!(!states.is_current(&signal));
        let signal = take_one(&states, 200).await;
        assert_eq!((&*signal.name, signal.due), ("a", 120));
        commit(&states, event("/a", 200, sets([("a", None)]))).await;
        // Its event has failed before it was cancelled.
        states.fail(signal.id, FailedSignal::Retry { due: 200 }).await.expect("it is committed");
        let signal = take_one(&states, 200).await;
        assert_eq!(&*signal.name, "b");
        let clear = SignalChanges { clears_timers: true, ..SignalChanges::default() };
        commit(&states, event("/a", 200, clear)).await;
        states.give_back(signal.id, 200);
        assert!(take(&states, u64::MAX / 4).await.is_empty());
        let totals = states.signal_totals();
        assert_eq!((totals.stored, totals.taken, totals.first_due), (0, 0, None));
    }
}

/// Both are in one group.

#[tokio::test]
async fn a_room_has_so_many_signals_that_are_not_taken_and_no_more() {
    for (kind, states, _folder) in both(|limits| limits.room_signals = 3) {
        assert!(take(&states, 0).await.is_empty());
        commit(&states, event("/a", 0, sends([("/b", "1"), ("/c", "2")]))).await;
        let both = sends([("/b", "3"), ("/b", "4")]);
        let failed = states.commit(event("/a", 0, both), |_| panic!("it is not committed")).await;
        assert_eq!(
            failed.expect_err("these are too many").to_string(),
            "room \"/a\" would have 4 signals that are not taken, and may have 3",
            "{kind}"
        );
        commit(&states, event("/a", 0, sends([("/b", "3")]))).await;
        commit(&states, event("/x", 0, sends([("/b", "of another")]))).await;
        // A signal that is handled makes place for one in the same event.
        let signal = states.take_due(0, 1).remove(0);
        let again = SignalChanges { sends: sends([("/a", "next")]).sends, ..done(&signal) };
        commit(&states, event("/b", 0, again)).await;
        commit(&states, event("/a", 0, sends([("/b", "5")]))).await;
        // One that is parked is not waited for.
        let signal = states.take_due(0, 1).remove(0);
        assert_eq!(&*signal.room, "/c");
        states.fail(signal.id, FailedSignal::Park).await.expect("it is committed");
        commit(&states, event("/a", 0, sends([("/b", "6")]))).await;
    }
}

#[tokio::test]
async fn signals_count_in_the_bytes_of_their_room_and_what_is_done_is_always_committed() {
    for (_kind, states, _folder) in both(|limits| {
        limits.room_bytes = 300;
        limits.all_bytes = 350;
    }) {
        put(&states, "/a", "key", &"x".repeat(100)).await.expect("it fits");
        commit(&states, event("/a", 0, sets([("timer", Some(5))]))).await;
        let more = states.commit(event("/a", 0, sends([("/b", "signal")])), |_| {}).await;
        let error = more.expect_err("it does not fit").to_string();
        assert_eq!(error, "the state of room \"/a\" would have 312 bytes, and may have 300");
        commit(&states, event("/c", 0, sends([("/b", "signal")]))).await;
        put(&states, "/d", "key", "value").await.expect_err("it does not fit");
        let signal = take_one(&states, 0).await;
        handle(&states, &signal).await;
        put(&states, "/d", "key", "value").await.expect("it fits");
        assert_eq!(states.totals().bytes, 167 + 69 + 72);
    }
}

#[tokio::test]
async fn what_was_taken_before_a_stop_is_due_again_and_no_number_comes_twice() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    let timers_set = sets([("soon", Some(50)), ("late", Some(10_000_000))]);
    commit(&states, event("/a", 0, timers_set)).await;
    commit(&states, event("/a", 0, sends([("/b", "signal")]))).await;
    let before = take(&states, 50).await;
    assert_eq!(before.len(), 2);
    drop(states);
    let states = folder.open(StateLimits::of_database());
    assert_eq!(states.signal_totals().stored, 3);
    assert_eq!(states.next_due(), Some(0));
    let after = take(&states, 50).await;
    assert_eq!(after, before);
    for signal in &after {
        handle(&states, signal).await;
    }
    let late = take_one(&states, 10_000_000).await;
    assert!(after.iter().all(|signal| signal.id > late.id) || late.id < after[0].id);
    handle(&states, &late).await;
    drop(states);
    let states = folder.open(StateLimits::of_database());
    commit(&states, event("/a", 0, sends([("/b", "new")]))).await;
    let new = take_one(&states, 0).await;
    assert!(before.iter().all(|signal| signal.id < new.id));
}

#[tokio::test]
async fn who_waits_is_told_when_one_is_due_earlier() {
    for (kind, states, _folder) in both(|_| {}) {
        let is_sooner = async |limit: u64| {
            let sooner = states.due_sooner();
            tokio::time::timeout(Duration::from_millis(limit), sooner).await.is_ok()
        };
        commit(&states, event("/a", 0, sets([("late", Some(5000))]))).await;
        assert!(is_sooner(10_000).await, "{kind}");
        assert_eq!(states.next_due(), Some(5000));
        commit(&states, event("/a", 0, sets([("later", Some(6000))]))).await;
        assert!(!is_sooner(20).await);
        commit(&states, event("/a", 0, sends([("/b", "1"), ("/b", "2")]))).await;
        assert!(is_sooner(10_000).await);
        let signal = take_one(&states, 0).await;
        assert_eq!(states.next_due(), Some(5000));
        // Its room has another.
        handle(&states, &signal).await;
        assert!(is_sooner(10_000).await);
        let signal = take_one(&states, 0).await;
        states.give_back(signal.id, 4000);
        assert!(is_sooner(10_000).await);
        assert_eq!(states.next_due(), Some(4000));
    }
}

#[tokio::test]
async fn a_group_that_cannot_be_written_changes_no_signal() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    commit(&states, event("/a", 0, sets([("timer", Some(100))]))).await;
    states.load("/a").await.expect("it is readable");
    let other = folder.connect();
    other.execute_batch("CREATE TRIGGER fault BEFORE INSERT ON signal WHEN new.name = 'bad' BEGIN SELECT raise(ABORT, 'no'); END").expect("it is writable");
    let signal = take_one(&states, 100).await;
    let all = SignalChanges { timers: sets([("new", Some(5))]).timers, ..sends([("/b", "bad")]) };
    let all = SignalChanges { done: Some(Done { id: signal.id, again: None }), ..all };
    let failed = states.commit(event("/a", 100, all), |_| panic!("it is not committed"));
    failed.await.expect_err("it cannot be written");
    assert!(states.is_current(&signal), "it is still taken");
    assert_eq!(timers(&states, "/a", &["timer", "new"]).await.len(), 1);
    assert_eq!(states.signal_totals().stored, 1);
    states.give_back(signal.id, 100);
    let signal = take_one(&states, 100).await;
    handle(&states, &signal).await;
    assert_eq!(states.totals().rooms, 0);
}

#[tokio::test]
async fn a_room_with_more_signals_than_memory_is_for_delays_no_other_and_gets_all_in_their_order() {
    for (kind, states, _folder) in both(|_| {}) {
        let data = Some(Value::text("d".repeat(16 << 10)));
        for sender in 0..10 {
            let sends = (0..500).map(|number| NewSignal {
                room: "/flood".into(),
                name: format!("{:04}", sender * 500 + number).into(),
                data: data.clone(),
                on_fail: None,
            });
            let signals = SignalChanges { sends: sends.collect(), ..SignalChanges::default() };
            commit(&states, event(&format!("/{sender}"), 5, signals)).await;
        }
        let mut flood = take_when_read(&states, 5).await;
        commit(&states, event("/a", 6, sends([("/other", "other")]))).await;
        let other = take_when_read(&states, 6).await;
        assert_eq!(&*other.name, "other", "{kind}");
        handle(&states, &other).await;
        for number in 0..5000 {
            assert_eq!(*flood.name, *format!("{number:04}"), "{kind}");
            handle(&states, &flood).await;
            if number < 4999 {
                flood = take_when_read(&states, 6).await;
            }
        }
        assert_eq!((states.next_due(), states.signal_totals().stored), (None, 0), "{kind}");
    }
}

#[tokio::test]
async fn a_damaged_signal_is_left_out() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    commit(&states, event("/a", 0, sends([("/b", "1"), ("/b", "2")]))).await;
    drop(states);
    folder.connect().execute("UPDATE signal SET kind = 99 WHERE name = '1'", []).expect("writable");
    let states = folder.open(StateLimits::of_database());
    let signal = take_one(&states, 0).await;
    assert_eq!(&*signal.name, "2");
    assert!(take(&states, 0).await.is_empty());
}

#[tokio::test]
async fn more_damaged_signals_than_are_read_at_once_are_left_out_too() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    for _ in 0..3 {
        commit(&states, event("/a", 0, sends([("/b", "damaged"); 700]))).await;
    }
    commit(&states, event("/a", 0, sends([("/c", "whole")]))).await;
    drop(states);
    let damage = "UPDATE signal SET kind = 99 WHERE name = 'damaged'";
    folder.connect().execute(damage, []).expect("writable");
    let states = folder.open(StateLimits::of_database());
    assert_eq!(&*take_when_read(&states, 0).await.name, "whole");
}
