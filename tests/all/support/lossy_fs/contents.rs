//! The contents of a file: as programs see them, and what of them the disk may have.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use fastrand::Rng;

/// What a disk writes as a whole, or not at all.
pub(super) const BLOCK: usize = 4096;

/// How many older versions of a block are kept. The oldest is the synced one.
const MAX_VERSIONS: usize = 6;

/// `None` has never been written and reads as zeros.
type Block = Option<Arc<[u8; BLOCK]>>;

/// Bytes after the length are zeros, also in the last block.
#[derive(Default)]
pub(super) struct Contents {
    length: u64,
    blocks: BTreeMap<u64, Block>,
    unsynced: BTreeMap<u64, Unsynced>,
    /// The lengths before this one since the last sync; the first is the synced one.
    earlier_lengths: Vec<u64>,
}

/// A block that has changed since the last sync.
#[derive(Default)]
struct Unsynced {
    /// Its earlier versions; the first is the synced one. The others may have reached the disk too.
    versions: Vec<Block>,
    /// Its sync has failed: the kernel takes it for written, so later syncs leave it out.
    is_given_up: bool,
}

/// Part of a read or write that lies in one block.
struct Part {
    block: u64,
    in_block: Range<usize>,
    in_bytes: Range<usize>,
}

impl Contents {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How many blocks take room on the disk.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks.values().flatten().count() as u64
    }

    /// Reads up to `size` bytes, fewer at the end.
    pub(super) fn read(&self, offset: u64, size: usize) -> Vec<u8> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size.min(left)];
        for part in parts(offset, bytes.len()) {
            if let Some(Some(block)) = self.blocks.get(&part.block) {
                bytes[part.in_bytes].copy_from_slice(&block[part.in_block]);
            }
        }
        bytes
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        for part in parts(offset, bytes.len()) {
            let block = self.changing(part.block).get_or_insert_with(|| Arc::new([0; BLOCK]));
            Arc::make_mut(block)[part.in_block].copy_from_slice(&bytes[part.in_bytes]);
        }
        self.note_length(self.length.max(offset + bytes.len() as u64));
    }

    /// Cuts the file, or makes it longer by zeros.
    pub(super) fn set_length(&mut self, length: u64) {
        let (last, in_last) = (length / BLOCK as u64, (length % BLOCK as u64) as usize);
        let cut: Vec<u64> = self.blocks.range(last..).map(|(&number, _block)| number).collect();
        for number in cut {
            let block = self.changing(number);
            match block {
                Some(bytes) if number == last && in_last > 0 => {
                    Arc::make_mut(bytes)[in_last..].fill(0);
                }
                _ => *block = None,
            }
        }
        self.note_length(length);
    }

    /// A block that is about to change.
    fn changing(&mut self, number: u64) -> &mut Block {
        let block = self.blocks.entry(number).or_default();
        let unsynced = self.unsynced.entry(number).or_default();
        unsynced.is_given_up = false;
        if unsynced.versions.len() == MAX_VERSIONS {
            unsynced.versions.remove(1);
        }
        unsynced.versions.push(block.clone());
        block
    }

    fn note_length(&mut self, length: u64) {
        if length != self.length {
            self.earlier_lengths.push(self.length);
            self.length = length;
        }
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.retain(|_number, block| block.is_given_up);
        self.earlier_lengths.clear();
    }

    pub(super) fn fail_to_sync(&mut self) {
        for block in self.unsynced.values_mut() {
            block.is_given_up = true;
        }
    }

    /// Loses what was not synced. Of every four files one keeps everything, one loses everything, and the
    /// others lose some of their blocks.
    pub(super) fn cut_power(&mut self, random: &mut Rng) {
        let fate = random.u8(..4);
        let survivor = |versions: usize, random: &mut Rng| match fate {
            0 => versions,
            1 => 0,
            _ => random.usize(..=versions),
        };
        for (number, mut unsynced) in std::mem::take(&mut self.unsynced) {
            let version = survivor(unsynced.versions.len(), random);
            if version < unsynced.versions.len() {
                self.blocks.insert(number, unsynced.versions.swap_remove(version));
            }
        }
        let version = survivor(self.earlier_lengths.len(), random);
        let length = self.earlier_lengths.get(version).copied().unwrap_or(self.length);
        self.set_length(length);
        // This is what the disk has now.
        self.unsynced.clear();
        self.earlier_lengths.clear();
    }
}

fn parts(offset: u64, length: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let position = offset + done as u64;
        let start = (position % BLOCK as u64) as usize;
        let size = (BLOCK - start).min(length - done);
        let part = Part {
            block: position / BLOCK as u64,
            in_block: start..start + size,
            in_bytes: done..done + size,
        };
        done += size;
        (size > 0).then_some(part)
    })
}
