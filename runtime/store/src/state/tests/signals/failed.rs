//! Signals that have failed: tried again, parked, woken.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::state::record::Record;

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
