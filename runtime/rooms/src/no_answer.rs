//! Why an event that somebody waits for has no answer.

use zigttp_sandbox::failure::Failure;

/// Why there is none.
pub enum NoAnswer {
    /// As many events run as may.
    Busy,
    /// It failed, and that has been logged.
    Failed(Failure),
    /// A bug of ours has ended it.
    Panicked,
}

impl NoAnswer {
    pub fn is_busy(&self) -> bool {
        matches!(self, NoAnswer::Busy)
    }
}
