//! Writing a file anew: under a temporary name, which is then renamed. Whoever opens the file finds all
//! of the old one or all of the new one.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

/// A file that is written anew, and what holds for it. Paths are relative to the folder that it is written
/// in.
#[derive(Clone, Copy)]
pub struct Replacement<'a> {
    pub path: &'a Path,
    /// A name that is not taken.
    pub temporary: &'a Path,
    /// The bytes, in order.
    pub parts: &'a [&'a [u8]],
    pub access: Access<'a>,
    /// The bytes are on the disk before the file has its name, and the name when the writer returns.
    pub reaches_disk: bool,
}

/// Who may do what with a new file.
#[derive(Clone, Copy)]
pub enum Access<'a> {
    /// Its owner alone may read and write it.
    Owner,
    /// What the process gives new files (its umask).
    Umask,
    /// Owner, group and mode of the file that it replaces, as far as the process may set them.
    Like(&'a Metadata),
}

/// Writes a file anew.
///
/// # Errors
/// When it cannot be written. The file is then as it was, and the temporary one is gone;
/// [`io::ErrorKind::AlreadyExists`] if its name was taken.
pub fn replace(folder: impl AsFd, file: Replacement<'_>) -> io::Result<()> {
    let Replacement { path, temporary, parts, access, reaches_disk } = file;
    let folder = folder.as_fd();
    let mode = match access {
        Access::Owner => Mode::RUSR | Mode::WUSR,
        Access::Umask | Access::Like(_) => Mode::from_raw_mode(0o666),
    };
    let new = create(folder, temporary, mode)?;
    let written = write(new, parts, access, reaches_disk)
        .and_then(|()| Ok(rustix::fs::renameat(folder, temporary, folder, path)?));
    if written.is_err() {
        // It would be garbage; the error that is reported is the first.
        let _ = rustix::fs::unlinkat(folder, temporary, AtFlags::empty());
    }
    written?;
    if reaches_disk { Ok(rustix::fs::fsync(folder)?) } else { Ok(()) }
}

/// Makes a file that was not there; no link is followed.
pub(crate) fn create(folder: impl AsFd, path: &Path, mode: Mode) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(folder, path, flags, mode)?))
}

fn write(
    mut file: File,
    parts: &[&[u8]],
    access: Access<'_>,
    reaches_disk: bool,
) -> io::Result<()> {
    for part in parts {
        file.write_all(part)?;
    }
    if let Access::Like(old) = access {
        // The superuser may write for others; nobody else can, nor has to.
        let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
        file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    }
    if reaches_disk { file.sync_data() } else { Ok(()) }
}
