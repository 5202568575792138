//! Folders and files that belong to this program alone: how they are opened, read and written.
//!
//! A server signs with what it reads there, runs it, or gives it to clients, so nobody else may put
//! anything there. A folder of ours belongs to the user that runs us, and no other user can write in
//! it. Everything in it is reached through its open descriptor, and no link is followed. A file is a
//! plain one of the folder's owner that no other user can write, nor read if it is a secret. What is
//! not so is refused, and the refusal names the command that mends it.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::replace::{self, Access, Replacement};
use crate::shell::quoted;

/// An open folder of ours.
pub struct OwnFolder {
    descriptor: OwnedFd,
    /// For messages, and for sockets.
    path: PathBuf,
    owner: u32,
}

/// What other users may do in a folder or with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Read, as after an operator's `mkdir`: the names in a folder are no secret.
    MayRead,
    Nothing,
}

/// Longest path that a socket's address has room for everywhere (`sun_path`: 108 bytes on Linux, 104 on
/// others, with the zero at its end).
const MAX_SOCKET_PATH: usize = 103;

/// Makes a folder, for its owner alone, if it is not there.
///
/// # Errors
/// When it cannot be made, is a link, belongs to another user, or other users can write in it.
pub fn make_own_folder(path: &Path) -> io::Result<()> {
    OwnFolder::make(path, Others::MayRead).map(|_open| ())
}

impl OwnFolder {
    /// Opens a folder, which is made, for its owner alone, if it is not there.
    pub fn make(path: &Path, others: Others) -> io::Result<OwnFolder> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        OwnFolder::open(path, others)
    }

    /// Opens a folder that is there.
    pub fn open(path: &Path, others: Others) -> io::Result<OwnFolder> {
        let owner = rustix::process::geteuid().as_raw();
        OwnFolder::checked(rustix::fs::CWD, path, path, others, Some(owner))
    }

    /// Opens a folder to look into it only. The superuser may look into everybody's.
    pub fn look_into(path: &Path) -> io::Result<OwnFolder> {
        let user = rustix::process::geteuid();
        let owner = (!user.is_root()).then(|| user.as_raw());
        OwnFolder::checked(rustix::fs::CWD, path, path, Others::MayRead, owner)
    }

    /// Opens a folder inside of this one.
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

    /// The same of one that is made if it is not there, and closed to other users if it was open to
    /// their reading.
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
                    "it is a link or no folder",
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
        // Not blocking: somebody may have put a pipe there.
        let file = self.open_plain(name, OFlags::RDONLY | OFlags::NONBLOCK)?;
        self.check_file(&file, name, others)?;
        Ok(file)
    }

    /// Opens a file to write in it, which is made, for its owner alone, if it is not there. It has
    /// no second name: what is written here must appear nowhere else.
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
            // As opening a socket, or a folder to write in it, is refused.
            Err(Errno::NXIO | Errno::ISDIR) => {
                Err(refused(format_args!("`{name}` is no plain file")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn check_file(&self, file: &File, name: &str, others: Others) -> io::Result<Stat> {
        let found = rustix::fs::fstat(file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(refused(format_args!("`{name}` is no plain file")));
        }
        let (shown, path) = (format!("`{name}`"), self.path.join(name));
        check(&shown, &path, &found, others, self.owner, "600")?;
        Ok(found)
    }

    /// Makes a file that was not there, for its owner alone, of these parts; with `syncs` they are
    /// on the disk then.
    pub fn create(&self, name: &str, parts: &[&[u8]], syncs: bool) -> io::Result<()> {
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = replace::create(&self.descriptor, Path::new(name), mode)?;
        for part in parts {
            file.write_all(part)?;
        }
        if syncs { file.sync_data() } else { Ok(()) }
    }

    /// Writes a file anew: under a temporary name that is not taken, and then renamed. With `syncs`
    /// the file is on the disk before it has its name, and the name when this returns.
    pub fn replace(
        &self,
        name: &str,
        temporary: &str,
        parts: &[&[u8]],
        syncs: bool,
    ) -> io::Result<()> {
        let (path, temporary) = (Path::new(name), Path::new(temporary));
        let access = Access::Owner;
        replace::replace(
            &self.descriptor,
            Replacement { path, temporary, parts, access, reaches_disk: syncs },
        )
    }

    /// Gives a file another name, in place of the one that was there.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.descriptor, from, &self.descriptor, to).map_err(io::Error::from)
    }

    /// Removes a name. False when there is none.
    pub fn unlink(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(Errno::ISDIR) => Err(refused(format_args!("`{name}` is a folder"))),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets names reach the disk.
    pub fn sync(&self) -> io::Result<()> {
        rustix::fs::fsync(&self.descriptor).map_err(io::Error::from)
    }

    /// What is at a name; of a link, the link.
    pub fn status(&self, name: &str) -> io::Result<Stat> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::statat(&self.descriptor, name, flags).map_err(io::Error::from)
    }

    /// Where a socket of this name is bound, or found by the folder's owner's programs.
    ///
    /// # Errors
    /// When something else is there.
    pub fn socket_path(&self, name: &str) -> io::Result<PathBuf> {
        match self.status(name) {
            Ok(found)
                if FileType::from_raw_mode(found.st_mode) != FileType::Socket
                    || found.st_uid != self.owner =>
            {
                return Err(refused(format_args!("`{name}` in it is no socket of its owner's")));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let path = self.path.join(name);
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(path);
        }
        // A folder of any path is opened, but no socket is bound or connected to one.
        Ok(format!("/proc/self/fd/{}/{name}", self.descriptor.as_raw_fd()).into())
    }
}

impl AsFd for OwnFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Refuses what another user owns or can write or, if that matters, read.
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
    Err(refused(format_args!("{what} {problem}; to mend it: chmod {good_mode} {path}")))
}

fn refused(why: fmt::Arguments<'_>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_string())
}
