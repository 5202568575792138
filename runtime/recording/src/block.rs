//! Blocks of records: all of one artifact, that ran under the same limits.
//!
//! A block is its head and then each record, each after its length. In a file it is compressed, after its lengths and a
//! checksum: what is cut off or damaged takes no other block with it.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zigttp_sandbox::pool::Pool;
use zigttp_sandbox::state::StateLimits;
use zigttp_sandbox::view::EventLimits;
use zstd::bulk::Compressor;

use crate::record::Record;

/// What a file begins with. The last number is the version of the format.
pub(crate) const MAGIC: &[u8; 8] = b"ZTREC\r\n\x01";

/// Most bytes of a block before it is compressed.
pub(crate) const MAX_RAW: usize = 96 << 20;

/// What is before a block in a file: the lengths of it compressed and before, and the CRC-32 of it compressed.
pub(crate) const FRAME_BYTES: usize = 12;

/// How hard blocks are compressed: least, because a server records while it serves.
const LEVEL: i32 = 1;

/// What all records of a block have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockHead {
    /// The ABI of the artifact.
    pub abi: u32,
    /// SHA-256 of the artifact.
    pub artifact: [u8; 32],
    pub limits: RecordedLimits,
}

/// The limits that an event ran under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordedLimits {
    pub cpu: Duration,
    pub memory: usize,
    pub max_queue: usize,
    pub max_attachment: usize,
    pub max_joins: usize,
    pub max_room: usize,
    pub compression_min_size: usize,
    pub max_value: usize,
    pub max_room_bytes: u64,
    pub max_writes: usize,
    pub max_signals: usize,
    pub max_timers: usize,
    pub max_room_streams: usize,
    pub max_all_streams: usize,
    pub max_stream_request: usize,
    pub max_written_bytes: u64,
    pub max_requests: usize,
    pub crypto: Duration,
}

impl RecordedLimits {
    /// Those of a sandbox and its events.
    pub fn of(cpu: Duration, memory: usize, limits: &EventLimits) -> RecordedLimits {
        let state = limits.state;
        RecordedLimits {
            cpu,
            memory,
            max_queue: limits.max_queue,
            max_attachment: limits.max_attachment,
            max_joins: limits.max_joins,
            max_room: limits.max_room,
            compression_min_size: limits.compression_min_size,
            max_value: state.max_value,
            max_room_bytes: state.max_room_bytes,
            max_writes: state.max_writes,
            max_signals: state.max_signals,
            max_timers: state.max_timers,
            max_room_streams: state.max_room_streams,
            max_all_streams: state.max_all_streams,
            max_stream_request: state.max_stream_request,
            max_written_bytes: state.max_written_bytes,
            max_requests: limits.max_requests,
            crypto: limits.crypto,
        }
    }

    /// Those of an event that runs again. The memory of all events together is no limit of one.
    pub fn to_limits(&self) -> EventLimits {
        EventLimits {
            max_queue: self.max_queue,
            max_attachment: self.max_attachment,
            max_joins: self.max_joins,
            max_room: self.max_room,
            compression_min_size: self.compression_min_size,
            state: StateLimits {
                max_value: self.max_value,
                max_room_bytes: self.max_room_bytes,
                max_writes: self.max_writes,
                max_signals: self.max_signals,
                max_timers: self.max_timers,
                max_room_streams: self.max_room_streams,
                max_all_streams: self.max_all_streams,
                max_stream_request: self.max_stream_request,
                max_written_bytes: self.max_written_bytes,
            },
            max_requests: self.max_requests,
            crypto: self.crypto,
            event_memory: Pool::new(usize::MAX),
        }
    }
}

/// Writes after what a buffer holds.
struct Appended(Vec<u8>);

impl postcard::ser_flavors::Flavor for Appended {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Adds a value after its length.
fn append(to: &mut Vec<u8>, value: &impl Serialize) {
    let begin = to.len();
    to.extend_from_slice(&[0; 4]);
    let appended = postcard::serialize_with_flavor(value, Appended(std::mem::take(to)));
    *to = appended.expect("writing to memory cannot fail");
    let len = u32::try_from(to.len() - begin - 4).unwrap_or(u32::MAX);
    to[begin..begin + 4].copy_from_slice(&len.to_le_bytes());
}

/// Begins a block.
pub(crate) fn begin(to: &mut Vec<u8>, head: &BlockHead) {
    append(to, head);
}

/// Adds a record. Returns how many bytes it takes.
pub(crate) fn add(to: &mut Vec<u8>, record: &Record<'_>) -> usize {
    let begin = to.len();
    append(to, record);
    to.len() - begin
}

/// The pieces of a block: its head, and its records.
pub(crate) fn pieces(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (piece, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        rest = after;
        Some(piece)
    })
}

/// The ranges of the records of a block, without their lengths.
pub(crate) fn record_ranges(raw: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut at = 0;
    let ranges = pieces(raw).map(|piece| {
        let begin = at + 4;
        at = begin + piece.len();
        begin..at
    });
    ranges.skip(1).collect()
}

/// What compresses blocks. To make one takes as long as to compress some blocks.
pub(crate) fn compressor() -> io::Result<Compressor<'static>> {
    Compressor::new(LEVEL)
}

/// A block as it is in a file.
pub(crate) fn framed(raw: &[u8], compressor: &mut Compressor<'_>) -> io::Result<Vec<u8>> {
    let compressed = compressor.compress(raw)?;
    let mut framed = Vec::with_capacity(FRAME_BYTES + compressed.len());
    let number = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    framed.extend_from_slice(&number(compressed.len()));
    framed.extend_from_slice(&number(raw.len()));
    framed.extend_from_slice(&crc32fast::hash(&compressed).to_le_bytes());
    framed.extend_from_slice(&compressed);
    Ok(framed)
}

/// A block that was read.
#[derive(Debug)]
pub struct Block {
    pub head: BlockHead,
    raw: Vec<u8>,
}

impl Block {
    /// Reads a block, without what is before it in a file; `None` if it is damaged.
    pub(crate) fn read(compressed: &[u8], raw_len: usize, crc: u32) -> Option<Block> {
        if raw_len > MAX_RAW || crc32fast::hash(compressed) != crc {
            return None;
        }
        Block::of_raw(zstd::bulk::decompress(compressed, raw_len).ok()?)
    }

    /// A block before it was compressed.
    pub(crate) fn of_raw(raw: Vec<u8>) -> Option<Block> {
        let head = postcard::from_bytes(pieces(&raw).next()?).ok()?;
        Some(Block { head, raw })
    }

    /// Its records; `None` for one that cannot be read.
    pub fn records(&self) -> impl Iterator<Item = Option<Record<'_>>> {
        pieces(&self.raw).skip(1).map(|piece| postcard::from_bytes(piece).ok())
    }
}
