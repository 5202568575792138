//! The database's file: its version, its tables, and connections to it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, OpenFlags};
use zigttp_files::own_folder::{Others, OwnFolder};

use crate::fsync::Fsync;
use crate::state::database::parked_file;
use crate::state::error::{DatabaseError, OpenStateError};
use crate::state::signals::Signal;

/// The folder's name in the durable directory, and the file's in it.
const FOLDER: &str = "store";
const FILE: &str = "state.db";
/// The file's name until it has all tables.
const NEW_FILE: &str = "state.db.new";

/// What SQLite puts behind a name for its log, and for the index of that.
const LOG: &str = "-wal";
const LOG_INDEX: &str = "-shm";

/// "zigt", by which programs know whose database it is.
const APPLICATION: u32 = 0x7a69_6774;

/// The version of the tables below.
const VERSION: u32 = 2;

/// What a new database has. Texts and JSON are stored as text, so that every tool can show them.
///
/// A room has a row while it has entries or signals: `keys` and `bytes` are those of its entries, `timers` and `sent`
/// count its signals, and `signal_bytes` are those of both. A large room that is cleared gets no new row for a while:
/// its old one moves to `cleared`, and its entries are removed bit by bit. A row of `file` is an attachment file that
/// is to be written, or without bytes removed; of a connection's rows the last counts. `room` of a signal is the one
/// that gets it; no signal has a number up to `signal_number` after the next start.
const TABLES: &str = "
    CREATE TABLE room (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        keys INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        timers INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        signal_bytes INTEGER NOT NULL,
        written INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE cleared (room INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE entry (
        room INTEGER NOT NULL,
        key TEXT NOT NULL,
        kind INTEGER NOT NULL,
        value ANY NOT NULL,
        expires INTEGER,
        PRIMARY KEY (room, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE file (
        connection INTEGER NOT NULL,
        number INTEGER NOT NULL,
        bytes BLOB,
        PRIMARY KEY (connection, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE signal (
        id INTEGER PRIMARY KEY,
        room TEXT NOT NULL,
        sender TEXT,
        name TEXT NOT NULL,
        is_timer INTEGER NOT NULL,
        scheduled INTEGER NOT NULL,
        due INTEGER NOT NULL,
        period INTEGER,
        attempt INTEGER NOT NULL,
        is_parked INTEGER NOT NULL,
        on_fail TEXT,
        kind INTEGER,
        data ANY
    ) STRICT;
    CREATE TABLE signal_number (last INTEGER NOT NULL) STRICT;
    INSERT INTO signal_number (last) VALUES (0);
    CREATE INDEX entry_expires ON entry (expires) WHERE expires IS NOT NULL;
    CREATE INDEX signal_due ON signal (due) WHERE is_parked = 0;
    CREATE INDEX signal_parked ON signal (room) WHERE is_parked = 1;
    CREATE UNIQUE INDEX timer ON signal (room, name) WHERE is_timer = 1;
    CREATE INDEX signal_schedule ON signal (room) WHERE is_timer = 2;
";

/// What version 2 has besides: the streams that have not ended, with their requests. `bytes` count in the
/// `signal_bytes` of the room.
const TABLES_OF_2: &str = "
    CREATE TABLE stream (
        id INTEGER PRIMARY KEY,
        room TEXT NOT NULL,
        name TEXT NOT NULL,
        opened INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        is_cancelled INTEGER NOT NULL,
        request TEXT NOT NULL,
        body BLOB
    ) STRICT;
";

/// Where a database of SQLite says whose it is and of which version, and how it begins.
const VERSION_AT: usize = 60;
const APPLICATION_AT: usize = 68;
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Statements that a connection keeps prepared. There are fewer.
const STATEMENTS: usize = 64;

/// Memory for pages of the database, in KiB: of the thread that writes, and of each that reads.
const WRITER_KIB: i32 = 16 << 10;
const READER_KIB: i32 = 1 << 10;

/// The database's file.
pub(crate) struct DatabaseFile {
    folder: OwnFolder,
    path: PathBuf,
    log: PathBuf,
    /// Whether the loss of power is survived.
    syncs: bool,
    /// Backups that read it.
    snapshots: AtomicUsize,
}

impl DatabaseFile {
    /// Opens `<dir>/store/state.db`; makes it, for its owner only, if it does not exist. Returns it and the
    /// connection that writes.
    pub(crate) fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        most_bytes: Option<u64>,
    ) -> Result<(DatabaseFile, Connection), OpenStateError> {
        let folder = durable.make_within(FOLDER).map_err(OpenStateError::Folder)?;
        // SQLite takes a path alone. Links and other users' files are refused before.
        let opened = folder.open_or_make_file(FILE).map_err(OpenStateError::Folder)?;
        if opened.metadata().map_err(OpenStateError::Folder)?.len() == 0 {
            make(&folder)?;
        } else {
            check_header(opened)?;
        }
        let file = DatabaseFile::in_folder(folder, fsync == Fsync::Always);
        let connection = file.writer(fsync, most_bytes)?;
        Ok((file, connection))
    }

    /// The database of a durable directory, to read it; `None` if there is none.
    pub(crate) fn existing(durable: &OwnFolder) -> Result<Option<DatabaseFile>, OpenStateError> {
        let opened = durable.within(FOLDER).and_then(|folder| {
            let file = folder.open_file(FILE, Others::MayRead)?;
            Ok((folder, file))
        });
        let (folder, file) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenStateError::Folder(error)),
        };
        if file.metadata().map_err(OpenStateError::Folder)?.len() == 0 {
            return Ok(None);
        }
        check_header(file)?;
        Ok(Some(DatabaseFile::in_folder(folder, false)))
    }

    fn in_folder(folder: OwnFolder, syncs: bool) -> DatabaseFile {
        let path = folder.path_of(FILE);
        let log = folder.path_of(&format!("{FILE}{LOG}"));
        DatabaseFile { folder, path, log, syncs, snapshots: AtomicUsize::new(0) }
    }

    fn writer(&self, fsync: Fsync, most_bytes: Option<u64>) -> Result<Connection, OpenStateError> {
        let of_sqlite = OpenStateError::of_sqlite;
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(of_sqlite)?;
        // The log may have changed them.
        let read = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, u32>(0));
        let application = read("PRAGMA application_id").map_err(of_sqlite)?;
        let version = read("PRAGMA user_version").map_err(of_sqlite)?;
        check_version(application, version)?;
        set_up(&connection, fsync, most_bytes).map_err(of_sqlite)?;
        upgrade(&connection).map_err(of_sqlite)?;
        Ok(connection)
    }

    /// A connection for reading.
    pub(crate) fn reader(&self) -> Result<Connection, DatabaseError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch(&format!("PRAGMA cache_size = -{READER_KIB};"))?;
        Ok(connection)
    }

    /// A connection for checkpoints.
    pub(crate) fn checkpointer(&self) -> Result<Connection, DatabaseError> {
        Ok(self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?)
    }

    /// The length of the log. It shrinks only when the log is emptied.
    pub(crate) fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    pub(crate) fn begin_snapshot(&self) {
        self.snapshots.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_snapshot(&self) {
        self.snapshots.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a backup reads it. To empty the log would wait for that.
    pub(crate) fn has_snapshot(&self) -> bool {
        self.snapshots.load(Ordering::Relaxed) > 0
    }

    /// The file of parked signals, if there is one, and its length.
    pub(crate) fn parked(&self) -> io::Result<Option<(File, u64)>> {
        match self.folder.open_file(parked_file::FILE, Others::MayRead) {
            Ok(file) => {
                let bytes = file.metadata()?.len();
                Ok(Some((file, bytes)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores parked signals beside the database.
    pub(crate) fn keep_parked(&self, signals: &[Arc<Signal>]) -> io::Result<()> {
        parked_file::append(&self.folder, signals, self.syncs)
    }

    /// What the database and its log take.
    pub(crate) fn bytes(&self) -> u64 {
        let database = std::fs::metadata(&self.path).map_or(0, |database| database.len());
        database + self.log_bytes()
    }

    /// Bytes that are free where the database is.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let status = rustix::fs::fstatvfs(&self.folder)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    fn connect(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        let connection = connect(&self.path, access)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch(
            "PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
        )?;
        Ok(connection)
    }
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, access | flags)
}

/// Makes a new database under another name, and renames it when it is on the disk, whatever `--fsync` says: so after
/// any crash it is there whole or not at all.
fn make(folder: &OwnFolder) -> Result<(), OpenStateError> {
    let in_folder = OpenStateError::Folder;
    // A crash may have left the first; the others are of a file that somebody has removed.
    for left in [NEW_FILE, &format!("{FILE}{LOG}"), &format!("{FILE}{LOG_INDEX}")] {
        folder.unlink(left).map_err(in_folder)?;
    }
    folder.create(NEW_FILE, &[], false).map_err(in_folder)?;
    make_tables(&folder.path_of(NEW_FILE)).map_err(OpenStateError::of_sqlite)?;
    let new = folder.open_or_make_file(NEW_FILE).map_err(in_folder)?;
    let placed = new.sync_all().and_then(|()| folder.rename(NEW_FILE, FILE));
    placed.and_then(|()| folder.sync()).map_err(in_folder)
}

fn make_tables(path: &Path) -> rusqlite::Result<()> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?.execute_batch(&format!(
        "PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA auto_vacuum = INCREMENTAL;
         BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {VERSION};
         {TABLES}
         {TABLES_OF_2}
         COMMIT;"
    ))
}

fn set_up(connection: &Connection, fsync: Fsync, most_bytes: Option<u64>) -> rusqlite::Result<()> {
    let synchronous = match fsync {
        Fsync::Never => "PRAGMA synchronous = NORMAL;",
        Fsync::Always => "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;",
    };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA cache_size = -{WRITER_KIB}; {synchronous}"
    ))?;
    if let Some(bytes) = most_bytes {
        let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = bytes / unsigned(page).max(1);
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
    }
    Ok(())
}

/// Gives the database of an earlier version what it lacks. Earlier programs refuse it from then on.
pub(crate) fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version >= VERSION {
        return Ok(());
    }
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES_OF_2} PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// Refuses what is not ours before SQLite opens it, because opening it may change it.
fn check_header(file: File) -> Result<(), OpenStateError> {
    let bytes = file.metadata().map_err(OpenStateError::Folder)?.len();
    if bytes == 0 {
        return Ok(());
    }
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(OpenStateError::Folder)?;
    if !header.starts_with(&MAGIC[..MAGIC.len().min(header.len())]) {
        return Err(OpenStateError::Foreign);
    }
    if header.len() < HEADER_BYTES {
        return Err(OpenStateError::Torn { bytes });
    }
    let number = |at: usize| {
        let bytes = header[at..at + 4].try_into().expect("four bytes");
        u32::from_be_bytes(bytes)
    };
    check_version(number(APPLICATION_AT), number(VERSION_AT))
}

fn check_version(application: u32, version: u32) -> Result<(), OpenStateError> {
    if application != APPLICATION || version == 0 {
        return Err(OpenStateError::Foreign);
    }
    if version > VERSION {
        return Err(OpenStateError::Newer { found: version, known: VERSION });
    }
    Ok(())
}

/// SQLite's numbers have a sign. No count of ours comes near its limit.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
