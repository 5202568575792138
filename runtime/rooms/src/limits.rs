//! Limits of events, and what happens to a connection when one throws.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use zigttp_sandbox::pool::Pool;

/// What happens to a connection when one of its events throws. The event has no effect in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It stays open.
    Keep,
    /// It is closed with 1011.
    Close,
}

/// How much may wait for the outside.
pub struct WaitLimits {
    /// Most events at a time.
    pub events: usize,
    /// What they hold together: their inputs and answers.
    pub bytes: Arc<Pool>,
    /// Longest wait for a timer alone.
    pub longest_timer: Duration,
    /// A permit for each computation that may run at a time.
    pub computations: Arc<Semaphore>,
}
