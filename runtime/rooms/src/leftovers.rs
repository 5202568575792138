//! What browsers have left behind and have open: found by connection, and by browser and opening URL.
//!
//! What is left is bounded in number and bytes; over that the oldest goes. Every question a handshake or
//! a departure asks is a look-up in a map or an ordered set, so none takes longer for what others have
//! left.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio::time::Instant;
use zigttp_abi::connection_id::{ById, ConnectionId};

use crate::browser::Browser;

/// A file takes whole blocks of its disk.
const BLOCK_BYTES: u64 = 4096;

/// One URL as one browser has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    browser: Browser,
    /// Of the URL, so that each takes the same little room. Nobody finds two URLs for one of them.
    url: [u8; 16],
}

impl Key {
    pub fn new(browser: Browser, url: &str) -> Key {
        let digest = Sha256::digest(url);
        let url = *digest.first_chunk().expect("SHA-256 has 32 bytes");
        Key { browser, url }
    }
}

/// How much may be left, and how long it may be resumed.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub leftovers: usize,
    pub bytes: u64,
    /// Of what dropped connections leave.
    pub window: Duration,
}

pub struct Leftovers {
    bounds: Bounds,
    index: Mutex<Index>,
}

/// An attachment that waits for its client.
pub struct Leftover {
    pub key: Key,
    /// Milliseconds since 1970; the latest is resumed first.
    pub when: u64,
    /// How long it may be resumed.
    pub window: Duration,
    /// Whether its file goes when that has passed. What a crash or shutdown has left stays, for an
    /// operator, as long as any attachment does.
    pub is_dropped: bool,
    /// Of its file.
    pub bytes: u64,
}

#[derive(Default)]
struct Index {
    left: ById<Kept>,
    /// What may be resumed, as far as nobody has seen that its time is over.
    latest: BTreeSet<(Key, u64, ConnectionId)>,
    /// All of `left`.
    oldest: BTreeSet<(u64, ConnectionId)>,
    /// Of dropped links: when their time is over.
    ends: BTreeSet<(Instant, ConnectionId)>,
    /// Of the files, in whole blocks.
    bytes: u64,
    live: ById<Live>,
    live_at: BTreeSet<(Key, ConnectionId)>,
}

struct Kept {
    key: Key,
    when: u64,
    until: Instant,
    is_dropped: bool,
    bytes: u64,
}

/// What somebody is about to adopt; given back if that fails.
pub struct Taken {
    pub id: ConnectionId,
    kept: Kept,
}

struct Live {
    key: Key,
    /// Dropped when it has parted, which is what they wait for.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Leftovers {
    pub fn new(bounds: Bounds) -> Leftovers {
        Leftovers { bounds, index: Mutex::default() }
    }

    /// How many attachments wait for their clients, and the bytes of their files; and how many may.
    pub fn sizes(&self) -> [(usize, usize); 2] {
        let Bounds { leftovers, bytes, .. } = self.bounds;
        [self.size(), (leftovers, bytes)]
            .map(|(number, bytes)| (number, usize::try_from(bytes).unwrap_or(usize::MAX)))
    }

    /// How long what a dropped connection has left may be resumed.
    pub fn window(&self) -> Duration {
        self.bounds.window
    }

    /// How many there are, and the bytes of their files.
    pub fn size(&self) -> (usize, u64) {
        let index = self.lock();
        (index.left.len(), index.bytes)
    }

    /// A connection has left its attachment, which may be resumed for some time. Returns those that have to go for
    /// it, files and all.
    #[must_use]
    pub fn add(&self, id: ConnectionId, leftover: Leftover) -> Vec<ConnectionId> {
        let Leftover { key, when, window, is_dropped, bytes } = leftover;
        let bytes = bytes.div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
        let until = Instant::now() + window;
        let mut index = self.lock();
        index.insert(id, Kept { key, when, until, is_dropped, bytes });
        let mut gone = Vec::new();
        while (index.left.len() > self.bounds.leftovers || index.bytes > self.bounds.bytes)
            && let Some((_, oldest)) = index.oldest.first().copied()
        {
            index.remove(oldest);
            gone.push(oldest);
        }
        gone
    }

    /// An attachment is not to be had any more: its file is gone, or another's.
    pub fn forget(&self, id: ConnectionId) {
        self.lock().remove(id);
    }

    pub fn arrived(&self, key: Key, id: ConnectionId) {
        let mut index = self.lock();
        index.live_at.insert((key, id));
        index.live.insert(id, Live { key, waiting: Vec::new() });
    }

    pub fn parted(&self, id: ConnectionId) {
        let mut index = self.lock();
        if let Some(Live { key, .. }) = index.live.remove(&id) {
            index.live_at.remove(&(key, id));
        }
    }

    /// Takes what was left last, or by this one connection; nobody else gets it.
    pub fn take(&self, key: Key, prior: Option<ConnectionId>) -> Option<Taken> {
        let now = Instant::now();
        let mut index = self.lock();
        let id = match prior {
            // The token names the connection, whatever the browser.
            Some(prior) => {
                let left = index.left.get(&prior)?;
                (left.key.url == key.url && left.until > now).then_some(prior)?
            }
            None => loop {
                let (_, when, id) = *index.latest.range(all_at(key)).next_back()?;
                if index.left.get(&id).is_some_and(|left| left.until > now) {
                    break id;
                }
                // So that each is looked at once.
                index.latest.remove(&(key, when, id));
            },
        };
        index.remove(id).map(|kept| Taken { id, kept })
    }

    /// What could not be adopted is there as before.
    pub fn give_back(&self, taken: Taken) {
        self.lock().insert(taken.id, taken.kept);
    }

    /// The connection that may have to make room on this URL: the one that is proven, or the only
    /// one that this browser has open there.
    pub fn only_live(&self, key: Key, prior: Option<ConnectionId>) -> Option<ConnectionId> {
        let index = self.lock();
        if let Some(prior) = prior {
            return index.live.get(&prior).is_some_and(|it| it.key.url == key.url).then_some(prior);
        }
        let mut there = index.live_at.range((key, FIRST_ID)..=(key, LAST_ID));
        match (there.next(), there.next()) {
            (Some((_, only)), None) => Some(*only),
            _ => None,
        }
    }

    /// Ends when this connection is not there any more; `None` if it is not there now.
    pub fn parting(&self, id: ConnectionId) -> Option<oneshot::Receiver<()>> {
        let (waiting, parted) = oneshot::channel();
        self.lock().live.get_mut(&id)?.waiting.push(waiting);
        Some(parted)
    }

    /// Forgets what dropped connections have left and no client has resumed in time; returns their ids.
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
        // No change panics half way.
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
    fn insert(&mut self, id: ConnectionId, kept: Kept) {
        self.remove(id);
        self.latest.insert((kept.key, kept.when, id));
        self.oldest.insert((kept.when, id));
        if kept.is_dropped {
            self.ends.insert((kept.until, id));
        }
        self.bytes += kept.bytes;
        self.left.insert(id, kept);
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Kept> {
        let kept = self.left.remove(&id)?;
        self.latest.remove(&(kept.key, kept.when, id));
        self.oldest.remove(&(kept.when, id));
        self.ends.remove(&(kept.until, id));
        self.bytes -= kept.bytes;
        Some(kept)
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
        Leftovers::new(Bounds { leftovers: usize::MAX, bytes: u64::MAX, window: MINUTE })
    }

    fn take(left: &Leftovers, key: Key, prior: Option<ConnectionId>) -> Option<ConnectionId> {
        left.take(key, prior).map(|taken| taken.id)
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
        assert!(left.is_empty(), "nothing is remembered for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_adopted_is_there_as_before() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 10));
        let taken = left.take(at(ADA, "/a"), None).expect("it is there");
        assert!(left.is_empty());
        left.give_back(taken);
        assert_eq!(left.size(), (1, BLOCK_BYTES));
        tokio::time::advance(MINUTE).await;
        assert_eq!(left.expired(), [id(1)]);
        assert!(left.is_empty(), "nothing is remembered for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_takes_its_own_on_its_own_url() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 10));
        add(&left, 2, leftover(at(ADA, "/a"), 30));
        assert_eq!(take(&left, at(BOB, "/b"), Some(id(1))), None);
        assert_eq!(take(&left, at(BOB, "/a"), Some(id(1))), Some(id(1)));
        assert_eq!(take(&left, at(BOB, "/a"), Some(id(1))), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_past_its_time_is_not_taken_and_told_once() {
        let left = unbounded();
        add(&left, 1, leftover(at(ADA, "/a"), 20));
        add(&left, 2, Leftover { window: 2 * MINUTE, ..leftover(at(ADA, "/a"), 10) });
        tokio::time::advance(MINUTE).await;
        // The later one is over.
        assert_eq!(take(&left, at(ADA, "/a"), None), Some(id(2)));
        assert_eq!(take(&left, at(ADA, "/a"), None), None);
        assert_eq!(take(&left, at(ADA, "/a"), Some(id(1))), None);
        assert_eq!(left.expired(), [id(1)]);
        assert_eq!(left.expired(), []);
        assert!(left.is_empty(), "nothing is remembered for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_crash_has_left_counts_as_long_as_its_file_is_there() {
        let left = unbounded();
        add(&left, 1, Leftover { is_dropped: false, ..leftover(at(ADA, "/a"), 10) });
        tokio::time::advance(MINUTE).await;
        assert_eq!(left.expired(), []);
        assert_eq!(take(&left, at(ADA, "/a"), None), None);
        assert_eq!(left.size(), (1, BLOCK_BYTES));
        left.forget(id(1));
        assert!(left.is_empty(), "nothing is remembered for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn over_its_number_or_bytes_the_oldest_goes() {
        let left = Leftovers::new(Bounds { leftovers: 3, bytes: 10 * BLOCK_BYTES, window: MINUTE });
        for number in 1..=3 {
            // The oldest came last.
            add(&left, number, leftover(at(ADA, "/a"), 100 - number));
        }
        assert_eq!(left.add(id(4), leftover(at(BOB, "/b"), 200)), [id(3)]);
        assert_eq!(left.size(), (3, 3 * BLOCK_BYTES));
        // A block more than it has bytes for with the two that are older.
        let large = Leftover { bytes: 8 * BLOCK_BYTES + 1, ..leftover(at(BOB, "/c"), 300) };
        assert_eq!(left.add(id(5), large), [id(2), id(1)]);
        assert_eq!(left.size(), (2, 10 * BLOCK_BYTES));
        let too_large = Leftover { bytes: 11 * BLOCK_BYTES, ..leftover(at(BOB, "/d"), 400) };
        assert_eq!(left.add(id(6), too_large), [id(4), id(5), id(6)]);
        assert!(left.is_empty(), "nothing is remembered for nothing");
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
        assert!(left.is_empty(), "nothing is remembered for nothing");
    }

    /// What the index should be like, asked by looking at everything.
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
                    assert_eq!(left.only_live(key, prior.map(id)), expected);
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
        assert!(left.is_empty(), "nothing is remembered for nothing");
    }
}
