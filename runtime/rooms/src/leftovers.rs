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

/// One URL of one browser.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    browser: Browser,
    /// A part of the URL's SHA-256, so that each key takes little memory. Two URLs with the same one cannot
    /// be found.
    url: [u8; 16],
}

impl Key {
    pub fn new(browser: Browser, url: &str) -> Key {
        let digest = Sha256::digest(url);
        let url = *digest.first_chunk().expect("SHA-256 has 32 bytes");
        Key { browser, url }
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
                (left.key.url == key.url && left.until > now).then_some(prior)
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
        self.reserved.get_mut(&id).filter(|it| it.key.url == key.url)
    }

    /// The open connection that a client on this URL may want to resume.
    fn only_live(&self, key: Key, prior: Option<ConnectionId>) -> Option<ConnectionId> {
        if let Some(prior) = prior {
            return self.live.get(&prior).is_some_and(|it| it.key.url == key.url).then_some(prior);
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
mod tests {
    use super::*;

    const ADA: Browser = [1; 16];
    const BOB: Browser = [2; 16];
    const MINUTE: Duration = Duration::from_secs(60);

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_number(number)
    }

    fn at(browser: Browser, url: &str) -> Key {
        Key::new(browser, url)
    }

    fn leftover(key: Key, when: u64) -> Leftover {
        Leftover { key, when, window: MINUTE, is_dropped: true, bytes: 1 }
    }

    fn unbounded() -> Leftovers {
        Leftovers::new(LeftoverLimits { leftovers: usize::MAX, bytes: u64::MAX, window: MINUTE })
    }

    fn take(left: &Leftovers, key: Key, prior: Option<ConnectionId>) -> Option<ConnectionId> {
        match left.seek(key, prior) {
            Sought::Left(taken) => {
                left.settle(taken.id);
                Some(taken.id)
            }
            _ => None,
        }
    }

    fn add(left: &Leftovers, number: u64, leftover: Leftover) {
        assert_eq!(left.add(id(number), leftover), [], "there is room");
    }

    impl Leftovers {
        fn is_empty(&self) -> bool {
            let index = self.lock();
            index.left.is_empty()
                && index.latest.is_empty()
                && index.oldest.is_empty()
                && index.ends.is_empty()
                && index.reserved.is_empty()
                && index.reserved_at.is_empty()
                && index.live.is_empty()
                && index.live_at.is_empty()
                && index.bytes == 0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_latest_is_taken_first_and_each_once() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 10));
        add(&left, 2, leftover(at(ADA, "/a"), 30));
        add(&left, 3, leftover(at(ADA, "/a"), 20));
        add(&left, 4, leftover(at(ADA, "/b"), 40));
        assert_eq!(take(&left, at(BOB, "/a"), None), None);
        for expected in [Some(id(2)), Some(id(3)), Some(id(1)), None] {
            assert_eq!(take(&left, at(ADA, "/a"), None), expected);
        }
        assert_eq!(take(&left, at(ADA, "/b"), None), Some(id(4)));
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn a_leftover_that_is_given_back_is_as_before() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 10));
        let Sought::Left(taken) = left.seek(at(ADA, "/a"), None) else { panic!("it is there") };
        assert_eq!(left.size(), (0, 0));
        assert_eq!(left.give_back(taken), []);
        assert_eq!(left.size(), (1, BLOCK_BYTES));
        tokio::time::advance(MINUTE).await;
        assert_eq!(left.expired(), [id(1)]);
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_counts_for_the_limits() {
        let limits = LeftoverLimits { leftovers: 1, bytes: u64::MAX, window: MINUTE };
        let left = Leftovers::new(limits);
        add(&left, 1, leftover(at(ADA, "/a"), 10));
        let Sought::Left(taken) = left.seek(at(ADA, "/a"), None) else { panic!("it is there") };
        add(&left, 2, leftover(at(BOB, "/a"), 20));
        assert_eq!(left.give_back(taken), [id(1)]);
        assert_eq!(take(&left, at(BOB, "/a"), None), Some(id(2)));
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_a_reserved_leftover_waits_for_the_end_of_its_handshake() {
        let left = unbounded();
        left.arrived(at(ADA, "/a"), id(9));
        for prior in [None, Some(id(1))] {
            for is_given_back in [true, false] {
                add(&left, 1, leftover(at(ADA, "/a"), 10));
                let Sought::Left(taken) = left.seek(at(ADA, "/a"), prior) else {
                    panic!("it is there")
                };
                assert!(left.is_reserved(id(1)));
                let Sought::Reserved(mut ended) = left.seek(at(ADA, "/a"), prior) else {
                    panic!("it is reserved")
                };
                assert_eq!(ended.try_recv(), Err(oneshot::error::TryRecvError::Empty));
                if is_given_back {
                    assert_eq!(left.give_back(taken), []);
                } else {
                    left.settle(taken.id);
                }
                assert_eq!(ended.try_recv(), Err(oneshot::error::TryRecvError::Closed));
                assert!(!left.is_reserved(id(1)));
                let expected = is_given_back.then_some(id(1));
                assert_eq!(take(&left, at(ADA, "/a"), prior), expected);
            }
        }
        left.parted(id(9));
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_takes_the_leftover_of_its_connection_on_its_url() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 10));
        add(&left, 2, leftover(at(ADA, "/a"), 30));
        assert_eq!(take(&left, at(BOB, "/b"), Some(id(1))), None);
        assert_eq!(take(&left, at(BOB, "/a"), Some(id(1))), Some(id(1)));
        assert_eq!(take(&left, at(BOB, "/a"), Some(id(1))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_leftover_is_not_taken_and_returned_once() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 20));
        add(&left, 2, Leftover { window: 2 * MINUTE, ..leftover(at(ADA, "/a"), 10) });
        tokio::time::advance(MINUTE).await;
        // The later one has expired.
        assert_eq!(take(&left, at(ADA, "/a"), None), Some(id(2)));
        assert_eq!(take(&left, at(ADA, "/a"), None), None);
        assert_eq!(take(&left, at(ADA, "/a"), Some(id(1))), None);
        assert_eq!(left.expired(), [id(1)]);
        assert_eq!(left.expired(), []);
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn a_leftover_of_a_crash_counts_as_long_as_its_file_exists() {
        let left = unbounded();
        add(&left, 1, Leftover { is_dropped: false, ..leftover(at(ADA, "/a"), 10) });
        tokio::time::advance(MINUTE).await;
        assert_eq!(left.expired(), []);
        assert_eq!(take(&left, at(ADA, "/a"), None), None);
        assert_eq!(left.size(), (1, BLOCK_BYTES));
        left.forget(id(1));
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn over_a_limit_the_oldest_is_removed() {
        let left = Leftovers::new(LeftoverLimits {
            leftovers: 3,
            bytes: 10 * BLOCK_BYTES,
            window: MINUTE,
        });
        for number in 1..=3 {
            // The oldest is added last.
            add(&left, number, leftover(at(ADA, "/a"), 100 - number));
        }
        assert_eq!(left.add(id(4), leftover(at(BOB, "/b"), 200)), [id(3)]);
        assert_eq!(left.size(), (3, 3 * BLOCK_BYTES));
        // With the two older ones it is a block over the limit.
        let large = Leftover { bytes: 8 * BLOCK_BYTES + 1, ..leftover(at(BOB, "/c"), 300) };
        assert_eq!(left.add(id(5), large), [id(2), id(1)]);
        assert_eq!(left.size(), (2, 10 * BLOCK_BYTES));
        let too_large = Leftover { bytes: 11 * BLOCK_BYTES, ..leftover(at(BOB, "/d"), 400) };
        assert_eq!(left.add(id(6), too_large), [id(4), id(5), id(6)]);
        assert!(left.is_empty(), "no index keeps an entry");
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_waits_for_a_connection_hears_of_its_parting() {
        let left = unbounded();
        left.arrived(at(ADA, "/a"), id(1));
        left.arrived(at(BOB, "/a"), id(2));
        let mut first = left.parting(id(1)).expect("it is there");
        let mut second = left.parting(id(2)).expect("it is there");
        left.parted(id(1));
        assert_eq!(first.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        assert!(left.parting(id(1)).is_none());
        left.parted(id(2));
        assert!(left.is_empty(), "no index keeps an entry");
    }

    /// The same as lists, in which everything is found by a scan.
    #[derive(Default)]
    struct Plain {
        left: Vec<(u64, Browser, &'static str, u64, Instant, bool)>,
        live: Vec<(u64, Browser, &'static str)>,
    }

    #[tokio::test(start_paused = true)]
    async fn the_index_says_what_a_look_at_everything_says() {
        const URLS: [&str; 3] = ["/a", "/b", "/a?b"];
        let left = unbounded();
        let mut plain = Plain::default();
        let mut random = fastrand::Rng::with_seed(18);
        for number in 1..4_000 {
            let (browser, url) = ([random.u8(..4); 16], URLS[random.usize(..3)]);
            let key = at(browser, url);
            let prior = random.bool().then(|| random.u64(1..=number));
            let now = Instant::now();
            match random.u8(..8) {
                0..=2 => {
                    let (when, is_dropped) = (random.u64(..50), random.bool());
                    let window = Duration::from_secs(random.u64(1..200));
                    let until = now + window;
                    let bytes = 1;
                    add(&left, number, Leftover { key, when, window, is_dropped, bytes });
                    plain.left.push((number, browser, url, when, until, is_dropped));
                }
                3 => {
                    left.arrived(key, id(number));
                    plain.live.push((number, browser, url));
                }
                4 => {
                    let gone = random.u64(1..=number);
                    left.parted(id(gone));
                    plain.live.retain(|(id, ..)| *id != gone);
                }
                5 => {
                    let expected = plain
                        .left
                        .iter()
                        .filter(|(id, _, at, _, until, _)| {
                            *at == url && *until > now && prior.is_none_or(|prior| prior == *id)
                        })
                        .filter(|(_, of, ..)| prior.is_some() || *of == browser)
                        .max_by_key(|(id, _, _, when, ..)| (*when, *id))
                        .map(|(id, ..)| *id);
                    assert_eq!(take(&left, key, prior.map(id)), expected.map(id));
                    plain.left.retain(|(id, ..)| Some(*id) != expected);
                }
                6 => {
                    let there: Vec<u64> = plain
                        .live
                        .iter()
                        .filter(|(id, of, at)| {
                            *at == url && prior.map_or(*of == browser, |prior| prior == *id)
                        })
                        .map(|(id, ..)| *id)
                        .collect();
                    let expected = if let [only] = there[..] { Some(id(only)) } else { None };
                    assert_eq!(left.lock().only_live(key, prior.map(id)), expected);
                }
                _ => {
                    tokio::time::advance(Duration::from_secs(random.u64(..20))).await;
                    let mut expired = left.expired();
                    expired.sort_unstable();
                    let now = Instant::now();
                    let is_over = |it: &(_, _, _, _, Instant, bool)| it.5 && it.4 <= now;
                    let expected = plain.left.iter().filter(|it| is_over(it)).map(|it| id(it.0));
                    assert_eq!(expired, expected.collect::<Vec<_>>());
                    plain.left.retain(|it| !is_over(it));
                }
            }
            assert_eq!(left.size().0, plain.left.len());
        }
        for (number, ..) in plain.left {
            left.forget(id(number));
        }
        for (number, ..) in plain.live {
            left.parted(id(number));
        }
        assert!(left.is_empty(), "no index keeps an entry");
    }
}
