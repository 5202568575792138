//! Opens, reads and writes folders and files that only this program may write.
//!
//! A server signs with the contents of such files, runs them or sends them to clients, so no other user may
//! write there. The folder must belong to the user who runs the program, and no other user may be able to
//! write in it. Everything in it is opened relative to its descriptor, and no link is followed. A file must
//! be a plain file of the folder's owner that no other user can write, nor read if it is a secret. Anything
//! else is refused with an error that gives the command to correct it.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::replace::{self, Access, ReachesDisk, Replacement};
use crate::shell::quoted;

/// An open folder that only its owner may write.
pub struct OwnFolder {
    descriptor: OwnedFd,
    /// For messages and sockets.
    path: PathBuf,
    owner: u32,
}

/// What other users may do in a folder or with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Read, as after an ordinary `mkdir`: the names in the folder are not secret.
    MayRead,
    Nothing,
}

/// Longest path that fits a socket's address on every system (`sun_path`: 108 bytes on Linux, 104 on
/// others, with the zero at its end).
const MAX_SOCKET_PATH: usize = 103;

/// Makes a folder, for its owner only, if it does not exist.
///
/// # Errors
/// When it cannot be made, is a link, belongs to another user, or other users can write in it.
pub fn make_own_folder(path: &Path) -> io::Result<()> {
    OwnFolder::make(path, Others::MayRead).map(|_open| ())
}

impl OwnFolder {
    /// Opens a folder; makes it, for its owner only, if it does not exist.
    pub fn make(path: &Path, others: Others) -> io::Result<OwnFolder> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        OwnFolder::open(path, others)
    }

    /// Opens an existing folder.
    pub fn open(path: &Path, others: Others) -> io::Result<OwnFolder> {
        let owner = rustix::process::geteuid().as_raw();
        OwnFolder::checked(rustix::fs::CWD, path, path, others, Some(owner))
    }

    /// Opens a folder only to read it. The superuser may read every user's.
    pub fn look_into(path: &Path) -> io::Result<OwnFolder> {
        let user = rustix::process::geteuid();
        let owner = (!user.is_root()).then(|| user.as_raw());
        OwnFolder::checked(rustix::fs::CWD, path, path, Others::MayRead, owner)
    }

    /// Opens a folder inside this one.
    pub fn within(&self, name: &str) -> io::Result<OwnFolder> {
        let path = self.path.join(name);
        let opened = OwnFolder::checked(
            self.descriptor.as_fd(),
            Path::new(name),
            &path,
            Others::MayRead,
            Some(self.owner),
        );
        opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => error,
            kind => io::Error::new(kind, format!("`{name}` in it: {error}")),
        })
    }

    /// Opens a folder inside this one; makes it if it does not exist, and removes the rights of other users
    /// to read it.
    pub fn make_within(&self, name: &str) -> io::Result<OwnFolder> {
        match rustix::fs::mkdirat(&self.descriptor, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let folder = self.within(name)?;
        rustix::fs::fchmod(&folder.descriptor, Mode::RWXU)?;
        Ok(folder)
    }

    fn checked(
        at: BorrowedFd<'_>,
        name: &Path,
        path: &Path,
        others: Others,
        owner: Option<u32>,
    ) -> io::Result<OwnFolder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::openat(at, name, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    "it is a link or not a folder",
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let found = rustix::fs::fstat(&descriptor)?;
        let owner = owner.unwrap_or(found.st_uid);
        check("it", path, &found, others, owner, "700")?;
        Ok(OwnFolder { descriptor, path: path.to_owned(), owner })
    }

    /// Opens a file to read it.
    pub fn open_file(&self, name: &str, others: Others) -> io::Result<File> {
        // Non-blocking, because it may be a pipe.
        let file = self.open_plain(name, OFlags::RDONLY | OFlags::NONBLOCK)?;
        self.check_file(&file, name, others)?;
        Ok(file)
    }

    /// Opens a file to write it; makes it, for its owner only, if it does not exist. A file with a second
    /// name is refused, because writing would change the file of the other name too.
    pub fn open_or_make_file(&self, name: &str) -> io::Result<File> {
        let file = self.open_plain(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK)?;
        let found = self.check_file(&file, name, Others::MayRead)?;
        if found.st_nlink > 1 {
            let path = self.path.join(name);
            return Err(refused(format_args!("`{name}` has a second name: rm {}", quoted(&path))));
        }
        Ok(file)
    }

    fn open_plain(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok(File::from(file)),
            Err(Errno::LOOP) => {
                let path = self.path.join(name);
                Err(refused(format_args!("`{name}` is a link: rm {}", quoted(&path))))
            }
            // The errors of opening a socket, and of opening a folder to write it.
            Err(Errno::NXIO | Errno::ISDIR) => {
                Err(refused(format_args!("`{name}` is not a plain file")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn check_file(&self, file: &File, name: &str, others: Others) -> io::Result<Stat> {
        let found = rustix::fs::fstat(file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(refused(format_args!("`{name}` is not a plain file")));
        }
        let (shown, path) = (format!("`{name}`"), self.path.join(name));
        check(&shown, &path, &found, others, self.owner, "600")?;
        Ok(found)
    }

    /// Creates a file with these parts, for its owner only, that does not exist yet. With `syncs` it is
    /// forced to the disk.
    pub fn create(&self, name: &str, parts: &[&[u8]], syncs: bool) -> io::Result<()> {
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = replace::create(&self.descriptor, Path::new(name), mode)?;
        for part in parts {
            file.write_all(part)?;
        }
        if syncs { file.sync_data() } else { Ok(()) }
    }

    /// Replaces a file, by a temporary name that is not taken.
    pub fn replace(
        &self,
        name: &str,
        temporary: &str,
        parts: &[&[u8]],
        reaches_disk: ReachesDisk,
    ) -> io::Result<()> {
        let (path, temporary) = (Path::new(name), Path::new(temporary));
        let access = Access::Owner;
        let file = Replacement { path, temporary, parts, access, reaches_disk };
        replace::replace(&self.descriptor, file)
    }

    /// Renames a file, and replaces the file that had the new name.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.descriptor, from, &self.descriptor, to).map_err(io::Error::from)
    }

    /// Removes a file. Returns false when there is none.
    pub fn unlink(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(Errno::ISDIR) => Err(refused(format_args!("`{name}` is a folder"))),
            Err(error) => Err(error.into()),
        }
    }

    /// Forces the names in the folder to the disk.
    pub fn sync(&self) -> io::Result<()> {
        rustix::fs::fsync(&self.descriptor).map_err(io::Error::from)
    }

    /// The status of a file; of a link, that of the link itself.
    pub fn status(&self, name: &str) -> io::Result<Stat> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::statat(&self.descriptor, name, flags).map_err(io::Error::from)
    }

    /// The path of a file, for a library that takes no descriptor. [`OwnFolder::open_or_make_file`] checks the
    /// file.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path for binding a socket of this name, or connecting to it.
    ///
    /// # Errors
    /// When the name belongs to something else.
    pub fn socket_path(&self, name: &str) -> io::Result<PathBuf> {
        match self.status(name) {
            Ok(found)
                if FileType::from_raw_mode(found.st_mode) != FileType::Socket
                    || found.st_uid != self.owner =>
            {
                return Err(refused(format_args!("`{name}` in it is not a socket of its owner")));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let path = self.path.join(name);
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(path);
        }
        // A longer path does not fit a socket's address: this one leads to the open folder.
        Ok(format!("/proc/self/fd/{}/{name}", self.descriptor.as_raw_fd()).into())
    }
}

impl AsFd for OwnFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Refuses a folder or file that another user owns, can write, or can read although it is a secret.
fn check(
    what: &str,
    path: &Path,
    found: &Stat,
    others: Others,
    owner: u32,
    good_mode: &str,
) -> io::Result<()> {
    let path = quoted(path);
    if found.st_uid != owner {
        return Err(refused(format_args!(
            "{what} belongs to another user ({}): run this as that user, or: chown {owner} {path}",
            found.st_uid
        )));
    }
    let mode = found.st_mode & 0o777;
    let problem = match others {
        Others::MayRead if mode & 0o022 != 0 => "can be written by other users",
        Others::Nothing if mode & 0o077 != 0 => "is open to other users",
        _ => return Ok(()),
    };
    Err(refused(format_args!("{what} {problem}; to correct it: chmod {good_mode} {path}")))
}

fn refused(why: fmt::Arguments<'_>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_string())
}
