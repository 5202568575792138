//! Copies files and counts what they have.

use std::fs::File;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zigttp_files::own_folder::{Others, OwnFolder};

/// Bytes that are copied at once.
const CHUNK: usize = 256 << 10;

/// A file as it is in a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    pub bytes: u64,
    pub sha256: String,
}

pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn hex_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Reads a file to its end, or so many bytes of it, and writes what it has to `to`.
pub(crate) fn copy(from: File, most: u64, mut to: impl Write) -> io::Result<CopiedFile> {
    let (mut from, mut hasher, mut bytes) = (from.take(most), Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk)?;
        if read == 0 {
            return Ok(CopiedFile { bytes, sha256: hex(&hasher.finalize()) });
        }
        hasher.update(&chunk[..read]);
        to.write_all(&chunk[..read])?;
        bytes += read as u64;
    }
}

/// Copies a file of one folder to another, if there is one. With its content forced to the disk.
pub(crate) fn copy_between(
    from: &OwnFolder,
    to: &OwnFolder,
    name: &str,
    others: Others,
) -> io::Result<Option<CopiedFile>> {
    let opened = match from.open_file(name, others) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    copy_to(opened, u64::MAX, to, name).map(Some)
}

pub(crate) fn copy_to(from: File, most: u64, to: &OwnFolder, name: &str) -> io::Result<CopiedFile> {
    to.create(name, &[], false)?;
    let written = to.open_or_make_file(name)?;
    let copied = copy(from, most, &written)?;
    written.sync_data()?;
    Ok(copied)
}

/// The checksum of many files, each by its id.
#[derive(Default)]
pub(crate) struct Many {
    hasher: Sha256,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Many {
    pub(crate) fn add(&mut self, id: u64, content: &[u8]) {
        self.hasher.update(id.to_le_bytes());
        self.hasher.update((content.len() as u64).to_le_bytes());
        self.hasher.update(Sha256::digest(content));
        self.count += 1;
        self.bytes += content.len() as u64;
    }

    pub(crate) fn finish(self) -> String {
        hex(&self.hasher.finalize())
    }
}

/// Makes a new folder beside the one that it becomes. What an earlier try has left under its name is removed, if it is
/// nothing but that.
pub(crate) fn make_new(path: &std::path::Path) -> io::Result<OwnFolder> {
    if let Ok(left) = OwnFolder::open(path, Others::MayRead) {
        const KNOWN: [&str; 7] =
            ["manifest.json", "ids", "handler", "resume.key", "held", "ws", "store"];
        for entry in std::fs::read_dir(path)? {
            let name = entry?.file_name();
            if !name.to_str().is_some_and(|name| KNOWN.contains(&name)) {
                let why = format!("`{}` has something that no backup has left", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
        }
        drop(left);
        std::fs::remove_dir_all(path)?;
    }
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(path)?;
    OwnFolder::open(path, Others::Nothing)
}

/// Gives a finished folder its name, which nothing or an empty folder has.
pub(crate) fn place(from: &std::path::Path, to: &std::path::Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or_else(|| std::path::Path::new(".")))?.sync_all()
}
