//! What crashes, shutdowns and dropped links have left: told, given to a live connection, pruned.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use zigttp_abi::connection_id::ConnectionId;

use zigttp_store::disk::format::Header;
use zigttp_store::error::AdoptError;

use crate::browser;
use crate::resume::Found;
use crate::server::Server;

impl Server {
    /// The ids of all connections that have an attachment file, live ones included, in ascending
    /// order. Reads the folder; empty without one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list_persisted_attachment_ids(&self) -> std::io::Result<Vec<u64>> {
        match self.hub.attachments.files() {
            Some(files) => {
                Ok(files.folder().ids()?.into_iter().map(ConnectionId::number).collect())
            }
            None => Ok(Vec::new()),
        }
    }

    /// Whether this connection is there.
    pub fn is_connected(&self, id: u64) -> bool {
        self.hub.find(ConnectionId::from_number(id)).is_some()
    }

    /// Gives the attachment that connection `prior_id` has left to the live connection `new_id`, in
    /// place of what that has. Whoever calls this has made sure that the client is the same. After
    /// a crash in the middle the file is with the one or the other, never with both.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt_persisted_attachment(
        &self,
        new_id: u64,
        prior_id: u64,
    ) -> Result<(), AdoptError> {
        let new = self
            .hub
            .find(ConnectionId::from_number(new_id))
            .ok_or(AdoptError::NotConnected(new_id))?;
        let prior = ConnectionId::from_number(prior_id);
        if self.hub.find(prior).is_some() {
            return Err(AdoptError::StillConnected(prior_id));
        }
        self.hub.attachments.adopt(prior, &new).await?;
        if let Some(resume) = &self.resume {
            resume.forget(prior);
        }
        tracing::debug!(conn = new_id, prior = prior_id, "an attachment was adopted");
        Ok(())
    }

    /// Lists what files say can be resumed, by their headers alone. One that cannot be read is passed by,
    /// with a line in the log.
    pub(crate) fn list_resumable(&self) -> std::io::Result<()> {
        let (Some(resume), Some(files)) = (&self.resume, self.hub.attachments.files()) else {
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
            if let Some(browser) = header.browser.as_deref().and_then(browser::named) {
                let Header { url, written, .. } = header;
                let gone = resume.found(id, &Found { browser, url, written, bytes });
                evicted += gone.len();
                self.discard_leftovers(gone);
            }
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
    pub(crate) fn discard_leftovers(&self, gone: Vec<ConnectionId>) {
        if let Some(files) = self.hub.attachments.files()
            && !gone.is_empty()
        {
            self.hub.counters.evicted_leftovers.add(gone.len());
            files.discard(gone);
        }
    }

    /// Unlinks attachments that were to be resumed and were not.
    pub(crate) fn drop_expired(&self) {
        let (Some(resume), Some(files)) = (&self.resume, self.hub.attachments.files()) else {
            return;
        };
        for id in resume.expired() {
            match files.folder().remove(id) {
                Ok(true) => self.hub.counters.attachments_pruned.add_one(),
                Ok(false) => {}
                Err(error) => tracing::error!(conn = %id, %error, "cannot remove an attachment"),
            }
        }
    }

    /// Unlinks the files of connections that are gone and that were written longer ago than `age`;
    /// answers how many. Files of live connections are kept younger than half of it, so that one
    /// which a crash leaves behind is not too old when it is first looked at. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn prune_attachments(&self, age: Duration) -> std::io::Result<usize> {
        let Some(files) = self.hub.attachments.files() else { return Ok(0) };
        let folder = Arc::clone(files.folder());
        let mut pruned = 0;
        for id in folder.ids()? {
            let Ok(written) = folder.age(id, SystemTime::now()) else { continue };
            // Ids are not used again: one that is gone stays gone.
            if self.hub.find(id).is_some() {
                if written > age / 2
                    && let Err(error) = folder.touch(id)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::warn!(conn = %id, %error, "cannot keep an attachment file young");
                }
            } else if written > age && folder.remove(id)? {
                pruned += 1;
                self.hub.counters.attachments_pruned.add_one();
                if let Some(resume) = &self.resume {
                    resume.forget(id);
                }
            }
        }
        if pruned > 0 {
            tracing::info!(files = pruned, "pruned attachments that nobody came back for");
        }
        Ok(pruned)
    }
}
