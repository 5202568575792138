//! Counters that a handler keeps in its memory, added up over events: coverage is made of them.
//!
//! Each event begins with the same counters, as with the same everything, so what it has counted is the difference.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where a handler counts, and what its events have counted so far.
pub struct Counters {
    address: usize,
    /// What each counter is when an event begins.
    at_start: Vec<u32>,
    sums: Box<[AtomicU64]>,
}

impl Counters {
    /// Counters at an address of the memory, as 32-bit integers; with the numbers that an event begins with.
    pub fn new(address: u32, at_start: Vec<u32>) -> Counters {
        let sums = at_start.iter().map(|_| AtomicU64::new(0)).collect();
        Counters { address: address as usize, at_start, sums }
    }

    /// What all events together have counted.
    pub fn sums(&self) -> Vec<u64> {
        self.sums.iter().map(|sum| sum.load(Ordering::Relaxed)).collect()
    }

    /// Adds what an event has counted. A memory that ends before the counters adds nothing.
    pub(crate) fn add(&self, memory: &[u8]) {
        let words = memory.get(self.address..).unwrap_or_default().chunks_exact(4);
        for ((word, at_start), sum) in words.zip(&self.at_start).zip(&self.sums) {
            let now = u32::from_le_bytes(word.try_into().expect("it has four bytes"));
            if now != *at_start {
                sum.fetch_add(now.wrapping_sub(*at_start).into(), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_events_have_counted_is_added_up() {
        let counters = Counters::new(4, vec![1, 0]);
        let memory = |words: [u32; 3]| words.map(u32::to_le_bytes).concat();
        counters.add(&memory([9, 1, 2]));
        counters.add(&memory([9, 4, 0]));
        assert_eq!(counters.sums(), [3, 2]);
        counters.add(&memory([9, 4, 0])[..6]);
        assert_eq!(counters.sums(), [3, 2]);
    }
}
