//! Files, folders and their names, and what becomes of them when power is cut.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::SystemTime;

use fastrand::Rng;
use fuser::{Errno, FileAttr, FileType, INodeNo};

use super::contents::{BLOCK, Contents};
use super::faults::Faults;
use super::names::{JournalledNames, NameChange, Names, Place};

pub(super) struct Disk {
    /// Those without a name too: they may be open, and their names may come back.
    inodes: BTreeMap<INodeNo, Inode>,
    names: JournalledNames,
    /// Numbers are never used again, so that the kernel takes nothing for something else.
    last_number: u64,
    pub(super) faults: Faults,
    pub(super) free_bytes: u64,
    random: Rng,
}

pub(super) struct Inode {
    /// Without what [`Disk::attributes`] fills in.
    pub(super) attributes: FileAttr,
    pub(super) contents: Contents,
}

impl Disk {
    pub(super) fn empty(seed: u64) -> Disk {
        let mut disk = Disk {
            inodes: BTreeMap::new(),
            names: JournalledNames::default(),
            last_number: 0,
            faults: Faults::default(),
            free_bytes: 1 << 40,
            random: Rng::with_seed(seed),
        };
        let user = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        let root = disk.make(FileType::Directory, 0o700, user, group);
        assert_eq!(root, INodeNo::ROOT, "the root has the first number");
        disk
    }

    fn next_number(&mut self) -> INodeNo {
        self.last_number += 1;
        INodeNo(self.last_number)
    }

    fn make(&mut self, kind: FileType, mode: u32, user: u32, group: u32) -> INodeNo {
        let number = self.next_number();
        let now = SystemTime::now();
        let attributes = FileAttr {
            ino: number,
            size: 0,
            blocks: 0,
            atime: now,
            mtime: now,
            ctime: now,
            crtime: now,
            kind,
            perm: (mode & 0o7777) as u16,
            nlink: 0,
            uid: user,
            gid: group,
            rdev: 0,
            blksize: BLOCK as u32,
            flags: 0,
        };
        self.inodes.insert(number, Inode { attributes, contents: Contents::default() });
        number
    }

    /// # Errors
    /// When power was cut since the number was found.
    pub(super) fn inode(&mut self, number: INodeNo) -> Result<&mut Inode, Errno> {
        self.inodes.get_mut(&number).ok_or(Errno::ESTALE)
    }

    pub(super) fn attributes(&self, number: INodeNo) -> Result<FileAttr, Errno> {
        let Inode { attributes, contents } = self.inodes.get(&number).ok_or(Errno::ESTALE)?;
        let nlink = match attributes.kind {
            FileType::Directory => 2,
            _ => self.names.seen.links(number),
        };
        let blocks = contents.blocks() * (BLOCK / 512) as u64;
        Ok(FileAttr { size: contents.length(), blocks, nlink, ..*attributes })
    }

    pub(super) fn look_up(&self, at: &Place) -> Result<FileAttr, Errno> {
        self.attributes(at.folder)?;
        self.attributes(self.names.seen.get(at).ok_or(Errno::ENOENT)?)
    }

    /// What is in a folder: where the listing goes on, the name and what it is.
    pub(super) fn list(&self, folder: INodeNo) -> Result<Vec<(u64, &OsStr, FileAttr)>, Errno> {
        self.attributes(folder)?;
        let mut all = self
            .names
            .seen
            .list(folder)
            .map(|(name, found)| Ok((found.position, name, self.attributes(found.inode)?)))
            .collect::<Result<Vec<_>, Errno>>()?;
        all.sort_by_key(|&(position, ..)| position);
        Ok(all)
    }

    pub(super) fn create(
        &mut self,
        at: Place,
        kind: FileType,
        mode: u32,
        (user, group): (u32, u32),
    ) -> Result<FileAttr, Errno> {
        self.faults.count()?;
        self.require_free(&at)?;
        let inode = self.make(kind, mode, user, group);
        self.change_names(NameChange::Add { at, inode });
        self.attributes(inode)
    }

    pub(super) fn link(&mut self, inode: INodeNo, at: Place) -> Result<FileAttr, Errno> {
        self.faults.count()?;
        self.inode(inode)?;
        self.require_free(&at)?;
        self.change_names(NameChange::Add { at, inode });
        self.attributes(inode)
    }

    pub(super) fn rename(&mut self, from: Place, to: Place, replaces: bool) -> Result<(), Errno> {
        self.faults.count()?;
        let moved = self.look_up(&from)?.ino;
        match self.look_up(&to) {
            Ok(_) if !replaces => return Err(Errno::EEXIST),
            // Two names of one file stay as they are: rename(2).
            Ok(target) if target.ino == moved => return Ok(()),
            Ok(target) => self.require_empty(target.ino)?,
            Err(_) => self.require_free(&to)?,
        }
        self.change_names(NameChange::Rename { from, to });
        Ok(())
    }

    pub(super) fn remove(&mut self, at: Place) -> Result<(), Errno> {
        let found = self.look_up(&at)?.ino;
        self.require_empty(found)?;
        self.change_names(NameChange::Remove { at });
        Ok(())
    }

    fn require_free(&self, at: &Place) -> Result<(), Errno> {
        self.attributes(at.folder)?;
        if self.names.seen.get(at).is_some() { Err(Errno::EEXIST) } else { Ok(()) }
    }

    /// A file has nothing in it either.
    fn require_empty(&self, folder: INodeNo) -> Result<(), Errno> {
        if self.names.seen.list(folder).next().is_some() { Err(Errno::ENOTEMPTY) } else { Ok(()) }
    }

    fn change_names(&mut self, change: NameChange) {
        let now = SystemTime::now();
        let (NameChange::Add { at, .. }
        | NameChange::Remove { at }
        | NameChange::Rename { to: at, .. }) = &change;
        if let Ok(folder) = self.inode(at.folder) {
            folder.attributes.mtime = now;
        }
        self.names.change(change);
    }

    pub(super) fn write(&mut self, file: INodeNo, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.change_contents(file, |contents| contents.write(offset, bytes))
    }

    pub(super) fn truncate(&mut self, file: INodeNo, length: u64) -> Result<(), Errno> {
        self.faults.count()?;
        self.change_contents(file, |contents| contents.set_length(length))
    }

    fn change_contents(
        &mut self,
        file: INodeNo,
        change: impl FnOnce(&mut Contents),
    ) -> Result<(), Errno> {
        let Inode { attributes, contents } = self.inode(file)?;
        change(contents);
        (attributes.mtime, attributes.ctime) = (SystemTime::now(), SystemTime::now());
        Ok(())
    }

    /// Syncs the contents of a file.
    pub(super) fn sync_file(&mut self, file: INodeNo) -> Result<(), Errno> {
        let counted = self.faults.count();
        let contents = &mut self.inode(file)?.contents;
        match counted {
            Ok(()) => contents.sync(),
            Err(_) => contents.fail_to_sync(),
        }
        counted
    }

    /// Syncs the names in a folder.
    pub(super) fn sync_folder(&mut self, folder: INodeNo) -> Result<(), Errno> {
        self.faults.count()?;
        self.inode(folder)?;
        self.names.sync(folder);
        Ok(())
    }

    /// Loses what was not synced. All that is left gets a new number, so that the kernel reads it anew, and
    /// what is still open or mapped is not part of the disk any more.
    pub(super) fn cut_power(&mut self) {
        let survived = std::mem::take(&mut self.names).after_cut(&mut self.random);
        let mut lost = std::mem::take(&mut self.inodes);
        let mut names = Names::default();
        let mut numbers = BTreeMap::new();
        let mut folders = vec![INodeNo::ROOT];
        self.keep(&mut lost, INodeNo::ROOT, INodeNo::ROOT);
        numbers.insert(INodeNo::ROOT, INodeNo::ROOT);
        while let Some(folder) = folders.pop() {
            for (name, found) in survived.list(folder) {
                let number = *numbers.entry(found.inode).or_insert_with(|| {
                    let number = self.next_number();
                    self.keep(&mut lost, found.inode, number);
                    folders.push(found.inode);
                    number
                });
                names.add(&Place::new(numbers[&folder], name), number);
            }
        }
        self.names = JournalledNames::synced(names);
    }

    /// Takes an inode over to the disk after a cut of power.
    fn keep(&mut self, lost: &mut BTreeMap<INodeNo, Inode>, old: INodeNo, new: INodeNo) {
        if let Some(mut inode) = lost.remove(&old) {
            inode.contents.cut_power(&mut self.random);
            inode.attributes.ino = new;
            self.inodes.insert(new, inode);
        }
    }
}
