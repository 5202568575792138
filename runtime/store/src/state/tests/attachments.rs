//! Events that store attachments and something else.

use zigttp_abi::connection_id::ConnectionId;

use super::folder::Folder;
use super::*;
use crate::attachment_files::{Adoption, AttachmentFiles, Entry as File, Owner, encode};
use crate::fsync::Fsync;
use crate::state::error::OpenStateError;
use crate::state::limits::StateLimits;

fn id(number: u64) -> ConnectionId {
    ConnectionId::from_number(number)
}

fn owner() -> Owner {
    Owner {
        url: "/a?b".into(),
        room: None,
        opened: None,
        joined: Vec::new(),
        browser: None,
        written: 7,
    }
}

fn file(number: u64, value: &str) -> File {
    File { id: id(number), owner: owner(), value: Value::text(value) }
}

/// What the files of some connections contain, or "-".
fn files<const N: usize>(folder: &Folder, ids: [u64; N]) -> [String; N] {
    let files = folder.attachments();
    ids.map(|number| match files.read(id(number), 1 << 20) {
        Ok((_header, value)) => String::from_utf8_lossy(value.bytes()).into_owned(),
        Err(_) => "-".to_owned(),
    })
}

fn rows(folder: &Folder) -> u32 {
    let count = "SELECT count(*) FROM file";
    folder.connect().query_row(count, [], |row| row.get(0)).expect("it is readable")
}

/// Sweeps until the database has no files.
async fn settle(states: &States, folder: &Folder) {
    for _ in 0..100_000 {
        if rows(folder) == 0 {
            return;
        }
        states.sweep(0);
        states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
    }
    panic!("there are {} rows", rows(folder));
}

fn open(folder: &Folder) -> (States, AttachmentFiles) {
    let files = folder.files(Fsync::Never);
    let states = folder.open_beside(&files, StateLimits::of_database()).expect("it opens");
    (states, files)
}

#[tokio::test]
async fn attachments_and_state_of_an_event_are_stored_together() {
    let folder = Folder::new();
    let (states, attachments) = open(&folder);
    attachments.commit(file(3, "left"), |_| {}).await.expect("stored");
    attachments.commit(file(4, "gone"), |_| {}).await.expect("stored");
    let (sender, done) = mpsc::channel();
    let event = Transaction {
        files: vec![file(1, "one"), file(2, "two")],
        adoption: Some((
            Adoption { prior: id(3), new: id(5), owner: owner() },
            Value::text("left"),
        )),
        removed: vec![id(4)],
        ..transaction("/a", changes([("key", text("value"))]))
    };
    let then = move |committed| sender.send(committed).expect("the test waits");
    states.commit(event, then).await.expect("it is committed");
    let committed = done.recv().expect("it is called");
    assert!(committed.version > zigttp_abi::version::Version::default());
    assert_eq!(committed.adopted, Some(Value::text("left")));
    assert_eq!(files(&folder, [1, 2, 3, 4, 5]), ["one", "two", "-", "-", "left"]);
    assert_eq!(value(&states.load("/a").await.expect("it is readable"), "key").await, "value");
    // A reader waits until nothing of it is left to do.
    states.settle(id(1)).await;
    assert_eq!(rows(&folder), 0);
}

#[tokio::test]
async fn an_event_with_one_attachment_alone_needs_nothing_of_the_database() {
    let folder = Folder::new();
    let (states, _attachments) = open(&folder);
    let one = Transaction { files: vec![file(1, "one")], ..Transaction::default() };
    states.commit(one, |_| {}).await.expect("it is committed");
    assert_eq!(files(&folder, [1]), ["one"]);
    let one = Transaction { removed: vec![id(1)], ..Transaction::default() };
    states.commit(one, |_| {}).await.expect("it is committed");
    assert_eq!((files(&folder, [1]), states.totals().commits), (["-".to_owned()], 0));
}

/// An operator's adoption: otherwise a crash could write the event's file over it.
#[tokio::test]
async fn an_adoption_alone_is_stored_behind_an_event_whose_file_is_not_written_yet() {
    let folder = Folder::new();
    let (states, attachments) = open(&folder);
    attachments.commit(file(3, "left"), |_| {}).await.expect("stored");
    let held = hold(&states);
    let event = Transaction { files: vec![file(1, "event"), file(2, "event")], ..<_>::default() };
    let event = states.commit(event, |_| {});
    let adoption = Adoption { prior: id(3), new: id(1), owner: owner() };
    let adoption = Some((adoption, Value::text("left")));
    let adopted = states.commit(Transaction { adoption, ..<_>::default() }, |_| {});
    drop(held);
    event.await.expect("it is committed");
    adopted.await.expect("it is committed");
    assert_eq!(states.totals().commits, 3, "it is in the database");
    assert_eq!(files(&folder, [1, 2, 3]), ["left", "event", "-"]);
}

#[tokio::test]
async fn an_event_that_does_not_fit_stores_no_attachment() {
    let folder = Folder::new();
    let attachments = folder.files(Fsync::Never);
    let limits = StateLimits { room_bytes: 100, ..StateLimits::of_database() };
    let states = folder.open_beside(&attachments, limits).expect("it opens");
    let event = Transaction {
        files: vec![file(1, "lost")],
        ..transaction("/a", changes([("key", text("x".repeat(100)))]))
    };
    states.commit(event, |_| panic!("it is not committed")).await.expect_err("it does not fit");
    assert_eq!((files(&folder, [1]), rows(&folder)), (["-".to_owned()], 0));
    // Nothing is left to wait for.
    states.settle(id(1)).await;
}

#[tokio::test]
async fn what_was_committed_before_a_stop_is_written_and_removed_at_the_next_start() {
    let folder = Folder::new();
    let (states, attachments) = open(&folder);
    attachments.commit(file(1, "old"), |_| {}).await.expect("stored");
    attachments.commit(file(2, "old"), |_| {}).await.expect("stored");
    drop((states, attachments));
    let other = folder.connect();
    let row = |connection: i64, number: i64, bytes: Option<Vec<u8>>| {
        let values = rusqlite::params![connection, number, bytes];
        other.execute("INSERT INTO file VALUES (?, ?, ?)", values).expect("it is writable");
    };
    let bytes = |value| Some(encode(&owner(), &Value::text(value)));
    row(1, 7, bytes("between"));
    row(1, 10, bytes("new"));
    row(2, 8, bytes("between"));
    row(2, 9, None);
    row(3, 11, bytes("third"));
    drop(other);
    let (states, _attachments) = open(&folder);
    assert_eq!(files(&folder, [1, 2, 3]), ["new", "-", "third"]);
    assert_eq!(rows(&folder), 0);
    drop(states);
}

#[tokio::test]
async fn a_start_fails_when_what_was_committed_cannot_be_written() {
    let folder = Folder::new();
    drop(open(&folder));
    let other = folder.connect();
    let bytes = encode(&owner(), &Value::text("value"));
    other.execute("INSERT INTO file VALUES (5, 1, ?)", [bytes]).expect("it is writable");
    let in_its_place = folder.attachment(5);
    std::fs::create_dir(&in_its_place).expect("it can be made");
    let attachments = folder.files(Fsync::Never);
    let opened = folder.open_beside(&attachments, StateLimits::of_database());
    let error = opened.err().expect("it cannot be written");
    assert!(matches!(error, OpenStateError::Attachment { id } if id.number() == 5), "{error}");
    assert_eq!(rows(&folder), 1);
    std::fs::remove_dir(in_its_place).expect("it is there");
    let (_states, _attachments) = open(&folder);
    assert_eq!(files(&folder, [5]), ["value"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_written_later() {
    let folder = Folder::new();
    let (states, _attachments) = open(&folder);
    let in_its_place = folder.attachment(1);
    std::fs::create_dir(&in_its_place).expect("it can be made");
    let event = |one, two| Transaction {
        files: vec![file(1, one), file(2, two)],
        ..transaction("/a", changes([("key", text("value"))]))
    };
    states.commit(event("first", "first"), |_| {}).await.expect("it is committed");
    states.commit(event("second", "second"), |_| {}).await.expect("it is committed");
    states.sweep(0);
    states.commit(Transaction::default(), |_| {}).await.expect("it is committed");
    assert!(rows(&folder) > 0);
    assert_eq!(files(&folder, [1, 2]), ["-", "second"]);
    std::fs::remove_dir(in_its_place).expect("it is there");
    settle(&states, &folder).await;
    assert_eq!(files(&folder, [1, 2]), ["second", "second"]);
}

#[tokio::test]
async fn a_later_attachment_of_a_connection_is_never_replaced_by_an_earlier_one() {
    let folder = Folder::new();
    let (states, attachments) = open(&folder);
    let held = hold(&states);
    let both = |value| Transaction {
        files: vec![file(1, value), file(2, value)],
        ..transaction("/a", changes([("key", text(value))]))
    };
    let one = |value| Transaction { files: vec![file(1, value)], ..Transaction::default() };
    // The first is written at once, and those behind the second wait for it.
    let commits = [
        tokio::spawn(states.commit(one("first"), |_| {})),
        tokio::spawn(states.commit(both("second"), |_| {})),
        tokio::spawn(states.commit(one("third"), |_| {})),
        tokio::spawn(states.commit(one("last"), |_| {})),
    ];
    drop(held);
    for commit in commits {
        commit.await.expect("no panic").expect("it is committed");
    }
    assert_eq!(files(&folder, [1, 2]), ["last", "second"]);
    states.settle(id(1)).await;
    states.commit(one("alone"), |_| {}).await.expect("it is committed");
    drop((states, attachments));
    let (_states, _attachments) = open(&folder);
    assert_eq!(files(&folder, [1, 2]), ["alone", "second"]);
}

/// An operator may remove what a server has left.
#[tokio::test]
async fn a_server_that_has_ended_leaves_nothing_to_write_again() {
    let folder = Folder::new();
    let (states, attachments) = open(&folder);
    let event = Transaction {
        files: vec![file(1, "one"), file(2, "two")],
        ..transaction("/a", changes([("key", text("value"))]))
    };
    states.commit(event, |_| {}).await.expect("it is committed");
    drop((states, attachments));
    assert_eq!(rows(&folder), 0);
}
