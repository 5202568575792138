//! Ids of connections, and who hands them out.
//!
//! An id is what JavaScript holds as `ws`: 12 bits of node, 41 bits of counter, together a safe
//! integer. One is never handed out twice over the life of a durable directory: the counter's
//! high-water mark is persisted a block ahead, so a crash skips ids and never repeats them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Ids reserved with one write of the mark.
const BLOCK: u64 = 1 << 16;

/// Names one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(u64);

impl ConnectionId {
    /// The id with this number, as guests and file names hold it.
    pub(crate) const fn from_number(number: u64) -> ConnectionId {
        ConnectionId(number)
    }

    /// The number guests and file names hold.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Hands out ids in ascending order.
pub(crate) struct ConnectionIds {
    mark: Option<PathBuf>,
    range: Mutex<Range>,
}

struct Range {
    next: u64,
    /// First id that is not yet reserved on disk.
    end: u64,
}

impl ConnectionIds {
    /// Ids for one run of a process, starting at 1.
    pub(crate) fn in_memory() -> ConnectionIds {
        ConnectionIds { mark: None, range: Mutex::new(Range { next: 1, end: u64::MAX }) }
    }

    /// Ids that go on where the last server on this file stopped.
    pub(crate) fn persisted(mark: PathBuf) -> io::Result<ConnectionIds> {
        let next = match fs::read_to_string(&mark) {
            Ok(text) => text.trim().parse().map_err(|_not_a_number| {
                io::Error::new(io::ErrorKind::InvalidData, "the mark of used ids is not a number")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 1,
            Err(error) => return Err(error),
        };
        Ok(ConnectionIds { mark: Some(mark), range: Mutex::new(Range { next, end: next }) })
    }

    /// The next id; at the end of a block the mark is moved first.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub(crate) fn next(&self) -> io::Result<ConnectionId> {
        // A panic can only come from the arithmetic, before anything changed.
        let mut range = self.range.lock().unwrap_or_else(PoisonError::into_inner);
        if range.next == range.end {
            let end = range.end + BLOCK;
            if let Some(mark) = &self.mark {
                write_mark(mark, end)?;
            }
            range.end = end;
        }
        let id = ConnectionId(range.next);
        range.next += 1;
        Ok(id)
    }
}

fn write_mark(mark: &Path, end: u64) -> io::Result<()> {
    let temporary = mark.with_extension("tmp");
    fs::write(&temporary, format!("{end}\n"))?;
    fs::rename(temporary, mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_reused_over_the_life_of_a_mark() {
        let dir = std::env::temp_dir().join(format!("zigttp-ids-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("the temporary folder is writable");
        let mark = dir.join("ids");
        let first = ConnectionIds::persisted(mark.clone()).expect("no mark yet");
        let last = (0..3).map(|_| first.next().expect("writable")).max().expect("three ids");
        drop(first);
        let second = ConnectionIds::persisted(mark).expect("the mark reads back");
        assert!(second.next().expect("writable") > last);
        fs::remove_dir_all(dir).expect("ours to remove");
    }
}
