//! The durable directory, which only one server uses at a time.
//!
//! ```text
//! <dir>/lock           has the process id of the server that uses it
//! <dir>/ids            the high-water mark of connection ids
//! <dir>/resume.key     signs the tokens that clients resume with
//! <dir>/control.sock   the socket for operators
//! <dir>/handler        has the hash of the handler's sources that was served last
//! <dir>/held           while it exists, signals and timers wait for an operator: a backup was restored here
//! <dir>/ws/            attachments
//! <dir>/store/         the states of rooms, and signals
//! ```
//!
//! Other files in it are left alone.

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
use zigttp_files::replace::ReachesDisk;

/// The file with the process id of the server.
const LOCK: &str = "lock";

/// The file with the hash of the handler, and its temporary name.
const HANDLER: &str = "handler";
const NEW_HANDLER: &str = "handler.new";
/// While this file exists, signals wait.
pub(crate) const HELD: &str = "held";
const MAX_HASH_BYTES: u64 = 256;

/// The lock of a directory, which is released when it is dropped, also by a crash.
pub struct DurableDir {
    folder: Arc<OwnFolder>,
    _lock: File,
}

impl DurableDir {
    /// Makes the directory if it does not exist, for its owner only, and locks it. Its path may be a link;
    /// inside it no link is followed.
    ///
    /// # Errors
    /// When another server uses it, other users can write in it, or it cannot be written.
    pub fn take(dir: &Path) -> io::Result<DurableDir> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
            match error.kind() {
                // A file, or a link without a target.
                io::ErrorKind::AlreadyExists => {
                    io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder")
                }
                _ => error,
            }
        })?;
        let folder = OwnFolder::open(&dir.canonicalize()?, Others::MayRead)?;
        // The directory itself is locked: if only a file in it were, it could be removed, and a
        // second server could lock a new one. Some network file systems cannot lock a directory; there
        // only the file is locked.
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
            // It was removed meanwhile: another server may have made and locked a new one.
            return Err(busy(&folder));
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(DurableDir { folder: Arc::new(folder), _lock: file })
    }

    /// Notes which handler is served, by the hash of its sources. Returns whether it was another before.
    ///
    /// # Errors
    /// When the note cannot be read or written.
    pub fn note_handler(&self, hash: &str) -> io::Result<bool> {
        let mut noted = String::new();
        match self.folder.open_file(HANDLER, Others::MayRead) {
            // A torn note is none.
            Ok(file) => drop(file.take(MAX_HASH_BYTES).read_to_string(&mut noted)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if noted.trim_end() == hash {
            return Ok(false);
        }
        // A crash may have left this file.
        self.folder.unlink(NEW_HANDLER)?;
        let line = format!("{hash}\n");
        self.folder.replace(HANDLER, NEW_HANDLER, &[line.as_bytes()], ReachesDisk::Bytes)?;
        Ok(true)
    }

    /// Whether signals and timers wait for an operator, because a backup was restored here.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn holds_signals(&self) -> io::Result<bool> {
        match self.folder.status(HELD) {
            Ok(_there) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lets signals and timers be delivered, by later servers too. Returns whether they were held.
    ///
    /// # Errors
    /// When the directory cannot be written. They are held then.
    pub fn release_signals(&self) -> io::Result<bool> {
        let was_held = self.folder.unlink(HELD)?;
        self.folder.sync()?;
        Ok(was_held)
    }

    /// The directory.
    pub fn folder(&self) -> &Arc<OwnFolder> {
        &self.folder
    }
}

/// Refuses a directory that is neither new nor empty.
///
/// # Errors
/// When something is in it, or it cannot be read.
pub(crate) fn check_unused(dir: &Path) -> io::Result<()> {
    let mut entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let folder = look_into(dir)?;
    if let Err(Errno::WOULDBLOCK) = lock(&folder) {
        return Err(busy(&folder));
    }
    Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, "it is not empty"))
}

/// Opens a durable directory for reading, without its lock.
pub fn look_into(dir: &Path) -> io::Result<OwnFolder> {
    OwnFolder::look_into(&dir.canonicalize()?)
}

fn lock(descriptor: impl AsFd) -> rustix::io::Result<()> {
    flock(descriptor, FlockOperation::NonBlockingLockExclusive)
}

fn busy(folder: &OwnFolder) -> io::Error {
    let mut holder = String::new();
    // If it cannot be read, the message says "unknown".
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
