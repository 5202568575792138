//! Timers: signals that are due at a time.

use super::*;

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
