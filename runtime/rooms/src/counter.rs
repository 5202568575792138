//! A number that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

use zigttp_sandbox::stripes::Stripes;

/// A count that any task may increase. Workers do not write to the same memory for it.
#[derive(Default)]
pub struct Counter(Stripes<AtomicU64>);

impl Counter {
    pub fn add_one(&self) {
        self.add(1);
    }

    pub fn add(&self, count: usize) {
        // Mostly it is 0.
        if count > 0 {
            // A statistic: no other memory depends on its order.
            self.0.own().fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.all().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}
