//! Gives all free space back to the file system, a part at a time, so that events are committed in between.

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::state::database::checkpoints::Checkpoints;
use crate::state::database::file::DatabaseFile;
use crate::state::database::tidying;
use crate::state::error::CommitStateError;
use crate::state::totals::Compacted;

/// By which who waits for a compaction hears of its end.
pub(crate) type DoneCompacting = oneshot::Sender<Result<Compacted, CommitStateError>>;

/// The operators that wait until all free space is given back.
#[derive(Default)]
pub(super) struct Compactions(Vec<Compaction>);

struct Compaction {
    /// What the database and its log took when it began.
    before: u64,
    done: DoneCompacting,
}

impl Compactions {
    pub(super) fn add(&mut self, file: &DatabaseFile, done: DoneCompacting) {
        self.0.push(Compaction { before: file.bytes(), done });
    }

    pub(super) fn has_work(&self) -> bool {
        !self.0.is_empty()
    }

    /// Gives some free space back, if somebody waits for it. When there is none left this empties the log, by which
    /// the file shrinks, and tells those who wait. Returns whether it has emptied the log.
    pub(super) fn advance(
        &mut self,
        connection: &Connection,
        checkpoints: &Checkpoints,
        file: &DatabaseFile,
    ) -> bool {
        // Some may have gone.
        self.0.retain(|compaction| !compaction.done.is_closed());
        if self.0.is_empty() {
            return false;
        }
        let result = match tidying::shrink_whole(connection) {
            Ok(true) => {
                checkpoints.wake();
                return false;
            }
            Ok(false) => {
                checkpoints.empty_log();
                Ok(())
            }
            Err(error) => Err(CommitStateError::from(error)),
        };
        let after = file.bytes();
        for Compaction { before, done } in self.0.drain(..) {
            // The receiver may have gone.
            let _ = done.send(result.clone().map(|()| Compacted { before, after }));
        }
        result.is_ok()
    }
}
