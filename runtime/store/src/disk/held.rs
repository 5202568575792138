//! Attachment files as they were at one moment, for a backup that copies them while the server goes on.
//!
//! A file is never written in place. So it is enough to give a file that is about to be replaced or removed a second
//! name, until the backup has read it: events wait for one `link` at most, and for no copying.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zigttp_abi::connection_id::ConnectionId;

/// The number in the first second name. Other temporary names count from 1.
const FIRST: u64 = 1 << 62;

/// What is known of the files of the moment; nothing while there is no backup.
#[derive(Default)]
pub(crate) struct HeldFiles(Mutex<Option<Held>>);

#[derive(Default)]
pub(crate) struct Held {
    pub(crate) files: HashMap<ConnectionId, Kept>,
    /// Why a file could not be kept. The backup fails then, and nothing else.
    pub(crate) failed: Option<String>,
}

pub(crate) enum Kept {
    /// Under this name.
    As(String),
    /// There was none at that moment, or the backup has it.
    Not,
}

impl HeldFiles {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// To be called before the file of a connection changes. `link` gives it a second name with this number, if there is
    /// a file.
    pub(crate) fn keep(
        &mut self,
        id: ConnectionId,
        link: impl FnOnce(u64) -> io::Result<Option<String>>,
    ) {
        if self.failed.is_some() || self.files.contains_key(&id) {
            return;
        }
        let kept = match link(FIRST + self.files.len() as u64) {
            Ok(Some(name)) => Kept::As(name),
            Ok(None) => Kept::Not,
            Err(error) => {
                self.failed = Some(format!("cannot keep attachment {id} for it: {error}"));
                return;
            }
        };
        self.files.insert(id, kept);
    }
}
