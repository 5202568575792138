//! Makes a durable directory of a backup.

use std::io::Read;
use std::path::Path;

use rusqlite::Connection;
use zigttp_files::own_folder::{Others, OwnFolder};

use crate::backup::copying::{self, copy_between};
use crate::backup::manifest::Manifest;
use crate::backup::take::sync_all;
use crate::backup::verify::verify;
use crate::backup_error::BackupError;
use crate::dir::{self, HELD};
use crate::disk::folder::Folder;
use crate::failpoint;
use crate::ids;
use crate::state::database::snapshot::change_restored;

/// What becomes of the signals and timers of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoredSignals {
    /// They stay as they are.
    Keep,
    /// They are parked.
    Park,
    /// They are removed, parked ones too.
    Drop,
}

/// So many numbers of signals are left out, and so many more for each second since the backup: far more than a server
/// can store.
const SIGNALS: u64 = 1 << 40;
const SIGNALS_A_SECOND: u64 = 1 << 20;

/// Checks a backup, and makes a new durable directory of it, in which signals are held.
///
/// # Errors
/// When the backup is not whole, or the directory is neither new nor empty. Nothing is left of it then.
pub fn restore(
    backup: &Path,
    dir: &Path,
    signals: RestoredSignals,
    now: u64,
) -> Result<Manifest, BackupError> {
    dir::check_unused(dir)?;
    let manifest = verify(backup)?;
    let since_s = now.saturating_sub(manifest.made) / 1000;
    let mark = ids::raised(manifest.ids, since_s).ok_or(BackupError::NoIds)?;
    let mut new = dir.as_os_str().to_owned();
    new.push(".partial");
    let new = Path::new(&new);
    let folder = copying::make_new(new)?;
    let restored = write(backup, &folder, &manifest, signals, since_s, mark)
        .and_then(|()| Ok(copying::place(new, dir)?));
    if restored.is_err() {
        // The error to report is that of restoring.
        let _ = std::fs::remove_dir_all(new);
    }
    restored.map(|()| manifest)
}

fn write(
    backup: &Path,
    folder: &OwnFolder,
    manifest: &Manifest,
    signals: RestoredSignals,
    since_s: u64,
    mark: u64,
) -> Result<(), BackupError> {
    let from = OwnFolder::look_into(backup)?;
    let damaged = |what: &str| BackupError::Damaged { what: what.to_owned() };
    let (from_store, store) = (from.within("store")?, folder.make_within("store")?);
    let database = copy_between(&from_store, &store, "state.db", Others::MayRead)?;
    if database.as_ref() != Some(&manifest.database) {
        return Err(damaged("store/state.db"));
    }
    for named in &manifest.files {
        let (from, to, name) = match &*named.name {
            // It is written with the raised mark.
            "ids" => continue,
            "store/parked.ndjson" => (&from_store, &store, "parked.ndjson"),
            name @ ("handler" | "resume.key") => (&from, folder, name),
            other => return Err(damaged(other)),
        };
        if copy_between(from, to, name, Others::MayRead)?.as_ref() != Some(&named.file) {
            return Err(damaged(&named.name));
        }
    }
    let (from_files, files) = (Folder::open_existing(&from)?, Folder::open(folder)?);
    for id in from_files.ids()? {
        let mut file = from_files.open_of(id)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        files.create(id, &bytes)?.set_modified(file.metadata()?.modified()?)?;
    }
    let raise = SIGNALS.saturating_add(since_s.saturating_mul(SIGNALS_A_SECOND));
    let connection = Connection::open(store.path_of("state.db"))?;
    change_restored(
        &connection,
        signals == RestoredSignals::Park,
        signals == RestoredSignals::Drop,
        raise,
    )?;
    connection.close().map_err(|(_, error)| error)?;
    ids::write_mark(folder, mark)?;
    folder.create(HELD, &[b"a backup was restored here\n"], true)?;
    sync_all(folder)?;
    failpoint::reached("restored");
    Ok(())
}
