//! What events see.

use std::time::Duration;

use super::folder::Folder;
use super::*;
use crate::state::error::ReadError;
use crate::state::limits::StateLimits;

#[tokio::test]
async fn a_look_keeps_what_it_has_seen() {
    for (kind, states, _folder) in both(|_| {}) {
        put(&states, "/a", "key", "old").await.expect("it is committed");
        put_large_room(&states, "/large").await;
        put(&states, "/large", "key", "old").await.expect("it is committed");
        let (small, large) = (states.look("/a").await, states.look("/large").await);
        let (small, large) = (small.expect("it is readable"), large.expect("it is readable"));
        assert_eq!(large.whole().is_some(), kind == "in memory");
        for room in ["/a", "/large"] {
            put(&states, room, "key", "new").await.expect("it is committed");
            put(&states, room, "more", "new").await.expect("it is committed");
        }
        for (look, room) in [(small, "/a"), (large, "/large")] {
            assert_eq!(value(&look, "key").await, "old", "{kind} {room}");
            assert_eq!(value(&look, "more").await, "-", "{kind} {room}");
            let new = states.look(room).await.expect("it is readable");
            assert_eq!(value(&new, "key").await, "new", "{kind} {room}");
            assert_eq!(new.usage().keys, look.usage().keys + 1);
        }
    }
}

#[tokio::test]
async fn a_room_is_in_memory_after_its_first_event_and_others_are_not() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    for room in ["/a", "/b"] {
        put(&states, room, "key", "value").await.expect("it is committed");
    }
    states.load("/a").await.expect("it is readable");
    states.look("/b").await.expect("it is readable");
    states.load("/empty").await.expect("it is readable");
    assert!(states.cached("/a").is_some() && states.cached("/empty").is_some());
    assert!(states.cached("/b").is_none());
    put(&states, "/a", "key", "new").await.expect("it is committed");
    put(&states, "/empty", "key", "first").await.expect("it is committed");
    assert_eq!(value(&states.cached("/a").expect("it is live"), "key").await, "new");
    assert_eq!(value(&states.cached("/empty").expect("it is live"), "key").await, "first");
    let totals = states.totals();
    assert_eq!((totals.rooms, totals.live_rooms, totals.loads), (3, 2, 2));
}

#[tokio::test]
async fn a_room_that_grows_large_is_read_by_key_and_one_that_shrinks_is_in_memory_again() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    states.load("/a").await.expect("it is readable");
    put_large_room(&states, "/a").await;
    assert!(states.cached("/a").is_none());
    let state = states.load("/a").await.expect("it is readable");
    assert!(state.whole().is_none() && states.cached("/a").is_none());
    assert_eq!(state.usage().keys, 80);
    assert_eq!(value(&state, "0703").await.len(), 16 << 10);
    let clears = Changes { clears: true, entries: changes([("key", text("left"))]).entries };
    states.commit(transaction("/a", clears), |_| {}).await.expect("it is committed");
    assert_eq!(value(&states.load("/a").await.expect("it is readable"), "key").await, "left");
    assert!(states.cached("/a").is_some());
}

/// More events than may look at large rooms at the same time.
#[tokio::test]
async fn a_look_at_a_large_room_waits_until_others_have_ended() {
    let folder = Folder::new();
    let states = Arc::new(folder.open(StateLimits::of_database()));
    put_large_room(&states, "/large").await;
    let looks: Vec<_> = (0..100)
        .map(|_| {
            let states = Arc::clone(&states);
            tokio::spawn(async move {
                let state = states.look("/large").await.expect("it is readable");
                value(&state, "0102").await.len()
            })
        })
        .collect();
    for look in looks {
        assert_eq!(look.await.expect("it ends"), 16 << 10);
    }
}

#[tokio::test]
async fn a_look_fails_if_others_do_not_end() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    put_large_room(&states, "/large").await;
    let mut looks = Vec::new();
    for _ in 0..32 {
        looks.push(states.look("/large").await.expect("it is readable"));
    }
    tokio::time::pause();
    let late = states.look("/large").await;
    assert!(matches!(late, Err(ReadError::Busy { seconds: 5 })));
    tokio::time::resume();
    looks.pop();
    // The connection is free as soon as the look has ended.
    let next = tokio::time::timeout(Duration::from_secs(60), states.look("/large")).await;
    assert!(next.expect("one has ended").is_ok());
    // Rooms in memory need none.
    assert!(states.look("/small").await.is_ok());
}

#[tokio::test]
async fn a_damaged_entry_is_an_error_that_names_its_key() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    put(&states, "/a", "key", "value").await.expect("it is committed");
    let other = folder.connect();
    for damage in ["kind = 99", "kind = 1", "kind = 0, value = 5", "kind = -1", "value = x'00'"] {
        other.execute(&format!("UPDATE entry SET {damage}"), []).expect("it is writable");
        let error = states.load("/a").await.err().expect("it is damaged");
        assert_eq!(
            error.to_string(),
            "the entry \"key\" in `store/state.db` is damaged",
            "{damage}"
        );
        other.execute("UPDATE entry SET kind = 0, value = 'value'", []).expect("it is writable");
    }
    assert_eq!(value(&states.load("/a").await.expect("it is whole"), "key").await, "value");
}
