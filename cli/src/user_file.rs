//! Writes a file that the user has named.
//!
//! It may be anything: a file, of which no other program may read half (a server may be reading the old
//! one); a link, whose target is meant; a pipe or a device, which must be written to and not replaced (as
//! root, a rename would destroy `/dev/null` for all programs).

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zigttp_files::replace::{self, Access, ReachesDisk, Replacement};

/// Most links that are followed, as many as the system follows.
const MAX_LINKS: usize = 40;

/// Writes these bytes to what a path leads to, instead of its content.
///
/// # Errors
/// When it cannot be written. A file is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        // For example `/dev/stdout`, even if it is a file: the program that opened it expects the bytes.
        Ok(found) if is_behind(io::stdout(), &found) => write_whole(io::stdout(), bytes),
        Ok(found) if is_behind(io::stderr(), &found) => write_whole(io::stderr(), bytes),
        Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(found) if found.is_file() => {
            // A read-only file must not be changed, though its folder would allow it.
            let writable = OpenOptions::new().write(true).open(path)?;
            drop(writable);
            let target = fs::canonicalize(path)?;
            match replace(&target, bytes, Some(&found)) {
                // The folder cannot be written, or the file is a mount of its own: write to the file itself.
                Err(error) if is_of_the_folder(&error) => {
                    OpenOptions::new().write(true).truncate(true).open(path)?.write_all(bytes)
                }
                result => result,
            }
        }
        Ok(_pipe_or_device) => OpenOptions::new().write(true).open(path)?.write_all(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            replace(&end_of_links(path)?, bytes, None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a path leads to standard output, so that nothing else may be written there.
pub fn is_output(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| is_behind(io::stdout(), &found))
}

fn write_whole(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// The path that links lead to, though there is no file yet.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_no_link) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Replaces a file in one step, or makes it. It keeps its owner and mode.
fn replace(path: &Path, bytes: &[u8], old: Option<&Metadata>) -> io::Result<()> {
    let access = old.map_or(Access::Umask, Access::Like);
    let mut number = std::process::id();
    loop {
        // Not made from its name, which may be as long as one can be.
        let temporary = &path.with_file_name(format!(".zigts-{number}.tmp"));
        let parts = &[bytes];
        let file =
            Replacement { path, temporary, parts, access, reaches_disk: ReachesDisk::Nothing };
        match replace::replace(rustix::fs::CWD, file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                number = number.wrapping_add(1);
            }
            result => return result,
        }
    }
}

fn is_of_the_folder(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::ResourceBusy
    )
}

fn is_behind(stream: impl AsFd, found: &Metadata) -> bool {
    rustix::fs::fstat(stream)
        .is_ok_and(|stream| (found.dev(), found.ino()) == (stream.st_dev, stream.st_ino))
}
