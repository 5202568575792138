//! The durable directory: what one server holds alone.
//!
//! ```text
//! <dir>/lock           held by the server that uses it; names its process
//! <dir>/ids            the high-water mark of connection ids
//! <dir>/control.sock   where an operator reaches the server
//! <dir>/ws/            attachments
//! ```
//!
//! Anything else in it is not ours and is left alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// The right to use a directory; given up when dropped, also by a crash.
pub(crate) struct DurableDir {
    _lock: File,
}

impl DurableDir {
    /// Makes the directory if it is not there, for the owner alone, and takes it.
    ///
    /// # Errors
    /// When another server has it, or it cannot be written.
    pub(crate) fn take(dir: &Path) -> io::Result<DurableDir> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join("lock"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            lock.read_to_string(&mut holder)?;
            let holder = holder.trim();
            let holder = if holder.is_empty() { "unknown" } else { holder };
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("another zigttp uses it (process {holder})"),
            ));
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(DurableDir { _lock: lock })
    }
}
