//! The folder `<dir>/ws`: files are named relative to it, and no link in it is followed.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Timespec, Timestamps, UTIME_NOW};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;

use crate::disk::format::{self, Damage, Header};
use zigttp_abi::number;
use zigttp_files::own_folder::{Others, OwnFolder};

/// Read at a time until a header is whole. Most are a few hundred bytes.
const START_BYTES: u64 = 4096;

const FILE: &str = ".att";
const TEMPORARY: &str = ".tmp";

/// The folder's name in the durable directory.
const NAME: &str = "ws";

/// An open folder of attachment files.
pub struct Folder(OwnFolder);

/// A file of which the header was read.
struct Opened {
    file: File,
    header: Header,
    bytes: u64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// What a name in the folder is.
enum Name {
    Attachment(ConnectionId),
    Temporary,
    /// Not ours.
    Other,
}

impl Folder {
    /// Opens `<dir>/ws`, making it if it is not there, for the owner alone.
    pub fn open(durable: &OwnFolder) -> io::Result<Folder> {
        Ok(Folder(durable.make_within(NAME)?))
    }

    /// Opens `<dir>/ws` if it is there.
    pub fn open_existing(durable: &OwnFolder) -> io::Result<Folder> {
        Ok(Folder(durable.within(NAME)?))
    }

    /// Writes bytes under a temporary name, to the disk itself if asked.
    pub fn write(&self, temporary: &str, bytes: &[u8], syncs: bool) -> io::Result<()> {
        self.0.create(temporary, &[bytes], syncs)
    }

    /// Writes a connection's file anew.
    pub fn replace(
        &self,
        id: ConnectionId,
        temporary: &str,
        bytes: &[u8],
        syncs: bool,
    ) -> io::Result<()> {
        self.0.replace(&name(id), temporary, &[bytes], syncs)
    }

    /// What an attachment file says of its value, and the bytes it has. Of the file no more is read than a
    /// header can be.
    pub fn read_header(&self, id: ConnectionId) -> Result<(Header, u64), ReadError> {
        let (opened, _start) = self.open_file(id)?;
        Ok((opened.header, opened.bytes))
    }

    /// What is in an attachment file, if it is whole and its value has at most so many bytes; no more is
    /// read of it.
    pub fn read(&self, id: ConnectionId, most: usize) -> Result<(Header, Value), ReadError> {
        let (Opened { file, header, bytes }, mut start) = self.open_file(id)?;
        if header.length > most {
            return Err(Damage::TooLarge { told: header.length, most }.into());
        }
        let rest = bytes.saturating_sub(start.len() as u64);
        start.reserve_exact(usize::try_from(rest).unwrap_or(usize::MAX));
        file.take(rest).read_to_end(&mut start)?;
        Ok(format::decode(&start)?)
    }

    /// Opens a file, reads up to the end of its header and a little more.
    fn open_file(&self, id: ConnectionId) -> Result<(Opened, Vec<u8>), ReadError> {
        let mut file = self.0.open_file(&name(id), Others::MayRead)?;
        let bytes = file.metadata()?.len();
        let mut start = Vec::new();
        let mut is_seen = 0;
        while start.len() < format::MAX_LINE_BYTES && !start[is_seen..].contains(&b'\n') {
            is_seen = start.len();
            if file.by_ref().take(START_BYTES).read_to_end(&mut start)? == 0 {
                break;
            }
        }
        let (header, _length) = format::header(&start, bytes)?;
        Ok((Opened { file, header, bytes }, start))
    }

    /// Gives a temporary file its name, in place of the one that was there.
    pub fn rename(&self, temporary: &str, id: ConnectionId) -> io::Result<()> {
        self.0.rename(temporary, &name(id))
    }

    /// Gives one connection's file to another.
    pub fn give(&self, from: ConnectionId, to: ConnectionId) -> io::Result<()> {
        self.0.rename(&name(from), &name(to))
    }

    /// Puts a file back that [`Folder::keep`] has kept.
    pub fn put_back(&self, kept: &str, id: ConnectionId) -> io::Result<()> {
        self.0.rename(kept, &name(id))
    }

    /// Keeps a connection's file under a second name. False when there is none.
    pub fn keep(&self, id: ConnectionId, kept: &str) -> io::Result<bool> {
        match rustix::fs::linkat(&self.0, name(id), &self.0, kept, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Unlinks a connection's file. False when there is none.
    pub fn remove(&self, id: ConnectionId) -> io::Result<bool> {
        self.0.unlink(&name(id))
    }

    /// Unlinks a temporary file; one that stays is swept at the next start.
    pub fn discard(&self, temporary: &str) {
        let _ = self.0.unlink(temporary);
    }

    /// Lets renames reach the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }

    /// Every connection that has a file, in order.
    pub fn ids(&self) -> io::Result<Vec<ConnectionId>> {
        let mut ids = Vec::new();
        self.each(|name| {
            if let Name::Attachment(id) = parse(name) {
                ids.push(id);
            }
        })?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// How long ago a connection's file was written.
    pub fn age(&self, id: ConnectionId, now: SystemTime) -> io::Result<Duration> {
        let status = self.0.status(&name(id))?;
        let written = SystemTime::UNIX_EPOCH
            + Duration::from_secs(u64::try_from(status.st_mtime).unwrap_or(0));
        // A clock that was set back makes it new.
        Ok(now.duration_since(written).unwrap_or_default())
    }

    /// Makes a connection's file as young as one that is written now.
    pub fn touch(&self, id: ConnectionId) -> io::Result<()> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(&self.0, name(id), &times, flags).map_err(io::Error::from)
    }

    /// Unlinks what a crash has left under temporary names; answers how many there were.
    pub fn sweep(&self) -> io::Result<usize> {
        let mut temporaries = Vec::new();
        self.each(|name| {
            if let (Name::Temporary, Ok(name)) = (parse(name), name.to_str()) {
                temporaries.push(name.to_owned());
            }
        })?;
        for temporary in &temporaries {
            self.0.unlink(temporary)?;
        }
        Ok(temporaries.len())
    }

    fn each(&self, mut visit: impl FnMut(&CStr)) -> io::Result<()> {
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            if !matches!(entry.file_type(), FileType::Directory) {
                visit(entry.file_name());
            }
        }
        Ok(())
    }
}

fn name(id: ConnectionId) -> String {
    format!("{id}{FILE}")
}

/// A name that no other has: `number` is of the event, `place` within it.
pub fn temporary_name(id: ConnectionId, number: u64) -> String {
    format!("{id}.{number}{TEMPORARY}")
}

fn parse(name: &CStr) -> Name {
    let Ok(name) = name.to_str() else { return Name::Other };
    // As we write it, without leading zeros: another name would be another file.
    let number = |text: &str| {
        let number: Option<u64> = number::parse(text);
        number.filter(|number| number.to_string() == text)
    };
    if let Some(id) = name.strip_suffix(FILE).and_then(number) {
        return Name::Attachment(ConnectionId::from_number(id));
    }
    if let Some((id, place)) = name.strip_suffix(TEMPORARY).and_then(|it| it.split_once('.'))
        && number(id).is_some()
        && number(place).is_some()
    {
        return Name::Temporary;
    }
    Name::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_ours() {
        let kind = |name: &CStr| match parse(name) {
            Name::Attachment(id) => format!("attachment {id}"),
            Name::Temporary => "temporary".to_owned(),
            Name::Other => "other".to_owned(),
        };
        assert_eq!(kind(c"12.att"), "attachment 12");
        assert_eq!(kind(c"12.3.tmp"), "temporary");
        for other in [c"12.tmp", c".att", c"a.att", c"1.att.bak", c"notes", c"-1.att", c"1.2.att"] {
            assert_eq!(kind(other), "other", "{other:?}");
        }
    }
}
