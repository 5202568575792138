//! Leftovers, one case after the other, and against a look at everything.

use super::*;

const ADA: Browser = [1; 16];
const BOB: Browser = [2; 16];
const MINUTE: Duration = Duration::from_secs(60);

fn id(number: u64) -> ConnectionId {
    ConnectionId::from_number(number)
}

fn at(browser: Browser, url: &str) -> Key {
    Key::new(browser, url, "/room")
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
    let left =
        Leftovers::new(LeftoverLimits { leftovers: 3, bytes: 10 * BLOCK_BYTES, window: MINUTE });
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
