//! The attachment files of one moment, as a backup reads them.

use std::fs::File;
use std::io;
use std::sync::Arc;

use zigttp_abi::connection_id::ConnectionId;

use crate::disk::folder::Folder;
use crate::disk::held::{Held, Kept};

/// The files of one moment.
pub(crate) struct FilesSnapshot(Arc<Folder>);

impl FilesSnapshot {
    /// Of this moment. `None` if there is one already.
    pub(crate) fn of(folder: &Arc<Folder>) -> Option<FilesSnapshot> {
        let mut held = folder.held().lock();
        if held.is_some() {
            return None;
        }
        *held = Some(Held::default());
        Some(FilesSnapshot(Arc::clone(folder)))
    }

    /// The connections that had a file, in ascending order.
    pub(crate) fn ids(&self) -> io::Result<Vec<ConnectionId>> {
        let mut ids = self.0.ids()?;
        // Whatever has changed while they were listed is known by now.
        if let Some(held) = &*self.0.held().lock() {
            ids.retain(|id| !held.files.contains_key(id));
            let kept = held.files.iter().filter(|(_, kept)| matches!(kept, Kept::As(_)));
            ids.extend(kept.map(|(id, _)| *id));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Opens a file, once. `None` if it has no file any more that was not to be kept.
    pub(crate) fn open(&self, id: ConnectionId) -> io::Result<Option<File>> {
        let mut guard = self.0.held().lock();
        let held = guard.get_or_insert_with(Held::default);
        if let Some(why) = &held.failed {
            return Err(io::Error::other(why.clone()));
        }
        let opened = match held.files.insert(id, Kept::Not) {
            Some(Kept::As(name)) => {
                let opened = self.0.open_named(&name);
                self.0.discard(&name);
                opened
            }
            Some(Kept::Not) => return Ok(None),
            None => self.0.open_of(id),
        };
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for FilesSnapshot {
    fn drop(&mut self) {
        let held = self.0.held().lock().take();
        for kept in held.into_iter().flat_map(|held| held.files.into_values()) {
            if let Kept::As(name) = kept {
                self.0.discard(&name);
            }
        }
    }
}
