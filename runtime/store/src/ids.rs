//! Gives out the ids of connections.
//!
//! An id is the value of `ws` in JavaScript: 12 bits of node, 41 bits of counter, together a safe
//! integer. No id is given out twice in the lifetime of a durable directory: the counter's high-water mark
//! is stored a block ahead, so a crash skips ids and never repeats them.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use zigttp_abi::connection_id::ConnectionId;

use zigttp_abi::number;
use zigttp_files::own_folder::{Others, OwnFolder};
use zigttp_files::replace::ReachesDisk;

/// The file of the high-water mark, and its name while it is written.
const MARK: &str = "ids";
const NEW_MARK: &str = "ids.tmp";
/// No valid mark is longer.
const MAX_MARK_BYTES: u64 = 64;

/// Ids reserved with one write of the mark.
const BLOCK: u64 = 1 << 16;

/// The end of the counter's 41 bits.
const MAX_COUNTER: u64 = 1 << 41;

/// How far a restored directory raises its mark: so many ids, and so many more for each second since the backup. No
/// server accepts so many connections a second on average. A backup of a year ago costs a quarter of all ids.
const RAISE: u64 = 1 << 30;
const RAISE_A_SECOND: u64 = 1 << 14;

/// The mark of a directory in which no id comes again that was given out after a backup with this mark, so long ago.
/// `None` if too few ids are left.
pub(crate) fn raised(mark: u64, since_s: u64) -> Option<u64> {
    let raise = RAISE.saturating_add(since_s.saturating_mul(RAISE_A_SECOND));
    Some(mark.saturating_add(raise)).filter(|mark| *mark < MAX_COUNTER)
}

/// The mark of a directory: no id from it on was given out. `None` if none was.
///
/// # Errors
/// When it is damaged or cannot be read.
pub(crate) fn mark(folder: &OwnFolder) -> io::Result<Option<u64>> {
    let mut text = String::new();
    let read = folder
        .open_file(MARK, Others::MayRead)
        .and_then(|file| file.take(MAX_MARK_BYTES).read_to_string(&mut text));
    match read {
        Ok(_bytes) => number::parse(text.trim())
            .filter(|next| (1..=MAX_COUNTER).contains(next))
            .map(Some)
            .ok_or_else(|| {
                let problem = "the mark of used ids, `ids`, is damaged";
                io::Error::new(io::ErrorKind::InvalidData, problem)
            }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the mark of a directory, to the disk.
pub(crate) fn write_mark(folder: &OwnFolder, end: u64) -> io::Result<()> {
    // A crash may have left this file.
    folder.unlink(NEW_MARK)?;
    // Whatever `--fsync` says: with an older mark ids would be given out twice, and with an empty one no
    // server would start. It is written once for 65,536 ids.
    let mark = format!("{end}\n");
    folder.replace(MARK, NEW_MARK, &[mark.as_bytes()], ReachesDisk::BytesAndName)
}

/// The bits of an id that its node's number is above of.
const COUNTER_BITS: u32 = 41;

/// The number of the node that has given out an id; 0 of a server that shares no rooms.
pub fn node_of(id: ConnectionId) -> u64 {
    id.number() >> COUNTER_BITS
}

/// Gives out ids in ascending order.
pub struct ConnectionIds {
    source: Source,
    range: Mutex<Range>,
}

/// Where ids are reserved before they are given out.
enum Source {
    Memory,
    Disk(Mark),
    Node(Arc<NodeIds>),
}

/// The counters that are reserved for the number of a node among others. The node reserves more before they are used up.
pub struct NodeIds {
    node: u64,
    reserved: Mutex<std::ops::Range<u64>>,
}

impl NodeIds {
    #[cfg(feature = "cluster")]
    pub(crate) fn new(node: u64, reserved: std::ops::Range<u64>) -> NodeIds {
        NodeIds { node, reserved: Mutex::new(reserved) }
    }

    /// How many are left.
    #[cfg(feature = "cluster")]
    pub(crate) fn left(&self) -> u64 {
        let reserved = self.lock();
        reserved.end - reserved.start
    }

    /// More are reserved, up to this one.
    #[cfg(feature = "cluster")]
    pub(crate) fn reserve(&self, end: u64) {
        let mut reserved = self.lock();
        reserved.end = reserved.end.max(end);
    }

    fn next(&self) -> io::Result<ConnectionId> {
        let Some(counter) = self.lock().next().filter(|counter| *counter < MAX_COUNTER) else {
            return Err(io::Error::other("no connection id is reserved for this node"));
        };
        Ok(ConnectionId::from_number(self.node << COUNTER_BITS | counter))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, std::ops::Range<u64>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the high-water mark is stored.
struct Mark {
    folder: Arc<OwnFolder>,
}

struct Range {
    next: u64,
    /// The first id that is not reserved on disk yet.
    end: u64,
}

impl ConnectionIds {
    /// Ids for one process, from 1.
    pub fn in_memory() -> ConnectionIds {
        let range = Range { next: 1, end: MAX_COUNTER };
        ConnectionIds { source: Source::Memory, range: Mutex::new(range) }
    }

    /// Ids of a node among others.
    pub fn of_node(ids: Arc<NodeIds>) -> ConnectionIds {
        ConnectionIds { source: Source::Node(ids), range: Mutex::new(Range { next: 0, end: 0 }) }
    }

    /// Ids that continue after those of the last server that used this folder.
    pub fn persisted(folder: Arc<OwnFolder>) -> io::Result<ConnectionIds> {
        let next = mark(&folder)?.unwrap_or(1);
        Ok(ConnectionIds {
            source: Source::Disk(Mark { folder }),
            range: Mutex::new(Range { next, end: next }),
        })
    }

    /// The next id. At the end of a block the mark is stored first.
    ///
    /// # Errors
    /// When the mark cannot be written, or all ids are used up.
    pub fn next(&self) -> io::Result<ConnectionId> {
        if let Source::Node(ids) = &self.source {
            return ids.next();
        }
        // Only the arithmetic can panic, before anything has changed.
        let mut range = self.range.lock().unwrap_or_else(PoisonError::into_inner);
        if range.next == range.end {
            let end = (range.end + BLOCK).min(MAX_COUNTER);
            if end == range.end {
                return Err(io::Error::other("all connection ids are used up"));
            }
            if let Source::Disk(mark) = &self.source {
                mark.write(end)?;
            }
            range.end = end;
        }
        let id = ConnectionId::from_number(range.next);
        range.next += 1;
        Ok(id)
    }
}

impl Mark {
    fn write(&self, end: u64) -> io::Result<()> {
        write_mark(&self.folder, end)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn no_id_is_given_out_twice_with_one_mark() {
        let dir = std::env::temp_dir().join(format!("zigttp-ids-{}", std::process::id()));
        let folder = OwnFolder::make(&dir, Others::Nothing).expect("a folder can be made");
        let (mark, folder) = (dir.join("ids"), Arc::new(folder));
        let persisted = || ConnectionIds::persisted(Arc::clone(&folder));
        let first = persisted().expect("no mark yet");
        let last = (0..3).map(|_| first.next().expect("writable")).max().expect("three ids");
        drop(first);
        let second = persisted().expect("the mark reads back");
        assert!(second.next().expect("writable") > last);
        for damaged in ["", "x", "-1", "0", "99999999999999"] {
            fs::write(&mark, damaged).expect("writable");
            assert!(persisted().is_err(), "{damaged}");
        }
        fs::write(&mark, (MAX_COUNTER - 1).to_string()).expect("writable");
        let last = persisted().expect("one is left");
        assert!(last.next().is_ok() && last.next().is_err(), "no id is given out twice");
        fs::remove_dir_all(dir).expect("ours to remove");
    }
}
