//! The files of a recording, as they are written: a new one when one is full or the artifact is another, and the oldest
//! is removed when all together are over their limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zstd::bulk::Compressor;

use crate::block::{self, MAGIC};

/// The ending of a file of records.
pub(crate) const ENDING: &str = "zrec";

/// How many digits of the artifact's hash are in the name of a file.
const HASH_IN_NAME: usize = 16;

/// See the module's documentation.
pub(crate) struct Files {
    folder: PathBuf,
    max_bytes: u64,
    current: Option<Current>,
    /// Files besides the current one, the oldest first, with their bytes.
    older: Vec<(PathBuf, u64)>,
    compressor: Compressor<'static>,
}

struct Current {
    file: File,
    path: PathBuf,
    bytes: u64,
    artifact: [u8; 32],
}

/// The name of an artifact's copy.
pub(crate) fn artifact_name(artifact: &[u8; 32]) -> String {
    format!("{}.wasm", hex(artifact))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Files {
    /// For a folder that exists.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(folder: &Path, max_bytes: u64) -> io::Result<Files> {
        let older = recorded(folder)?;
        let compressor = block::compressor()?;
        Ok(Files { folder: folder.to_owned(), max_bytes, current: None, older, compressor })
    }

    /// Writes a block whose first record is from this time. Returns how many bytes that took.
    ///
    /// # Errors
    /// When the disk cannot take it. The file ends before it then, if that is possible.
    pub(crate) fn write(&mut self, raw: &[u8], artifact: [u8; 32], at: u64) -> io::Result<u64> {
        let framed = block::framed(raw, &mut self.compressor)?;
        let len = framed.len() as u64;
        // With a sixteenth of all, removing the oldest takes little.
        let full = (self.max_bytes / 16).clamp(64 << 10, 64 << 20);
        let is_fit = |it: &Current| it.artifact == artifact && it.bytes + len <= full;
        if !self.current.as_ref().is_some_and(is_fit) {
            self.begin(artifact, at)?;
        }
        self.make_room(len);
        let current = self.current.as_mut().expect("it was begun above");
        match current.file.write_all(&framed) {
            Ok(()) => {
                current.bytes += len;
                Ok(len)
            }
            Err(error) => {
                // What is written of it is dropped, so that what follows can be read.
                let _ = current.file.set_len(current.bytes);
                self.end();
                Err(error)
            }
        }
    }

    /// Begins a new file.
    fn begin(&mut self, artifact: [u8; 32], at: u64) -> io::Result<()> {
        self.end();
        let hash = &hex(&artifact)[..HASH_IN_NAME];
        for number in 0.. {
            let path = self.folder.join(format!("{at:015}-{number:03}-{hash}.{ENDING}"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    if let Err(error) = file.write_all(MAGIC) {
                        let _ = fs::remove_file(&path);
                        return Err(error);
                    }
                    let bytes = MAGIC.len() as u64;
                    self.current = Some(Current { file, path, bytes, artifact });
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("some number is free")
    }

    fn end(&mut self) {
        if let Some(Current { path, bytes, .. }) = self.current.take() {
            self.older.push((path, bytes));
        }
    }

    /// Removes the oldest files until so much more fits.
    fn make_room(&mut self, more: u64) {
        let current = self.current.as_ref().map_or(0, |current| current.bytes);
        let mut bytes = self.older.iter().map(|(_, bytes)| bytes).sum::<u64>() + current + more;
        let mut removed = 0;
        while bytes > self.max_bytes && removed < self.older.len() {
            let (path, size) = &self.older[removed];
            // One that cannot be removed, or is gone, is nobody's concern any more.
            let _ = fs::remove_file(path);
            bytes -= size;
            removed += 1;
        }
        if removed > 0 {
            self.older.drain(..removed);
            self.remove_unused_artifacts();
        }
    }

    /// Removes the copies of artifacts that no file is about any more.
    fn remove_unused_artifacts(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let current = self.current.iter().map(|current| &current.path);
        let names = self.older.iter().map(|(path, _)| path).chain(current);
        let names: Vec<_> = names.filter_map(|path| path.file_stem()?.to_str()).collect();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Some(hash) = hash_of_copy(&path) else { continue };
            if !names.iter().any(|name| name.ends_with(&hash[..HASH_IN_NAME])) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The hash in the name of an artifact's copy, if it is one.
fn hash_of_copy(path: &Path) -> Option<&str> {
    let hash = path.file_name()?.to_str()?.strip_suffix(".wasm")?;
    (hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit())).then_some(hash)
}

/// The files of records in a folder, the oldest first, with their bytes.
pub(crate) fn recorded(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == ENDING) && entry.file_type()?.is_file() {
            files.push((path, entry.metadata()?.len()));
        }
    }
    files.sort();
    Ok(files)
}

/// Keeps a copy of an artifact, unless there is one.
pub(crate) fn keep_artifact(folder: &Path, artifact: &[u8; 32], wasm: &[u8]) -> io::Result<()> {
    let path = folder.join(artifact_name(artifact));
    if path.exists() {
        return Ok(());
    }
    let temporary = path.with_extension("tmp");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(wasm))
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
