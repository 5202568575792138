//! Reads a folder of recordings. What is damaged or foreign is told and passed over.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use zigttp_abi::guest::ABI_VERSION;

use crate::block::{Block, FRAME_BYTES, MAGIC, MAX_RAW};
use crate::files;

/// A folder of recordings.
pub struct Recordings {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

/// Something in a folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct Unreadable {
    pub path: PathBuf,
    pub why: Why,
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    #[error("it is no recording")]
    Foreign,
    #[error(
        "it was recorded by another version of zigttp, in a format that this one does not know"
    )]
    Version,
    #[error("it is cut off or damaged after {good} blocks; what follows is left out")]
    Damaged { good: usize },
    #[error("one of its blocks is damaged and left out")]
    Block,
    #[error("a block was recorded on ABI {found}, this is ABI {ABI_VERSION}; it is left out")]
    Abi { found: u32 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Recordings {
    /// Opens a folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(folder: &Path) -> io::Result<Recordings> {
        let files = files::recorded(folder)?.into_iter().map(|(path, _)| path).collect();
        Ok(Recordings { folder: folder.to_owned(), files })
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Its blocks, the oldest first, of one file after another.
    pub fn blocks(&self) -> impl Iterator<Item = Result<Block, Unreadable>> {
        self.files.iter().flat_map(|path| match Blocks::open(path) {
            Ok(blocks) => blocks,
            Err(why) => Blocks { path: path.clone(), reader: None, good: 0, failed: Some(why) },
        })
    }

    /// The copy of an artifact.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn artifact(&self, hash: &[u8; 32]) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(files::artifact_name(hash)))
    }
}

/// The blocks of one file.
struct Blocks {
    path: PathBuf,
    reader: Option<Box<dyn Read>>,
    good: usize,
    failed: Option<Why>,
}

impl Blocks {
    fn open(path: &Path) -> Result<Blocks, Why> {
        Blocks::of(path, Box::new(BufReader::new(File::open(path)?)))
    }

    fn of(path: &Path, mut reader: Box<dyn Read>) -> Result<Blocks, Why> {
        let mut magic = [0; MAGIC.len()];
        let len = read_up_to(&mut reader, &mut magic)?;
        let (name, version) = magic.split_at(MAGIC.len() - 1);
        if len == 0 {
            // A server ended as it began the file.
            return Ok(Blocks { path: path.to_owned(), reader: None, good: 0, failed: None });
        }
        if len < MAGIC.len() || *name != MAGIC[..MAGIC.len() - 1] {
            return Err(Why::Foreign);
        }
        if *version != MAGIC[MAGIC.len() - 1..] {
            return Err(Why::Version);
        }
        Ok(Blocks { path: path.to_owned(), reader: Some(reader), good: 0, failed: None })
    }

    /// The next block; `None` at the end of the file.
    fn read(&mut self) -> Result<Option<Block>, Why> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let damaged = Why::Damaged { good: self.good };
        let mut frame = [0; FRAME_BYTES];
        match read_up_to(reader, &mut frame)? {
            0 => return Ok(None),
            FRAME_BYTES => {}
            _ => return Err(damaged),
        }
        let [len, raw_len, crc] = [0, 4, 8].map(|at| {
            let bytes = frame[at..at + 4].first_chunk().copied();
            u32::from_le_bytes(bytes.expect("a frame has three numbers"))
        });
        // No block grows by being compressed beyond a little.
        let is_possible = raw_len as usize <= MAX_RAW && len <= raw_len + raw_len / 64 + 1024;
        if !is_possible {
            return Err(damaged);
        }
        let mut compressed = vec![0; len as usize];
        if read_up_to(reader, &mut compressed)? < compressed.len() {
            return Err(damaged);
        }
        let block = Block::read(&compressed, raw_len as usize, crc).ok_or(Why::Block)?;
        if block.head.abi != ABI_VERSION {
            return Err(Why::Abi { found: block.head.abi });
        }
        self.good += 1;
        Ok(Some(block))
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, Unreadable>;

    fn next(&mut self) -> Option<Result<Block, Unreadable>> {
        let result = match self.failed.take() {
            Some(why) => Err(why),
            None => self.read(),
        };
        match result {
            Ok(block) => block.map(Ok),
            Err(why) => {
                // The next block is where it should be.
                if !matches!(why, Why::Block | Why::Abi { .. }) {
                    self.reader = None;
                }
                Some(Err(Unreadable { path: self.path.clone(), why }))
            }
        }
    }
}

/// The blocks of a file whose bytes these are.
#[cfg(any(test, fuzzing))]
pub(crate) fn blocks_of(bytes: &[u8]) -> Vec<Result<Block, Why>> {
    let reader = Box::new(io::Cursor::new(bytes.to_vec()));
    match Blocks::of(Path::new("file"), reader) {
        Ok(blocks) => blocks.map(|block| block.map_err(|unreadable| unreadable.why)).collect(),
        Err(why) => vec![Err(why)],
    }
}

/// Fills a buffer as far as a file goes. Returns how far.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use zigttp_abi::value::Value;
    use zigttp_sandbox::given::{Given, GivenValue};
    use zigttp_sandbox::journal_record::JournalRecord;

    use super::*;
    use crate::block::{self, BlockHead, RecordedLimits};
    use crate::ended::Ended;
    use crate::fuzzing;
    use crate::record::{Input, Record, Text};

    /// A file of so many blocks with two records each.
    fn file(blocks: u64) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        let mut compressor = block::compressor().expect("memory takes it");
        for number in 0..blocks {
            let mut raw = Vec::new();
            let limits = RecordedLimits::default();
            block::begin(&mut raw, &BlockHead { abi: ABI_VERSION, artifact: [1; 32], limits });
            for at in [2 * number, 2 * number + 1] {
                block::add(
                    &mut raw,
                    &Record {
                        at,
                        room: Some(Text(Cow::Borrowed("/a"))),
                        connection: Some(7),
                        input: Input::Message { data: GivenValue(Value::text("hello")) },
                        given: Cow::Owned(Given::default()),
                        journal: JournalRecord::default(),
                        ended: Ended::Threw("no".to_owned()),
                        is_redacted: at == 0,
                    },
                );
            }
            file.extend(block::framed(&raw, &mut compressor).expect("memory takes it"));
        }
        file
    }

    #[test]
    fn what_is_written_is_read() {
        let blocks: Vec<Block> =
            blocks_of(&file(3)).into_iter().map(|block| block.expect("it is whole")).collect();
        let records = blocks.iter().flat_map(Block::records).map(|it| it.expect("it is whole"));
        let records: Vec<Record<'_>> = records.collect();
        assert_eq!(records.iter().map(|it| it.at).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        let first = &records[0];
        assert!(first.is_redacted && first.room.as_ref().is_some_and(|room| room.0 == "/a"));
        assert!(matches!(&first.input, Input::Message { data } if data.0 == Value::text("hello")));
    }

    #[test]
    fn what_is_cut_off_anywhere_takes_only_the_last_block_with_it() {
        let whole = file(2);
        let first = file(1).len();
        for len in 0..whole.len() {
            let blocks = blocks_of(&whole[..len]);
            let good = blocks.iter().filter(|block| block.is_ok()).count();
            assert_eq!(good, usize::from(len >= first), "{len}");
            let is_clean = len == 0 || len == MAGIC.len() || len == first;
            assert_eq!(blocks.iter().any(Result::is_err), !is_clean, "{len}");
        }
    }

    #[test]
    fn any_damage_is_told_and_never_a_crash() {
        let whole = file(4);
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let mut damaged = whole.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..damaged.len());
                match random.u8(..4) {
                    0 => damaged[at] = random.u8(..),
                    1 => damaged.truncate(at + 1),
                    2 if at > 0 => drop(damaged.remove(at)),
                    _ => damaged.insert(at, random.u8(..)),
                }
            }
            fuzzing::recording(&damaged);
        }
    }

    #[test]
    fn any_records_are_read_or_refused() {
        let whole = file(1);
        let block = &whole[MAGIC.len() + FRAME_BYTES..];
        let raw = zstd::bulk::decompress(block, MAX_RAW).expect("it is whole");
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..50_000 {
            let mut damaged = raw.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..damaged.len());
                damaged[at] = random.u8(..);
            }
            fuzzing::records(&damaged);
        }
    }
}
