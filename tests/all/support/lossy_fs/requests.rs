//! The kernel's requests.
//!
//! What is left out is done by the kernel alone: locks (POSIX and `flock`), the checks of permissions, and that
//! a folder is no file. `fallocate` and extended attributes are not supported. Nothing of names and attributes
//! is cached, so that the kernel notices a cut of power; pages of open files are cached, which shared mapped
//! memory needs (SQLite's `-shm` file).

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::contents::BLOCK;
use super::disk::Disk;
use super::names::Place;

const NOT_CACHED: Duration = Duration::ZERO;
/// Numbers of inodes are used once, so there is one generation.
const GENERATION: Generation = Generation(0);
/// Handles tell nothing: the inode does.
const HANDLE: FileHandle = FileHandle(0);

/// The side of the file system that the kernel calls.
pub(super) struct Requests(pub(super) Arc<Mutex<Disk>>);

impl Requests {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.0)
    }
}

pub(super) fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_entry(found: Result<FileAttr, Errno>, reply: ReplyEntry) {
    match found {
        Ok(attributes) => reply.entry(&NOT_CACHED, &attributes, GENERATION),
        Err(error) => reply.error(error),
    }
}

fn send_attributes(found: Result<FileAttr, Errno>, reply: ReplyAttr) {
    match found {
        Ok(attributes) => reply.attr(&NOT_CACHED, &attributes),
        Err(error) => reply.error(error),
    }
}

fn send_done(done: Result<(), Errno>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn owner(request: &Request) -> (u32, u32) {
    (request.uid(), request.gid())
}

impl Filesystem for Requests {
    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.disk().look_up(&Place::new(parent, name));
        send_entry(found, reply);
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.disk().attributes(inode);
        send_attributes(found, reply);
    }

    fn setattr(
        &self,
        _request: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
        length: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _changed: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _created: Option<SystemTime>,
        _changed_flags: Option<SystemTime>,
        _backed_up: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let time = |time: TimeOrNow| match time {
            TimeOrNow::SpecificTime(time) => time,
            TimeOrNow::Now => SystemTime::now(),
        };
        let set = |disk: &mut Disk| {
            if let Some(length) = length {
                disk.truncate(inode, length)?;
            }
            let kept = &mut disk.inode(inode)?.attributes;
            kept.perm = mode.map_or(kept.perm, |mode| (mode & 0o7777) as u16);
            kept.uid = user.unwrap_or(kept.uid);
            kept.gid = group.unwrap_or(kept.gid);
            kept.atime = accessed.map_or(kept.atime, time);
            kept.mtime = modified.map_or(kept.mtime, time);
            kept.ctime = SystemTime::now();
            disk.attributes(inode)
        };
        let attributes = set(&mut self.disk());
        send_attributes(attributes, reply);
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _device: u32,
        reply: ReplyEntry,
    ) {
        let kind = match rustix::fs::FileType::from_raw_mode(mode) {
            rustix::fs::FileType::RegularFile => FileType::RegularFile,
            rustix::fs::FileType::Socket => FileType::Socket,
            rustix::fs::FileType::Fifo => FileType::NamedPipe,
            _ => return reply.error(Errno::EPERM),
        };
        let made = self.disk().create(Place::new(parent, name), kind, mode, owner(request));
        send_entry(made, reply);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let at = Place::new(parent, name);
        let made = self.disk().create(at, FileType::Directory, mode, owner(request));
        send_entry(made, reply);
    }

    /// The kernel asks for it only when the name is free.
    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let at = Place::new(parent, name);
        let made = self.disk().create(at, FileType::RegularFile, mode, owner(request));
        match made {
            Ok(attributes) => {
                let flags = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&NOT_CACHED, &attributes, GENERATION, HANDLE, flags);
            }
            Err(error) => reply.error(error),
        }
    }

    fn link(
        &self,
        _request: &Request,
        inode: INodeNo,
        parent: INodeNo,
        name: &OsStr,
        reply: ReplyEntry,
    ) {
        let linked = self.disk().link(inode, Place::new(parent, name));
        send_entry(linked, reply);
    }

    fn rename(
        &self,
        _request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if flags.intersects(!RenameFlags::RENAME_NOREPLACE) {
            return reply.error(Errno::EINVAL);
        }
        let (from, to) = (Place::new(parent, name), Place::new(new_parent, new_name));
        let done = self.disk().rename(from, to, flags.is_empty());
        send_done(done, reply);
    }

    fn unlink(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self.disk().remove(Place::new(parent, name));
        send_done(done, reply);
    }

    fn rmdir(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self.disk().remove(Place::new(parent, name));
        send_done(done, reply);
    }

    fn open(&self, _request: &Request, inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let found = self.disk().attributes(inode);
        match found {
            // All changes come through this kernel, so its pages are right. Mapped ones must stay.
            Ok(_) => reply.opened(HANDLE, FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _request: &Request,
        inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.disk().inode(inode).map(|found| found.contents.read(offset, size as usize));
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _request: &Request,
        inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let write = |disk: &mut Disk| {
            let is_mapped_memory = write_flags.contains(WriteFlags::FUSE_WRITE_CACHE);
            if !is_mapped_memory {
                disk.faults.count()?;
            }
            disk.write(inode, offset, bytes)
        };
        let written = write(&mut self.disk());
        match written {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let done = self.disk().sync_file(inode);
        send_done(done, reply);
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let done = self.disk().sync_folder(inode);
        send_done(done, reply);
    }

    fn readdir(
        &self,
        _request: &Request,
        inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.disk();
        let names = match disk.list(inode) {
            Ok(names) => names,
            Err(error) => return reply.error(error),
        };
        for (position, name, attributes) in names {
            let is_full =
                position > offset && reply.add(attributes.ino, position, attributes.kind, name);
            if is_full {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _inode: INodeNo, reply: ReplyStatfs) {
        let free = self.disk().free_bytes / BLOCK as u64;
        let files = 1 << 20;
        reply.statfs(free.max(1 << 20), free, free, files, files, BLOCK as u32, 255, BLOCK as u32);
    }
}
