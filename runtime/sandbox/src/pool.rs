//! Bytes that many holders may hold together, up to a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a holder may have of the part that is kept for those that hold little.
const LITTLE: usize = 8 << 10;

/// The bound, and what is held of it.
pub struct Pool {
    limit: usize,
    /// What others leave for holders of [`LITTLE`] at most.
    kept_for_little: usize,
    held: AtomicUsize,
}

/// What one holder has; given back when it is dropped.
pub struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Pool {
    pub fn new(limit: usize) -> Arc<Pool> {
        Arc::new(Pool { limit, kept_for_little: 0, held: AtomicUsize::new(0) })
    }

    /// One of which an eighth is kept for holders of little, so that a few who hold much do not keep
    /// everybody out.
    pub fn with_room_for_little(limit: usize) -> Arc<Pool> {
        Arc::new(Pool { limit, kept_for_little: limit / 8, held: AtomicUsize::new(0) })
    }

    /// Nothing yet, for a holder that will need some.
    pub fn share(self: &Arc<Pool>) -> Share {
        Share { pool: Arc::clone(self), bytes: 0 }
    }

    /// Bytes that all holders have.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Holds so many bytes from now on. Returns whether there was room for them; if not, all stays as
    /// it was. Fewer always fit.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        let Pool { limit, kept_for_little, held } = &*self.pool;
        let limit = if bytes > LITTLE { limit - kept_for_little } else { *limit };
        // A number alone: nothing is ordered by it.
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

    /// Bytes that it holds.
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
    fn holders_have_no_more_together_than_there_is() {
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
    fn holders_of_much_leave_room_for_those_of_little() {
        let pool = Pool::with_room_for_little(32 * LITTLE);
        let (mut much, mut more, mut little) = (pool.share(), pool.share(), pool.share());
        assert!(much.resize(28 * LITTLE) && !more.resize(LITTLE + 1));
        assert!(little.resize(LITTLE) && !little.resize(LITTLE + 1) && more.resize(LITTLE));
        let mut last = pool.share();
        assert!(last.resize(LITTLE));
        let mut one_too_many = pool.share();
        assert!(one_too_many.resize(LITTLE) && !pool.share().resize(1), "that is all there is");
        assert!(much.resize(27 * LITTLE) && one_too_many.resize(0), "fewer always fit");
    }
}
