//! The database as it was at one moment, for a backup.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::backup_error::BackupError;
use crate::disk::files_snapshot::FilesSnapshot;
use crate::state::database::file::{DatabaseFile, signed, upgrade};
use crate::state::database::{rows, signal_rows};

/// Pages that are copied at once.
const PAGES: i32 = 1000;

/// What the attachment files' thread has kept, or why it could not.
pub(crate) type Kept = Result<FilesSnapshot, BackupError>;

/// All of a durable directory at one moment. While it is there the log is not emptied.
pub struct StateSnapshot {
    /// In a transaction that reads.
    connection: Connection,
    file: Arc<DatabaseFile>,
    files: Receiver<Kept>,
    /// `store/parked.ndjson`, and the bytes that it had.
    pub(crate) parked: Option<(File, u64)>,
}

impl StateSnapshot {
    pub(crate) fn new(
        file: &Arc<DatabaseFile>,
        files: Receiver<Kept>,
    ) -> Result<Self, BackupError> {
        let connection = file.reader().map_err(BackupError::Database)?;
        rows::begin_read(&connection)?;
        // The first read decides which state is read.
        signal_rows::reserved(&connection)?;
        let parked = file.parked()?;
        file.begin_snapshot();
        Ok(StateSnapshot { connection, file: Arc::clone(file), files, parked })
    }

    pub(crate) fn take_files(&mut self) -> Kept {
        self.files.recv().map_err(|_| BackupError::Stopped)?
    }

    /// How many rooms have state, and how many signals and timers are stored.
    pub(crate) fn counts(&self) -> Result<(u64, u64), BackupError> {
        let (rooms, _bytes) = rows::all_rooms(&self.connection)?;
        Ok((rooms, signal_rows::counts(&self.connection)?.0))
    }

    /// Copies the database to an empty file.
    pub(crate) fn copy_database(
        &self,
        to: &Path,
        mut goes_on: impl FnMut(u64) -> bool,
    ) -> Result<(), BackupError> {
        let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        let page: u32 = self.connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let backup = Backup::new(&self.connection, &mut copy)?;
        loop {
            let step = backup.step(PAGES)?;
            let progress = backup.progress();
            let copied = u64::try_from(progress.pagecount - progress.remaining).unwrap_or(0);
            if !goes_on(copied * u64::from(page)) {
                return Err(BackupError::Cancelled);
            }
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        drop(backup);
        // Without a log the copy is one file.
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_row| Ok(()))?;
        copy.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}

impl Drop for StateSnapshot {
    fn drop(&mut self) {
        rows::roll_back(&self.connection);
        self.file.end_snapshot();
    }
}

/// What SQLite's integrity check finds in a copy, if it finds anything.
pub(crate) fn integrity_problem(path: &Path) -> Result<Option<String>, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// Raises the number of signals in a copy, and parks or removes those that it has. Its streams are interrupted by the
/// server that serves it, or removed with the signals.
pub(crate) fn change_restored(
    connection: &Connection,
    parks: bool,
    drops: bool,
    raise: u64,
) -> rusqlite::Result<()> {
    upgrade(connection)?;
    let signals = match (parks, drops) {
        (_, true) => {
            "DELETE FROM signal; DELETE FROM stream; UPDATE room SET timers = 0, sent = 0, signal_bytes = 0;
             DELETE FROM room WHERE keys = 0;"
        }
        // Runs of schedules are planned anew by the server that serves the handler.
        (true, false) => {
            "DELETE FROM signal WHERE is_timer = 2 AND data IS NOT NULL;
             UPDATE signal SET is_parked = 1; UPDATE room SET sent = 0;"
        }
        (false, false) => "",
    };
    let raise = signed(raise);
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; UPDATE signal_number SET last = last + {raise}; {signals} COMMIT;"
    ))
}
