//! Rates: how often something may happen.
//!
//! A token bucket holds as many tokens as a second brings. All that is kept of one is the moment at
//! which it would be full again (the "generic cell rate algorithm"), so a full bucket is nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a bucket holds at most, as the time in which it fills.
const BURST: Duration = Duration::from_secs(1);

/// Addresses that are remembered at the same time, at 40 bytes or so each.
const MAX_ADDRESSES: usize = 1 << 16;

/// So many a second, and as many at once.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    interval: Duration,
}

/// The bucket of one thing whose rate is bounded; full when new.
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
        let full_at = bucket.full_at.map_or(now, |at| at.max(now)) + self.interval;
        let is_there = full_at <= now + BURST;
        if is_there {
            bucket.full_at = Some(full_at);
        }
        is_there
    }
}

/// A bucket for each address that has taken a token lately.
pub struct AddressRates {
    rate: Rate,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    buckets: HashMap<IpAddr, Bucket>,
    /// When full buckets were last looked for.
    swept: Option<Instant>,
}

impl AddressRates {
    pub fn new(rate: Rate) -> AddressRates {
        AddressRates { rate, table: Mutex::default() }
    }

    /// Takes a token of an address, if there is one. While the table is full of addresses that are
    /// all in use, further ones are not bounded: whoever has that many is not held back by this.
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
    /// Forgets the buckets that are full, at most once in the time in which one fills.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| swept + BURST <= now) {
            self.swept = Some(now);
            self.buckets.retain(|_, bucket| bucket.full_at.is_some_and(|at| at > now));
        }
    }
}

/// What one client is taken for: an IPv4 address, or the 64 bits of an IPv6 one that a network gives.
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
    fn a_bucket_gives_a_second_of_tokens_at_once_and_fills_evenly() {
        let (rate, mut bucket, now) = (rate(10), Bucket::default(), Clock::system().now());
        let taken = |bucket: &mut Bucket, now| (0..20).filter(|_| rate.take(bucket, now)).count();
        assert_eq!(taken(&mut bucket, now), 10);
        assert_eq!(taken(&mut bucket, now + Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut bucket, now + Duration::from_millis(300)), 3);
        assert_eq!(taken(&mut bucket, now + Duration::from_secs(60)), 10);
    }

    #[test]
    fn addresses_have_buckets_of_their_own_and_networks_share_one() {
        let (rates, now) = (AddressRates::new(rate(1)), Clock::system().now());
        let take = |address: &str| rates.take(address.parse().expect("an address"), now);
        assert!(take("192.0.2.1") && take("192.0.2.2"));
        assert!(!take("192.0.2.1") && !take("::ffff:192.0.2.2"));
        assert!(take("2001:db8::1") && !take("2001:db8::2") && take("2001:db8:0:1::1"));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_full_buckets() {
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
