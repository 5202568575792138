//! A limit of bytes that many holders share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A share up to this size is small.
const SMALL: usize = 8 << 10;

/// The limit, and how many bytes are held.
pub struct Pool {
    limit: usize,
    /// The part of the limit that only small shares may use.
    reserve: usize,
    held: AtomicUsize,
}

/// The bytes of one holder; dropping it releases them.
pub struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Pool {
    pub fn new(limit: usize) -> Arc<Pool> {
        Arc::new(Pool { limit, reserve: 0, held: AtomicUsize::new(0) })
    }

    /// A pool with an eighth in reserve for small shares, so that a few large ones cannot use all of it.
    pub fn with_reserve_for_small(limit: usize) -> Arc<Pool> {
        Arc::new(Pool { limit, reserve: limit / 8, held: AtomicUsize::new(0) })
    }

    /// A share without bytes.
    pub fn share(self: &Arc<Pool>) -> Share {
        Share { pool: Arc::clone(self), bytes: 0 }
    }

    /// How many bytes all holders have.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Sets how many bytes the share holds. Returns whether that is within the limit; if not, nothing
    /// changes. Fewer bytes are always within it.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        let Pool { limit, reserve, held } = &*self.pool;
        let limit = if bytes > SMALL { limit - reserve } else { *limit };
        // Only a number: no other memory depends on its order.
        let is_held = match bytes.checked_sub(self.bytes) {
            Some(0) => true,
            Some(more) => {
                let grown = |held: usize| held.checked_add(more).filter(|held| *held <= limit);
                held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok()
            }
            None => {
                held.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
                true
            }
        };
        if is_held {
            self.bytes = bytes;
        }
        is_held
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_together_have_no_more_than_the_limit() {
        let pool = Pool::new(100);
        let (mut one, mut two) = (pool.share(), pool.share());
        assert!(one.resize(60) && two.resize(40));
        assert!(!one.resize(61) && !two.resize(usize::MAX), "there is no more");
        assert_eq!((one.bytes(), two.bytes(), pool.held()), (60, 40, 100));
        assert!(one.resize(10) && two.resize(90));
        drop(two);
        assert_eq!(pool.held(), 10);
        drop(one);
        assert_eq!(pool.held(), 0);
    }

    #[test]
    fn large_shares_leave_the_reserve_for_small_ones() {
        let pool = Pool::with_reserve_for_small(32 * SMALL);
        let (mut large, mut other, mut small) = (pool.share(), pool.share(), pool.share());
        assert!(large.resize(28 * SMALL) && !other.resize(SMALL + 1));
        assert!(small.resize(SMALL) && !small.resize(SMALL + 1) && other.resize(SMALL));
        let mut third = pool.share();
        assert!(third.resize(SMALL));
        let mut last = pool.share();
        assert!(last.resize(SMALL) && !pool.share().resize(1), "the limit is reached");
        assert!(large.resize(27 * SMALL) && last.resize(0), "fewer always fit");
    }
}
