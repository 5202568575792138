//! How much space is left where the database is.

use std::sync::Arc;

use rusqlite::Connection;

use crate::state::database::file::{DatabaseFile, unsigned};
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;

/// Bytes that are written between two looks at the file system, while there is space.
const STEP: u64 = 4 << 20;

/// What a transaction may take beside its bytes: pages that are split.
const PAGES: u64 = 4;

/// Looks now and then how much space is left.
pub(crate) struct Space {
    file: Arc<DatabaseFile>,
    limits: StateLimits,
    free: u64,
    written: u64,
    /// Bytes of the largest transaction for which there was no space.
    lacking: u64,
}

impl Space {
    pub(crate) fn new(file: Arc<DatabaseFile>, limits: StateLimits) -> Space {
        let mut space = Space { file, limits, free: 0, written: 0, lacking: 0 };
        space.look();
        space
    }

    /// To be called before so many bytes are written.
    pub(crate) fn before(&mut self, bytes: u64) {
        self.written += bytes;
        // As soon as there is space again, events are committed again.
        if self.written >= STEP || self.free < self.limits.free_bytes {
            self.look();
        }
    }

    /// The error of events that would grow their room.
    pub(crate) fn problem(&self) -> Option<CommitStateError> {
        let (free, least) = (self.free, self.limits.free_bytes);
        (free < least).then_some(CommitStateError::DiskFull { free, least })
    }

    /// There was no space for a transaction of so many bytes. Returns the error if it is for the limit of the file.
    pub(crate) fn lacks(
        &mut self,
        connection: &Connection,
        bytes: u64,
    ) -> Option<CommitStateError> {
        self.lacking = self.lacking.max(bytes);
        let most = self.limits.file_bytes?;
        let file = Pages::of(connection).ok()?;
        let is_full = file.spare() < file.needed(bytes);
        is_full.then(|| CommitStateError::FileFull { bytes, most })
    }

    /// Whether there is space again for what there was none.
    pub(crate) fn is_back(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        self.look();
        let file = Pages::of(connection)?;
        let needed = file.needed(self.lacking);
        let has_pages = self.limits.file_bytes.is_none() || file.spare() >= needed;
        let is_back = has_pages && self.problem().is_none() && self.free >= needed * file.bytes;
        if is_back {
            self.lacking = 0;
        }
        Ok(is_back)
    }

    fn look(&mut self) {
        self.written = 0;
        self.free = self.file.free_bytes().unwrap_or_else(|error| {
            tracing::error!(%error, "cannot see how much space is left for `store/state.db`");
            u64::MAX
        });
    }
}

/// The pages of the database's file.
struct Pages {
    bytes: u64,
    count: u64,
    free: u64,
    most: u64,
}

impl Pages {
    fn of(connection: &Connection) -> rusqlite::Result<Pages> {
        let read = |pragma| {
            connection.prepare_cached(pragma)?.query_row([], |row| row.get(0)).map(unsigned)
        };
        Ok(Pages {
            bytes: read("PRAGMA page_size")?.max(1),
            count: read("PRAGMA page_count")?,
            free: read("PRAGMA freelist_count")?,
            most: read("PRAGMA max_page_count")?,
        })
    }

    /// Pages that the file has for what is new, or may still get.
    fn spare(&self) -> u64 {
        self.most.saturating_sub(self.count) + self.free
    }

    fn needed(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.bytes) + PAGES
    }
}
