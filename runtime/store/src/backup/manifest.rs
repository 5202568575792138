//! `manifest.json` of a backup: what it has, with checksums. It is written last, so a backup without one is torn.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zigttp_files::own_folder::{Others, OwnFolder};

use crate::backup::copying::{CopiedFile, hex_of};
use crate::backup_error::BackupError;

const MANIFEST: &str = "manifest.json";
const MAX_BYTES: u64 = 64 << 10;

/// The version of backups that this program writes, and the last that it reads.
pub const BACKUP_VERSION: u32 = 1;

/// What a backup has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub version: u32,
    /// When its moment was, in milliseconds since 1970.
    pub made: u64,
    /// The high-water mark of connection ids.
    pub ids: u64,
    pub rooms: u64,
    /// Signals and timers, parked ones included.
    pub signals: u64,
    /// `store/state.db`.
    pub database: CopiedFile,
    pub attachments: CopiedAttachments,
    /// The other files, by their names in the backup.
    pub files: Vec<NamedFile>,
}

/// A file by its name in the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    pub name: String,
    #[serde(flatten)]
    pub file: CopiedFile,
}

/// All files in `ws` together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedAttachments {
    pub count: u64,
    pub bytes: u64,
    /// Those that were damaged, or of a later version, in the directory already. They are copied as they are.
    pub unreadable: u64,
    /// Of their ids, lengths and checksums, in the order of their ids.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    manifest: Box<RawValue>,
    /// Of the text of `manifest`.
    sha256: String,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl Manifest {
    pub(crate) fn write(&self, folder: &OwnFolder) -> io::Result<()> {
        let manifest = serde_json::value::to_raw_value(self)?;
        let sha256 = hex_of(manifest.get().as_bytes());
        let mut line = serde_json::to_vec(&Sealed { manifest, sha256 })?;
        line.push(b'\n');
        folder.create(MANIFEST, &[&line], true)
    }

    pub(crate) fn read(folder: &OwnFolder) -> Result<Manifest, BackupError> {
        let mut text = Vec::new();
        match folder.open_file(MANIFEST, Others::MayRead) {
            Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NoManifest);
            }
            Err(error) => return Err(error.into()),
        };
        let damaged = |_| BackupError::Damaged { what: MANIFEST.to_owned() };
        let sealed: Sealed = serde_json::from_slice(&text).map_err(damaged)?;
        if hex_of(sealed.manifest.get().as_bytes()) != sealed.sha256 {
            return Err(BackupError::Damaged { what: MANIFEST.to_owned() });
        }
        let VersionOnly { version } =
            serde_json::from_str(sealed.manifest.get()).map_err(damaged)?;
        if version > BACKUP_VERSION {
            return Err(BackupError::Newer { found: version, known: BACKUP_VERSION });
        }
        serde_json::from_str(sealed.manifest.get()).map_err(damaged)
    }
}
