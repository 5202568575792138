//! Limits how many events run at the same time.
//!
//! Each worker has a part of the slots, so that workers do not write to the same memory for every event. Where none is
//! left, events wait in one queue; while any waits there, all slots go through it, so each gets one in its turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use zigttp_sandbox::stripes::Stripes;

/// A slot for each event that may run.
pub struct Slots {
    /// Free slots that nobody waits for.
    free: Stripes<AtomicUsize>,
    /// One permit is one free slot that is not among those.
    queue: Semaphore,
    /// How many events wait in the queue.
    waiting: AtomicUsize,
    /// How many of the slots HTTP requests may hold. A room runs one event at a time and so holds one slot
    /// at most, but requests have no room.
    requests: Semaphore,
}

/// The slot of one event that runs or is about to start.
pub struct Slot<'a> {
    slots: &'a Slots,
    _request: Option<SemaphorePermit<'a>>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.slots.give_back();
    }
}

/// An event in the queue.
struct Waiting<'a>(&'a Slots);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slots {
    /// Slots for this many events.
    pub fn new(events: usize) -> Slots {
        let slots = Slots {
            free: Stripes::default(),
            queue: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
            requests: Semaphore::new(events.div_ceil(2)),
        };
        let parts = slots.free.all().count();
        for (part, free) in slots.free.all().enumerate() {
            // As even as can be.
            free.store((events + part) / parts, Ordering::SeqCst);
        }
        slots
    }

    /// Waits for a slot.
    pub async fn slot(&self) -> Slot<'_> {
        self.slot_with(None).await
    }

    /// A slot for an HTTP request, if one is free now.
    pub fn request_slot(&self) -> Option<Slot<'_>> {
        let request = self.requests.try_acquire().ok()?;
        self.try_take().then_some(Slot { slots: self, _request: Some(request) })
    }

    /// Waits for a slot of those that requests may hold.
    pub async fn wait_for_request_slot(&self) -> Slot<'_> {
        let request = self.requests.acquire().await.expect(OPEN);
        self.slot_with(Some(request)).await
    }

    async fn slot_with<'a>(&'a self, request: Option<SemaphorePermit<'a>>) -> Slot<'a> {
        if !self.try_take() {
            self.wait().await;
        }
        Slot { slots: self, _request: request }
    }

    /// Takes a slot if one is free and nobody waits for it.
    fn try_take(&self) -> bool {
        let take = |free: &AtomicUsize| {
            let one_less = |count: usize| count.checked_sub(1);
            free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
        };
        self.waiting.load(Ordering::SeqCst) == 0
            && (take(self.free.own())
                || self.free.all().any(take)
                || self.queue.try_acquire().map(SemaphorePermit::forget).is_ok())
    }

    async fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(self);
        // One that was given back before it could be seen that this event waits.
        self.queue_all();
        self.queue.acquire().await.expect(OPEN).forget();
    }

    fn give_back(&self) {
        // In this order: either this sees that somebody waits, or whoever waits sees the slot.
        self.free.own().fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.queue_all();
        }
    }

    /// Gives all free slots to the queue.
    fn queue_all(&self) {
        for free in self.free.all() {
            let count = free.swap(0, Ordering::SeqCst);
            if count > 0 {
                self.queue.add_permits(count);
            }
        }
    }

    /// How many slots are free.
    pub fn free(&self) -> usize {
        let free: usize = self.free.all().map(|free| free.load(Ordering::SeqCst)).sum();
        free + self.queue.available_permits()
    }
}

const OPEN: &str = "the semaphore is never closed";

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn no_more_slots_are_taken_than_there_are() {
        for events in [1, 3, 10, 256] {
            let slots = Slots::new(events);
            let mut held = Vec::new();
            while let Some(slot) = slots.slot().now_or_never() {
                held.push(slot);
            }
            assert_eq!((held.len(), slots.free()), (events, 0));
            drop(held);
            assert_eq!(slots.free(), events);
        }
    }

    #[test]
    fn requests_hold_half_of_the_slots() {
        let slots = Slots::new(3);
        let held: Vec<_> = std::iter::from_fn(|| slots.request_slot()).collect();
        assert_eq!((held.len(), slots.free()), (2, 1));
    }

    #[tokio::test]
    async fn those_that_wait_get_slots_in_their_order_before_those_that_come_later() {
        let slots = Slots::new(2);
        let (one, _two) = (slots.slot().await, slots.slot().await);
        let (mut first, mut second) = (Box::pin(slots.slot()), Box::pin(slots.slot()));
        assert!(
            first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none()
        );
        drop(one);
        assert!(slots.slot().now_or_never().is_none(), "it is for the first");
        assert!(second.as_mut().now_or_never().is_none());
        let first = first.await;
        drop(first);
        drop(second.await);
        assert_eq!(slots.free(), 1);
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_keeps_no_slot() {
        let slots = Slots::new(1);
        let one = slots.slot().await;
        let mut waiting = Box::pin(slots.slot());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(one);
        drop(waiting);
        assert_eq!(slots.free(), 1);
        assert!(slots.slot().now_or_never().is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_wake_is_lost_where_slots_are_scarce() {
        let slots = Arc::new(Slots::new(2));
        let is_taken: Arc<[AtomicBool; 2]> = Arc::default();
        let tasks = (0..16).map(|_| {
            let (slots, is_taken) = (Arc::clone(&slots), Arc::clone(&is_taken));
            tokio::spawn(async move {
                for _ in 0..500 {
                    let _slot = slots.slot().await;
                    let mut places = is_taken.iter();
                    let place = places.find(|it| !it.swap(true, Ordering::SeqCst));
                    let place = place.expect("two run at most");
                    tokio::task::yield_now().await;
                    place.store(false, Ordering::SeqCst);
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("it runs to its end");
        }
        assert_eq!(slots.free(), 2);
    }
}
