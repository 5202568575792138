//! A histogram of durations, to which any task can add without waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in nanoseconds: for events that take microseconds, for those that use all of
/// their CPU time, and for those that wait for a disk.
const BOUNDS: [u64; 16] = [
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    1_000_000_000,
];

/// Durations since the server was made.
#[derive(Default)]
pub struct Histogram {
    /// The number of durations up to each bound and over the one before; the last is over all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// A histogram at one moment.
pub struct Distribution {
    /// Each bound in seconds, and how many durations were not over it.
    pub buckets: Vec<(f64, u64)>,
    pub count: u64,
    /// The sum of all, in seconds.
    pub sum: f64,
}

impl Histogram {
    pub fn record(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        // Statistics: no other memory depends on their order.
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Records that there was no time to measure.
    pub fn record_none(&self) {
        self.buckets[0].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    pub fn distribution(&self) -> Distribution {
        let mut count = 0;
        let buckets = BOUNDS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            count += bucket.load(Ordering::Relaxed);
            (Duration::from_nanos(*bound).as_secs_f64(), count)
        });
        let buckets = buckets.collect();
        count += self.buckets[BOUNDS.len()].load(Ordering::Relaxed);
        let sum = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        Distribution { buckets, count, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_for_every_bound_that_it_is_not_over() {
        let histogram = Histogram::default();
        for microseconds in [1, 2, 3, 5_000_000] {
            histogram.record(Duration::from_micros(microseconds));
        }
        let Distribution { buckets, count, sum } = histogram.distribution();
        assert_eq!((buckets[0], buckets[1]), ((2e-6, 2), (5e-6, 3)));
        assert_eq!((buckets[15], count, histogram.count()), ((1.0, 3), 4, 4));
        assert!((sum - 5.000_006).abs() < 1e-9, "{sum}");
    }
}
