//! Limits: what grows beyond one fails whole, and what only deletes is committed.

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;

#[tokio::test]
async fn a_room_does_not_grow_beyond_its_limit() {
    for (kind, states, _folder) in both(|limits| limits.room_bytes = 1000) {
        put(&states, "/a", "key", &"x".repeat(500)).await.expect("it fits");
        let both = changes([("key", text("lost")), ("more", text("x".repeat(900)))]);
        let error = states.commit(transaction("/a", both), |_| panic!("it is not committed")).await;
        let error = error.expect_err("it is full").to_string();
        assert_eq!(
            error, "the state of room \"/a\" would have 1039 bytes, and may have 1000",
            "{kind}"
        );
        let state = states.load("/a").await.expect("it is readable");
        assert_eq!(value(&state, "key").await.len(), 500, "{kind}: nothing of it has happened");
        put(&states, "/b", "key", &"x".repeat(900)).await.expect("another room fits");
    }
}

#[tokio::test]
async fn all_rooms_together_do_not_grow_beyond_their_limit_and_deletions_go_on() {
    for (kind, states, folder) in both(|limits| limits.all_bytes = 10_000) {
        for room in 0..9 {
            put(&states, &format!("/{room}"), "key", &"x".repeat(900)).await.expect("it fits");
        }
        let error = put(&states, "/9", "key", &"x".repeat(1900)).await.expect_err("it is full");
        assert_eq!(
            error.to_string(),
            "the states of all rooms would have 10670 bytes, and may have 10000",
            "{kind}"
        );
        assert_eq!(states.totals().rooms, 9);
        put(&states, "/0", "key", "smaller").await.expect("it shrinks");
        delete(&states, "/1", "key").await.expect("it is deleted");
        put(&states, "/9", "key", &"x".repeat(1900)).await.expect("it fits now");
        let totals = states.totals();
        assert_eq!((totals.rooms, totals.failures, totals.commits), (9, 1, 12), "{kind}");
        if let Some(folder) = folder {
            drop(states);
            let limits = StateLimits { all_bytes: 10_000, ..StateLimits::of_database() };
            let states = folder.open(limits);
            assert_eq!(states.totals().bytes, totals.bytes);
            put(&states, "/10", "key", &"x".repeat(1900)).await.expect_err("it is still full");
        }
    }
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_what_grows_and_takes_the_rest() {
    let folder = Folder::new();
    {
        let states = folder.open(StateLimits::of_database());
        put(&states, "/a", "key", "value").await.expect("it is committed");
    }
    let states = folder.open(StateLimits { free_bytes: u64::MAX, ..StateLimits::of_database() });
    let error =
        put(&states, "/a", "more", "value").await.expect_err("the disk is full").to_string();
    assert!(error.starts_with("the disk of `store/state.db` has "), "{error}");
    assert_eq!(states.problem().as_deref(), Some(&*error));
    states.sweep(0);
    delete(&states, "/a", "key").await.expect("it is deleted");
    assert_eq!(states.totals().bytes, 0);
    assert_eq!(states.problem().as_deref(), Some(&*error), "it is still full");
}

#[tokio::test]
async fn a_full_file_refuses_what_does_not_fit_and_recovers() {
    let folder = Folder::new();
    let states =
        folder.open(StateLimits { file_bytes: Some(400 << 10), ..StateLimits::of_database() });
    let long = "x".repeat(32 << 10);
    let mut kept = 0;
    let error = loop {
        match put(&states, &format!("/{kept}"), "key", &long).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    let told = "`store/state.db` may have 409600 bytes, and has no space for 32835 more";
    assert_eq!(error.to_string(), told);
    assert_eq!(states.problem().as_deref(), Some(told));
    assert!(kept >= 5, "{kept}");
    let before = states.totals();
    assert_eq!((before.rooms, before.failures), (kept, 1));
    for room in 0..kept {
        let state = states.load(&format!("/{room}")).await.expect("reads go on");
        assert_eq!(value(&state, "key").await, long);
    }
    let full = states.load(&format!("/{kept}")).await.expect("reads go on");
    assert_eq!(value(&full, "key").await, "-");
    // What is small may fit, and there is still no space for the other.
    states.sweep(0);
    put(&states, "/1", "key", "small").await.expect("it shrinks");
    assert_eq!(states.problem().as_deref(), Some(told));
    delete(&states, "/0", "key").await.expect("deletions go on");
    states.sweep(0);
    put(&states, "/new", "key", &long).await.expect("there is space again");
    assert_eq!(states.problem(), None);
}

#[tokio::test]
async fn of_a_group_that_does_not_fit_those_are_committed_that_do() {
    let folder = Folder::new();
    let limits = StateLimits { file_bytes: Some(400 << 10), ..StateLimits::of_database() };
    let states = folder.open(limits);
    put(&states, "/a", "key", "value").await.expect("it is committed");
    let held = hold(&states);
    let too_large = changes([("key", text("x".repeat(500 << 10)))]);
    let too_large = states.commit(transaction("/b", too_large), |_| {});
    let small = states.commit(transaction("/a", changes([("key", None)])), |_| {});
    drop(held);
    too_large.await.expect_err("it is too large");
    small.await.expect("it only deletes");
    assert_eq!(states.totals().rooms, 0);
}
