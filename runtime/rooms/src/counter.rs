//! A number that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that any task may increase.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add_one(&self) {
        self.add(1);
    }

    pub fn add(&self, count: usize) {
        // Mostly it is 0, and no write to memory that all cores share is needed.
        if count > 0 {
            // A statistic: no other memory depends on its order.
            self.0.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
