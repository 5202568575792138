//! A number that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that any task may raise.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add_one(&self) {
        self.add(1);
    }

    pub fn add(&self, count: usize) {
        // Of what mostly does not happen, without the write that all cores would share.
        if count > 0 {
            // A statistic: nothing is ordered by it.
            self.0.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
