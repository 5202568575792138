//! Makes a backup.

use std::io::{self, Read};
use std::path::Path;

use zigttp_files::own_folder::{Others, OwnFolder};

use crate::backup::copying::{self, Many, copy, copy_between, copy_to};
use crate::backup::manifest::{BACKUP_VERSION, CopiedAttachments, Manifest, NamedFile};
use crate::backup_error::BackupError;
use crate::disk::folder::Folder;
use crate::disk::format;
use crate::failpoint;
use crate::ids;
use crate::state::database::snapshot::StateSnapshot;

pub use crate::state::database::snapshot::StateSnapshot as Moment;

/// The key that signs resume tokens. It goes into a backup only if it is wanted.
pub const RESUME_KEY: &str = "resume.key";

/// Copies a durable directory as it was at a moment to a new folder, which is no backup before it has its manifest.
/// `goes_on` is asked now and then with the bytes that are copied.
///
/// # Errors
/// When it cannot be read or written, or is given up. The new folder is removed then.
pub fn take(
    moment: StateSnapshot,
    durable: &OwnFolder,
    with_resume_key: bool,
    made: u64,
    new: &Path,
    goes_on: impl FnMut(u64) -> bool,
) -> Result<Manifest, BackupError> {
    let folder = copying::make_new(new)?;
    let taken = write(moment, durable, with_resume_key, made, &folder, goes_on);
    if taken.is_err() {
        // The error to report is that of copying.
        let _ = std::fs::remove_dir_all(new);
    }
    taken
}

fn write(
    mut moment: StateSnapshot,
    durable: &OwnFolder,
    with_resume_key: bool,
    made: u64,
    folder: &OwnFolder,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Manifest, BackupError> {
    // First, because files that change meanwhile are kept a second time.
    let to = Folder::open(folder)?;
    let files = moment.take_files()?;
    let (mut many, mut unreadable) = (Many::default(), 0);
    for id in files.ids()? {
        let Some(mut file) = files.open(id)? else { continue };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let written = file.metadata()?.modified()?;
        to.create(id, &bytes)?.set_modified(written)?;
        unreadable += u64::from(format::decode(&bytes).is_err());
        many.add(id.number(), &bytes);
        if !goes_on(many.bytes) {
            return Err(BackupError::Cancelled);
        }
    }
    drop(files);
    let (count, bytes) = (many.count, many.bytes);
    let attachments = CopiedAttachments { count, bytes, unreadable, sha256: many.finish() };
    failpoint::reached("backup-attachments");
    let store = folder.make_within("store")?;
    store.create("state.db", &[], false)?;
    let (rooms, signals) = moment.counts()?;
    moment.copy_database(&store.path_of("state.db"), |copied| goes_on(bytes + copied))?;
    let database = store.open_or_make_file("state.db")?;
    database.sync_all()?;
    let database = copy(database, u64::MAX, io::sink())?;
    let mut named = Vec::new();
    let mut add = |name: &str, file| named.push(NamedFile { name: name.to_owned(), file });
    if let Some((parked, bytes)) = moment.parked.take() {
        add("store/parked.ndjson", copy_to(parked, bytes, &store, "parked.ndjson")?);
    }
    // Read last: ids of the moment are below it.
    let mark = ids::mark(durable)?.unwrap_or(1);
    for name in ["ids", "handler"] {
        if let Some(file) = copy_between(durable, folder, name, Others::MayRead)? {
            add(name, file);
        }
    }
    if with_resume_key
        && let Some(file) = copy_between(durable, folder, RESUME_KEY, Others::Nothing)?
    {
        add(RESUME_KEY, file);
    }
    sync_all(folder)?;
    failpoint::reached("backup-copied");
    let version = BACKUP_VERSION;
    let manifest =
        Manifest { version, made, ids: mark, rooms, signals, database, attachments, files: named };
    manifest.write(folder)?;
    folder.sync()?;
    Ok(manifest)
}

/// Forces all files to the disk together: one by one would take a wait for each attachment.
pub(crate) fn sync_all(folder: &OwnFolder) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(folder)?;
    folder.sync()
}
