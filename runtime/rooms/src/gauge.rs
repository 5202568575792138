//! A number that grows and shrinks.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How much there is of something at present. Any task may change it.
#[derive(Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    pub fn add(&self, count: usize) {
        // A statistic: no other memory depends on its order.
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes away what was added before.
    pub fn sub(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
