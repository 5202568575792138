//! What happens when the database cannot be written, and when nobody waits.

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;

/// As when an operator disconnects, or the server ends.
#[tokio::test]
async fn a_commit_is_finished_even_if_its_future_is_dropped() {
    for (kind, states, folder) in both(|_| {}) {
        let (sender, done) = mpsc::channel();
        let first = transaction("/a", changes([("key", text("value"))]));
        drop(states.commit(first, move |_| sender.send(()).expect("the test waits")));
        done.recv().unwrap_or_else(|_| panic!("{kind}: it is finished"));
        assert_eq!(value(&states.load("/a").await.expect("it is readable"), "key").await, "value");
        if let Some(folder) = folder {
            // What was sent is committed before the states are gone.
            drop(states.commit(transaction("/a", changes([("key", text("last"))])), |_| {}));
            drop(states);
            let states = folder.open(StateLimits::of_database());
            assert_eq!(
                value(&states.load("/a").await.expect("it is readable"), "key").await,
                "last"
            );
        }
    }
}

#[tokio::test]
async fn the_last_that_holds_the_states_may_be_what_is_done_after_a_commit() {
    let folder = Folder::new();
    let states = Arc::new(folder.open(StateLimits::of_database()));
    let (release, held) = mpsc::channel::<()>();
    let last = Arc::clone(&states);
    let commit = states.commit(transaction("/a", changes([("key", text("value"))])), move |_| {
        held.recv().expect("it is released");
        drop(last);
    });
    drop(states);
    release.send(()).expect("the writer waits");
    commit.await.expect("it is committed");
}

#[tokio::test]
async fn transactions_that_wait_are_committed_together_in_their_order() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    let held = hold(&states);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let waiting: Vec<_> = (0..100)
        .map(|number| {
            // Several of one room too.
            let room = format!("/{}", number % 40);
            let changes = changes([("key", text(number.to_string()))]);
            let order = Arc::clone(&order);
            let then = move |_| order.lock().expect("no panic").push(number);
            states.commit(transaction(&room, changes), then)
        })
        .collect();
    drop(held);
    for waiting in waiting {
        waiting.await.expect("it is committed");
    }
    assert_eq!(*order.lock().expect("no panic"), (0..100).collect::<Vec<_>>());
    assert_eq!(states.totals().groups, 2);
    let state = states.load("/3").await.expect("it is readable");
    assert_eq!(value(&state, "key").await, "83");
}

#[tokio::test]
async fn a_group_that_cannot_be_written_fails_whole_and_the_next_is_tried_anew() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    put(&states, "/a", "key", "old").await.expect("it is committed");
    states.load("/a").await.expect("it is readable");
    let before = states.totals();

    let other = folder.connect();
    // The second transaction of the group cannot be written.
    other.execute_batch("CREATE TRIGGER fault BEFORE INSERT ON entry WHEN new.key = 'bad' BEGIN SELECT raise(ABORT, 'no'); END").expect("it is writable");
    let held = hold(&states);
    let good = transaction("/a", changes([("key", text("new"))]));
    let good = states.commit(good, |_| panic!("it is not committed"));
    let bad = transaction("/b", changes([("bad", text("new"))]));
    let bad = states.commit(bad, |_| panic!("it is not committed"));
    drop(held);
    for failed in [good.await, bad.await] {
        let error = failed.expect_err("it is not committed");
        let source = std::error::Error::source(&error).expect("SQLite says why").to_string();
        assert_eq!((&*error.to_string(), &*source), ("cannot write `store/state.db`", "no"));
    }
    assert_eq!(value(&states.cached("/a").expect("it is live"), "key").await, "old");
    let after = states.totals();
    assert_eq!((after.rooms, after.bytes), (before.rooms, before.bytes));
    assert_eq!(after.failures, before.failures + 2);
    assert_eq!(states.problem().as_deref(), Some("`store/state.db`: no"));

    other.execute_batch("DROP TRIGGER fault").expect("it is writable");
    put(&states, "/a", "key", "new").await.expect("it is committed");
    states.sweep(0);
    put(&states, "/a", "key", "new").await.expect("it is committed");
    assert_eq!(states.problem(), None);
    drop(states);
    let states = folder.open(StateLimits::of_database());
    assert_eq!(value(&states.load("/a").await.expect("it is readable"), "key").await, "new");
    assert_eq!(states.totals().rooms, 1);
}
