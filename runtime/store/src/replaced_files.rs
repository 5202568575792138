//! Attachment files that new ones have replaced: they stay under a second name until the new ones are safe on the
//! disk, and get their first name back if these are not.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use zigttp_abi::connection_id::ConnectionId;

use crate::disk::folder::Folder;

/// The second name of a replaced file; `None` if there was no file.
pub(crate) type Backup = Option<String>;

pub(crate) struct ReplacedFiles {
    folder: Arc<Folder>,
    /// What could not be restored yet, because the disk took nothing.
    unrestored: BTreeMap<ConnectionId, Backup>,
}

impl ReplacedFiles {
    pub(crate) fn new(folder: Arc<Folder>) -> ReplacedFiles {
        ReplacedFiles { folder, unrestored: BTreeMap::new() }
    }

    /// Gives a temporary file its name. The file that had it gets the name `backup`.
    pub(crate) fn replace(
        &mut self,
        id: ConnectionId,
        temporary: &str,
        backup: String,
    ) -> io::Result<Backup> {
        let unrestored = self.unrestored.get(&id).cloned();
        let is_new = unrestored.is_none();
        let backup = match unrestored {
            // What has the name now is of an event that has failed.
            Some(backup) => backup,
            None => self.folder.back_up(id, &backup)?.then_some(backup),
        };
        if let Err(error) = self.folder.rename(temporary, id) {
            if is_new {
                self.discard(backup);
            }
            return Err(error);
        }
        self.unrestored.remove(&id);
        Ok(backup)
    }

    /// The new file is on the disk.
    pub(crate) fn discard(&self, backup: Backup) {
        if let Some(backup) = backup {
            self.folder.discard(&backup);
        }
    }

    /// The new file is not: what was replaced gets its name back. If that fails it is tried again.
    pub(crate) fn restore(&mut self, id: ConnectionId, backup: Backup) {
        let restored = match &backup {
            // A later job has removed it.
            Some(backup) if !self.folder.has(id) => {
                self.folder.discard(backup);
                Ok(())
            }
            Some(backup) => self.folder.restore(backup, id),
            None => self.folder.remove(id).map(|_was_there| ()),
        };
        let later = match restored {
            Ok(()) => self.unrestored.remove(&id),
            Err(error) => {
                tracing::error!(conn = %id, %error, "cannot restore an attachment; it is tried again");
                self.unrestored.insert(id, backup)
            }
        };
        self.discard(later.flatten());
    }

    /// Restores what could not be restored before. Returns whether nothing is left.
    pub(crate) fn retry(&mut self) -> bool {
        for (id, backup) in std::mem::take(&mut self.unrestored) {
            self.restore(id, backup);
        }
        self.unrestored.is_empty()
    }

    /// Another new file has the name, whatever had it before.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        let backup = self.unrestored.remove(&id);
        self.discard(backup.flatten());
    }
}
