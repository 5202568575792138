//! A durable folder for a test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use zigttp_files::own_folder::{Others, OwnFolder};

use crate::attachment_files::AttachmentFiles;
use crate::disk;
use crate::fsync::Fsync;
use crate::state::error::OpenStateError;
use crate::state::limits::StateLimits;
use crate::state::states::States;
use crate::state::survey::Survey;

/// A folder that is removed in the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zigttp-state-{}-{count}", std::process::id());
        let path = std::env::temp_dir().canonicalize().expect("there is one").join(name);
        OwnFolder::make(&path, Others::MayRead).expect("it can be made");
        Folder(path)
    }

    pub(super) fn open(&self, limits: StateLimits) -> States {
        self.try_open(Fsync::Never, limits).expect("the database opens")
    }

    pub(super) fn try_open(
        &self,
        fsync: Fsync,
        limits: StateLimits,
    ) -> Result<States, OpenStateError> {
        States::open(&self.durable(), fsync, limits, &self.files(fsync))
    }

    pub(super) fn open_beside(
        &self,
        files: &AttachmentFiles,
        limits: StateLimits,
    ) -> Result<States, OpenStateError> {
        States::open(&self.durable(), Fsync::Never, limits, files)
    }

    pub(super) fn files(&self, fsync: Fsync) -> AttachmentFiles {
        AttachmentFiles::open(&self.durable(), fsync, 1 << 20).expect("it opens")
    }

    /// The attachment files as another process sees them.
    pub(super) fn attachments(&self) -> disk::folder::Folder {
        disk::folder::Folder::open_existing(&self.durable()).expect("it is there")
    }

    /// The attachment file of a connection.
    pub(super) fn attachment(&self, id: u64) -> PathBuf {
        self.0.join(format!("ws/{id}.att"))
    }

    fn durable(&self) -> OwnFolder {
        OwnFolder::open(&self.0, Others::MayRead).expect("it is there")
    }

    /// The database's file.
    pub(super) fn file(&self) -> PathBuf {
        self.0.join("store/state.db")
    }

    /// The file of parked signals that are too many.
    pub(super) fn parked(&self) -> PathBuf {
        self.0.join("store/parked.ndjson")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("store/state.db-wal")
    }

    /// The database as an operator reads it.
    pub(super) fn survey(&self) -> Survey {
        Survey::open(&self.0).expect("the database opens")
    }

    /// A connection beside the server's.
    pub(super) fn connect(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).expect("the database opens")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
