//! What one event may use: CPU time, and memory, of which all events together have a bound too.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::pool::{Pool, Share};

/// A bound an event ran into. Ends it; nothing it did takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    #[error("the event used up its CPU time")]
    Cpu,
    #[error("the event used up its memory")]
    Memory,
    #[error("the events that run together used up --max-event-memory")]
    EventMemory,
}

/// Most that a first slice counts for. The ticker ends it after a millisecond or little more.
const LONGEST_FIRST_SLICE: Duration = Duration::from_millis(5);

/// Measures the slices an event runs in; the time it waits between them is not its own, and neither
/// is the time its thread waits for a core: on a machine with more to do than cores, that ended
/// events that had hardly begun (seen at a load of 14 on two cores).
pub(crate) struct CpuBudget {
    limit: Duration,
    /// Of the slices before the present one.
    used: Duration,
    /// When the event, and so its first slice, began, by the wall clock. The thread's clock is a system
    /// call, which events that are over within one slice, nearly all, are spared.
    began: Instant,
    /// The thread's clock at the start of the present slice, once there was an earlier one. Shared
    /// with [`next_slice`], because the store is out of reach while its event is suspended.
    later_slice: Option<Arc<Mutex<Duration>>>,
    /// CPU time of the present thread.
    clock: fn() -> Duration,
}

impl CpuBudget {
    /// Starts the first slice.
    pub(crate) fn start(limit: Duration, began: Instant, clock: fn() -> Duration) -> CpuBudget {
        CpuBudget { limit, used: Duration::ZERO, began, later_slice: None, clock }
    }

    /// Ends a slice; the future suspends the event until the next one begins.
    ///
    /// # Errors
    /// When the slices so far are over the limit.
    pub(crate) fn end_slice(&mut self, now: Instant) -> Result<NextSlice, OverBudget> {
        self.used += match &self.later_slice {
            Some(started) => (self.clock)()
                .saturating_sub(*started.lock().unwrap_or_else(PoisonError::into_inner)),
            None => now.saturating_duration_since(self.began).min(LONGEST_FIRST_SLICE),
        };
        if self.used > self.limit {
            return Err(OverBudget::Cpu);
        }
        let slice = self.later_slice.get_or_insert_default();
        Ok(Box::pin(next_slice(Arc::clone(slice), self.clock)))
    }
}

/// Gives way to other tasks once, and notes when the event goes on.
pub(crate) type NextSlice = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn next_slice(slice: Arc<Mutex<Duration>>, clock: fn() -> Duration) {
    // Not by waking itself: tokio polls sockets before it comes back to a task that has yielded
    // this way, so what other connections sent meanwhile is not behind it. With four events that
    // compute on two workers, the p99 of an echo was 53 ms otherwise, and is 3 to 6 (measured).
    tokio::task::yield_now().await;
    *slice.lock().unwrap_or_else(PoisonError::into_inner) = clock();
}

/// What an event may hold without counting against what all may hold together: most hold no more, and
/// touch nothing that others touch.
const FREE_BYTES: usize = 64 << 10;

/// Linear memory of one event plus what the host holds for it.
pub struct MemoryBudget {
    limit: usize,
    /// Linear memory that its instance began with.
    first: usize,
    /// Present size of the linear memory.
    linear: usize,
    /// Bytes held by collected effects and by answers.
    held: usize,
    /// What of all that counts against what all events may hold together, once it is more than a little.
    share: Option<Share>,
    /// A growth was denied. The event is over budget even if JavaScript caught its error.
    denied: Option<OverBudget>,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> MemoryBudget {
        MemoryBudget { limit, first: 0, linear: 0, held: 0, share: None, denied: None }
    }

    /// Accounts for the memory of an instance that was there before the event.
    pub(crate) fn begin_with(&mut self, linear: usize) {
        (self.first, self.linear) = (linear, linear);
    }

    /// Accounts for what the host holds for the event by now.
    ///
    /// # Errors
    /// When that and the linear memory are over the limit, or all events together are over theirs.
    pub(crate) fn hold(&mut self, held: usize, all: &Arc<Pool>) -> Result<(), OverBudget> {
        self.change(self.linear, held, all)
    }

    /// Whether the host could hold so much more.
    ///
    /// # Errors
    /// When it could not.
    pub(crate) fn has_room_for(&self, more: usize) -> Result<(), OverBudget> {
        let sum = self.linear.saturating_add(self.held).saturating_add(more);
        if sum > self.limit { Err(OverBudget::Memory) } else { Ok(()) }
    }

    /// Whether the linear memory may grow. If not, the event has ended.
    pub(crate) fn may_grow(&mut self, desired: usize, all: &Arc<Pool>) -> bool {
        let changed = self.change(desired, self.held, all);
        self.denied = self.denied.or(changed.err());
        changed.is_ok()
    }

    /// Counts all that is held against what all events may hold together, also if it is little: before
    /// the event waits for something of which there is no telling how long it takes.
    ///
    /// # Errors
    /// When that is more than there is.
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

    /// The bound that a growth was denied for.
    pub(crate) fn denied(&self) -> Option<OverBudget> {
        self.denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn an_event_that_holds_little_touches_nothing_of_what_all_share() {
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
        assert_eq!(all.held(), 10, "one that waits for the disk counts whole");
    }

    #[test]
    fn events_hold_no_more_together_than_there_is() {
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
        assert_eq!(one.hold(5 * MIB, &all), Err(OverBudget::Memory), "its own limit is the nearer");
    }
}
