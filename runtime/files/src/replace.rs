//! Replaces a file: writes a new one under a temporary name, then renames it. A program that opens the file
//! gets all of the old contents or all of the new ones.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

/// A file to be replaced, and how. Paths are relative to its folder.
#[derive(Clone, Copy)]
pub struct Replacement<'a> {
    pub path: &'a Path,
    /// A name that is not taken.
    pub temporary: &'a Path,
    /// The bytes, in order.
    pub parts: &'a [&'a [u8]],
    pub access: Access<'a>,
    pub reaches_disk: ReachesDisk,
}

/// What is forced to the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReachesDisk {
    Nothing,
    /// The bytes, before the file gets its name.
    Bytes,
    /// The bytes, and the name before [`replace`] returns.
    BytesAndName,
}

/// Who may read and write the new file.
#[derive(Clone, Copy)]
pub enum Access<'a> {
    /// Only its owner.
    Owner,
    /// Everyone whom the process's umask allows.
    Umask,
    /// The same users as the file that it replaces: its owner, group and mode, as far as the process may
    /// set them.
    Like(&'a Metadata),
}

/// Replaces a file.
///
/// # Errors
/// When the new file cannot be written. The old one is unchanged then, and the temporary file is removed.
/// [`io::ErrorKind::AlreadyExists`]: the temporary name is taken.
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
        // The error to report is that of writing.
        let _ = rustix::fs::unlinkat(folder, temporary, AtFlags::empty());
    }
    written?;
    if reaches_disk == ReachesDisk::BytesAndName { Ok(rustix::fs::fsync(folder)?) } else { Ok(()) }
}

/// Creates a file that does not exist yet; follows no link.
pub(crate) fn create(folder: impl AsFd, path: &Path, mode: Mode) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(folder, path, flags, mode)?))
}

fn write(
    mut file: File,
    parts: &[&[u8]],
    access: Access<'_>,
    reaches_disk: ReachesDisk,
) -> io::Result<()> {
    for part in parts {
        file.write_all(part)?;
    }
    if let Access::Like(old) = access {
        // Only the superuser can change the owner, and only the superuser may have to.
        let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
        file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    }
    if reaches_disk == ReachesDisk::Nothing { Ok(()) } else { file.sync_data() }
}
