//! What one event may use: CPU time and memory.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

/// A bound an event ran into. Ends it; nothing it did takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverBudget {
    #[error("the event used up its CPU time")]
    Cpu,
    #[error("the event used up its memory")]
    Memory,
}

/// Measures the slices an event runs in; the time it waits between them is not its own.
pub(crate) struct CpuBudget {
    limit: Duration,
    /// Of the slices before the present one.
    used: Duration,
    first_slice: Instant,
    /// Start of the present slice, once there was an earlier one. Shared with [`NextSlice`],
    /// because the store is out of reach while its event is suspended.
    later_slice: Option<Arc<Mutex<Instant>>>,
}

impl CpuBudget {
    /// Starts the first slice.
    pub(crate) fn start(limit: Duration) -> CpuBudget {
        CpuBudget { limit, used: Duration::ZERO, first_slice: Instant::now(), later_slice: None }
    }

    /// Ends a slice; the future suspends the event until the next one begins.
    ///
    /// # Errors
    /// When the slices so far are over the limit.
    pub(crate) fn end_slice(&mut self) -> Result<NextSlice, OverBudget> {
        let started = match &self.later_slice {
            Some(slice) => *slice.lock().unwrap_or_else(PoisonError::into_inner),
            None => self.first_slice,
        };
        self.used += started.elapsed();
        if self.used > self.limit {
            return Err(OverBudget::Cpu);
        }
        let slice = self.later_slice.get_or_insert_with(|| Arc::new(Mutex::new(started)));
        Ok(NextSlice { slice: Arc::clone(slice), has_yielded: false })
    }
}

/// Gives way to other tasks once, and notes when the event goes on.
pub(crate) struct NextSlice {
    slice: Arc<Mutex<Instant>>,
    has_yielded: bool,
}

impl Future for NextSlice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            *self.slice.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            return Poll::Ready(());
        }
        self.has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Linear memory of one event plus what its effects hold.
pub(crate) struct MemoryBudget {
    limit: usize,
    /// Present size of the linear memory.
    linear: usize,
    /// Bytes held by collected effects and host-side answers.
    held: usize,
    /// A growth was denied. The event is over budget even if JavaScript caught its error.
    is_denied: bool,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> MemoryBudget {
        MemoryBudget { limit, linear: 0, held: 0, is_denied: false }
    }

    /// Accounts for the memory of an instance that was there before the event.
    pub(crate) fn begin_with(&mut self, linear: usize) {
        self.linear = linear;
    }

    /// Accounts for what the host holds for the event by now.
    ///
    /// # Errors
    /// When that and the linear memory are over the limit.
    pub(crate) fn hold(&mut self, held: usize) -> Result<(), OverBudget> {
        self.held = held;
        if self.linear.saturating_add(held) > self.limit {
            return Err(OverBudget::Memory);
        }
        Ok(())
    }

    /// Whether a growth was denied.
    pub(crate) fn is_denied(&self) -> bool {
        self.is_denied
    }
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_allowed = desired.saturating_add(self.held) <= self.limit
            && maximum.is_none_or(|maximum| desired <= maximum);
        if is_allowed {
            self.linear = desired;
        } else {
            self.is_denied = true;
        }
        Ok(is_allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The engine's table is fixed; this only bounds what a hand-made module may declare.
        Ok(desired <= 20_000 && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
