//! Tests of the states of rooms through their public face.

mod attachments;
#[cfg(feature = "cluster")]
mod clustered;
#[cfg(feature = "cluster")]
mod clustered_signals;
mod contents;
mod faults;
mod folder;
mod model;
mod opening;
mod reading;
#[cfg(feature = "cluster")]
mod redis_server;
mod signal_model;
mod signals;
mod space;
mod streams;
mod survey;
mod sweeping;

use std::ops::Bound;
use std::sync::{Arc, mpsc};

use zigttp_abi::state::{Changes, Entry, KeyRange, ListLimits};
use zigttp_abi::value::Value;

use crate::state::error::CommitStateError;
use crate::state::room_state::RoomState;
use crate::state::states::States;
use crate::state::transaction::Transaction;

const ALL: KeyRange = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded, reverse: false };
const NO_LIMIT: ListLimits = ListLimits { entries: usize::MAX, bytes: usize::MAX };

fn text(text: impl Into<String>) -> Option<Entry> {
    Some(Entry { value: Value::text(text), expires: None })
}

fn changes<const N: usize>(entries: [(&str, Option<Entry>); N]) -> Changes {
    let entries = entries.into_iter().map(|(key, entry)| (key.into(), entry)).collect();
    Changes { clears: false, entries }
}

fn transaction(room: &str, changes: Changes) -> Transaction {
    Transaction { room: Some(room.into()), changes, ..Transaction::default() }
}

async fn put(states: &States, room: &str, key: &str, value: &str) -> Result<(), CommitStateError> {
    states.commit(transaction(room, changes([(key, text(value))])), |_| {}).await
}

async fn delete(states: &States, room: &str, key: &str) -> Result<(), CommitStateError> {
    states.commit(transaction(room, changes([(key, None)])), |_| {}).await
}

/// A room with more than is held in memory.
async fn put_large_room(states: &States, room: &str) {
    for part in 0..20 {
        let key = |key| format!("{part:02}{key:02}").into();
        let entries = (0..4).map(|number| (key(number), text("x".repeat(16 << 10)))).collect();
        let changes = Changes { clears: false, entries };
        states.commit(transaction(room, changes), |_| {}).await.expect("it is committed");
    }
}

/// A room's value as text, or "-".
async fn value(state: &RoomState, key: &str) -> String {
    let entry = state.get(key).await.expect("it is readable");
    entry.map_or("-".to_owned(), |entry| String::from_utf8_lossy(entry.value.bytes()).into_owned())
}

/// All entries of a room that are not swept.
async fn all(state: &RoomState) -> Vec<(Box<str>, Entry)> {
    state.list(ALL, Vec::new(), NO_LIMIT, 0).await.expect("it is readable")
}

/// Both kinds of states, each with its name and limits.
fn both(
    change: impl Fn(&mut crate::state::limits::StateLimits),
) -> [(&'static str, Arc<States>, Option<folder::Folder>); 2] {
    use crate::state::limits::StateLimits;
    let (mut memory, mut database) = (StateLimits::of_memory(), StateLimits::of_database());
    change(&mut memory);
    change(&mut database);
    let folder = folder::Folder::new();
    let durable = Arc::new(folder.open(database));
    [("in memory", Arc::new(States::in_memory(memory)), None), ("durable", durable, Some(folder))]
}

/// Keeps the thread that writes busy. What is committed until the sender is dropped becomes one group.
fn hold(states: &States) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (sender, begun) = mpsc::channel();
    drop(states.commit(Transaction::default(), move |_| {
        sender.send(()).expect("the test waits");
        let _released = held.recv();
    }));
    begun.recv().expect("it is committed");
    release
}
