//! What can go wrong with a backup.

use std::io;

use crate::state::error::{DatabaseError, OpenStateError};

/// A backup cannot be made, is not whole, or cannot be restored. What there was before is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Open(#[from] OpenStateError),
    #[error("cannot copy `store/state.db`")]
    Database(#[source] DatabaseError),
    /// The server stops.
    #[error("the server stops")]
    Stopped,
    /// One backup at a time reads the attachments.
    #[error("another backup of it is being made")]
    Busy,
    /// Who wanted it has gone.
    #[error("it was given up")]
    Cancelled,
    #[error("it has no manifest.json: it is no backup, or a torn one")]
    NoManifest,
    #[error("`{what}` in it is damaged: its checksum does not match")]
    Damaged { what: String },
    /// The copy is what was read, and that was damaged.
    #[error("the integrity check of `store/state.db` in it has found: {found}")]
    Integrity { found: String },
    #[error(
        "it has version {found}, and this program knows versions up to {known}: a later version of zigttp \
         has made it"
    )]
    Newer { found: u32, known: u32 },
    /// The directory is not new.
    #[error("it is not empty")]
    NotEmpty,
    /// There are not enough ids left to be sure that none comes again.
    #[error("too few connection ids are left to raise their mark")]
    NoIds,
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> BackupError {
        BackupError::Database(error.into())
    }
}
