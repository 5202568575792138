//! Attachment files: `<dir>/ws/<id>.att`.
//!
//! A file is one line of JSON ([`Header`]) and then the value's bytes. It is written under a
//! temporary name in the same folder and renamed, so a reader sees the old value or the new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::AttachmentError;
use crate::connection_id::ConnectionId;
use crate::value::Value;

/// The attachment files of one durable folder.
pub(crate) struct DurableAttachments {
    folder: PathBuf,
}

/// First line of a file.
#[derive(Serialize)]
struct Header<'a> {
    /// Version of the format.
    v: u32,
    /// [`zigttp_abi::value::ValueKind::name`].
    kind: &'a str,
    room: &'a str,
    /// Milliseconds since 1970.
    written: u64,
    /// Bytes that follow the line.
    length: usize,
}

/// A file written under its temporary name.
struct Written {
    id: ConnectionId,
    temporary: PathBuf,
}

impl DurableAttachments {
    /// Opens `<dir>/ws`, making it if it is not there, for the owner alone.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub(crate) fn open(dir: &Path) -> io::Result<DurableAttachments> {
        let folder = dir.join("ws");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(DurableAttachments { folder })
    }

    /// Writes the values of one event: first all temporaries, then the renames.
    pub(crate) fn write_all(
        &self,
        values: Vec<(ConnectionId, String, Value)>,
    ) -> Result<(), AttachmentError> {
        let mut written = Vec::with_capacity(values.len());
        for (id, room, value) in values {
            match self.write_temporary(id, &room, &value) {
                Ok(temporary) => written.push(Written { id, temporary }),
                Err(source) => {
                    discard(&written);
                    return Err(AttachmentError { id, source });
                }
            }
        }
        for (index, Written { id, temporary }) in written.iter().enumerate() {
            if let Err(source) = fs::rename(temporary, self.path(*id)) {
                discard(&written[index..]);
                return Err(AttachmentError { id: *id, source });
            }
        }
        Ok(())
    }

    /// Unlinks a file; one that was never written is no fault.
    pub(crate) fn remove(&self, id: ConnectionId) {
        if let Err(error) = fs::remove_file(self.path(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(conn = %id, %error, "cannot remove an attachment file");
        }
    }

    fn write_temporary(&self, id: ConnectionId, room: &str, value: &Value) -> io::Result<PathBuf> {
        let temporary = self.folder.join(format!("{id}.tmp"));
        let header = Header {
            v: 1,
            kind: value.kind().name(),
            room,
            written: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64),
            length: value.bytes().len(),
        };
        let mut bytes = serde_json::to_vec(&header).map_err(io::Error::other)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(value.bytes());
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        if let Err(error) = file.write_all(&bytes) {
            // A file that is half there is worth nothing; the write's own error is the one to tell.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(temporary)
    }

    fn path(&self, id: ConnectionId) -> PathBuf {
        self.folder.join(format!("{id}.att"))
    }
}

fn discard(written: &[Written]) {
    for Written { temporary, .. } in written {
        // Swept at the next start if it stays.
        let _ = fs::remove_file(temporary);
    }
}
