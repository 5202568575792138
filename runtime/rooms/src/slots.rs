//! How many events may run at the same time.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The right of each event to run.
pub struct Slots {
    /// One permit is one event that runs.
    all: Semaphore,
    /// Of those, how many HTTP requests may hold. A room runs one event at a time, so it cannot
    /// take more than one; requests have no room.
    requests: Semaphore,
}

/// One event that runs, or is about to.
pub struct Slot<'a> {
    _slot: SemaphorePermit<'a>,
    _request: Option<SemaphorePermit<'a>>,
}

impl Slots {
    /// For so many events.
    pub fn new(events: usize) -> Slots {
        Slots { all: Semaphore::new(events), requests: Semaphore::new(events.div_ceil(2)) }
    }

    /// Waits until one more event may run.
    pub async fn slot(&self) -> Slot<'_> {
        let slot = match self.all.try_acquire() {
            Ok(slot) => slot,
            Err(_full) => self.all.acquire().await.expect("the semaphore is never closed"),
        };
        Slot { _slot: slot, _request: None }
    }

    /// The same for an HTTP request, if one more may run now.
    pub fn request_slot(&self) -> Option<Slot<'_>> {
        let request = self.requests.try_acquire().ok()?;
        Some(Slot { _slot: self.all.try_acquire().ok()?, _request: Some(request) })
    }

    /// How many events may begin now.
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }
}
