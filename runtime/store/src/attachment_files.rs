//! Writes attachment files, one event after the other, on a thread of its own.
//!
//! A file is first written under a temporary name, then renamed. An event with several is committed in the
//! database before ([`state`](crate::state)). With `--fsync always` the jobs that arrive meanwhile are done
//! together, so that they share the wait for the disk. Jobs are done in the order they were sent, and each
//! commit has a [`Version`]: so disk and memory agree on which of two events has written an attachment last.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_abi::version::Version;
use zigttp_files::own_folder::OwnFolder;

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

/// The attachment files of one durable folder. A clone is the same thread.
#[derive(Clone)]
pub struct AttachmentFiles {
    folder: Arc<Folder>,
    health: Arc<Health>,
    jobs: mpsc::Sender<Job>,
}

/// A value that is stored under a connection's id.
pub struct Entry {
    pub id: ConnectionId,
    pub owner: Owner,
    pub value: Value,
}

/// What a file says about the connection that it belongs to.
pub struct Owner {
    /// The path and query that the connection opened.
    pub url: Arc<str>,
    /// Bytes of the URL that are its path, which is the room's name: shared, because one event may write for
    /// every member of a room.
    pub room_len: usize,
    /// The browser that opened it, where connections are resumed.
    pub browser: Option<String>,
    /// The present time, in milliseconds since 1970.
    pub written: u64,
}

/// A file of an event that is committed in the database already.
pub(crate) struct CommittedFile {
    pub(crate) id: ConnectionId,
    /// What it contains, if it is not removed.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What is left to do of an event that is committed in the database.
pub(crate) struct Redone {
    pub(crate) version: Version,
    /// The connections whose files could not be written or removed.
    pub(crate) failed: Vec<ConnectionId>,
}

/// An attachment after it was given to another connection.
pub struct Adopted {
    pub value: Value,
    pub version: Version,
}

/// A commit that is done. Of an event without attachments the version means nothing.
#[derive(Default)]
pub struct Committed {
    pub version: Version,
    /// The value that an adoption of this commit has given.
    pub adopted: Option<Value>,
}

/// One connection's file is given to another connection.
pub struct Adoption {
    pub prior: ConnectionId,
    pub new: ConnectionId,
    pub owner: Owner,
}

/// What the thread does with the result of a job before it reports it. A part of the job, so that it happens
/// also if the future that waits for the result is dropped.
type Then<T> = Box<dyn FnOnce(T) + Send>;

/// A job for the thread, and the channel for its result.
enum Job {
    Commit { entry: Entry, then: Then<Version>, done: Reply<CommitError> },
    Read { id: ConnectionId, done: oneshot::Sender<Result<Value, AdoptError>> },
    Adopt { adoption: Adoption, then: Then<Adopted>, done: Reply<AdoptError> },
    Redo { files: Vec<CommittedFile>, then: Then<Redone> },
    Try(Box<dyn FnOnce() + Send>),
}

type Reply<E> = oneshot::Sender<Result<(), E>>;

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
        let writer = Writer {
            folder: Arc::clone(&folder),
            health: Arc::clone(&health),
            lacking: 0,
            replaced: ReplacedFiles::new(Arc::clone(&folder)),
            syncs: fsync == Fsync::Always,
            max_attachment_size,
            number: 0,
            versions: Versions::default(),
        };
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

    /// Reads the value of a file that its connection has left, after all that was sent before.
    pub fn read(
        &self,
        id: ConnectionId,
    ) -> impl Future<Output = Result<Value, AdoptError>> + use<> {
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

/// The state of the thread.
struct Writer {
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
    /// Does jobs until no more can be sent.
    fn work(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut batch = vec![first];
            // Without a disk to wait for, a batch would gain nothing.
            while self.syncs
                && batch.len() < MAX_BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            self.do_batch(batch);
        }
    }

    fn do_batch(&mut self, batch: Vec<Job>) {
        self.replaced.retry();
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
            Prepared::Read(id, done) => Done::Read(self.read(id).map(|(_, value)| value), done),
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
        self.replace(*prior, &format::encode(&header(owner, &value), &value))
            .map_err(AdoptError::Io)?;
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

/// A job whose temporary files are written.
enum Prepared {
    Commit(ConnectionId, io::Result<Written>, Then<Version>, Reply<CommitError>),
    Read(ConnectionId, oneshot::Sender<Result<Value, AdoptError>>),
    Adopt(Adoption, Then<Adopted>, Reply<AdoptError>),
    Redo(Vec<Redo>, Then<Redone>),
    Try(bool, Box<dyn FnOnce() + Send>),
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
    Read(Result<Value, AdoptError>, oneshot::Sender<Result<Value, AdoptError>>),
    Adopt(Result<(Adopted, Undo), AdoptError>, Then<Adopted>, Reply<AdoptError>),
    /// With the connections of all its files.
    Redo(Redone, Vec<ConnectionId>, Then<Redone>),
    Try(bool, Box<dyn FnOnce() + Send>),
}

/// The bytes of a file.
pub(crate) fn encode(owner: &Owner, value: &Value) -> Vec<u8> {
    format::encode(&header(owner, value), value)
}

fn header(owner: &Owner, value: &Value) -> Header {
    Header {
        kind: value.kind().name().to_owned(),
        room: owner.url[..owner.room_len].to_owned(),
        url: owner.url.to_string(),
        browser: owner.browser.clone(),
        written: owner.written,
        length: value.bytes().len(),
    }
}

/// The largest size of a file, without characters that JSON escapes.
pub fn file_bytes(room: &str, url: &str, value_bytes: usize) -> u64 {
    (room.len() + url.len() + format::OTHER_HEADER_BYTES + value_bytes) as u64
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
        let owner = || Owner { url: "/room?x".into(), room_len: 5, browser: None, written: 7 };
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
