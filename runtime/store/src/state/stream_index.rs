//! All streams that are stored, without their requests. There are few: a server has a limit for them.
//!
//! What is here changes when the database has it. Only what is taken is known here alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::state::streams::{Stream, StreamRequest, StreamState, TakenStream};

/// The streams that are stored.
pub(crate) struct StreamIndex {
    indexed: Mutex<Indexed>,
    /// One waits for it.
    added: Notify,
}

#[derive(Default)]
struct Indexed {
    by_id: BTreeMap<u64, Known>,
    /// Those of each room by their names. Of several with one name all but the last are cancelled.
    names: HashMap<Arc<str>, BTreeMap<Box<str>, BTreeSet<u64>>>,
    /// Those that are not taken.
    waiting: BTreeSet<u64>,
}

struct Known {
    stream: Arc<Stream>,
    is_interrupted: bool,
    cancelled: watch::Sender<bool>,
    /// Where there is no database.
    request: Option<StreamRequest>,
}

/// What a commit means for the streams here.
#[derive(Debug)]
pub(crate) enum StreamStep {
    Add(Arc<Stream>, Option<StreamRequest>),
    Cancel(u64),
    Remove(u64),
}

impl StreamIndex {
    /// Those that a server before this one has left, each with whether it is cancelled.
    pub(crate) fn new(left: Vec<(Stream, bool)>) -> StreamIndex {
        let mut indexed = Indexed::default();
        for (stream, is_cancelled) in left {
            let id = stream.id;
            indexed.add(Arc::new(stream), None, true);
            if is_cancelled {
                indexed.cancel(id);
            }
        }
        StreamIndex { indexed: Mutex::new(indexed), added: Notify::new() }
    }

    pub(crate) fn apply(&self, steps: impl IntoIterator<Item = StreamStep>) {
        let (mut indexed, mut may_take) = (self.lock(), false);
        for step in steps {
            match step {
                StreamStep::Add(stream, request) => {
                    indexed.add(stream, request, false);
                    may_take = true;
                }
                StreamStep::Cancel(id) => indexed.cancel(id),
                StreamStep::Remove(id) => may_take |= indexed.remove(id),
            }
        }
        drop(indexed);
        if may_take {
            self.added.notify_one();
        }
    }

    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// The oldest one that nobody has taken and that follows none of its name.
    pub(crate) fn take(&self) -> Option<TakenStream> {
        let mut indexed = self.lock();
        let id = indexed.waiting.iter().copied().find(|id| indexed.is_first_of_its_name(*id))?;
        indexed.waiting.remove(&id);
        let known = indexed.by_id.get(&id)?;
        Some(TakenStream {
            stream: Arc::clone(&known.stream),
            is_interrupted: known.is_interrupted,
            cancelled: known.cancelled.subscribe(),
        })
    }

    /// Whoever has taken any is gone, and may have made its request.
    pub(crate) fn restart(&self) {
        let mut indexed = self.lock();
        let Indexed { by_id, waiting, .. } = &mut *indexed;
        for (id, known) in by_id {
            known.is_interrupted |= waiting.insert(*id);
        }
        drop(indexed);
        self.added.notify_one();
    }

    /// Takes the request of a stream out of memory, where there is no database.
    pub(crate) fn take_request(&self, id: u64) -> Option<StreamRequest> {
        self.lock().by_id.get_mut(&id)?.request.take()
    }

    /// The stream of this name that a room has, unless it is cancelled.
    pub(crate) fn find(&self, room: &str, name: &str) -> Option<u64> {
        let indexed = self.lock();
        let last = indexed.names.get(room)?.get(name)?.last()?;
        indexed.by_id.get(last).filter(|known| !*known.cancelled.borrow()).map(|_| *last)
    }

    pub(crate) fn stream(&self, id: u64) -> Option<Arc<Stream>> {
        self.lock().by_id.get(&id).map(|known| Arc::clone(&known.stream))
    }

    /// All streams of a room.
    pub(crate) fn of_room(&self, room: &str) -> Vec<u64> {
        let indexed = self.lock();
        let names = indexed.names.get(room).into_iter().flatten();
        names.flat_map(|(_name, ids)| ids).copied().collect()
    }

    /// How many streams a room has, and how many are stored of all rooms.
    pub(crate) fn counts(&self, room: &str) -> (usize, usize) {
        let indexed = self.lock();
        let names = indexed.names.get(room).into_iter().flatten();
        (names.map(|(_name, ids)| ids.len()).sum(), indexed.by_id.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// All of them, in their order.
    pub(crate) fn list(&self) -> Vec<(Arc<Stream>, StreamState)> {
        let indexed = self.lock();
        let listed = indexed.by_id.iter().map(|(id, known)| {
            let state = match (*known.cancelled.borrow(), indexed.waiting.contains(id)) {
                (true, _) => StreamState::Cancelled,
                (false, true) => StreamState::Waiting,
                (false, false) => StreamState::Open,
            };
            (Arc::clone(&known.stream), state)
        });
        listed.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Indexed> {
        // Nothing under this lock can panic in the middle of a change.
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Indexed {
    fn add(&mut self, stream: Arc<Stream>, request: Option<StreamRequest>, is_interrupted: bool) {
        let id = stream.id;
        let names = self.names.entry(Arc::clone(&stream.room)).or_default();
        names.entry(stream.name.clone()).or_default().insert(id);
        self.waiting.insert(id);
        let (cancelled, _) = watch::channel(false);
        self.by_id.insert(id, Known { stream, is_interrupted, cancelled, request });
    }

    fn cancel(&mut self, id: u64) {
        let Some(known) = self.by_id.get_mut(&id) else { return };
        known.request = None;
        known.cancelled.send_replace(true);
    }

    /// Returns whether another of its name was waiting for its end.
    fn remove(&mut self, id: u64) -> bool {
        let Some(Known { stream, .. }) = self.by_id.remove(&id) else { return false };
        self.waiting.remove(&id);
        let Some(names) = self.names.get_mut(&stream.room) else { return false };
        let Some(ids) = names.get_mut(&stream.name) else { return false };
        ids.remove(&id);
        if !ids.is_empty() {
            return true;
        }
        names.remove(&stream.name);
        if names.is_empty() {
            self.names.remove(&stream.room);
        }
        false
    }

    fn is_first_of_its_name(&self, id: u64) -> bool {
        let Some(known) = self.by_id.get(&id) else { return false };
        let names = self.names.get(&known.stream.room);
        names.and_then(|names| names.get(&known.stream.name)?.first()) == Some(&id)
    }
}
