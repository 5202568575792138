//! Tells when a runtime has nothing left to do.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Rounds after which nothing can be left: the first may have found timers that were due at this very moment, and what
/// they have woken may have set others.
const ROUNDS: usize = 3;

/// Notices that a runtime with one thread has nothing to do: no task is ready, and all wait for time or for one another.
#[derive(Default)]
pub(crate) struct Idle {
    waiting: Mutex<Option<Waker>>,
}

impl Idle {
    /// To be called whenever the runtime's thread is about to park. If anybody waits for that, it does not park, and its
    /// paused clock does not go on to the next timer.
    pub(crate) fn is_parking(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Waits until nothing is left to do at this moment.
    pub(crate) async fn wait(self: &Arc<Idle>) {
        for _ in 0..ROUNDS {
            let mut is_registered = false;
            poll_fn(|cx| {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if is_registered && waiting.is_none() {
                    return Poll::Ready(());
                }
                *waiting = Some(cx.waker().clone());
                is_registered = true;
                Poll::Pending
            })
            .await;
        }
    }
}
