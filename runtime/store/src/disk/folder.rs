//! The folder `<dir>/ws`. Files are opened relative to it, and no link in it is followed.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Timespec, Timestamps, UTIME_NOW};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;

use crate::disk::format::{self, Damage, Header};
use crate::disk::held::HeldFiles;
use zigttp_abi::number;
use zigttp_files::own_folder::{Others, OwnFolder};
use zigttp_files::replace::ReachesDisk;

/// How much is read at a time until a header is complete. Most headers have a few hundred bytes.
const START_BYTES: u64 = 4096;

const FILE: &str = ".att";
const TEMPORARY: &str = ".tmp";

/// The folder's name in the durable directory.
const NAME: &str = "ws";

/// An open folder of attachment files.
pub struct Folder {
    own: OwnFolder,
    held: HeldFiles,
}

/// A file whose header was read.
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

/// The kind of a name in the folder.
enum Name {
    Attachment(ConnectionId),
    Temporary,
    /// Not a file of this program.
    Other,
}

impl Folder {
    /// Opens `<dir>/ws`; makes it, for its owner only, if it does not exist.
    pub fn open(durable: &OwnFolder) -> io::Result<Folder> {
        Ok(Folder { own: durable.make_within(NAME)?, held: HeldFiles::default() })
    }

    /// Opens `<dir>/ws` if it exists.
    pub fn open_existing(durable: &OwnFolder) -> io::Result<Folder> {
        Ok(Folder { own: durable.within(NAME)?, held: HeldFiles::default() })
    }

    /// Writes bytes under a temporary name; with `syncs` they are forced to the disk.
    pub fn write(&self, temporary: &str, bytes: &[u8], syncs: bool) -> io::Result<()> {
        self.own.create(temporary, &[bytes], syncs)
    }

    /// Writes a connection's file anew. With `syncs` its bytes reach the disk, and its name with
    /// [`Folder::sync`].
    pub fn replace(
        &self,
        id: ConnectionId,
        temporary: &str,
        bytes: &[u8],
        syncs: bool,
    ) -> io::Result<()> {
        let reach = if syncs { ReachesDisk::Bytes } else { ReachesDisk::Nothing };
        self.change(&[id], || self.own.replace(&name(id), temporary, &[bytes], reach))
    }

    /// Reads the header of an attachment file. Returns it and the file's length. Reads no more of the file
    /// than a header can have.
    pub fn read_header(&self, id: ConnectionId) -> Result<(Header, u64), ReadError> {
        let (opened, _start) = self.open_file(id)?;
        Ok((opened.header, opened.bytes))
    }

    /// Reads an attachment file, if it is complete and its value has at most `max` bytes. A longer value is
    /// not read.
    pub fn read(&self, id: ConnectionId, max: usize) -> Result<(Header, Value), ReadError> {
        let (Opened { file, header, bytes }, mut start) = self.open_file(id)?;
        if header.length > max {
            return Err(Damage::TooLarge { told: header.length, most: max }.into());
        }
        let rest = bytes.saturating_sub(start.len() as u64);
        start.reserve_exact(usize::try_from(rest).unwrap_or(usize::MAX));
        file.take(rest).read_to_end(&mut start)?;
        Ok(format::decode(&start)?)
    }

    /// Opens a file, and reads up to the end of its header and a little more.
    fn open_file(&self, id: ConnectionId) -> Result<(Opened, Vec<u8>), ReadError> {
        let mut file = self.own.open_file(&name(id), Others::MayRead)?;
        let bytes = file.metadata()?.len();
        let mut start = Vec::new();
        let mut searched = 0;
        while start.len() < format::MAX_LINE_BYTES && !start[searched..].contains(&b'\n') {
            searched = start.len();
            if file.by_ref().take(START_BYTES).read_to_end(&mut start)? == 0 {
                break;
            }
        }
        let (header, _length) = format::header(&start, bytes)?;
        Ok((Opened { file, header, bytes }, start))
    }

    /// Gives a temporary file its name, and replaces the file that had it.
    pub fn rename(&self, temporary: &str, id: ConnectionId) -> io::Result<()> {
        self.change(&[id], || self.own.rename(temporary, &name(id)))
    }

    /// Gives one connection's file to another.
    pub fn give(&self, from: ConnectionId, to: ConnectionId) -> io::Result<()> {
        self.change(&[from, to], || self.own.rename(&name(from), &name(to)))
    }

    /// Restores a file from the backup that [`Folder::back_up`] has made.
    pub fn restore(&self, backup: &str, id: ConnectionId) -> io::Result<()> {
        self.change(&[id], || self.own.rename(backup, &name(id)))
    }

    /// Gives a connection's file a second name as a backup. Returns false when there is no such file.
    pub fn back_up(&self, id: ConnectionId, backup: &str) -> io::Result<bool> {
        match rustix::fs::linkat(&self.own, name(id), &self.own, backup, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes the files of connections, and keeps what a backup has not copied yet.
    fn change<T>(
        &self,
        ids: &[ConnectionId],
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        // Locked until it has changed: a backup opens the file before it or after it.
        let mut held = self.held.lock();
        if let Some(held) = &mut *held {
            for id in ids {
                held.keep(*id, |number| {
                    let kept = temporary_name(*id, number);
                    Ok(self.back_up(*id, &kept)?.then_some(kept))
                });
            }
        }
        change()
    }

    pub(crate) fn held(&self) -> &HeldFiles {
        &self.held
    }

    /// Opens the file of a connection, whatever is in it.
    pub(crate) fn open_of(&self, id: ConnectionId) -> io::Result<File> {
        self.open_named(&name(id))
    }

    pub(crate) fn open_named(&self, name: &str) -> io::Result<File> {
        self.own.open_file(name, Others::MayRead)
    }

    /// Writes the file of a connection that has none.
    pub(crate) fn create(&self, id: ConnectionId, bytes: &[u8]) -> io::Result<File> {
        self.own.create(&name(id), &[bytes], false)?;
        self.open_of(id)
    }

    /// Whether a connection has a file.
    pub fn has(&self, id: ConnectionId) -> bool {
        self.own.status(&name(id)).is_ok()
    }

    /// Removes a connection's file. Returns false when there is none.
    pub fn remove(&self, id: ConnectionId) -> io::Result<bool> {
        self.change(&[id], || self.own.unlink(&name(id)))
    }

    /// Removes a temporary file. If that fails, the next start removes it.
    pub fn discard(&self, temporary: &str) {
        let _ = self.own.unlink(temporary);
    }

    /// Forces renames to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.own.sync()
    }

    /// The ids of all connections that have a file, in ascending order.
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
        let status = self.own.status(&name(id))?;
        let written = SystemTime::UNIX_EPOCH
            + Duration::from_secs(u64::try_from(status.st_mtime).unwrap_or(0));
        // If the clock was set back, the file counts as new.
        Ok(now.duration_since(written).unwrap_or_default())
    }

    /// Sets the time at which a connection's file was written to now.
    pub fn touch(&self, id: ConnectionId) -> io::Result<()> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(&self.own, name(id), &times, flags).map_err(io::Error::from)
    }

    /// Removes temporary files that a crash has left. Returns how many there were.
    pub fn sweep(&self) -> io::Result<usize> {
        let mut temporaries = Vec::new();
        self.each(|name| {
            if let (Name::Temporary, Ok(name)) = (parse(name), name.to_str()) {
                temporaries.push(name.to_owned());
            }
        })?;
        for temporary in &temporaries {
            self.own.unlink(temporary)?;
        }
        Ok(temporaries.len())
    }

    fn each(&self, mut visit: impl FnMut(&CStr)) -> io::Result<()> {
        for entry in Dir::read_from(&self.own)? {
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

/// A temporary name for a connection's file; `number` makes it unique.
pub fn temporary_name(id: ConnectionId, number: u64) -> String {
    format!("{id}.{number}{TEMPORARY}")
}

fn parse(name: &CStr) -> Name {
    let Ok(name) = name.to_str() else { return Name::Other };
    // Only without leading zeros: any other form would be the name of another file.
    let number = |text: &str| {
        let number: Option<u64> = number::parse(text);
        number.filter(|number| number.to_string() == text)
    };
    if let Some(id) = name.strip_suffix(FILE).and_then(number) {
        return Name::Attachment(ConnectionId::from_number(id));
    }
    if let Some((id, count)) = name.strip_suffix(TEMPORARY).and_then(|it| it.split_once('.'))
        && number(id).is_some()
        && number(count).is_some()
    {
        return Name::Temporary;
    }
    Name::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_program_are_its_files() {
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
