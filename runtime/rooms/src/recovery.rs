//! What crashes, shutdowns and dropped connections have left: listed, given to a live connection, pruned.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_store::attachment_files::file_bytes;
use zigttp_store::disk::format::Header;
use zigttp_store::error::AdoptError;

use crate::browser::{self, Browser};
use crate::connection::Connection;
use crate::hub::Hub;
use crate::leftovers::{Key, Leftover, Leftovers, Taken};

/// How long what is there at the start of a server may be resumed.
const RESTART_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the `onClose` of one that was dead may keep its successor waiting.
const FAREWELL_TIME: Duration = Duration::from_secs(5);

impl Hub {
    /// The ids of all connections that have an attachment file, live ones included, in ascending
    /// order. Reads the folder; empty without one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn persisted_attachment_ids(&self) -> io::Result<Vec<u64>> {
        match self.attachments.files() {
            Some(files) => {
                Ok(files.folder().ids()?.into_iter().map(ConnectionId::number).collect())
            }
            None => Ok(Vec::new()),
        }
    }

    /// Gives the attachment that connection `prior` has left to the live connection `new`, in place of
    /// what that has. After a crash in the middle the file is with the one or the other, never with both.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt(&self, new: ConnectionId, prior: ConnectionId) -> Result<(), AdoptError> {
        if self.attachments.files().is_none() {
            return Err(AdoptError::NotDurable);
        }
        let connection = self.find(new).ok_or(AdoptError::NotConnected(new.number()))?;
        if self.find(prior).is_some() {
            return Err(AdoptError::StillConnected(prior.number()));
        }
        self.attachments.adopt(prior, &connection, self.clock).await?;
        if let Some(leftovers) = &self.leftovers {
            leftovers.forget(prior);
        }
        tracing::debug!(conn = %new, %prior, "an attachment was adopted");
        Ok(())
    }

    /// Gives a new connection what its client has left behind on this URL, if there is anything and it has
    /// no attachment of its own yet. `prior` is the connection that the client proves to have had.
    pub async fn resume(&self, connection: &Arc<Connection>, prior: Option<ConnectionId>) {
        let (Some(leftovers), Some(browser)) = (&self.leftovers, connection.browser) else {
            return;
        };
        let key = Key::new(browser, &connection.url);
        if connection.attachment().is_none()
            && let Some(taken) = self.take_leftover(leftovers, key, prior).await
        {
            match self.adopt(connection.id, taken.id).await {
                Ok(()) => self.counters.resumed.add_one(),
                // It had kept nothing.
                Err(AdoptError::NoAttachment(_)) => {}
                Err(error) => {
                    // Its file is there, and counts.
                    leftovers.give_back(taken);
                    tracing::error!(conn = %connection.id, %error, "cannot resume");
                }
            }
        }
        leftovers.arrived(key, connection.id);
    }

    async fn take_leftover(
        &self,
        leftovers: &Leftovers,
        key: Key,
        prior: Option<ConnectionId>,
    ) -> Option<Taken> {
        if let Some(taken) = leftovers.take(key, prior) {
            return Some(taken);
        }
        // A connection that was cut looks live until its client is asked.
        let candidate = leftovers.only_live(key, prior)?;
        if let Some(candidate) = self.find(candidate) {
            let (alive, is_alive) = oneshot::channel();
            candidate.outbox.probe(alive);
            if is_alive.await.is_ok() {
                return None;
            }
        }
        // Its `onClose` comes first.
        if let Some(parting) = leftovers.parting(candidate)
            && timeout(FAREWELL_TIME, parting).await.is_err()
        {
            leftovers.parted(candidate);
        }
        leftovers.take(key, Some(candidate))
    }

    /// A connection is gone. With `is_left` its attachment waits for its client to come back.
    pub fn parted(&self, connection: &Connection, is_left: bool) {
        let Some(leftovers) = &self.leftovers else { return };
        let id = connection.id;
        if is_left && let Some(browser) = connection.browser {
            let value_bytes = connection.attachment_bytes().unwrap_or(0);
            let gone = leftovers.add(
                id,
                Leftover {
                    key: Key::new(browser, &connection.url),
                    when: self.clock.unix_millis(),
                    window: leftovers.window(),
                    is_dropped: true,
                    bytes: file_bytes(connection.room.key(), &connection.url, value_bytes),
                },
            );
            self.discard(gone);
        }
        leftovers.parted(id);
        if is_left {
            tracing::debug!(conn = %id, "its attachment waits for its client to come back");
        }
    }

    /// Lists what files say can be resumed, by their headers alone. One that cannot be read is passed by,
    /// with a line in the log.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list_leftovers(&self) -> io::Result<()> {
        let (Some(leftovers), Some(files)) = (&self.leftovers, self.attachments.files()) else {
            return Ok(());
        };
        let mut evicted = 0;
        for id in files.folder().ids()? {
            let (header, bytes) = match files.folder().read_header(id) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(conn = %id, %error, "cannot read an attachment");
                    continue;
                }
            };
            let Some(browser) = owner(&header) else { continue };
            let gone = leftovers.add(
                id,
                Leftover {
                    key: Key::new(browser, &header.url),
                    when: header.written,
                    window: RESTART_WINDOW,
                    is_dropped: false,
                    bytes,
                },
            );
            evicted += gone.len();
            self.discard(gone);
        }
        if evicted > 0 {
            tracing::warn!(
                files = evicted,
                "more was left than --max-leftovers or --max-leftover-bytes: the oldest was removed"
            );
        }
        Ok(())
    }

    /// Has attachments unlinked for which there is no room among those that wait for their clients.
    fn discard(&self, gone: Vec<ConnectionId>) {
        if let Some(files) = self.attachments.files()
            && !gone.is_empty()
        {
            self.counters.evicted_leftovers.add(gone.len());
            files.discard(gone);
        }
    }

    /// Unlinks attachments that were to be resumed and were not.
    pub fn drop_expired(&self) {
        let (Some(leftovers), Some(files)) = (&self.leftovers, self.attachments.files()) else {
            return;
        };
        for id in leftovers.expired() {
            match files.folder().remove(id) {
                Ok(true) => self.counters.attachments_pruned.add_one(),
                Ok(false) => {}
                Err(error) => tracing::error!(conn = %id, %error, "cannot remove an attachment"),
            }
        }
    }

    /// Unlinks the files of connections that are gone and that were written longer ago than `age`;
    /// returns how many. Files of live connections are kept younger than half of it, so that one
    /// which a crash leaves behind is not too old when it is first looked at. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn prune_attachments(&self, age: Duration) -> io::Result<usize> {
        let Some(files) = self.attachments.files() else { return Ok(0) };
        let folder = files.folder();
        let mut pruned = 0;
        for id in folder.ids()? {
            let Ok(written) = folder.age(id, self.clock.wall_clock()) else { continue };
            // Ids are not used again: one that is gone stays gone.
            if self.find(id).is_some() {
                if written > age / 2
                    && let Err(error) = folder.touch(id)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(conn = %id, %error, "cannot keep an attachment file young");
                }
            } else if written > age && folder.remove(id)? {
                pruned += 1;
                self.counters.attachments_pruned.add_one();
                if let Some(leftovers) = &self.leftovers {
                    leftovers.forget(id);
                }
            }
        }
        if pruned > 0 {
            tracing::info!(files = pruned, "pruned attachments that nobody came back for");
        }
        Ok(pruned)
    }
}

/// The browser that may come back for what a file holds.
fn owner(header: &Header) -> Option<Browser> {
    browser::named(header.browser.as_deref()?)
}
