//! The leftovers: attachments that wait to be resumed. And the connections that browsers have open. Both are
//! found by connection, and by browser and opening URL.
//!
//! Leftovers are limited in number and bytes; over a limit the oldest is removed. Opening and closing a
//! connection take only look-ups in maps and ordered sets, so their time does not depend on how much other
//! clients have left.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio::time::Instant;
use zigttp_abi::connection_id::{ById, ConnectionId};

use crate::browser::Browser;

/// A file takes complete blocks of its disk.
const BLOCK_BYTES: u64 = 4096;

/// One URL of one browser, and the room that it has opened there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    browser: Browser,
    /// A part of the SHA-256 of the URL and the room, so that each key takes little memory. Two with the same one
    /// cannot be found.
    place: [u8; 16],
}

impl Key {
    pub fn new(browser: Browser, url: &str, room: &str) -> Key {
        let mut hash = Sha256::new();
        hash.update(url);
        // No URL contains it.
        hash.update(b"\n");
        hash.update(room);
        let digest = hash.finalize();
        let place = *digest.first_chunk().expect("SHA-256 has 32 bytes");
        Key { browser, place }
    }
}

/// How many leftovers there may be, and how long they can be resumed.
#[derive(Clone, Copy)]
pub struct LeftoverLimits {
    pub leftovers: usize,
    pub bytes: u64,
    /// How long a dropped connection can be resumed.
    pub window: Duration,
}

pub struct Leftovers {
    limits: LeftoverLimits,
    index: Mutex<Index>,
}

/// An attachment that waits to be resumed.
pub struct Leftover {
    pub key: Key,
    /// When it was written, in milliseconds since 1970; the latest is resumed first.
    pub when: u64,
    /// How long it can be resumed.
    pub window: Duration,
    /// Whether a dropped connection has left it: then its file is removed at the end of `window`. A file of
    /// a crash or shutdown stays for an operator, as long as other attachments.
    pub is_dropped: bool,
    /// The size of its file.
    pub bytes: u64,
}

#[derive(Default)]
struct Index {
    left: ById<Entry>,
    /// Those of `left` that can be resumed; some may be expired, which is noticed when they are taken.
    latest: BTreeSet<(Key, u64, ConnectionId)>,
    /// All of `left`.
    oldest: BTreeSet<(u64, ConnectionId)>,
    /// When those of dropped connections expire.
    ends: BTreeSet<(Instant, ConnectionId)>,
    /// The size of all files, in complete blocks.
    bytes: u64,
    /// Leftovers that handshakes have reserved, by the connection that has left them.
    reserved: ById<Awaited>,
    reserved_at: BTreeSet<(Key, ConnectionId)>,
    live: ById<Awaited>,
    live_at: BTreeSet<(Key, ConnectionId)>,
}

/// A leftover in the index.
struct Entry {
    key: Key,
    when: u64,
    until: Instant,
    is_dropped: bool,
    bytes: u64,
}

/// A leftover that a handshake has reserved. It is either settled or given back.
pub struct Taken {
    pub id: ConnectionId,
    entry: Entry,
}

/// What a client on a URL may resume.
pub enum Sought {
    /// This leftover, which is reserved now.
    Left(Taken),
    /// The latest one is reserved by another handshake; ready when that has come to an end.
    Reserved(oneshot::Receiver<()>),
    /// What this open connection leaves, if it is dead: the one that the client has had, or the only one that
    /// this browser has open there.
    Open(ConnectionId),
    Nothing,
}

/// An open connection, or a reserved leftover.
struct Awaited {
    key: Key,
    /// Dropped when the connection has closed, or the handshake has come to an end: their receivers wait for
    /// it.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Awaited {
    fn new(key: Key) -> Awaited {
        Awaited { key, waiting: Vec::new() }
    }

    /// A receiver that is ready at the end.
    fn wait(&mut self) -> oneshot::Receiver<()> {
        let (waiting, ended) = oneshot::channel();
        self.waiting.push(waiting);
        ended
    }
}

impl Leftovers {
    pub fn new(limits: LeftoverLimits) -> Leftovers {
        Leftovers { limits, index: Mutex::default() }
    }

    /// How many leftovers there are and the bytes of their files, and the limits of both.
    pub fn sizes(&self) -> [(usize, usize); 2] {
        let LeftoverLimits { leftovers, bytes, .. } = self.limits;
        [self.size(), (leftovers, bytes)]
            .map(|(number, bytes)| (number, usize::try_from(bytes).unwrap_or(usize::MAX)))
    }

    /// How long a dropped connection can be resumed.
    pub fn window(&self) -> Duration {
        self.limits.window
    }

    /// How many leftovers there are, and the bytes of their files.
    pub fn size(&self) -> (usize, u64) {
        let index = self.lock();
        (index.left.len(), index.bytes)
    }

    /// Adds the attachment of a closed connection. Returns the leftovers that are over a limit now: the
    /// caller has to remove their files.
    #[must_use]
    pub fn add(&self, id: ConnectionId, leftover: Leftover) -> Vec<ConnectionId> {
        let Leftover { key, when, window, is_dropped, bytes } = leftover;
        let bytes = bytes.div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
        let until = Instant::now() + window;
        let mut index = self.lock();
        index.insert(id, Entry { key, when, until, is_dropped, bytes });
        index.evict(&self.limits)
    }

    /// Removes a leftover whose file was removed or belongs to another connection.
    pub fn forget(&self, id: ConnectionId) {
        self.lock().remove(id);
    }

    /// A connection has opened.
    pub fn arrived(&self, key: Key, id: ConnectionId) {
        let mut index = self.lock();
        index.live_at.insert((key, id));
        index.live.insert(id, Awaited::new(key));
    }

    /// A connection has closed.
    pub fn parted(&self, id: ConnectionId) {
        let mut index = self.lock();
        if let Some(Awaited { key, .. }) = index.live.remove(&id) {
            index.live_at.remove(&(key, id));
        }
    }

    /// Looks for what a client on this URL may resume: what the connection `prior` has left or still has, or
    /// the latest of this browser. A leftover is reserved, so that each is resumed once.
    pub fn seek(&self, key: Key, prior: Option<ConnectionId>) -> Sought {
        let mut index = self.lock();
        if let Some(id) = index.find(key, prior)
            && let Some(entry) = index.remove(id)
        {
            index.reserved.insert(id, Awaited::new(entry.key));
            index.reserved_at.insert((entry.key, id));
            return Sought::Left(Taken { id, entry });
        }
        if let Some(reserved) = index.reserved(key, prior) {
            return Sought::Reserved(reserved.wait());
        }
        index.only_live(key, prior).map_or(Sought::Nothing, Sought::Open)
    }

    /// A reserved leftover is no more: a connection has adopted or replaced it.
    pub fn settle(&self, id: ConnectionId) {
        self.lock().release(id);
    }

    /// A reserved leftover waits again for its client. Returns what is over a limit now, as
    /// [`Leftovers::add`].
    #[must_use]
    pub fn give_back(&self, Taken { id, entry }: Taken) -> Vec<ConnectionId> {
        let mut index = self.lock();
        index.insert(id, entry);
        // Only now: who has waited for it finds it.
        index.release(id);
        index.evict(&self.limits)
    }

    /// Whether a handshake has reserved what this connection has left.
    pub fn is_reserved(&self, id: ConnectionId) -> bool {
        self.lock().reserved.contains_key(&id)
    }

    /// A receiver that is ready when this connection has closed; `None` if it is not open now.
    pub fn parting(&self, id: ConnectionId) -> Option<oneshot::Receiver<()>> {
        self.lock().live.get_mut(&id).map(Awaited::wait)
    }

    /// Removes the expired leftovers of dropped connections. Returns their ids.
    pub fn expired(&self) -> Vec<ConnectionId> {
        let now = Instant::now();
        let mut index = self.lock();
        let mut expired = Vec::new();
        while let Some((until, id)) = index.ends.first().copied()
            && until <= now
        {
            index.remove(id);
            expired.push(id);
        }
        expired
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // No change can panic in the middle.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIRST_ID: ConnectionId = ConnectionId::from_number(0);
const LAST_ID: ConnectionId = ConnectionId::from_number(u64::MAX);

type Latest = (Key, u64, ConnectionId);

fn all_at(key: Key) -> std::ops::RangeInclusive<Latest> {
    (key, 0, FIRST_ID)..=(key, u64::MAX, LAST_ID)
}

impl Index {
    /// The latest leftover of a key, or that of the connection `prior`.
    fn find(&mut self, key: Key, prior: Option<ConnectionId>) -> Option<ConnectionId> {
        let now = Instant::now();
        match prior {
            // The token identifies the connection, so the browser does not matter.
            Some(prior) => {
                let left = self.left.get(&prior)?;
                (left.key.place == key.place && left.until > now).then_some(prior)
            }
            None => loop {
                let (_, when, id) = *self.latest.range(all_at(key)).next_back()?;
                if self.left.get(&id).is_some_and(|left| left.until > now) {
                    break Some(id);
                }
                // Removed, so that each expired one is checked only once.
                self.latest.remove(&(key, when, id));
            },
        }
    }

    /// The reserved leftover of the connection `prior`, or the latest connection's of a key.
    fn reserved(&mut self, key: Key, prior: Option<ConnectionId>) -> Option<&mut Awaited> {
        let id = prior.or_else(|| {
            self.reserved_at.range((key, FIRST_ID)..=(key, LAST_ID)).next_back().map(|(_, id)| *id)
        })?;
        self.reserved.get_mut(&id).filter(|it| it.key.place == key.place)
    }

    /// The open connection that a client on this URL may want to resume.
    fn only_live(&self, key: Key, prior: Option<ConnectionId>) -> Option<ConnectionId> {
        if let Some(prior) = prior {
            return self
                .live
                .get(&prior)
                .is_some_and(|it| it.key.place == key.place)
                .then_some(prior);
        }
        let mut there = self.live_at.range((key, FIRST_ID)..=(key, LAST_ID));
        match (there.next(), there.next()) {
            (Some((_, only)), None) => Some(*only),
            _ => None,
        }
    }

    /// Ends the reservation of a leftover.
    fn release(&mut self, id: ConnectionId) {
        if let Some(Awaited { key, .. }) = self.reserved.remove(&id) {
            self.reserved_at.remove(&(key, id));
        }
    }

    /// Removes the oldest leftovers until none is over a limit. Returns their ids.
    fn evict(&mut self, limits: &LeftoverLimits) -> Vec<ConnectionId> {
        let mut evicted = Vec::new();
        while (self.left.len() > limits.leftovers || self.bytes > limits.bytes)
            && let Some((_, oldest)) = self.oldest.first().copied()
        {
            self.remove(oldest);
            evicted.push(oldest);
        }
        evicted
    }

    fn insert(&mut self, id: ConnectionId, entry: Entry) {
        self.remove(id);
        self.latest.insert((entry.key, entry.when, id));
        self.oldest.insert((entry.when, id));
        if entry.is_dropped {
            self.ends.insert((entry.until, id));
        }
        self.bytes += entry.bytes;
        self.left.insert(id, entry);
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        let entry = self.left.remove(&id)?;
        self.latest.remove(&(entry.key, entry.when, id));
        self.oldest.remove(&(entry.when, id));
        self.ends.remove(&(entry.until, id));
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
