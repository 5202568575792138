//! The thread that writes attachment files.

use std::io;
use std::sync::{Arc, mpsc};

use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;

use super::job::{Adopted, Adoption, CommittedFile, Entry, Job, Redone, Reply, Then, encode};
use crate::backup_error::BackupError;
use crate::disk::files_snapshot::FilesSnapshot;
use crate::disk::folder::{Folder, ReadError, temporary_name};
use crate::disk::format::{self, Header};
use crate::error::{AdoptError, CommitError};
use crate::failpoint;
use crate::fsync::Fsync;
use crate::health::{Health, Part};
use crate::replaced_files::{Backup, ReplacedFiles};
use crate::version::Versions;

/// Most jobs that are done together.
const MAX_BATCH: usize = 256;

/// What undoes an adoption.
struct Undo {
    prior: ConnectionId,
    new: ConnectionId,
    /// The file as it was.
    bytes: Vec<u8>,
}

/// An event's file under its temporary name.
struct Written {
    id: ConnectionId,
    temporary: String,
}

/// The state of the thread.
pub(super) struct Writer {
    folder: Arc<Folder>,
    health: Arc<Health>,
    /// The length of the longest file that could not be written.
    lacking: usize,
    replaced: ReplacedFiles,
    syncs: bool,
    /// The limit for attachments that are given to another connection.
    max_attachment_size: usize,
    /// The number in the last temporary name.
    number: u64,
    versions: Versions,
}

impl Writer {
    pub(super) fn new(
        folder: Arc<Folder>,
        health: Arc<Health>,
        fsync: Fsync,
        max_attachment_size: usize,
    ) -> Writer {
        Writer {
            replaced: ReplacedFiles::new(Arc::clone(&folder)),
            folder,
            health,
            lacking: 0,
            syncs: fsync == Fsync::Always,
            max_attachment_size,
            number: 0,
            versions: Versions::default(),
        }
    }

    /// Does jobs until no more can be sent.
    pub(super) fn work(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut batch = vec![first];
            // Without a disk to wait for, a batch would gain nothing.
            while self.syncs
                && batch.len() < MAX_BATCH
                // It keeps what is settled: nothing behind it may be undone.
                && !matches!(batch.last(), Some(Job::Keep(_)))
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            self.do_batch(batch);
        }
    }

    fn do_batch(&mut self, batch: Vec<Job>) {
        let is_settled = self.replaced.retry();
        let prepared: Vec<_> = batch
            .into_iter()
            .map(|job| match job {
                Job::Commit { entry, then, done } => {
                    Prepared::Commit(entry.id, self.prepare(&entry), then, done)
                }
                Job::Read { id, done } => Prepared::Read(id, done),
                Job::Adopt { adoption, then, done } => Prepared::Adopt(adoption, then, done),
                Job::Redo { files, then } => Prepared::Redo(
                    files.into_iter().map(|file| self.prepare_redo(file)).collect(),
                    then,
                ),
                Job::Try(then) => Prepared::Try(self.try_write(), then),
                Job::Keep(then) => Prepared::Keep(then),
            })
            .collect();
        failpoint::reached("written");
        // In the order they were sent, which is the order of the events' commits.
        let mut done: Vec<Done> =
            prepared.into_iter().map(|prepared| self.finish(prepared)).collect();
        let synced = if self.syncs { self.folder.sync() } else { Ok(()) };
        if let Err(error) = &synced {
            tracing::error!(%error, "cannot sync the folder of attachments to the disk");
            self.has_failed(error);
            // The last one first: several may have replaced the same file.
            for done in done.iter_mut().rev() {
                if let Done::Commit(id, Ok((_version, backup)), ..) = done {
                    self.replaced.restore(*id, backup.take());
                }
            }
        }
        let is_synced = || match &synced {
            Ok(()) => Ok(()),
            Err(_told) => Err(io::Error::other("the folder cannot be synced to the disk")),
        };
        for done in done {
            // The receiver may be dropped: the server drops futures when it ends.
            match done {
                Done::Commit(id, result, then, sender) => {
                    let result = result.and_then(|(version, backup)| {
                        is_synced()?;
                        self.replaced.discard(backup);
                        Ok(version)
                    });
                    let result = result.map_err(|source| CommitError { id, source });
                    let _ = sender.send(result.map(then));
                }
                Done::Adopt(Ok((adopted, undo)), then, sender) => {
                    let result = is_synced().map(|()| adopted).map_err(AdoptError::Io);
                    if result.is_err() {
                        self.undo(undo);
                    }
                    let _ = sender.send(result.map(then));
                }
                Done::Adopt(Err(error), _then, sender) => {
                    let _ = sender.send(Err(error));
                }
                Done::Read(result, sender) => {
                    let _ = sender.send(result);
                }
                Done::Redo(mut redone, written, then) => {
                    if synced.is_err() {
                        redone.failed = written;
                    }
                    then(redone);
                }
                Done::Keep(then) if is_settled && synced.is_ok() => {
                    then(FilesSnapshot::of(&self.folder).ok_or(BackupError::Busy));
                }
                Done::Keep(then) => {
                    let why = "attachments in `ws` cannot be written now";
                    then(Err(io::Error::other(why).into()));
                }
                Done::Try(is_written, then) => {
                    if is_written && synced.is_ok() {
                        self.lacking = 0;
                        then();
                    }
                }
            }
        }
    }

    /// Writes an event's file under a temporary name.
    fn prepare(&mut self, Entry { id, owner, value }: &Entry) -> io::Result<Written> {
        self.write(*id, &encode(owner, value))
    }

    fn write(&mut self, id: ConnectionId, bytes: &[u8]) -> io::Result<Written> {
        let temporary = self.temporary(id);
        match self.folder.write(&temporary, bytes, self.syncs) {
            Ok(()) => Ok(Written { id, temporary }),
            Err(error) => {
                self.lacking = self.lacking.max(bytes.len());
                self.folder.discard(&temporary);
                Err(error)
            }
        }
    }

    /// Gives an event's only file its name.
    fn place(&mut self, Written { id, temporary }: &Written) -> io::Result<Backup> {
        let placed = if self.syncs {
            let backup = self.temporary(*id);
            self.replaced.replace(*id, temporary, backup)
        } else {
            self.folder.rename(temporary, *id).map(|()| None)
        };
        if placed.is_err() {
            self.folder.discard(temporary);
        }
        placed
    }

    /// Gives a file of an event that is committed its name.
    fn rename(&mut self, Written { id, temporary }: &Written) -> io::Result<()> {
        let renamed = self.folder.rename(temporary, *id);
        match &renamed {
            Ok(()) => self.replaced.forget(*id),
            Err(_) => self.folder.discard(temporary),
        }
        renamed
    }

    fn finish(&mut self, prepared: Prepared) -> Done {
        match prepared {
            Prepared::Commit(id, written, then, sender) => {
                let placed = written.and_then(|written| self.place(&written));
                match &placed {
                    Ok(_backup) => failpoint::reached("renamed"),
                    Err(error) => self.has_failed(error),
                }
                let done = placed.map(|backup| (self.versions.next(), backup));
                Done::Commit(id, done, then, sender)
            }
            Prepared::Read(id, done) => Done::Read(self.read(id), done),
            Prepared::Adopt(adoption, then, done) => {
                let adopted = self
                    .adopt(&adoption)
                    .map(|(value, undo)| (Adopted { value, version: self.versions.next() }, undo));
                if let Err(AdoptError::Io(error)) = &adopted {
                    self.has_failed(error);
                }
                Done::Adopt(adopted, then, done)
            }
            Prepared::Redo(files, then) => {
                let (redone, ids) = self.redo(files);
                Done::Redo(redone, ids, then)
            }
            Prepared::Try(is_written, then) => Done::Try(is_written, then),
            Prepared::Keep(then) => Done::Keep(then),
        }
    }

    /// Writes a file of an event that is committed under a temporary name.
    fn prepare_redo(&mut self, CommittedFile { id, bytes }: CommittedFile) -> Redo {
        let Some(bytes) = bytes else { return Redo::Remove(id) };
        match self.write(id, &bytes) {
            Ok(written) => Redo::Rename(written),
            Err(error) => Redo::Failed(id, error),
        }
    }

    fn redo(&mut self, files: Vec<Redo>) -> (Redone, Vec<ConnectionId>) {
        let (mut ids, mut failed) = (Vec::with_capacity(files.len()), Vec::new());
        for file in files {
            let (id, result) = match file {
                Redo::Rename(written) => (written.id, self.rename(&written)),
                Redo::Remove(id) => (id, self.folder.remove(id).map(|_was_there| ())),
                Redo::Failed(id, error) => (id, Err(error)),
            };
            if let Err(error) = result {
                tracing::error!(conn = %id, %error, "cannot write or remove an attachment of an event that is committed");
                self.has_failed(&error);
                failed.push(id);
            }
            ids.push(id);
            failpoint::reached("redone");
        }
        (Redone { version: self.versions.next(), failed }, ids)
    }

    /// Gives a file to another connection. It is first written anew with its new owner, then renamed, so
    /// that the browser of the prior connection cannot resume it after the next start. Between the two
    /// steps it belongs only to the prior connection, after them only to the new one.
    fn adopt(
        &mut self,
        Adoption { prior, new, owner }: &Adoption,
    ) -> Result<(Value, Undo), AdoptError> {
        let (old_header, value) = self.read(*prior)?;
        self.replace(*prior, &encode(owner, &value)).map_err(AdoptError::Io)?;
        failpoint::reached("adopting");
        let bytes = format::encode(&old_header, &value);
        if let Err(source) = self.folder.give(*prior, *new) {
            self.give_back(*prior, &bytes);
            return Err(AdoptError::Io(source));
        }
        Ok((value, Undo { prior: *prior, new: *new, bytes }))
    }

    /// Undoes an adoption that may not have reached the disk.
    fn undo(&mut self, Undo { prior, new, bytes }: Undo) {
        if let Err(error) = self.folder.give(new, prior) {
            tracing::error!(conn = %prior, %error, "cannot restore an attachment");
            return;
        }
        self.give_back(prior, &bytes);
    }

    /// Writes a file as it was, so that its prior owner can resume it again.
    fn give_back(&mut self, prior: ConnectionId, bytes: &[u8]) {
        if let Err(error) = self.replace(prior, bytes) {
            tracing::error!(conn = %prior, %error, "cannot restore an attachment");
        }
    }

    fn read(&self, id: ConnectionId) -> Result<(Header, Value), AdoptError> {
        self.folder.read(id, self.max_attachment_size).map_err(|error| match error {
            ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                AdoptError::NoAttachment(id.number())
            }
            ReadError::Io(error) => AdoptError::Io(error),
            ReadError::Damaged(damage) => AdoptError::Damaged { id: id.number(), damage },
        })
    }

    /// Replaces the contents of a file.
    fn replace(&mut self, id: ConnectionId, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary(id);
        self.folder.replace(id, &temporary, bytes, self.syncs)
    }

    /// Writes a file as large as those that could not be written, and removes it. Returns whether it could.
    fn try_write(&mut self) -> bool {
        let temporary = self.temporary(ConnectionId::from_number(0));
        let bytes = vec![0; self.lacking.max(1)];
        let written = self.folder.write(&temporary, &bytes, self.syncs);
        self.folder.discard(&temporary);
        written.is_ok() && self.replaced.retry()
    }

    fn has_failed(&self, error: &io::Error) {
        self.health.has_failed(Part::Files, &format!("the attachments in `ws`: {error}"));
    }

    fn temporary(&mut self, id: ConnectionId) -> String {
        self.number += 1;
        temporary_name(id, self.number)
    }
}

/// What came of reading a file.
type ReadFile = Result<(Header, Value), AdoptError>;

/// A job whose temporary files are written.
enum Prepared {
    Commit(ConnectionId, io::Result<Written>, Then<Version>, Reply<CommitError>),
    Read(ConnectionId, oneshot::Sender<ReadFile>),
    Adopt(Adoption, Then<Adopted>, Reply<AdoptError>),
    Redo(Vec<Redo>, Then<Redone>),
    Try(bool, Box<dyn FnOnce() + Send>),
    Keep(Then<Result<FilesSnapshot, BackupError>>),
}

/// A file of an event that is committed, when its bytes are written.
enum Redo {
    Rename(Written),
    Remove(ConnectionId),
    Failed(ConnectionId, io::Error),
}

/// A job that is done, except for syncing the folder.
enum Done {
    /// With the backup of the file that was replaced.
    Commit(ConnectionId, io::Result<(Version, Backup)>, Then<Version>, Reply<CommitError>),
    Read(ReadFile, oneshot::Sender<ReadFile>),
    Adopt(Result<(Adopted, Undo), AdoptError>, Then<Adopted>, Reply<AdoptError>),
    /// With the connections of all its files.
    Redo(Redone, Vec<ConnectionId>, Then<Redone>),
    Try(bool, Box<dyn FnOnce() + Send>),
    Keep(Then<Result<FilesSnapshot, BackupError>>),
}
