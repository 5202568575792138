//! Backups of a durable directory that no server uses; [`control`](super::control) asks a server for its own.

use std::path::Path;

use zigttp_store::backup::manifest::Manifest;
use zigttp_store::backup::take::take;
use zigttp_store::backup_error::BackupError;
use zigttp_store::dir;

use crate::operator::storage::{StorageWriteError, Unused};

/// Why a directory cannot be backed up that no server uses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeBackupError {
    #[error(transparent)]
    Directory(#[from] StorageWriteError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// There is nothing that could be backed up.
    #[error("no server has used it")]
    NotUsed,
}

/// Copies a directory that no server uses to a new folder.
///
/// # Errors
/// See [`TakeBackupError`].
pub async fn take_backup(
    dir: &Path,
    with_resume_key: bool,
    now: u64,
    new: &Path,
) -> Result<Manifest, TakeBackupError> {
    let looked = dir::look_into(dir).map_err(StorageWriteError::Directory)?;
    if looked.status("lock").is_err() {
        return Err(TakeBackupError::NotUsed);
    }
    let storage = Unused::open(dir)?;
    let moment = storage.states.snapshot().await?.expect("there is a directory");
    Ok(take(moment, storage.folder(), with_resume_key, now, new, |_copied| true)?)
}
