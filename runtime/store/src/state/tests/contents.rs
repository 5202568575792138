//! What an operator sees of one room.

use super::*;
use crate::state::limits::StateLimits;
use crate::state::room_contents::{ContentsQuery, SignalList};
use crate::state::signals::{FailedSignal, NewSignal, NewTimer, Signal, SignalChanges};

const QUERY: ContentsQuery = ContentsQuery { keys: ALL, limits: NO_LIMIT, signals: 2 };

/// The time at which all happens.
const NOW: u64 = 1_000_000;

fn timer(at: u64) -> Option<NewTimer> {
    Some(NewTimer { at, period: Some(50), data: Some(Value::text("data")) })
}

fn sent(room: &str, name: &str) -> NewSignal {
    NewSignal { room: room.into(), name: name.into(), data: None, on_fail: None }
}

async fn commit(states: &States, room: &str, signals: SignalChanges) {
    let transaction = Transaction {
        room: Some(room.into()),
        changes: changes([("key", text("value"))]),
        signals,
        now: NOW,
        ..Transaction::default()
    };
    states.commit(transaction, |_| {}).await.expect("it is committed");
}

/// The next signal that is due. A database reads it first.
async fn take(states: &States) -> Signal {
    loop {
        if let Some(signal) = states.take_due(NOW, 1).pop() {
            return signal;
        }
        states.due_sooner().await;
    }
}

fn names(list: &SignalList) -> (usize, Vec<&str>) {
    (list.count, list.first.iter().map(|signal| &*signal.name).collect())
}

#[tokio::test]
async fn a_room_is_seen_with_its_keys_and_with_its_timers_and_signals_in_their_order() {
    for (kind, states, _folder) in both(|_| {}) {
        let timers = [("third", 3), ("first", 1), ("second", 2)]
            .map(|(name, at)| (name.into(), timer(2 * NOW + at)));
        let signals = SignalChanges { timers: timers.into(), ..SignalChanges::default() };
        commit(&states, "/a", signals).await;
        let sends = vec![sent("/a", "one"), sent("/other", "elsewhere"), sent("/a", "two")];
        commit(&states, "/b", SignalChanges { sends, ..SignalChanges::default() }).await;

        let seen = states.contents("/a", QUERY, NOW).await.expect("it is readable");
        assert_eq!(seen.entries, [("key".into(), text("value").expect("a value"))], "{kind}");
        assert_eq!(names(&seen.timers), (3, vec!["first", "second"]), "{kind}");
        assert_eq!(names(&seen.waiting), (2, vec!["one", "two"]), "{kind}");
        assert_eq!(names(&seen.parked), (0, vec![]), "{kind}");
        let first = &seen.timers.first[0];
        assert_eq!((first.due, first.period), (2 * NOW + 1, Some(50)));
        assert_eq!(first.data, Some(Value::text("data")));
        assert_eq!(seen.waiting.first[0].sender.as_deref(), Some("/b"));
        assert!(seen.is_complete && seen.taken.is_none());
        let usage = states.look("/a").await.expect("it is readable").usage();
        assert_eq!(seen.usage, usage, "{kind}");
        assert!(usage.keys == 1 && usage.bytes > 3 * 64, "{usage:?}");

        let mut parked = 0;
        while parked < 2 {
            let signal = take(&states).await;
            let seen = states.contents(&signal.room, QUERY, NOW).await.expect("it is readable");
            assert_eq!(seen.taken, Some(signal.id), "{kind}");
            assert_eq!(seen.waiting.first[0].id, signal.id, "{kind}");
            states.fail(signal.id, FailedSignal::Park).await.expect("it is committed");
            parked += usize::from(&*signal.room == "/a");
        }
        let seen = states.contents("/a", QUERY, NOW).await.expect("it is readable");
        assert_eq!(names(&seen.waiting), (0, vec![]), "{kind}");
        assert_eq!(names(&seen.parked), (2, vec!["one", "two"]), "{kind}");
        assert_eq!(seen.parked.first[0].attempt, 1);
        assert_eq!(seen.timers.count, 3);
        let none = states.contents("/none", QUERY, NOW).await.expect("it is readable");
        assert!(none.entries.is_empty() && none.usage == Default::default(), "{kind}");
    }
}

#[tokio::test]
async fn only_a_part_of_the_keys_is_read() {
    for (kind, states, _folder) in both(|_| {}) {
        put_large_room(&states, "/large").await;
        let keys = KeyRange { start: Bound::Excluded("0000".into()), ..ALL };
        let limits = ListLimits { entries: 2, ..NO_LIMIT };
        let query = ContentsQuery { keys, limits, signals: 0 };
        let seen = states.contents("/large", query, NOW).await.expect("it is readable");
        let keys: Vec<_> = seen.entries.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["0001", "0002", "0003"], "{kind}");
        assert_eq!(seen.usage.keys, 80, "{kind}");
    }
}

#[tokio::test]
async fn a_room_that_an_operator_sees_is_neither_loaded_nor_used() {
    let folder = folder::Folder::new();
    let states = folder.open(StateLimits::of_database());
    put(&states, "/a", "key", "value").await.expect("it is committed");
    states.contents("/a", QUERY, NOW).await.expect("it is readable");
    assert!(states.cached("/a").is_none());
    assert_eq!(states.totals().loads, 0);

    let memory = States::in_memory(StateLimits::of_memory());
    put(&memory, "/a", "key", "value").await.expect("it is committed");
    assert!(memory.unused().is_empty());
    memory.contents("/a", QUERY, NOW).await.expect("it is readable");
    assert_eq!(memory.unused(), [Arc::from("/a")]);
}
