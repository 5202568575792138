//! A file system in memory that loses what a disk may lose when its power is cut, and that fails on demand.
//!
//! After [`LossyFs::cut_power`] the mount shows one of the states that a disk may be in:
//!
//! - Of a file all is kept that was there at its last `fsync` or `fdatasync`. What was written later may be
//!   there or not, separately for each 4 KiB block and for the length: the kernel writes pages to the disk when
//!   it likes and in any order, and the disk reorders them again. Of a block that was written several times any
//!   version may be there. A file may be long enough and contain zeros.
//!   (<https://www.sqlite.org/atomiccommit.html>, section 2.)
//! - A name (created, linked, renamed, removed) is safe when its folder was synced. Of the changes since then
//!   the first few are there, in order, as in a journalling file system such as ext4 or XFS; a rename is there
//!   as a whole or not at all. That a file was synced says nothing about its name, nor the other way round: a
//!   file that was renamed before it was synced may be empty. (Pillai et al., "All File Systems Are Not Created
//!   Equal", OSDI 2014, which describes the tool ALICE and compares six file systems.)
//! - A sync that fails loses its blocks for later syncs too, until they are written again: Linux marks the pages
//!   clean. (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.)
//!
//! What is not modelled, always in favour of the program under test: sectors smaller than a block, changes of
//! names in another order (btrfs), and owner, mode and times, which are never lost.
//!
//! A test kills its server, cuts the power and starts the server again on the same mount:
//!
//! ```ignore
//! let Some(disk) = LossyFs::mount(folder.path(), seed) else { return };
//! let server = start(&disk);
//! server.kill_and_wait();
//! disk.cut_power();
//! let server = start(&disk);
//! ```
//!
//! The file system runs in a process of its own, which ends when the test does, however it ends, and unmounts.
//! In the test's process it would deadlock: a thread that is killed while it waits for the file system, or that
//! has memory mapped from it, waits for threads that are dead already. Mounting needs `/dev/fuse` and root, but
//! no package.

mod contents;
mod disk;
mod faults;
mod names;
mod process;
mod requests;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::{PATIENCE, skipped};

/// A mounted file system, unmounted when dropped. Files that are open then stay usable until they are closed.
pub(crate) struct LossyFs {
    path: PathBuf,
    /// Commands to the process and its replies, a line each.
    process: Mutex<BufReader<UnixStream>>,
}

impl LossyFs {
    /// Mounts an empty file system on an existing folder. What a cut of power loses depends on the seed, and on
    /// what was written.
    ///
    /// `None` where this process may not mount a FUSE file system: the test then says that it was skipped.
    pub(crate) fn mount(path: &Path, seed: u64) -> Option<LossyFs> {
        match LossyFs::try_mount(path, seed) {
            Ok(mounted) => Some(mounted),
            Err(error) => {
                skipped(&format!("no FUSE file system can be mounted here: {error}"));
                None
            }
        }
    }

    fn try_mount(path: &Path, seed: u64) -> io::Result<LossyFs> {
        let process = process::start(path, seed)?;
        process.set_read_timeout(Some(PATIENCE))?;
        let mut process = BufReader::new(process);
        let mut mounted = String::new();
        process.read_line(&mut mounted)?;
        match mounted.trim() {
            process::MOUNTED => Ok(LossyFs { path: path.to_owned(), process: Mutex::new(process) }),
            error => Err(io::Error::other(error.to_owned())),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Loses what was not synced. To be called when the processes that use the mount have been killed and
    /// waited for. What is still open then belongs to a disk that is no more: all calls fail with `ESTALE`, and
    /// nothing that is written there later reaches the new state.
    pub(crate) fn cut_power(&self) {
        self.command("cut_power");
    }

    /// From the n-th change on, counted from now and from 1, every change fails with this error, until
    /// [`LossyFs::heal`]. A change is a call that creates, links, renames, writes, truncates or syncs; the
    /// kernel makes several of a long write. Removing is none, since it works on a full disk. Writes through
    /// mapped memory are none either: the kernel sends them when it likes, so nobody could count them.
    pub(crate) fn fail_writes(&self, after: u64, error: Errno) {
        self.command(&format!("fail_writes {after} {}", error.raw_os_error()));
    }

    /// Ends the faults. Returns how many changes have failed. A test that fails first the 1st change, then the
    /// 2nd, and so on has been through all of them when this returns zero.
    pub(crate) fn heal(&self) -> u64 {
        self.command("heal")
    }

    /// Sets how much room `statfs` reports. Writes are not limited by it.
    pub(crate) fn set_free_bytes(&self, bytes: u64) {
        self.command(&format!("set_free_bytes {bytes}"));
    }

    fn command(&self, command: &str) -> u64 {
        self.try_command(command).expect("the process of the file system lives")
    }

    fn try_command(&self, command: &str) -> io::Result<u64> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(process.get_mut(), "{command}")?;
        let mut reply = String::new();
        process.read_line(&mut reply)?;
        reply.trim().parse().map_err(|_no_number| io::Error::other(format!("{command}: {reply:?}")))
    }
}

impl Drop for LossyFs {
    fn drop(&mut self) {
        // The folder can be removed when this returns.
        let _ = self.try_command("unmount");
    }
}
