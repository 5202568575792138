//! Writes attachment files, one event after the other, on a thread of its own.
//!
//! An event's files are first written under temporary names, then renamed, all or none. With `--fsync
//! always` the jobs that arrive meanwhile are done together, so that they share the wait for the disk. Jobs
//! are done in the order they were sent, and each commit has a [`Version`]: so disk and memory agree on
//! which of two events has written an attachment last.

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
use crate::version::Versions;

/// Most jobs that are done together.
const MAX_BATCH: usize = 256;

/// The attachment files of one durable folder. A clone is the same thread.
#[derive(Clone)]
pub struct AttachmentFiles {
    folder: Arc<Folder>,
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
    Commit {
        entries: Vec<Entry>,
        adoption: Option<Adoption>,
        then: Then<Committed>,
        done: Reply<CommitError>,
    },
    Read {
        id: ConnectionId,
        done: oneshot::Sender<Result<Value, AdoptError>>,
    },
    Remove {
        id: ConnectionId,
        done: oneshot::Sender<()>,
    },
    Adopt {
        adoption: Adoption,
        then: Then<Adopted>,
        done: Reply<AdoptError>,
    },
    Discard(Vec<ConnectionId>),
    Redo {
        files: Vec<CommittedFile>,
        then: Then<Redone>,
    },
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
        let writer = Writer {
            folder: Arc::clone(&folder),
            syncs: fsync == Fsync::Always,
            max_attachment_size,
            number: 0,
            versions: Versions::default(),
        };
        thread::Builder::new().name("zigttp-disk".to_owned()).spawn(move || writer.work(&queue))?;
        Ok(AttachmentFiles { folder, jobs })
    }

    /// Writes the values of one event, and makes its adoption: all of it or nothing. Like every job, it is
    /// queued when this returns, and is finished, `then` included, even if the future is dropped.
    pub fn commit<F: FnOnce(Committed) + Send + 'static>(
        &self,
        entries: Vec<Entry>,
        adoption: Option<Adoption>,
        then: F,
    ) -> impl Future<Output = Result<(), CommitError>> + use<F> {
        let (done, result) = oneshot::channel();
        self.send(Job::Commit { entries, adoption, then: Box::new(then), done });
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

    /// Removes a connection's file.
    pub fn remove(&self, id: ConnectionId) -> impl Future<Output = ()> + use<> {
        let (done, result) = oneshot::channel();
        self.send(Job::Remove { id, done });
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

    /// Removes the files of closed connections, without waiting for it.
    pub fn discard(&self, closed: Vec<ConnectionId>) {
        self.send(Job::Discard(closed));
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
        let prepared: Vec<_> = batch
            .into_iter()
            .map(|job| match job {
                Job::Commit { entries, adoption, then, done } => {
                    Prepared::Commit(self.prepare(&entries), adoption, then, done)
                }
                Job::Read { id, done } => Prepared::Read(id, done),
                Job::Remove { id, done } => Prepared::Remove(id, done),
                Job::Adopt { adoption, then, done } => Prepared::Adopt(adoption, then, done),
                Job::Discard(closed) => Prepared::Discard(closed),
                Job::Redo { files, then } => Prepared::Redo(
                    files.into_iter().map(|file| self.prepare_redo(file)).collect(),
                    then,
                ),
            })
            .collect();
        failpoint::reached("written");
        // In the order they were sent, which is the order of the events' commits.
        let done: Vec<Done> = prepared.into_iter().map(|prepared| self.finish(prepared)).collect();
        let synced = if self.syncs { self.folder.sync() } else { Ok(()) };
        if let Err(error) = &synced {
            tracing::error!(%error, "cannot sync the folder of attachments to the disk");
        }
        for done in done {
            // The receiver may be dropped: the server drops futures when it ends.
            match done {
                Done::Commit { result: Ok(_), undo, first, sender, .. } if synced.is_err() => {
                    self.undo(undo);
                    let source = io::Error::other("the folder cannot be synced to the disk");
                    let _ = sender.send(Err(CommitError { id: first, source }));
                }
                Done::Commit { result, then, sender, .. } => {
                    let _ = sender.send(result.map(then));
                }
                Done::Remove(sender) => {
                    let _ = sender.send(());
                }
                Done::Adopt(result, then, sender) => {
                    let _ = sender.send(result.map(then));
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
                Done::Discard => {}
            }
        }
    }

    /// Writes an event's files under temporary names.
    fn prepare(&mut self, entries: &[Entry]) -> Result<Vec<Written>, CommitError> {
        let mut written = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = entry.id;
            let temporary = self.temporary(id);
            let result =
                self.folder.write(&temporary, &encode(&entry.owner, &entry.value), self.syncs);
            written.push(Written { id, temporary });
            if let Err(source) = result {
                self.discard_all(&written);
                return Err(CommitError { id, source });
            }
        }
        Ok(written)
    }

    fn finish(&mut self, prepared: Prepared) -> Done {
        match prepared {
            Prepared::Commit(written, adoption, then, sender) => {
                let first = written.as_ref().ok().and_then(|written| written.first());
                let first = first
                    .map(|written| written.id)
                    .or_else(|| adoption.as_ref().map(|adoption| adoption.new))
                    .unwrap_or_else(|| ConnectionId::from_number(0));
                let done = written.and_then(|written| self.carry_out(&written, adoption.as_ref()));
                let (result, undo) = match done {
                    Ok((adopted, undo)) => {
                        (Ok(Committed { version: self.versions.next(), adopted }), undo)
                    }
                    Err(error) => (Err(error), None),
                };
                Done::Commit { result, undo, first, then, sender }
            }
            Prepared::Read(id, done) => Done::Read(self.read(id).map(|(_, value)| value), done),
            Prepared::Remove(id, done) => {
                self.remove(id);
                Done::Remove(done)
            }
            Prepared::Adopt(adoption, then, done) => {
                let adopted = self.adopt(&adoption);
                let result =
                    adopted.map(|(value, _undo)| Adopted { value, version: self.versions.next() });
                Done::Adopt(result, then, done)
            }
            Prepared::Discard(closed) => {
                for id in closed {
                    self.remove(id);
                }
                Done::Discard
            }
            Prepared::Redo(files, then) => {
                let (redone, ids) = self.redo(files);
                Done::Redo(redone, ids, then)
            }
        }
    }

    /// Writes a file of an event that is committed under a temporary name.
    fn prepare_redo(&mut self, CommittedFile { id, bytes }: CommittedFile) -> Redo {
        let Some(bytes) = bytes else { return Redo::Remove(id) };
        let temporary = self.temporary(id);
        match self.folder.write(&temporary, &bytes, self.syncs) {
            Ok(()) => Redo::Rename(Written { id, temporary }),
            Err(error) => {
                self.folder.discard(&temporary);
                Redo::Failed(id, error)
            }
        }
    }

    fn redo(&mut self, files: Vec<Redo>) -> (Redone, Vec<ConnectionId>) {
        let (mut ids, mut failed) = (Vec::with_capacity(files.len()), Vec::new());
        for file in files {
            let (id, result) = match file {
                Redo::Rename(Written { id, temporary }) => (id, self.folder.rename(&temporary, id)),
                Redo::Remove(id) => (id, self.folder.remove(id).map(|_was_there| ())),
                Redo::Failed(id, error) => (id, Err(error)),
            };
            if let Err(error) = result {
                tracing::error!(conn = %id, %error, "cannot write an attachment that is committed; it is tried again");
                failed.push(id);
            }
            ids.push(id);
            failpoint::reached("redone");
        }
        (Redone { version: self.versions.next(), failed }, ids)
    }

    fn remove(&self, id: ConnectionId) {
        if let Err(error) = self.folder.remove(id) {
            tracing::error!(conn = %id, %error, "cannot remove an attachment");
        }
    }

    /// Makes an event's adoption, and gives its files their names: all of it or nothing.
    fn carry_out(
        &mut self,
        written: &[Written],
        adoption: Option<&Adoption>,
    ) -> Result<(Option<Value>, Option<Undo>), CommitError> {
        let adopted = adoption.map(|adoption| self.adopt(adoption)).transpose();
        let (value, undo) = match adopted {
            Ok(adopted) => adopted.unzip(),
            Err(error) => {
                self.discard_all(written);
                let id = adoption.map_or(ConnectionId::from_number(0), |adoption| adoption.new);
                return Err(CommitError { id, source: io::Error::other(error) });
            }
        };
        match self.rename_all(written) {
            Ok(()) => Ok((value, undo)),
            Err(error) => {
                self.undo(undo);
                Err(error)
            }
        }
    }

    /// Gives an event's files their names. If one fails, the old files are restored.
    fn rename_all(&mut self, written: &[Written]) -> Result<(), CommitError> {
        let mut renamed: Vec<(ConnectionId, Option<String>)> = Vec::new();
        for (index, Written { id, temporary }) in written.iter().enumerate() {
            // A single rename needs no backup.
            let backup = if written.len() == 1 { Ok(None) } else { self.back_up(*id) };
            match backup.and_then(|backup| self.folder.rename(temporary, *id).map(|()| backup)) {
                Ok(backup) => renamed.push((*id, backup)),
                Err(source) => {
                    self.discard_all(&written[index..]);
                    self.restore(renamed);
                    return Err(CommitError { id: *id, source });
                }
            }
            failpoint::reached("renamed");
        }
        for backup in renamed.into_iter().filter_map(|(_id, backup)| backup) {
            self.folder.discard(&backup);
        }
        Ok(())
    }

    fn back_up(&mut self, id: ConnectionId) -> io::Result<Option<String>> {
        let backup = self.temporary(id);
        Ok(self.folder.back_up(id, &backup)?.then_some(backup))
    }

    fn restore(&self, renamed: Vec<(ConnectionId, Option<String>)>) {
        for (id, backup) in renamed {
            let result = match backup {
                Some(backup) => self.folder.restore(&backup, id),
                None => self.folder.remove(id).map(|_was_there| ()),
            };
            if let Err(error) = result {
                tracing::error!(conn = %id, %error, "cannot restore an attachment");
            }
        }
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

    /// Undoes an adoption whose commit has failed.
    fn undo(&mut self, undo: Option<Undo>) {
        let Some(Undo { prior, new, bytes }) = undo else { return };
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

    fn discard_all(&self, written: &[Written]) {
        for Written { temporary, .. } in written {
            self.folder.discard(temporary);
        }
    }

    fn temporary(&mut self, id: ConnectionId) -> String {
        self.number += 1;
        temporary_name(id, self.number)
    }
}

/// A job whose temporary files are written.
enum Prepared {
    Commit(
        Result<Vec<Written>, CommitError>,
        Option<Adoption>,
        Then<Committed>,
        Reply<CommitError>,
    ),
    Read(ConnectionId, oneshot::Sender<Result<Value, AdoptError>>),
    Remove(ConnectionId, oneshot::Sender<()>),
    Adopt(Adoption, Then<Adopted>, Reply<AdoptError>),
    Discard(Vec<ConnectionId>),
    Redo(Vec<Redo>, Then<Redone>),
}

/// A file of an event that is committed, when its bytes are written.
enum Redo {
    Rename(Written),
    Remove(ConnectionId),
    Failed(ConnectionId, io::Error),
}

/// A job that is done, except for syncing the folder.
enum Done {
    Commit {
        result: Result<Committed, CommitError>,
        undo: Option<Undo>,
        /// The first connection, which the error names if the folder cannot be synced.
        first: ConnectionId,
        then: Then<Committed>,
        sender: Reply<CommitError>,
    },
    Read(Result<Value, AdoptError>, oneshot::Sender<Result<Value, AdoptError>>),
    Remove(oneshot::Sender<()>),
    Adopt(Result<Adopted, AdoptError>, Then<Adopted>, Reply<AdoptError>),
    /// With the connections of all its files.
    Redo(Redone, Vec<ConnectionId>, Then<Redone>),
    Discard,
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
        drop(files.commit(vec![entry], None, move |Committed { version, .. }| {
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
