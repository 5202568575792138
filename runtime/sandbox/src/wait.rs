//! What a run waits for.

use std::time::Duration;

use crate::journal::EntryId;

/// What a run waits for.
#[derive(Debug)]
pub struct Wait {
    /// The questions that have no answer yet: those of the journal.
    pub questions: Vec<EntryId>,
    /// When the earliest timer is due, since the event began.
    pub timer: Option<Duration>,
}
