//! The durable directory: what one server holds alone.
//!
//! ```text
//! <dir>/lock           names the process of the server that uses it
//! <dir>/ids            the high-water mark of connection ids
//! <dir>/resume.key     signs what clients show to resume
//! <dir>/control.sock   where an operator reaches the server
//! <dir>/ws/            attachments
//! ```
//!
//! Anything else in it is not ours and is left alone.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use zigttp_abi::number;
use zigttp_files::own_folder::{Others, OwnFolder};

/// Names the process that uses the directory.
const LOCK: &str = "lock";

/// The right to use a directory; given up when dropped, also by a crash.
pub struct DurableDir {
    folder: Arc<OwnFolder>,
    _lock: File,
}

impl DurableDir {
    /// Makes the directory if it is not there, for the owner alone, and takes it. The operator may
    /// name it by a link; in it no link is followed.
    ///
    /// # Errors
    /// When another server has it, it is open to other users, or it cannot be written.
    pub fn take(dir: &Path) -> io::Result<DurableDir> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
            match error.kind() {
                // A file, or a link that leads nowhere.
                io::ErrorKind::AlreadyExists => {
                    io::Error::new(io::ErrorKind::NotADirectory, "it is no folder")
                }
                _ => error,
            }
        })?;
        let folder = OwnFolder::open(&dir.canonicalize()?, Others::MayRead)?;
        // The directory itself is locked: a file in it can be removed and made anew, and then two
        // servers hold a lock each. Some file systems over a network cannot lock a directory; there
        // the file has to do.
        if let Err(Errno::WOULDBLOCK) = lock(&folder) {
            return Err(busy(&folder));
        }
        let mut file = folder.open_or_make_file(LOCK)?;
        match lock(&file) {
            Err(Errno::WOULDBLOCK) => return Err(busy(&folder)),
            locked => locked?,
        }
        let (held, named) = (rustix::fs::fstat(&file)?, folder.status(LOCK)?);
        if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino) {
            // It was removed meanwhile: whoever made it anew may have it.
            return Err(busy(&folder));
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(DurableDir { folder: Arc::new(folder), _lock: file })
    }

    /// The directory, for those who keep something in it.
    pub fn folder(&self) -> &Arc<OwnFolder> {
        &self.folder
    }
}

/// Opens a durable directory to look into it; it need not be taken for that.
pub fn look_into(dir: &Path) -> io::Result<OwnFolder> {
    OwnFolder::look_into(&dir.canonicalize()?)
}

fn lock(descriptor: impl AsFd) -> rustix::io::Result<()> {
    flock(descriptor, FlockOperation::NonBlockingLockExclusive)
}

fn busy(folder: &OwnFolder) -> io::Error {
    let mut holder = String::new();
    // Without it the message says less.
    let _ = folder
        .open_file(LOCK, Others::MayRead)
        .and_then(|file| file.take(32).read_to_string(&mut holder));
    let holder = match number::parse::<u32>(holder.trim()) {
        Some(process) => process.to_string(),
        None => "unknown".to_owned(),
    };
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!("another zigttp uses it (process {holder})"),
    )
}
