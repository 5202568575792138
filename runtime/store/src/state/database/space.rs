//! How much space is left where the database is.

use std::sync::Arc;

use crate::state::database::file::DatabaseFile;
use crate::state::error::CommitStateError;

/// Bytes that are written between two looks at the file system, while there is space.
const STEP: u64 = 4 << 20;

/// Looks now and then how much space is left.
pub(crate) struct Space {
    file: Arc<DatabaseFile>,
    least: u64,
    free: u64,
    written: u64,
}

impl Space {
    pub(crate) fn new(file: Arc<DatabaseFile>, least: u64) -> Space {
        let mut space = Space { file, least, free: 0, written: 0 };
        space.look();
        space
    }

    /// To be called before so many bytes are written.
    pub(crate) fn before(&mut self, bytes: u64) {
        self.written += bytes;
        // As soon as there is space again, events are committed again.
        if self.written >= STEP || self.free < self.least {
            self.look();
        }
    }

    /// The error of events that would grow their room.
    pub(crate) fn problem(&self) -> Option<CommitStateError> {
        let (free, least) = (self.free, self.least);
        (free < least).then_some(CommitStateError::DiskFull { free, least })
    }

    fn look(&mut self) {
        self.written = 0;
        self.free = self.file.free_bytes().unwrap_or_else(|error| {
            tracing::error!(%error, "cannot see how much space is left for `store/state.db`");
            u64::MAX
        });
    }
}
