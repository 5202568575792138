//! Signals and timers, one case after the other.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;
use crate::state::record::Record;
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
async fn a_timer_is_due_at_its_time_and_the_same_name_replaces_it() {
    for (kind, states, _folder) in both(|_| {}) {
        let first = sets([("a", Some(100)), ("b", Some(1_000_000)), ("c", Some(300))]);
        commit(&states, event("/a", 10, first)).await;
        assert_eq!(states.next_due(), Some(100), "{kind}");
        assert!(take(&states, 99).await.is_empty());
        let second = sets([("a", Some(200)), ("b", None), ("d", None)]);
        commit(&states, event("/a", 20, second)).await;
        let expected = BTreeMap::from([("a".to_owned(), 200), ("c".to_owned(), 300)]);
        assert_eq!(timers(&states, "/a", &["a", "b", "c", "d"]).await, expected);
        assert_eq!(bytes(&states, "/a").await, 2 * 65);
        assert!(take(&states, 199).await.is_empty());
        let signal = take_one(&states, 200).await;
        assert_eq!((&*signal.name, signal.scheduled, signal.is_timer), ("a", 200, true));
        let expected = BTreeMap::from([("a".to_owned(), 200), ("c".to_owned(), 300)]);
        assert_eq!(timers(&states, "/a", &["a", "c"]).await, expected, "it is due and waits");
        handle(&states, &signal).await;
        assert_eq!(timers(&states, "/a", &["a", "c"]).await.len(), 1);
        assert!(take(&states, 299).await.is_empty());
    }
}

#[tokio::test]
async fn a_timer_with_a_period_keeps_its_number_and_is_due_again() {
    for (_kind, states, _folder) in both(|_| {}) {
        let timer = NewTimer { at: 100, period: Some(50), data: Some(Value::text("x")) };
        let timers_set = [("tick".into(), Some(timer))].into();
        let signals = SignalChanges { timers: timers_set, ..SignalChanges::default() };
        commit(&states, event("/a", 0, signals)).await;
        let first = take_one(&states, 100).await;
        states.fail(first.id, FailedSignal::Retry { due: 110 }).await.expect("it is committed");
        for at in [110, 200, 250] {
            let signal = take_one(&states, at).await;
            assert_eq!((signal.id, signal.due, signal.period), (first.id, at, Some(50)));
            assert_eq!(
                (signal.scheduled, signal.attempt),
                if at == 110 { (100, 1) } else { (at, 0) }
            );
            let again = if at == 110 { 200 } else { 250 };
            let handled = Some(Done { id: signal.id, again: Some(again) });
            let signals = SignalChanges { done: handled, ..SignalChanges::default() };
            commit(&states, event("/a", at, signals)).await;
            assert_eq!(timers(&states, "/a", &["tick"]).await["tick"], again);
            assert_eq!(bytes(&states, "/a").await, 64 + 5);
        }
    }
}

/// By its own event, in each way.
#[tokio::test]
async fn a_timer_that_its_own_event_sets_or_removes_is_not_due_again() {
    for (kind, states, _folder) in both(|_| {}) {
        for (changes, expected) in [
            (sets([("tick", None)]), None),
            (sets([("tick", Some(700))]), Some(700)),
            (SignalChanges { clears_timers: true, ..SignalChanges::default() }, None),
            (SignalChanges { clears_timers: true, ..sets([("tick", Some(800))]) }, Some(800)),
        ] {
            commit(&states, event("/a", 0, sets([("tick", Some(100)), ("other", Some(900))])))
                .await;
            let signal = take_one(&states, 100).await;
            let is_cleared = changes.clears_timers;
            let done = Some(Done { id: signal.id, again: Some(500) });
            commit(&states, event("/a", 100, SignalChanges { done, ..changes })).await;
            let found = timers(&states, "/a", &["tick", "other"]).await;
            assert_eq!(found.get("tick").copied(), expected, "{kind}");
            assert_eq!(found.contains_key("other"), !is_cleared);
            assert_eq!(states.signal_totals().stored, found.len() as u64);
            assert!(take(&states, 500).await.is_empty());
            let clear = SignalChanges { clears_timers: true, ..SignalChanges::default() };
            commit(&states, event("/a", 100, clear)).await;
            assert_eq!((bytes(&states, "/a").await, states.signal_totals().stored), (0, 0));
        }
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
async fn one_that_is_cancelled_just_before_its_failure_is_stored_stays_cancelled() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    commit(&states, event("/a", 0, sets([("a", Some(100))]))).await;
    let signal = take_one(&states, 100).await;
    let held = hold(&states);
    let cancelled = states.commit(event("/a", 100, sets([("a", None)])), |_| {});
    let failed = states.fail(signal.id, FailedSignal::Retry { due: 100 });
    drop(held);
    cancelled.await.expect("it is committed");
    failed.await.expect("it is committed");
    assert!(take(&states, 200).await.is_empty());
    assert_eq!((states.signal_totals().stored, states.signal_totals().taken), (0, 0));
}

#[tokio::test]
async fn one_that_is_given_back_keeps_its_place_and_its_room_waits() {
    for (kind, states, _folder) in both(|_| {}) {
        commit(&states, event("/a", 0, sends([("/b", "1"), ("/b", "2"), ("/c", "3")]))).await;
        let taken = take(&states, 0).await;
        assert_eq!(names(&taken), ["1", "3"]);
        states.give_back(taken[0].id, 50);
        assert_eq!(states.next_due(), Some(50), "{kind}");
        assert!(states.take_due(49, 9).is_empty());
        let again = take_one(&states, 50).await;
        assert_eq!((&*again.name, again.attempt), ("1", 0));
    }
}

#[tokio::test]
async fn one_that_has_failed_is_overtaken_and_runs_again_later() {
    for (_kind, states, _folder) in both(|_| {}) {
        commit(&states, event("/a", 0, sends([("/b", "1"), ("/b", "2")]))).await;
        let first = take_one(&states, 0).await;
        states.fail(first.id, FailedSignal::Retry { due: 1000 }).await.expect("it is committed");
        let second = take_one(&states, 0).await;
        assert_eq!(&*second.name, "2");
        handle(&states, &second).await;
        assert!(take(&states, 999).await.is_empty());
        let again = take_one(&states, 1000).await;
        assert_eq!((again.id, again.attempt, again.scheduled), (first.id, 1, 0));
    }
}

#[tokio::test]
async fn one_that_is_parked_stays_its_sender_is_told_and_it_can_be_woken() {
    for (kind, states, folder) in both(|_| {}) {
        let sent = NewSignal {
            room: "/b".into(),
            name: "job".into(),
            data: Some(Value::text("which")),
            on_fail: Some("failed".into()),
        };
        let sends = SignalChanges { sends: vec![sent], ..SignalChanges::default() };
        commit(&states, event("/a", 0, sends)).await;
        commit(&states, event("/b", 0, sets([("timer", Some(0))]))).await;
        let job = take_one(&states, 7).await;
        states.fail(job.id, FailedSignal::Park).await.expect("it is committed");
        let [timer, told] = take(&states, 8).await.try_into().expect("two rooms have one");
        states.fail(timer.id, FailedSignal::Park).await.expect("it is committed");
        assert_eq!((&*told.room, &*told.name, told.scheduled), ("/a", "failed", 7), "{kind}");
        assert_eq!((told.sender.as_deref(), &told.data), (Some("/b"), &job.data));
        handle(&states, &told).await;
        assert_eq!(bytes(&states, "/a").await, 64 + 3 + 5, "what is parked counts");
        assert_eq!(states.signal_totals().parked, 2);
        assert_eq!(timers(&states, "/b", &["timer"]).await["timer"], 0);
        let states = match &folder {
            None => states,
            Some(folder) => {
                drop(states);
                Arc::new(folder.open(StateLimits::of_database()))
            }
        };
        assert!(take(&states, 1 << 40).await.is_empty());
        assert_eq!(states.signal_totals().parked, 2);
        states.wake_parked(9);
        commit(&states, Transaction::default()).await;
        let first = take_one(&states, 7).await;
        assert_eq!((&*first.name, first.attempt), ("job", 9));
        handle(&states, &first).await;
        let second = take_one(&states, 7).await;
        assert_eq!((&*second.name, second.attempt), ("timer", 9));
        // Once more it is parked, and its room can still replace it.
        states.fail(second.id, FailedSignal::Park).await.expect("it is committed");
        commit(&states, event("/b", 0, sets([("timer", Some(90))]))).await;
        let totals = states.signal_totals();
        assert_eq!((totals.stored, totals.parked, totals.taken), (1, 0, 0));
        assert_eq!((bytes(&states, "/a").await, bytes(&states, "/b").await), (0, 64 + 5));
    }
}

#[tokio::test]
async fn of_more_than_a_thousand_parked_ones_of_a_room_the_oldest_goes() {
    for (kind, states, folder) in both(|_| {}) {
        for number in 0..1003 {
            commit(&states, event("/a", 0, sends([("/b", &format!("{number:04}"))]))).await;
            let signal = take_one(&states, 0).await;
            states.fail(signal.id, FailedSignal::Park).await.expect("it is committed");
        }
        let totals = states.signal_totals();
        assert_eq!((totals.stored, totals.parked), (1000, 1000), "{kind}");
        assert_eq!(bytes(&states, "/a").await, 1000 * (64 + 8));
        if let Some(folder) = folder {
            let kept = std::fs::read_to_string(folder.parked()).expect("it is written");
            let names = kept.lines().map(|line| {
                let Ok(Record::Signal(record)) = serde_json::from_str(line) else {
                    panic!("it is no signal: {line}");
                };
                assert_eq!((record.room.as_deref(), record.parked), (Some("/b"), true));
                let stored = record.signal(&"/b".into(), false).expect("it is whole");
                assert_eq!(stored.signal.sender.as_deref(), Some("/a"));
                assert_eq!(stored.signal.data, Some(Value::text(&*stored.signal.name)));
                stored.signal.name.to_string()
            });
            assert_eq!(names.collect::<Vec<_>>(), ["0000", "0001", "0002"]);
            let mode = folder.parked().metadata().expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        states.wake_parked(9);
        let mut woken = Vec::new();
        while woken.len() < 1000 {
            let signal = take_one(&states, 0).await;
            woken.push(signal.name.to_string());
            // Those that are parked again are not woken twice.
            states.fail(signal.id, FailedSignal::Park).await.expect("it is committed");
        }
        assert!(woken.is_sorted() && woken[0] == "0003");
        assert!(take(&states, 0).await.is_empty());
        assert_eq!(states.signal_totals().parked, 1000);
    }
}

#[tokio::test]
async fn a_parked_signal_that_cannot_be_written_to_a_file_stays_until_it_can() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    let park = async |number: usize| {
        commit(&states, event("/a", 0, sends([("/b", &format!("{number:04}"))]))).await;
        let signal = take_one(&states, 0).await;
        states.fail(signal.id, FailedSignal::Park).await.expect("it is committed");
    };
    for number in 0..1000 {
        park(number).await;
    }
    let parked = folder.parked();
    std::os::unix::fs::symlink("/dev/null", &parked).expect("the folder is writable");
    park(1000).await;
    std::fs::remove_file(&parked).expect("it is there");
    // As large as it may be.
    let file = std::fs::File::create(&parked).expect("the folder is writable");
    file.set_len(64 << 20).expect("it is sparse");
    park(1001).await;
    assert_eq!(states.signal_totals().parked, 1002);
    // A crash has left a part of a line.
    std::fs::write(&parked, "{\"sig").expect("the folder is writable");
    park(1002).await;
    assert_eq!((states.signal_totals().parked, states.signal_totals().stored), (1000, 1000));
    let kept = std::fs::read_to_string(&parked).expect("it is written");
    let lines: Vec<_> = kept.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "{\"sig"));
    for (number, line) in lines[1..].iter().enumerate() {
        assert!(line.contains(&format!("\"name\":\"000{number}\"")), "{line}");
    }
}

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
async fn far_timers_stay_on_disk_until_their_minute_comes() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    for minute in 1..5_u64 {
        // More than are read at a time.
        let room = format!("/{minute}");
        for part in 0..3 {
            let timers = (0..400).map(|number| {
                let timer = NewTimer { at: minute * 300_000, period: None, data: None };
                (format!("{part}/{number:03}").into(), Some(timer))
            });
            let signals = SignalChanges { timers: timers.collect(), ..SignalChanges::default() };
            commit(&states, event(&room, 0, signals)).await;
        }
    }
    assert!(take(&states, 0).await.is_empty());
    assert_eq!(states.next_due(), Some(300_000));
    for minute in 1..5_u64 {
        let now = minute * 300_000;
        assert!(take(&states, now - 1).await.is_empty());
        for number in 0..1200 {
            let signal = take_one(&states, now).await;
            assert_eq!(&*signal.name, format!("{}/{:03}", number / 400, number % 400));
            handle(&states, &signal).await;
        }
        let next = Some(now + 300_000).filter(|_| minute < 4);
        assert_eq!(states.signal_totals().first_due, next);
    }
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
async fn timers_of_a_large_room_are_read_by_name() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    put_large_room(&states, "/a").await;
    commit(&states, event("/a", 0, sets([("a", Some(100)), ("b", Some(200))]))).await;
    commit(&states, event("/a", 0, sets([("b", Some(300))]))).await;
    let expected = BTreeMap::from([("a".to_owned(), 100), ("b".to_owned(), 300)]);
    assert_eq!(timers(&states, "/a", &["a", "b", "c"]).await, expected);
    let look = states.look("/a").await.expect("it is readable");
    assert_eq!(look.timer("b").await.expect("it is readable"), Some(300));
    let clears = Changes { clears: true, ..Changes::default() };
    commit(&states, transaction("/a", clears)).await;
    assert_eq!(
        timers(&states, "/a", &["a", "b", "c"]).await,
        expected,
        "entries alone are cleared"
    );
    assert_eq!(bytes(&states, "/a").await, 2 * 65);
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
