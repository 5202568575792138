//! Attachments that crashes, shutdowns and dropped connections have left: lists them, gives them to live
//! connections, and removes old ones.

use std::io;
use std::time::Duration;

use zigttp_abi::connection_id::ConnectionId;
use zigttp_sandbox::rooms::RoomsOf;
use zigttp_store::attachment_files::file_bytes;
use zigttp_store::disk::format::Header;
use zigttp_store::error::AdoptError;

use crate::browser::{self, Browser};
use crate::connection::Connection;
use crate::hub::Hub;
use crate::leftovers::{Key, Leftover};

/// How long attachments that a server finds at its start can be resumed.
const RESTART_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a new connection waits for the `onClose` of the one that it resumes.
pub const FAREWELL_TIME: Duration = Duration::from_secs(5);

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

    /// Gives the attachment that connection `prior` has left to the live connection `new`, and replaces the
    /// one that it has. After a crash in the middle the file belongs to one of the two connections, never to
    /// both.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt(&self, new: ConnectionId, prior: ConnectionId) -> Result<(), AdoptError> {
        if self.attachments.files().is_none() {
            return Err(AdoptError::NotDurable);
        }
        let connection = self.find(new).ok_or(AdoptError::NotConnected(new.number()))?;
        let is_reserved = self.leftovers.as_ref().is_some_and(|left| left.is_reserved(prior));
        if is_reserved || self.find(prior).is_some() {
            return Err(AdoptError::StillConnected(prior.number()));
        }
        let states = &self.states.storage;
        self.attachments.adopt(states, prior, connection, self.clock).await?;
        if let Some(leftovers) = &self.leftovers {
            leftovers.forget(prior);
        }
        tracing::debug!(conn = %new, %prior, "an attachment was adopted");
        Ok(())
    }

    /// A connection opens: from now on it may be asked to make room for its successor.
    pub fn arrived(&self, connection: &Connection) {
        if let (Some(leftovers), Some(browser)) = (&self.leftovers, connection.browser) {
            leftovers.arrived(key(browser, connection), connection.id);
        }
    }

    /// A connection has closed. With `is_left` its attachment waits to be resumed.
    pub fn parted(&self, connection: &Connection, is_left: bool) {
        let Some(leftovers) = &self.leftovers else { return };
        let id = connection.id;
        if is_left && let Some(browser) = connection.browser {
            let value_bytes = connection.attachment_bytes().unwrap_or(0);
            let RoomsOf { own, joined } = connection.rooms.names();
            let first = connection.rooms.first().shared_key();
            let rooms: Vec<_> = [&own, first].into_iter().chain(&joined).collect();
            let evicted = leftovers.add(
                id,
                Leftover {
                    key: key(browser, connection),
                    when: self.clock.unix_millis(),
                    window: leftovers.window(),
                    is_dropped: true,
                    bytes: file_bytes(
                        rooms.iter().map(|room| &***room),
                        &connection.url,
                        value_bytes,
                    ),
                },
            );
            self.discard(evicted);
        }
        leftovers.parted(id);
        if is_left {
            tracing::debug!(conn = %id, "its attachment waits for its client to come back");
        }
    }

    /// Finds the attachments that can be resumed, from the headers of their files. A file that cannot be
    /// read is skipped and logged.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list_leftovers(&self) -> io::Result<()> {
        let Some(leftovers) = &self.leftovers else { return Ok(()) };
        let mut found: Vec<_> =
            self.attachments.kept().into_iter().map(|(id, header)| (id, header, 0)).collect();
        if let Some(files) = self.attachments.files() {
            for id in files.folder().ids()? {
                match files.folder().read_header(id) {
                    Ok((header, bytes)) => found.push((id, header, bytes)),
                    Err(error) => tracing::warn!(conn = %id, %error, "cannot read an attachment"),
                }
            }
        }
        let mut removed = 0;
        for (id, header, bytes) in found {
            let Some(browser) = owner(&header) else { continue };
            let evicted = leftovers.add(
                id,
                Leftover {
                    key: Key::new(browser, &header.url, header.opened_in()),
                    when: header.written,
                    window: RESTART_WINDOW,
                    is_dropped: false,
                    bytes,
                },
            );
            removed += evicted.len();
            self.discard(evicted);
        }
        if removed > 0 {
            tracing::warn!(
                files = removed,
                "removed the oldest attachments that wait to be resumed: over --max-leftovers or \
                 --max-leftover-bytes"
            );
        }
        Ok(())
    }

    /// Removes the files of leftovers that were over a limit.
    pub fn discard(&self, evicted: Vec<ConnectionId>) {
        self.counters.evicted_leftovers.add(evicted.len());
        self.attachments.discard(&self.states.storage, evicted);
    }

    /// Removes the files of leftovers that were not resumed in time.
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

    /// Removes the files of closed connections that were written longer ago than `age`; returns how many.
    /// Files of live connections are kept younger than half of `age`, so that one which a crash leaves
    /// behind is not removed at once. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn prune_attachments(&self, age: Duration) -> io::Result<usize> {
        let Some(files) = self.attachments.files() else { return Ok(0) };
        let folder = files.folder();
        let mut pruned = 0;
        for id in folder.ids()? {
            let Ok(written) = folder.age(id, self.clock.wall_clock()) else { continue };
            let is_reserved = self.leftovers.as_ref().is_some_and(|left| left.is_reserved(id));
            // Ids are never used twice, so a connection that is not found cannot open later.
            if is_reserved || self.find(id).is_some() {
                if written > age / 2
                    && let Err(error) = folder.touch(id)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(conn = %id, %error, "cannot renew the time of an attachment file");
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
            tracing::info!(files = pruned, "pruned old attachments of closed connections");
        }
        Ok(pruned)
    }
}

/// What a client has to come back to for what a connection leaves.
fn key(browser: Browser, connection: &Connection) -> Key {
    Key::new(browser, &connection.url, connection.rooms.first().key())
}

/// The browser that may come back for what a file holds.
fn owner(header: &Header) -> Option<Browser> {
    browser::named(header.browser.as_deref()?)
}
