//! What one event may use: CPU time and memory. The memory of all events together is limited too.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::pool::{Pool, Share};

/// A limit that an event has exceeded. The event ends and has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    #[error("the event used up its CPU time")]
    Cpu,
    #[error("the event used up its memory")]
    Memory,
    #[error("the events that run together used up --max-event-memory")]
    EventMemory,
}

/// The longest time that a first slice can count. The ticker ends it after little more than a millisecond.
const LONGEST_FIRST_SLICE: Duration = Duration::from_millis(5);

/// Measures the slices in which an event runs. The time between them does not count, nor does the time that
/// the thread waits for a core: on an overloaded machine that ended events that had hardly begun (seen at a
/// load of 14 on two cores).
pub(crate) struct CpuBudget {
    limit: Duration,
    /// CPU time of the slices before the present one.
    used: Duration,
    /// When the event, and so its first slice, began, on the monotonic clock; `None` before. Reading the thread's clock
    /// is a system call, which nearly all events do without: they end within one slice.
    began: Option<Instant>,
    /// The thread's clock at the start of the present slice, from the second slice on. Shared with
    /// [`next_slice`], because the store cannot be accessed while its event is suspended.
    later_slice: Option<Arc<Mutex<Duration>>>,
    /// CPU time of the present thread.
    clock: fn() -> Duration,
}

impl CpuBudget {
    pub(crate) fn new(limit: Duration, clock: fn() -> Duration) -> CpuBudget {
        CpuBudget { limit, used: Duration::ZERO, began: None, later_slice: None, clock }
    }

    /// Starts the first slice.
    pub(crate) fn start(&mut self, now: Instant) {
        self.began = Some(now);
    }

    /// Ends a slice; the future suspends the event until the next one begins.
    ///
    /// # Errors
    /// When the slices so far are over the limit.
    pub(crate) fn end_slice(&mut self, now: Instant) -> Result<NextSlice, OverBudget> {
        self.pause(now)?;
        let slice = self.later_slice.get_or_insert_default();
        Ok(Box::pin(next_slice(Arc::clone(slice), self.clock)))
    }

    /// Ends a slice before the event waits for something.
    ///
    /// # Errors
    /// When the slices so far are over the limit.
    pub(crate) fn pause(&mut self, now: Instant) -> Result<(), OverBudget> {
        self.used += match &self.later_slice {
            Some(started) => (self.clock)()
                .saturating_sub(*started.lock().unwrap_or_else(PoisonError::into_inner)),
            None => {
                let began = self.began.unwrap_or(now);
                now.saturating_duration_since(began).min(LONGEST_FIRST_SLICE)
            }
        };
        if self.used > self.limit {
            return Err(OverBudget::Cpu);
        }
        Ok(())
    }

    /// The CPU time of all slices when the last has just ended, if there was more than one.
    pub(crate) fn of_slices(&self) -> Option<Duration> {
        let started = self.later_slice.as_ref()?;
        let started = *started.lock().unwrap_or_else(PoisonError::into_inner);
        Some(self.used + (self.clock)().saturating_sub(started))
    }

    /// Begins a slice when it goes on.
    pub(crate) fn resume(&mut self) {
        let slice = self.later_slice.get_or_insert_default();
        *slice.lock().unwrap_or_else(PoisonError::into_inner) = (self.clock)();
    }
}

/// Lets other tasks run once, and notes when the event goes on.
pub(crate) type NextSlice = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn next_slice(slice: Arc<Mutex<Duration>>, clock: fn() -> Duration) {
    // A task that yields this way, unlike one that wakes itself, runs again only after tokio has polled the
    // sockets, so messages of other connections do not wait behind it. With four events that compute on
    // two workers, the p99 of an echo is 3 to 6 ms; it was 53 otherwise (measured).
    tokio::task::yield_now().await;
    *slice.lock().unwrap_or_else(PoisonError::into_inner) = clock();
}

/// Memory of an event that does not count towards the limit for all. Most events hold no more, and so write
/// to no memory that all cores share.
const FREE_BYTES: usize = 64 << 10;

/// The memory of one event: its linear memory, and what the host holds for it.
pub struct MemoryBudget {
    limit: usize,
    /// The linear memory at the start of the event.
    first: usize,
    /// The present size of the linear memory.
    linear: usize,
    /// Bytes that the host holds: effects, and results for the guest.
    held: usize,
    /// What counts towards the limit for all events, once the event holds more than [`FREE_BYTES`].
    share: Option<Share>,
    /// Set when the linear memory could not grow. The event has exceeded its limit then, even if JavaScript
    /// catches the error.
    denied: Option<OverBudget>,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> MemoryBudget {
        MemoryBudget { limit, first: 0, linear: 0, held: 0, share: None, denied: None }
    }

    /// Sets the linear memory at the start of the event.
    pub(crate) fn begin_with(&mut self, linear: usize) {
        (self.first, self.linear) = (linear, linear);
    }

    /// Sets how many bytes the host holds for the event.
    ///
    /// # Errors
    /// When the event is over its limit, or all events together are over theirs.
    pub(crate) fn hold(&mut self, held: usize, all: &Arc<Pool>) -> Result<(), OverBudget> {
        self.change(self.linear, held, all)
    }

    /// Checks that the host may hold `more` bytes.
    ///
    /// # Errors
    /// When the event would be over its limit.
    pub(crate) fn has_room_for(&self, more: usize) -> Result<(), OverBudget> {
        let sum = self.linear.saturating_add(self.held).saturating_add(more);
        if sum > self.limit { Err(OverBudget::Memory) } else { Ok(()) }
    }

    /// Whether the linear memory may grow to `desired` bytes. If not, the event fails.
    pub(crate) fn may_grow(&mut self, desired: usize, all: &Arc<Pool>) -> bool {
        let changed = self.change(desired, self.held, all);
        self.denied = self.denied.or(changed.err());
        changed.is_ok()
    }

    /// Counts all memory of the event towards the limit for all events, also the free bytes: before the
    /// event waits for something that may take long.
    ///
    /// # Errors
    /// When all events together are over their limit.
    pub fn count_all(&mut self, all: &Arc<Pool>) -> Result<(), OverBudget> {
        self.share.get_or_insert_with(|| all.share());
        self.change(self.linear, self.held, all)
    }

    fn change(&mut self, linear: usize, held: usize, all: &Arc<Pool>) -> Result<(), OverBudget> {
        if linear.saturating_add(held) > self.limit {
            return Err(OverBudget::Memory);
        }
        let counted = linear.saturating_sub(self.first) + held;
        if counted > FREE_BYTES || self.share.is_some() {
            let share = self.share.get_or_insert_with(|| all.share());
            if !share.resize(counted) {
                return Err(OverBudget::EventMemory);
            }
        }
        (self.linear, self.held) = (linear, held);
        Ok(())
    }

    /// The limit that did not let the linear memory grow.
    pub(crate) fn denied(&self) -> Option<OverBudget> {
        self.denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn an_event_with_little_memory_does_not_count_towards_the_limit_for_all() {
        let all = Pool::new(MIB);
        let mut budget = MemoryBudget::new(4 * MIB);
        budget.begin_with(2 * MIB);
        assert_eq!(budget.hold(FREE_BYTES, &all), Ok(()));
        assert_eq!(all.held(), 0);
        assert_eq!(budget.hold(FREE_BYTES + 1, &all), Ok(()));
        assert_eq!(all.held(), FREE_BYTES + 1);
        drop(budget);
        assert_eq!(all.held(), 0);
        let mut budget = MemoryBudget::new(4 * MIB);
        assert_eq!(budget.hold(10, &all).and_then(|()| budget.count_all(&all)), Ok(()));
        assert_eq!(all.held(), 10, "all of an event that waits for the disk counts");
    }

    #[test]
    fn events_together_hold_no_more_than_their_limit() {
        let all = Pool::new(3 * MIB);
        let (mut one, mut two) = (MemoryBudget::new(8 * MIB), MemoryBudget::new(8 * MIB));
        one.begin_with(MIB);
        assert!(one.may_grow(2 * MIB, &all));
        assert_eq!(two.hold(2 * MIB, &all), Ok(()));
        assert_eq!(two.hold(2 * MIB + 1, &all), Err(OverBudget::EventMemory));
        assert!(!one.may_grow(3 * MIB, &all));
        assert_eq!(one.denied(), Some(OverBudget::EventMemory));
        drop(two);
        assert!(one.may_grow(4 * MIB, &all), "there is room again");
        assert_eq!(one.hold(5 * MIB, &all), Err(OverBudget::Memory), "its own limit comes first");
    }
}
