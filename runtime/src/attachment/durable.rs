//! Writes attachment files, one event after the other, on a thread of its own.
//!
//! An event's files are written under temporary names first, then renamed, all or none. What many
//! events want written meanwhile is done together, so that with `--fsync always` they share the
//! wait for the disk. The thread also sets what is in memory, so that disk and memory agree on
//! which of two events that wrote one attachment was the last.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;

use super::AttachmentError;
use super::file::{self, Header};
use super::folder::{Folder, ReadError, temporary_name};
use super::recovery::AdoptError;
use crate::connection::Connection;
use crate::fsync::Fsync;
use crate::own_folder::OwnFolder;
use crate::{browser, failpoint};

/// Orders that are carried out together.
const MAX_BATCH: usize = 256;

/// The attachment files of one durable folder.
pub(crate) struct DurableAttachments {
    folder: Arc<Folder>,
    orders: mpsc::Sender<Order>,
}

/// What the thread is asked to do, and where it answers.
enum Order {
    Write { writes: Writes, done: oneshot::Sender<Result<(), AttachmentError>> },
    Remove { connection: Arc<Connection>, done: oneshot::Sender<()> },
    Adopt { adoption: Adoption, done: oneshot::Sender<Result<(), AdoptError>> },
    Discard(Vec<ConnectionId>),
}

pub(super) type Writes = Vec<(Arc<Connection>, Value)>;

/// One connection's file is to be another's.
struct Adoption {
    prior: ConnectionId,
    new: Arc<Connection>,
}

/// An event's file under its temporary name.
struct Written {
    connection: Arc<Connection>,
    value: Value,
    temporary: String,
}

const STOPPED: &str = "the thread that writes attachments does not panic";

impl DurableAttachments {
    /// Opens `<dir>/ws`, sweeps what a crash has left there, and starts the thread.
    ///
    /// # Errors
    /// When it cannot be made, read or written.
    pub(crate) fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        max_attachment_size: usize,
    ) -> io::Result<DurableAttachments> {
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
        };
        thread::Builder::new()
            .name("zigttp-disk".to_owned())
            .spawn(move || writer.work(&waiting))?;
        Ok(DurableAttachments { folder, orders })
    }

    /// Keeps the values of one event, on disk and then in memory: all of them or none.
    pub(super) async fn write(&self, writes: Writes) -> Result<(), AttachmentError> {
        let (done, answer) = oneshot::channel();
        self.order(Order::Write { writes, done });
        answer.await.expect(STOPPED)
    }

    /// Unlinks a connection's file. What events that had addressed it before still write for it is
    /// dropped.
    pub(super) async fn remove(&self, connection: Arc<Connection>) {
        let (done, answer) = oneshot::channel();
        self.order(Order::Remove { connection, done });
        answer.await.expect(STOPPED);
    }

    /// Gives a file that its connection has left to another connection.
    pub(super) async fn adopt(
        &self,
        new: Arc<Connection>,
        prior: ConnectionId,
    ) -> Result<(), AdoptError> {
        let (done, answer) = oneshot::channel();
        self.order(Order::Adopt { adoption: Adoption { prior, new }, done });
        answer.await.expect(STOPPED)
    }

    /// Unlinks the files of connections that are gone; nobody waits for it.
    pub(super) fn discard(&self, gone: Vec<ConnectionId>) {
        self.order(Order::Discard(gone));
    }

    /// The folder, for those who only look.
    pub(crate) fn folder(&self) -> &Arc<Folder> {
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
                Order::Write { writes, done } => Prepared::Write(self.prepare(writes), done),
                Order::Remove { connection, done } => Prepared::Remove(connection, done),
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
        // What is in memory follows in the same order as what is on disk: two orders of one batch
        // may be for the same attachment.
        for done in done {
            // Whoever asked may have gone: a future that was dropped at the end of the server.
            match done {
                Done::Write(Ok(written), answer) if synced.is_err() => {
                    let id = written.first().map_or(ConnectionId::from_number(0), |it| it.0.id);
                    let source = io::Error::other("the folder cannot be brought to the disk");
                    let _ = answer.send(Err(AttachmentError { id, source }));
                }
                Done::Write(result, answer) => {
                    let _ = answer.send(result.map(|written| {
                        for (connection, value) in written {
                            connection.set_attachment(value);
                        }
                    }));
                }
                Done::Remove(answer) => {
                    let _ = answer.send(());
                }
                Done::Adopt(result, answer) => {
                    let _ = answer
                        .send(result.map(|(connection, value)| connection.set_attachment(value)));
                }
                Done::Discard => {}
            }
        }
    }

    /// Writes an event's files under temporary names.
    fn prepare(&mut self, writes: Writes) -> Result<Vec<Written>, AttachmentError> {
        let mut written = Vec::with_capacity(writes.len());
        for (connection, value) in writes {
            let id = connection.id;
            let temporary = self.temporary(id);
            let bytes = file::encode(&header(&connection, &value), &value);
            let result = self.folder.write(&temporary, &bytes, self.syncs);
            written.push(Written { connection, value, temporary });
            if let Err(source) = result {
                self.discard(&written);
                return Err(AttachmentError { id, source });
            }
        }
        Ok(written)
    }

    fn finish(&mut self, prepared: Prepared) -> Done {
        match prepared {
            Prepared::Write(written, done) => {
                Done::Write(written.and_then(|written| self.rename_all(written)), done)
            }
            Prepared::Remove(connection, done) => {
                connection.end_attachment();
                if let Err(error) = self.folder.remove(connection.id) {
                    tracing::error!(conn = %connection.id, %error, "cannot remove an attachment");
                }
                Done::Remove(done)
            }
            Prepared::Adopt(adoption, done) => Done::Adopt(self.adopt(adoption), done),
            Prepared::Discard(gone) => {
                for id in gone {
                    if let Err(error) = self.folder.remove(id) {
                        tracing::error!(conn = %id, %error, "cannot remove an attachment");
                    }
                }
                Done::Discard
            }
        }
    }

    /// Gives an event's files their names; where one fails, the old ones are put back.
    fn rename_all(&mut self, written: Vec<Written>) -> Result<Writes, AttachmentError> {
        let mut renamed: Vec<(ConnectionId, Option<String>)> = Vec::new();
        let is_one = written.len() == 1;
        for index in 0..written.len() {
            let Written { connection, temporary, .. } = &written[index];
            let id = connection.id;
            if connection.has_ended_attachment() {
                self.folder.discard(temporary);
                continue;
            }
            // One rename needs no way back.
            let kept = if is_one { Ok(None) } else { self.keep(id) };
            match kept.and_then(|kept| self.folder.rename(temporary, id).map(|()| kept)) {
                Ok(kept) => renamed.push((id, kept)),
                Err(source) => {
                    self.discard(&written[index..]);
                    self.put_back(renamed);
                    return Err(AttachmentError { id, source });
                }
            }
            failpoint::reached("renamed");
        }
        for kept in renamed.into_iter().filter_map(|(_id, kept)| kept) {
            self.folder.discard(&kept);
        }
        Ok(written
            .into_iter()
            .filter(|written| !written.connection.has_ended_attachment())
            .map(|written| (written.connection, written.value))
            .collect())
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
    fn adopt(
        &mut self,
        Adoption { prior, new }: Adoption,
    ) -> Result<(Arc<Connection>, Value), AdoptError> {
        let id = prior.number();
        let read = self.folder.read(prior, self.max_attachment_size);
        let (old_header, value) = read.map_err(|error| match error {
            ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                AdoptError::NoAttachment(id)
            }
            ReadError::Io(error) => AdoptError::Io(error),
            ReadError::Damaged(damage) => AdoptError::Damaged { id, damage },
        })?;
        if new.has_ended_attachment() {
            return Err(AdoptError::NotConnected(new.id.number()));
        }
        self.replace(prior, &file::encode(&header(&new, &value), &value))
            .map_err(AdoptError::Io)?;
        failpoint::reached("adopting");
        if let Err(source) = self.folder.give(prior, new.id) {
            // Whose it was is to be able to ask for it again.
            if let Err(error) = self.replace(prior, &file::encode(&old_header, &value)) {
                tracing::error!(conn = %prior, %error, "cannot put an attachment back");
            }
            return Err(AdoptError::Io(source));
        }
        Ok((new, value))
    }

    /// Writes a file anew under the name it has.
    fn replace(&mut self, id: ConnectionId, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary(id);
        let replaced = self
            .folder
            .write(&temporary, bytes, self.syncs)
            .and_then(|()| self.folder.rename(&temporary, id));
        replaced.inspect_err(|_error| self.folder.discard(&temporary))
    }

    fn discard(&self, written: &[Written]) {
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
    Write(Result<Vec<Written>, AttachmentError>, oneshot::Sender<Result<(), AttachmentError>>),
    Remove(Arc<Connection>, oneshot::Sender<()>),
    Adopt(Adoption, oneshot::Sender<Result<(), AdoptError>>),
    Discard(Vec<ConnectionId>),
}

/// An order that was carried out, but for the folder's way to the disk.
enum Done {
    Write(Result<Writes, AttachmentError>, oneshot::Sender<Result<(), AttachmentError>>),
    Remove(oneshot::Sender<()>),
    Adopt(Result<(Arc<Connection>, Value), AdoptError>, oneshot::Sender<Result<(), AdoptError>>),
    Discard,
}

fn header(connection: &Connection, value: &Value) -> Header {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Header {
        kind: value.kind().name().to_owned(),
        room: connection.room.key().to_owned(),
        url: connection.url.to_string(),
        browser: connection.browser.as_ref().map(browser::name),
        written: since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        length: value.bytes().len(),
    }
}

/// Bytes of a connection's file, at most, but for characters that JSON writes in two.
pub(crate) fn file_bytes(connection: &Connection) -> u64 {
    let value = connection.attachment_bytes().unwrap_or(0);
    let header = connection.room.key().len() + connection.url.len() + file::OTHER_HEADER_BYTES;
    (header + value) as u64
}
