//! A histogram of durations, to which any task can add without waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use zigttp_sandbox::stripes::Stripes;

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

/// Durations since the server was made. Workers do not write to the same memory for it.
#[derive(Default)]
pub struct Histogram(Stripes<Part>);

/// The durations that some threads have recorded.
#[derive(Default)]
struct Part {
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
        let part = self.0.own();
        // Statistics: no other memory depends on their order.
        part.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        part.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Records that there was no time to measure.
    pub fn record_none(&self) {
        self.0.own().buckets[0].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        (0..=BOUNDS.len()).map(|bucket| self.bucket(bucket)).sum()
    }

    fn bucket(&self, bucket: usize) -> u64 {
        self.0.all().map(|part| part.buckets[bucket].load(Ordering::Relaxed)).sum()
    }

    pub fn distribution(&self) -> Distribution {
        let mut count = 0;
        let buckets = BOUNDS.iter().enumerate().map(|(bucket, bound)| {
            count += self.bucket(bucket);
            (Duration::from_nanos(*bound).as_secs_f64(), count)
        });
        let buckets = buckets.collect();
        count += self.bucket(BOUNDS.len());
        let nanoseconds = self.0.all().map(|part| part.nanoseconds.load(Ordering::Relaxed));
        let sum = Duration::from_nanos(nanoseconds.sum()).as_secs_f64();
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
