//! What a client counts, for metrics.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::ErrorKind;

/// Upper bounds of the buckets of durations, in milliseconds.
const BOUNDS_MS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000];

/// By which kind of grant a request was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostClass {
    /// Its host is named, at a public address.
    Named,
    /// A wildcard covers it, or everything is allowed.
    Wildcard,
    /// It went to an internal address, which was named.
    Internal,
}

impl HostClass {
    pub const ALL: [HostClass; 3] = [HostClass::Named, HostClass::Wildcard, HostClass::Internal];

    pub fn name(self) -> &'static str {
        match self {
            HostClass::Named => "named",
            HostClass::Wildcard => "wildcard",
            HostClass::Internal => "internal",
        }
    }
}

/// Counts since the client was made.
#[derive(Default)]
pub struct Counters {
    requests: [AtomicU64; HostClass::ALL.len()],
    failures: [AtomicU64; ErrorKind::ALL.len()],
    redirects: AtomicU64,
    received_bytes: AtomicU64,
    connections: AtomicU64,
    pub(crate) open_connections: AtomicUsize,
    open_responses: AtomicUsize,
    pub(crate) durations: Durations,
}

impl Counters {
    /// Requests that were sent, each with all of its redirects.
    pub fn requests(&self, class: HostClass) -> u64 {
        self.requests[class as usize].load(Ordering::Relaxed)
    }

    /// Requests that got no answer, or not all of it.
    pub fn failures(&self, kind: ErrorKind) -> u64 {
        self.failures[kind as usize].load(Ordering::Relaxed)
    }

    /// Redirects that were followed.
    pub fn redirects(&self) -> u64 {
        self.redirects.load(Ordering::Relaxed)
    }

    /// Bytes of bodies, as on the wire but for TLS.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// Connections that were made.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that are open, idle ones included.
    pub fn open_connections(&self) -> usize {
        self.open_connections.load(Ordering::Relaxed)
    }

    /// Answers that are read piece by piece at present.
    pub fn open_responses(&self) -> usize {
        self.open_responses.load(Ordering::Relaxed)
    }

    /// How long requests took for which the whole answer is waited for.
    pub fn durations(&self) -> &Durations {
        &self.durations
    }

    // Statistics: no other memory depends on their order.

    pub(crate) fn count_request(&self, class: HostClass) {
        self.requests[class as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self, kind: ErrorKind) {
        self.failures[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_redirect(&self) {
        self.redirects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_open_response(&self) {
        self.open_responses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_open_response(&self) {
        self.open_responses.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }
}

/// A histogram of durations.
#[derive(Default)]
pub struct Durations {
    /// The number up to each bound and over the one before; the last is over all bounds.
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Durations {
    pub(crate) fn record(&self, duration: Duration) {
        let bucket = BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < duration);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Each bound in seconds, and how many were not over it.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let mut count = 0;
        let buckets = BOUNDS_MS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            count += bucket.load(Ordering::Relaxed);
            (Duration::from_millis(*bound).as_secs_f64(), count)
        });
        buckets.collect()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The sum of all, in seconds.
    pub fn sum(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_for_every_bound_that_it_is_not_over() {
        let durations = Durations::default();
        for ms in [1, 5, 6, 100_000] {
            durations.record(Duration::from_millis(ms));
        }
        let buckets = durations.buckets();
        assert_eq!(buckets[..2], [(0.005, 2), (0.01, 3)]);
        assert_eq!((buckets[11], durations.count()), ((60.0, 3), 4));
        assert!((durations.sum() - 100.012).abs() < 1e-9);
    }
}
