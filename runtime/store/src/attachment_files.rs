//! Writes attachment files, one event after the other, on a thread of its own.
//!
//! An event's files are written under temporary names first, then renamed, all or none. What many
//! events want written meanwhile is done together, so that with `--fsync always` they share the
//! wait for the disk. Orders are carried out as they were given, and each commit has a [`Version`], so
//! that disk and memory agree on which of two events that wrote one attachment was the last.

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

/// Orders that are carried out together.
const MAX_BATCH: usize = 256;

/// The attachment files of one durable folder.
pub struct AttachmentFiles {
    folder: Arc<Folder>,
    orders: mpsc::Sender<Order>,
}

/// What is kept under a connection's id.
pub struct Entry {
    pub id: ConnectionId,
    pub owner: Owner,
    pub value: Value,
}

/// What a file says of the connection whose attachment it is.
pub struct Owner {
    pub room: String,
    /// Path and query that the connection opened on.
    pub url: Arc<str>,
    /// The browser it was opened from, where connections are resumed.
    pub browser: Option<String>,
    /// Now, in milliseconds since 1970.
    pub written: u64,
}

/// What an attachment that was given to another connection is.
pub struct Adopted {
    pub value: Value,
    pub version: Version,
}

/// What the thread is asked to do, and where it answers.
enum Order {
    Commit { entries: Vec<Entry>, done: oneshot::Sender<Result<Version, CommitError>> },
    Remove { id: ConnectionId, done: oneshot::Sender<()> },
    Adopt { adoption: Adoption, done: oneshot::Sender<Result<Adopted, AdoptError>> },
    Discard(Vec<ConnectionId>),
}

/// One connection's file is to be another's.
struct Adoption {
    prior: ConnectionId,
    new: ConnectionId,
    owner: Owner,
}

/// An event's file under its temporary name.
struct Written {
    id: ConnectionId,
    temporary: String,
}

const STOPPED: &str = "the thread that writes attachments does not panic";

impl AttachmentFiles {
    /// Opens `<dir>/ws`, sweeps what a crash has left there, and starts the thread.
    ///
    /// # Errors
    /// When it cannot be made, read or written.
    pub fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        max_attachment_size: usize,
    ) -> io::Result<AttachmentFiles> {
        let folder = Arc::new(Folder::open(durable)?);
        let swept = folder.sweep()?;
        if swept > 0 {
            tracing::info!(files = swept, "swept what an interrupted write had left");
        }
        let (orders, waiting) = mpsc::channel();
        let writer = Writer {
            folder: Arc::clone(&folder),
            syncs: fsync == Fsync::Always,
            max_attachment_size,
            number: 0,
            versions: Versions::default(),
        };
        thread::Builder::new()
            .name("zigttp-disk".to_owned())
            .spawn(move || writer.work(&waiting))?;
        Ok(AttachmentFiles { folder, orders })
    }

    /// Writes the values of one event: all of them or none. Like all orders, it has its place in their
    /// order when this returns, and goes on when the future is dropped.
    pub fn commit(
        &self,
        entries: Vec<Entry>,
    ) -> impl Future<Output = Result<Version, CommitError>> + use<> {
        let (done, result) = oneshot::channel();
        self.order(Order::Commit { entries, done });
        async { result.await.expect(STOPPED) }
    }

    /// Unlinks a connection's file.
    pub fn remove(&self, id: ConnectionId) -> impl Future<Output = ()> + use<> {
        let (done, result) = oneshot::channel();
        self.order(Order::Remove { id, done });
        async { result.await.expect(STOPPED) }
    }

    /// Gives a file that its connection has left to another connection.
    pub fn adopt(
        &self,
        prior: ConnectionId,
        new: ConnectionId,
        owner: Owner,
    ) -> impl Future<Output = Result<Adopted, AdoptError>> + use<> {
        let (done, result) = oneshot::channel();
        self.order(Order::Adopt { adoption: Adoption { prior, new, owner }, done });
        async { result.await.expect(STOPPED) }
    }

    /// Unlinks the files of connections that are gone; nobody waits for it.
    pub fn discard(&self, gone: Vec<ConnectionId>) {
        self.order(Order::Discard(gone));
    }

    /// The folder, for those who only look.
    pub fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect(STOPPED);
    }
}

/// The thread's own.
struct Writer {
    folder: Arc<Folder>,
    syncs: bool,
    /// Of those that are given to another connection.
    max_attachment_size: usize,
    /// Of the last temporary name.
    number: u64,
    versions: Versions,
}

impl Writer {
    /// Works until nobody can order any more.
    fn work(mut self, orders: &mpsc::Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut batch = vec![first];
            // Without a disk to wait for, an event gains nothing by company.
            while self.syncs
                && batch.len() < MAX_BATCH
                && let Ok(order) = orders.try_recv()
            {
                batch.push(order);
            }
            self.carry_out(batch);
        }
    }

    fn carry_out(&mut self, batch: Vec<Order>) {
        let prepared: Vec<_> = batch
            .into_iter()
            .map(|order| match order {
                Order::Commit { entries, done } => Prepared::Commit(self.prepare(&entries), done),
                Order::Remove { id, done } => Prepared::Remove(id, done),
                Order::Adopt { adoption, done } => Prepared::Adopt(adoption, done),
                Order::Discard(gone) => Prepared::Discard(gone),
            })
            .collect();
        failpoint::reached("written");
        // In the order they were asked for, which is the order of the events' commits.
        let done: Vec<Done> = prepared.into_iter().map(|prepared| self.finish(prepared)).collect();
        let synced = if self.syncs { self.folder.sync() } else { Ok(()) };
        if let Err(error) = &synced {
            tracing::error!(%error, "cannot bring the folder of attachments to the disk");
        }
        for done in done {
            // Whoever asked may have gone: a future that was dropped at the end of the server.
            match done {
                Done::Commit { result: Ok(_), first, answer } if synced.is_err() => {
                    let source = io::Error::other("the folder cannot be brought to the disk");
                    let _ = answer.send(Err(CommitError { id: first, source }));
                }
                Done::Commit { result, answer, .. } => {
                    let _ = answer.send(result);
                }
                Done::Remove(answer) => {
                    let _ = answer.send(());
                }
                Done::Adopt(result, answer) => {
                    let _ = answer.send(result);
                }
                Done::Discard => {}
            }
        }
    }

    /// Writes an event's files under temporary names.
    fn prepare(&mut self, entries: &[Entry]) -> Result<Vec<Written>, CommitError> {
        let mut written = Vec::with_capacity(entries.len());
        for Entry { id, owner, value } in entries {
            let temporary = self.temporary(*id);
            let bytes = format::encode(&header(owner, value), value);
            let result = self.folder.write(&temporary, &bytes, self.syncs);
            written.push(Written { id: *id, temporary });
            if let Err(source) = result {
                self.discard_all(&written);
                return Err(CommitError { id: *id, source });
            }
        }
        Ok(written)
    }

    fn finish(&mut self, prepared: Prepared) -> Done {
        match prepared {
            Prepared::Commit(written, answer) => {
                let first = written.as_ref().ok().and_then(|written| written.first());
                let first = first.map_or(ConnectionId::from_number(0), |written| written.id);
                let result = written.and_then(|written| self.rename_all(&written));
                Done::Commit { result: result.map(|()| self.versions.next()), first, answer }
            }
            Prepared::Remove(id, done) => {
                self.remove(id);
                Done::Remove(done)
            }
            Prepared::Adopt(adoption, done) => Done::Adopt(self.adopt(&adoption), done),
            Prepared::Discard(gone) => {
                for id in gone {
                    self.remove(id);
                }
                Done::Discard
            }
        }
    }

    fn remove(&self, id: ConnectionId) {
        if let Err(error) = self.folder.remove(id) {
            tracing::error!(conn = %id, %error, "cannot remove an attachment");
        }
    }

    /// Gives an event's files their names; where one fails, the old ones are put back.
    fn rename_all(&mut self, written: &[Written]) -> Result<(), CommitError> {
        let mut renamed: Vec<(ConnectionId, Option<String>)> = Vec::new();
        for (index, Written { id, temporary }) in written.iter().enumerate() {
            // One rename needs no way back.
            let kept = if written.len() == 1 { Ok(None) } else { self.keep(*id) };
            match kept.and_then(|kept| self.folder.rename(temporary, *id).map(|()| kept)) {
                Ok(kept) => renamed.push((*id, kept)),
                Err(source) => {
                    self.discard_all(&written[index..]);
                    self.put_back(renamed);
                    return Err(CommitError { id: *id, source });
                }
            }
            failpoint::reached("renamed");
        }
        for kept in renamed.into_iter().filter_map(|(_id, kept)| kept) {
            self.folder.discard(&kept);
        }
        Ok(())
    }

    fn keep(&mut self, id: ConnectionId) -> io::Result<Option<String>> {
        let kept = self.temporary(id);
        Ok(self.folder.keep(id, &kept)?.then_some(kept))
    }

    fn put_back(&self, renamed: Vec<(ConnectionId, Option<String>)>) {
        for (id, kept) in renamed {
            let result = match kept {
                Some(kept) => self.folder.put_back(&kept, id),
                None => self.folder.remove(id).map(|_was_there| ()),
            };
            if let Err(error) = result {
                tracing::error!(conn = %id, %error, "cannot put an attachment back");
            }
        }
    }

    /// Gives a file to a connection. It is written anew for that one first, and then renamed:
    /// whoever it belonged to before cannot ask for it after the next start. Between the two it is
    /// with the prior connection alone, after them with the new one alone.
    fn adopt(&mut self, Adoption { prior, new, owner }: &Adoption) -> Result<Adopted, AdoptError> {
        let id = prior.number();
        let read = self.folder.read(*prior, self.max_attachment_size);
        let (old_header, value) = read.map_err(|error| match error {
            ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                AdoptError::NoAttachment(id)
            }
            ReadError::Io(error) => AdoptError::Io(error),
            ReadError::Damaged(damage) => AdoptError::Damaged { id, damage },
        })?;
        self.replace(*prior, &format::encode(&header(owner, &value), &value))
            .map_err(AdoptError::Io)?;
        failpoint::reached("adopting");
        if let Err(source) = self.folder.give(*prior, *new) {
            // Whose it was is to be able to ask for it again.
            if let Err(error) = self.replace(*prior, &format::encode(&old_header, &value)) {
                tracing::error!(conn = %prior, %error, "cannot put an attachment back");
            }
            return Err(AdoptError::Io(source));
        }
        Ok(Adopted { value, version: self.versions.next() })
    }

    /// Writes a file anew under the name it has.
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

/// An order after its temporary files are written.
enum Prepared {
    Commit(Result<Vec<Written>, CommitError>, oneshot::Sender<Result<Version, CommitError>>),
    Remove(ConnectionId, oneshot::Sender<()>),
    Adopt(Adoption, oneshot::Sender<Result<Adopted, AdoptError>>),
    Discard(Vec<ConnectionId>),
}

/// An order that was carried out, but for the folder's way to the disk.
enum Done {
    Commit {
        result: Result<Version, CommitError>,
        /// Of the entries, to be named if the folder does not reach the disk.
        first: ConnectionId,
        answer: oneshot::Sender<Result<Version, CommitError>>,
    },
    Remove(oneshot::Sender<()>),
    Adopt(Result<Adopted, AdoptError>, oneshot::Sender<Result<Adopted, AdoptError>>),
    Discard,
}

fn header(owner: &Owner, value: &Value) -> Header {
    Header {
        kind: value.kind().name().to_owned(),
        room: owner.room.clone(),
        url: owner.url.to_string(),
        browser: owner.browser.clone(),
        written: owner.written,
        length: value.bytes().len(),
    }
}

/// Bytes of a file at most, but for characters that JSON writes in two.
pub fn file_bytes(room: &str, url: &str, value_bytes: usize) -> u64 {
    (room.len() + url.len() + format::OTHER_HEADER_BYTES + value_bytes) as u64
}
