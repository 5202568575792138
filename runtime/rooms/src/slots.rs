//! Limits how many events run at the same time.

use tokio::sync::{Semaphore, SemaphorePermit};

/// A slot for each event that may run.
pub struct Slots {
    /// One permit is one slot.
    all: Semaphore,
    /// How many of the slots HTTP requests may hold. A room runs one event at a time and so holds one slot
    /// at most, but requests have no room.
    requests: Semaphore,
}

/// The slot of one event that runs or is about to start.
pub struct Slot<'a> {
    _slot: SemaphorePermit<'a>,
    _request: Option<SemaphorePermit<'a>>,
}

impl Slots {
    /// Slots for this many events.
    pub fn new(events: usize) -> Slots {
        Slots { all: Semaphore::new(events), requests: Semaphore::new(events.div_ceil(2)) }
    }

    /// Waits for a slot.
    pub async fn slot(&self) -> Slot<'_> {
        let slot = match self.all.try_acquire() {
            Ok(slot) => slot,
            Err(_full) => self.all.acquire().await.expect("the semaphore is never closed"),
        };
        Slot { _slot: slot, _request: None }
    }

    /// A slot for an HTTP request, if one is free now.
    pub fn request_slot(&self) -> Option<Slot<'_>> {
        let request = self.requests.try_acquire().ok()?;
        Some(Slot { _slot: self.all.try_acquire().ok()?, _request: Some(request) })
    }

    /// Waits for a slot of those that requests may hold.
    pub async fn wait_for_request_slot(&self) -> Slot<'_> {
        const OPEN: &str = "the semaphore is never closed";
        let request = self.requests.acquire().await.expect(OPEN);
        Slot { _slot: self.all.acquire().await.expect(OPEN), _request: Some(request) }
    }

    /// How many slots are free.
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }
}
