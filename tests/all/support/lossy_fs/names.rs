//! The names in the folders: as programs see them, and what of them the disk may have.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use fastrand::Rng;
use fuser::INodeNo;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) folder: INodeNo,
    pub(super) name: OsString,
}

impl Place {
    pub(super) fn new(folder: INodeNo, name: &OsStr) -> Place {
        Place { folder, name: name.to_owned() }
    }
}

/// A change that happens as a whole or not at all.
pub(super) enum NameChange {
    Add {
        at: Place,
        inode: INodeNo,
    },
    Remove {
        at: Place,
    },
    /// Replaces what has the new name.
    Rename {
        from: Place,
        to: Place,
    },
}

/// The folders and what is in them.
#[derive(Clone, Default)]
pub(super) struct Names {
    names: BTreeMap<Place, Name>,
    /// How many names an inode has.
    links: BTreeMap<INodeNo, u32>,
    last_position: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) inode: INodeNo,
    /// Where a program that lists the folder has got to: it stays right while names come and go.
    pub(super) position: u64,
}

impl Names {
    pub(super) fn get(&self, at: &Place) -> Option<INodeNo> {
        self.names.get(at).map(|name| name.inode)
    }

    pub(super) fn links(&self, inode: INodeNo) -> u32 {
        self.links.get(&inode).copied().unwrap_or(0)
    }

    /// The names in a folder, in the order of the alphabet.
    pub(super) fn list(&self, folder: INodeNo) -> impl Iterator<Item = (&OsStr, Name)> {
        self.names
            .range(Place::new(folder, OsStr::new(""))..)
            .take_while(move |(at, _name)| at.folder == folder)
            .map(|(at, &name)| (at.name.as_os_str(), name))
    }

    pub(super) fn change(&mut self, change: &NameChange) {
        match change {
            NameChange::Add { at, inode } => self.add(at, *inode),
            NameChange::Remove { at } => {
                self.remove(at);
            }
            NameChange::Rename { from, to } => {
                if let Some(inode) = self.remove(from) {
                    self.remove(to);
                    self.add(to, inode);
                }
            }
        }
    }

    pub(super) fn add(&mut self, at: &Place, inode: INodeNo) {
        self.last_position += 1;
        self.names.insert(at.clone(), Name { inode, position: self.last_position });
        *self.links.entry(inode).or_default() += 1;
    }

    fn remove(&mut self, at: &Place) -> Option<INodeNo> {
        let inode = self.names.remove(at)?.inode;
        *self.links.entry(inode).or_default() -= 1;
        Some(inode)
    }
}

/// The names as programs see them, and as they are on the disk.
#[derive(Default)]
pub(super) struct JournalledNames {
    pub(super) seen: Names,
    on_disk: Names,
    /// The changes that are not on the disk yet, in order.
    journal: Vec<NameChange>,
}

impl JournalledNames {
    /// The names of a disk that has nothing to write.
    pub(super) fn synced(names: Names) -> JournalledNames {
        JournalledNames { on_disk: names.clone(), seen: names, journal: Vec::new() }
    }

    pub(super) fn change(&mut self, change: NameChange) {
        self.seen.change(&change);
        self.journal.push(change);
    }

    /// Makes the changes of a folder safe, with all that came before: a journal is written in order.
    pub(super) fn sync(&mut self, folder: INodeNo) {
        let touches = |change: &NameChange| match change {
            NameChange::Add { at, .. } | NameChange::Remove { at } => at.folder == folder,
            NameChange::Rename { from, to } => from.folder == folder || to.folder == folder,
        };
        let written = self.journal.iter().rposition(touches).map_or(0, |last| last + 1);
        self.write_journal(written);
    }

    fn write_journal(&mut self, changes: usize) {
        for change in self.journal.drain(..changes) {
            self.on_disk.change(&change);
        }
    }

    /// What is on the disk after a cut of power: the first few changes of the journal had been written.
    pub(super) fn after_cut(mut self, random: &mut Rng) -> Names {
        let written = random.usize(..=self.journal.len());
        self.write_journal(written);
        self.on_disk
    }
}
