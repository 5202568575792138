//! Whether signals and timers wait for an operator, all of them: a safe mode, in which they are stored as usual and
//! none is delivered.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set before the server serves, and released by an operator at most once.
#[derive(Default)]
pub struct SignalsHold {
    is_held: AtomicBool,
    released: Notify,
}

impl SignalsHold {
    /// From now on none is delivered.
    pub fn hold(&self) {
        self.is_held.store(true, Ordering::SeqCst);
    }

    pub fn is_held(&self) -> bool {
        self.is_held.load(Ordering::SeqCst)
    }

    /// From now on they are delivered. Returns whether they were held.
    pub fn release(&self) -> bool {
        let was_held = self.is_held.swap(false, Ordering::SeqCst);
        self.released.notify_one();
        was_held
    }

    /// Waits until an operator releases them. For the loop that delivers them.
    pub async fn released(&self) {
        self.released.notified().await;
    }
}
