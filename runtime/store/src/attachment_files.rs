//! Writes attachment files, one event after the other, on a thread of its own.
//!
//! A file is first written under a temporary name, then renamed. An event with several is committed in the
//! database before ([`state`](crate::state)). With `--fsync always` the jobs that arrive meanwhile are done
//! together, so that they share the wait for the disk. Jobs are done in the order they were sent, and each
//! commit has a [`Version`]: so disk and memory agree on which of two events has written an attachment last.

mod job;
mod writer;

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_files::own_folder::OwnFolder;

use self::job::Job;
pub use self::job::{Adopted, Adoption, Committed, Entry, Owner, file_bytes};
pub(crate) use self::job::{CommittedFile, Redone, encode};
use self::writer::Writer;
use crate::backup_error::BackupError;
use crate::disk::files_snapshot::FilesSnapshot;
use crate::disk::folder::Folder;
use crate::disk::format::Header;
use crate::error::{AdoptError, CommitError};
use crate::fsync::Fsync;
use crate::health::Health;

/// The attachment files of one durable folder. A clone is the same thread.
#[derive(Clone)]
pub struct AttachmentFiles {
    folder: Arc<Folder>,
    health: Arc<Health>,
    jobs: mpsc::Sender<Job>,
}

const STOPPED: &str = "the thread that writes attachments does not panic";

impl AttachmentFiles {
    /// Opens `<dir>/ws`, removes temporary files that a crash has left there, and starts the thread.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        max_attachment_size: usize,
    ) -> io::Result<AttachmentFiles> {
        let folder = Arc::new(Folder::open(durable)?);
        let swept = folder.sweep()?;
        if swept > 0 {
            tracing::info!(files = swept, "removed temporary files that a crash had left");
        }
        let (jobs, queue) = mpsc::channel();
        let health = Arc::<Health>::default();
        let writer =
            Writer::new(Arc::clone(&folder), Arc::clone(&health), fsync, max_attachment_size);
        thread::Builder::new().name("zigttp-disk".to_owned()).spawn(move || writer.work(&queue))?;
        Ok(AttachmentFiles { folder, health, jobs })
    }

    /// Writes the only value of an event. Like every job, it is queued when this returns, and is finished, `then`
    /// included, even if the future is dropped.
    pub fn commit<F: FnOnce(Version) + Send + 'static>(
        &self,
        entry: Entry,
        then: F,
    ) -> impl Future<Output = Result<(), CommitError>> + use<F> {
        let (done, result) = oneshot::channel();
        self.send(Job::Commit { entry, then: Box::new(then), done });
        async { result.await.expect(STOPPED) }
    }

    /// Reads a file that its connection has left, after all that was sent before.
    pub fn read(
        &self,
        id: ConnectionId,
    ) -> impl Future<Output = Result<(Header, Value), AdoptError>> + use<> {
        let (done, result) = oneshot::channel();
        self.send(Job::Read { id, done });
        async { result.await.expect(STOPPED) }
    }

    /// Gives a file that its connection has left to another connection. `then` gets its value.
    pub fn adopt<F: FnOnce(Adopted) + Send + 'static>(
        &self,
        adoption: Adoption,
        then: F,
    ) -> impl Future<Output = Result<(), AdoptError>> + use<F> {
        let (done, result) = oneshot::channel();
        self.send(Job::Adopt { adoption, then: Box::new(then), done });
        async { result.await.expect(STOPPED) }
    }

    /// Writes and removes the files of an event that is committed in the database. `then` is called on the
    /// thread, also when some could not be written.
    pub(crate) fn redo(
        &self,
        files: Vec<CommittedFile>,
        then: impl FnOnce(Redone) + Send + 'static,
    ) {
        self.send(Job::Redo { files, then: Box::new(then) });
    }

    /// Writes a file as large as those that could not be written, and removes it. `then` is called if it was written.
    pub(crate) fn try_write(&self, then: impl FnOnce() + Send + 'static) {
        self.send(Job::Try(Box::new(then)));
    }

    /// Keeps all files as they are behind the jobs that were sent before, for a backup.
    pub(crate) fn keep(
        &self,
        then: impl FnOnce(Result<FilesSnapshot, BackupError>) + Send + 'static,
    ) {
        self.send(Job::Keep(Box::new(then)));
    }

    /// Whether the durable folder can be written.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The folder, for reading.
    pub fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    fn send(&self, job: Job) {
        self.jobs.send(job).expect(STOPPED);
    }
}

#[cfg(test)]
mod tests {
    use zigttp_files::own_folder::Others;

    use super::*;

    /// As when an operator disconnects, or the server ends.
    #[test]
    fn a_job_is_finished_even_if_its_future_is_dropped() {
        let folder = format!("zigttp-attachment-files-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let durable = OwnFolder::make(&folder, Others::MayRead).expect("writable");
        let files = AttachmentFiles::open(&durable, Fsync::Never, 1000).expect("writable");
        let id = ConnectionId::from_number;
        let owner = || Owner {
            url: "/room?x".into(),
            room: None,
            opened: None,
            joined: Vec::new(),
            browser: None,
            written: 7,
        };
        let (sender, results) = mpsc::channel();

        let entry = Entry { id: id(1), owner: owner(), value: Value::text("kept") };
        let first = sender.clone();
        drop(files.commit(entry, move |version| {
            first.send((Value::text(""), version)).expect("the test waits");
        }));
        let adoption = Adoption { prior: id(1), new: id(2), owner: owner() };
        drop(files.adopt(adoption, move |Adopted { value, version }| {
            sender.send((value, version)).expect("the test waits");
        }));

        let (_, committed) = results.recv().expect("the commit is finished");
        let (value, adopted) = results.recv().expect("the adoption is finished");
        assert_eq!(value, Value::text("kept"));
        assert!(adopted > committed);
        assert_eq!(files.folder().ids().expect("readable"), [id(2)]);
        let (header, _bytes) = files.folder().read_header(id(2)).expect("whole");
        assert_eq!((&*header.room, &*header.url), ("/room", "/room?x"));
        std::fs::remove_dir_all(folder).expect("ours to remove");
    }
}
