//! Bytes that many holders may hold together, up to a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bound, and what is held of it.
pub(crate) struct Pool {
    limit: usize,
    held: AtomicUsize,
}

/// What one holder has; given back when it is dropped.
pub(crate) struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Arc<Pool> {
        Arc::new(Pool { limit, held: AtomicUsize::new(0) })
    }

    /// Nothing yet, for a holder that will need some.
    pub(crate) fn share(self: &Arc<Pool>) -> Share {
        Share { pool: Arc::clone(self), bytes: 0 }
    }

    /// Bytes that all holders have.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Holds so many bytes from now on. Answers whether there was room for them; if not, all stays as
    /// it was. Fewer always fit.
    #[must_use]
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        let Pool { limit, held } = &*self.pool;
        // A number alone: nothing is ordered by it.
        let is_held = match bytes.checked_sub(self.bytes) {
            Some(0) => true,
            Some(more) => {
                let grown = |held: usize| held.checked_add(more).filter(|held| held <= limit);
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
    pub(crate) fn bytes(&self) -> usize {
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
}
