//! Rates: how often something may happen.
//!
//! A token bucket holds at most the tokens of one second. All that is stored of it is the time at which it
//! would be full again (the "generic cell rate algorithm"), so a full bucket takes no memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The size of a bucket, as the time in which it fills.
const BURST: Duration = Duration::from_secs(1);

/// Most addresses in the table, of some 40 bytes each.
const MAX_ADDRESSES: usize = 1 << 16;

/// A number for each second, and as many in a burst.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    interval: Duration,
}

/// The bucket of something with a limited rate; full when new.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: Option<Instant>,
}

impl Rate {
    pub fn per_second(count: NonZeroU32) -> Rate {
        Rate { interval: BURST / count.get() }
    }

    /// Takes a token, if there is one.
    pub fn take(&self, bucket: &mut Bucket, now: Instant) -> bool {
        self.take_or_wait(bucket, now).is_zero()
    }

    /// Takes a token, or returns how long it takes until there is one.
    pub fn take_or_wait(&self, bucket: &mut Bucket, now: Instant) -> Duration {
        let full_at = bucket.full_at.map_or(now, |at| at.max(now)) + self.interval;
        let wait = full_at.saturating_duration_since(now + BURST);
        if wait.is_zero() {
            bucket.full_at = Some(full_at);
        }
        wait
    }
}

impl Bucket {
    /// Whether it is as good as new.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

/// The buckets of all addresses that have taken a token recently.
pub struct AddressRates {
    rate: Rate,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    buckets: HashMap<IpAddr, Bucket>,
    /// When full buckets were last removed.
    swept: Option<Instant>,
}

impl AddressRates {
    pub fn new(rate: Rate) -> AddressRates {
        AddressRates { rate, table: Mutex::default() }
    }

    /// Takes a token of an address, if there is one. While the table is full of active addresses, others
    /// are not limited: an attacker with that many addresses could not be limited this way.
    pub fn take(&self, address: IpAddr, now: Instant) -> bool {
        let address = network(address);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.buckets.len() >= MAX_ADDRESSES && !table.buckets.contains_key(&address) {
            table.sweep(now);
            if table.buckets.len() >= MAX_ADDRESSES {
                return true;
            }
        }
        self.rate.take(table.buckets.entry(address).or_default(), now)
    }
}

impl Table {
    /// Removes full buckets, at most once in the time in which one fills.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| swept + BURST <= now) {
            self.swept = Some(now);
            self.buckets.retain(|_, bucket| bucket.full_at.is_some_and(|at| at > now));
        }
    }
}

/// What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, which are those of
/// its network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn rate(count: u32) -> Rate {
        Rate::per_second(NonZeroU32::new(count).expect("not zero"))
    }

    #[test]
    fn a_bucket_gives_the_tokens_of_a_second_at_once_and_fills_evenly() {
        let (rate, mut bucket, now) = (rate(10), Bucket::default(), Clock::system().now());
        let taken = |bucket: &mut Bucket, now| (0..20).filter(|_| rate.take(bucket, now)).count();
        assert_eq!(taken(&mut bucket, now), 10);
        assert_eq!(taken(&mut bucket, now + Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut bucket, now + Duration::from_millis(300)), 3);
        assert_eq!(taken(&mut bucket, now + Duration::from_secs(60)), 10);
    }

    #[test]
    fn each_address_has_a_bucket_and_an_ipv6_network_shares_one() {
        let (rates, now) = (AddressRates::new(rate(1)), Clock::system().now());
        let take = |address: &str| rates.take(address.parse().expect("an address"), now);
        assert!(take("192.0.2.1") && take("192.0.2.2"));
        assert!(!take("192.0.2.1") && !take("::ffff:192.0.2.2"));
        assert!(take("2001:db8::1") && !take("2001:db8::2") && take("2001:db8:0:1::1"));
    }

    #[test]
    fn the_table_is_limited_and_full_buckets_are_removed() {
        let (rates, now) = (AddressRates::new(rate(1)), Clock::system().now());
        let address = |number: usize| IpAddr::from((number as u32).to_be_bytes());
        for number in 0..MAX_ADDRESSES + 10 {
            assert!(rates.take(address(number), now));
        }
        let len = || rates.table.lock().expect("no test panics here").buckets.len();
        assert_eq!(len(), MAX_ADDRESSES);
        assert!(rates.take(address(MAX_ADDRESSES), now + 2 * BURST));
        assert_eq!(len(), 1);
    }
}
