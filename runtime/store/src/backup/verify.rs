//! Checks a backup: its checksums, and the database's own integrity check.

use std::io::{self, Read};
use std::path::Path;

use zigttp_files::own_folder::{Others, OwnFolder};

use crate::backup::copying::{self, CopiedFile, Many, copy};
use crate::backup::manifest::Manifest;
use crate::backup_error::BackupError;
use crate::disk::folder::Folder;
use crate::disk::format;
use crate::state::database::snapshot::integrity_problem;

/// Checks all of a backup.
///
/// # Errors
/// When anything is missing or damaged, or a later version has made it.
pub fn verify(backup: &Path) -> Result<Manifest, BackupError> {
    let folder = OwnFolder::look_into(backup)?;
    let manifest = Manifest::read(&folder)?;
    check_file(&folder, "store/state.db", &manifest.database)?;
    for named in &manifest.files {
        check_file(&folder, &named.name, &named.file)?;
    }
    check_attachments(&folder, &manifest)?;
    if let Some(found) = integrity_problem(&folder.within("store")?.path_of("state.db"))? {
        return Err(BackupError::Integrity { found });
    }
    Ok(manifest)
}

/// Gives a backup that was checked its name, which nothing or an empty folder has.
///
/// # Errors
/// When the name is taken.
pub fn place(from: &Path, to: &Path) -> io::Result<()> {
    copying::place(from, to)
}

fn check_file(folder: &OwnFolder, name: &str, expected: &CopiedFile) -> Result<(), BackupError> {
    let damaged = || BackupError::Damaged { what: name.to_owned() };
    let opened = match name.split_once('/') {
        Some((inner, name)) => {
            folder.within(inner).and_then(|inner| inner.open_file(name, Others::MayRead))
        }
        None => folder.open_file(name, Others::MayRead),
    };
    match opened {
        Ok(file) => {
            let found = copy(file, u64::MAX, io::sink())?;
            if found == *expected { Ok(()) } else { Err(damaged()) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(damaged()),
        Err(error) => Err(error.into()),
    }
}

fn check_attachments(folder: &OwnFolder, manifest: &Manifest) -> Result<(), BackupError> {
    let files = Folder::open_existing(folder)?;
    let (mut many, mut unreadable) = (Many::default(), 0);
    for id in files.ids()? {
        let mut bytes = Vec::new();
        files.open_of(id)?.read_to_end(&mut bytes)?;
        unreadable += u64::from(format::decode(&bytes).is_err());
        many.add(id.number(), &bytes);
    }
    let told = &manifest.attachments;
    let is_whole =
        (many.count, many.bytes) == (told.count, told.bytes) && unreadable >= told.unreadable;
    if !is_whole || many.finish() != told.sha256 {
        return Err(BackupError::Damaged { what: "ws".to_owned() });
    }
    Ok(())
}
