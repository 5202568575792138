//! Streams: what is stored of them, in memory and in a database.

use zigttp_abi::state::ENTRY_BYTES;

use super::folder::Folder;
use super::*;
use crate::state::limits::StateLimits;
use crate::state::streams::{StreamChanges, StreamRequest, StreamState, TakenStream};

fn request(head: &str) -> StreamRequest {
    StreamRequest { head: head.into(), body: Some("body".into()) }
}

fn of_room(room: &str, streams: StreamChanges) -> Transaction {
    Transaction { room: Some(room.into()), streams, now: 7, ..Transaction::default() }
}

async fn open(states: &States, room: &str, name: &str, head: &str) -> Result<(), CommitStateError> {
    let names = [(name.into(), Some(request(head)))].into();
    states.commit(of_room(room, StreamChanges { names, ..Default::default() }), |_| {}).await
}

async fn cancel(states: &States, room: &str, name: &str) {
    let names = [(name.into(), None)].into();
    let changes = of_room(room, StreamChanges { names, ..Default::default() });
    states.commit(changes, |_| {}).await.expect("it is committed");
}

fn take(states: &States) -> TakenStream {
    states.take_stream().expect("one waits")
}

fn names(states: &States) -> Vec<(String, StreamState)> {
    let listed = states.list_streams().into_iter();
    listed.map(|(stream, state)| (format!("{} {}", stream.room, stream.name), state)).collect()
}

async fn bytes(states: &States, room: &str) -> u64 {
    states.load(room).await.expect("it is readable").usage().bytes
}

#[tokio::test]
async fn streams_are_taken_in_their_order_and_their_requests_once() {
    for (kind, states, _folder) in both(|_| {}) {
        assert!(states.take_stream().is_none(), "{kind}");
        for name in ["a", "b"] {
            open(&states, "/room", name, &format!("GET {name}")).await.expect("it is committed");
        }
        states.stream_added().await;
        for name in ["a", "b"] {
            let taken = take(&states);
            assert_eq!((&*taken.stream.room, &*taken.stream.name), ("/room", name), "{kind}");
            assert_eq!((taken.stream.opened, taken.is_interrupted), (7, false), "{kind}");
            let read = states.stream_request(taken.stream.id).await.expect("it is readable");
            assert_eq!(read, Some(request(&format!("GET {name}"))), "{kind}");
        }
        assert!(states.take_stream().is_none(), "{kind}");
    }
}

#[tokio::test]
async fn a_stream_counts_in_its_room_until_it_has_ended() {
    for (kind, states, _folder) in both(|_| {}) {
        put(&states, "/room", "key", "value").await.expect("it is committed");
        let before = bytes(&states, "/room").await;
        open(&states, "/room", "name", "head").await.expect("it is committed");
        assert_eq!(bytes(&states, "/room").await, before + 12 + ENTRY_BYTES, "{kind}");
        assert_eq!(states.stream_counts("/room"), (1, 1), "{kind}");
        let taken = take(&states);
        // Cancelled it is there until the room has been told.
        cancel(&states, "/room", "name").await;
        assert_eq!(bytes(&states, "/room").await, before + 12 + ENTRY_BYTES, "{kind}");
        assert_eq!(states.stream_counts("/room"), (1, 1), "{kind}");
        assert!(!states.has_stream("/room", "name"), "{kind}");
        states.end_stream(taken.stream.id).await.expect("it is committed");
        assert_eq!(bytes(&states, "/room").await, before, "{kind}");
        assert_eq!(states.stream_counts("/room"), (0, 0), "{kind}");
        // A second end changes nothing.
        states.end_stream(taken.stream.id).await.expect("it is committed");
        assert_eq!(bytes(&states, "/room").await, before, "{kind}");
        // A room with nothing but a stream has state.
        open(&states, "/other", "name", "head").await.expect("it is committed");
        assert_eq!(states.totals().rooms, 2, "{kind}");
        states.end_stream(take(&states).stream.id).await.expect("it is committed");
        assert_eq!(states.totals().rooms, 1, "{kind}");
    }
}

#[tokio::test]
async fn the_same_name_replaces_a_stream_which_is_cancelled() {
    for (kind, states, _folder) in both(|_| {}) {
        open(&states, "/room", "name", "first").await.expect("it is committed");
        let first = take(&states);
        assert!(!*first.cancelled.borrow(), "{kind}");
        open(&states, "/room", "name", "second").await.expect("it is committed");
        assert!(*first.cancelled.borrow(), "{kind}");
        let request = states.stream_request(first.stream.id).await.expect("it is readable");
        assert_eq!(request, None, "{kind}");
        assert!(states.has_stream("/room", "name"), "{kind}");
        assert!(states.take_stream().is_none(), "{kind}: the end of the first comes before");
        states.stream_added().await;
        states.end_stream(first.stream.id).await.expect("it is committed");
        states.stream_added().await;
        let second = take(&states);
        assert!(!*second.cancelled.borrow() && states.has_stream("/room", "name"), "{kind}");
        states.cancel_stream(second.stream.id).await.expect("it is committed");
        assert!(*second.cancelled.borrow() && !states.has_stream("/room", "name"), "{kind}");
    }
}

#[tokio::test]
async fn all_streams_of_a_room_can_be_cancelled_with_its_keys() {
    for (kind, states, _folder) in both(|_| {}) {
        for (room, name) in [("/a", "x"), ("/a", "y"), ("/b", "x")] {
            open(&states, room, name, "head").await.expect("it is committed");
        }
        let names_after = [("new".into(), Some(request("head")))].into();
        let all = StreamChanges { cancels_all: true, names: names_after, ..Default::default() };
        states.commit(of_room("/a", all), |_| {}).await.expect("it is committed");
        let expected = [
            ("/a x".to_owned(), StreamState::Cancelled),
            ("/a y".to_owned(), StreamState::Cancelled),
            ("/b x".to_owned(), StreamState::Waiting),
            ("/a new".to_owned(), StreamState::Waiting),
        ];
        assert_eq!(names(&states), expected, "{kind}");
    }
}

#[tokio::test]
async fn a_limit_refuses_more_streams_of_all_rooms_but_never_an_end() {
    for (kind, states, _folder) in both(|limits| limits.streams = 2) {
        for room in ["/a", "/b"] {
            open(&states, room, "name", "head").await.expect("it is committed");
        }
        let error = open(&states, "/c", "name", "head").await.expect_err(kind);
        assert_eq!(error.to_string(), "there would be 3 streams, and there may be 2", "{kind}");
        states.end_stream(take(&states).stream.id).await.expect("it is committed");
        open(&states, "/c", "name", "head").await.expect("it is committed");
    }
}

#[tokio::test]
async fn streams_that_have_not_ended_are_interrupted_after_a_restart() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    for name in ["open", "waiting", "cancelled", "ended"] {
        open(&states, "/room", name, "head").await.expect("it is committed");
    }
    take(&states);
    cancel(&states, "/room", "cancelled").await;
    let ended = states.list_streams()[3].0.id;
    states.end_stream(ended).await.expect("it is committed");
    drop(states);

    let states = folder.open(StateLimits::of_database());
    for (name, is_cancelled) in [("open", false), ("waiting", false), ("cancelled", true)] {
        let taken = take(&states);
        assert_eq!((&*taken.stream.name, taken.is_interrupted), (name, true));
        assert_eq!(*taken.cancelled.borrow(), is_cancelled);
        states.end_stream(taken.stream.id).await.expect("it is committed");
    }
    assert!(states.take_stream().is_none());
    assert_eq!(bytes(&states, "/room").await, 0);
    // Numbers are not given again.
    open(&states, "/room", "new", "head").await.expect("it is committed");
    assert!(take(&states).stream.id > ended);
}

#[tokio::test]
async fn a_database_of_the_first_version_gets_the_table_of_streams() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    put(&states, "/room", "key", "value").await.expect("it is committed");
    drop(states);
    let first = "DROP TABLE stream; PRAGMA user_version = 1";
    folder.connect().execute_batch(first).expect("it is writable");
    let states = folder.open(StateLimits::of_database());
    open(&states, "/room", "name", "head").await.expect("it is committed");
    assert_eq!(value(&states.load("/room").await.expect("it is readable"), "key").await, "value");
    drop(states);
    assert!(take(&folder.open(StateLimits::of_database())).is_interrupted);
}
