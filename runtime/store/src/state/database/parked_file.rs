//! `<dir>/store/parked.ndjson`: the oldest parked signals of rooms that have too many, one a line, as in an export.
//!
//! A line is written before its signal leaves the database. If that is not committed, or written once more because the
//! group did not fit, the line is there twice, with the same signal.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use zigttp_files::own_folder::OwnFolder;

use crate::state::record::Record;
use crate::state::record::signal::SignalRecord;
use crate::state::signals::{Signal, StoredSignal};

pub(super) const FILE: &str = "parked.ndjson";

/// The largest file. Nothing is removed from it: an operator moves it away.
const MOST_BYTES: u64 = 64 << 20;

/// Appends signals, and with `syncs` waits until they are on the disk.
///
/// # Errors
/// When the file cannot be written, or is full. It is as before then.
pub(crate) fn append(folder: &OwnFolder, signals: &[Arc<Signal>], syncs: bool) -> io::Result<()> {
    let mut lines = Vec::new();
    for signal in signals {
        let room = Some((&*signal.room).into());
        let stored = StoredSignal { signal: Signal::clone(signal), is_parked: true };
        let record = SignalRecord { room, ..SignalRecord::of(&stored) };
        let record = if signal.is_timer { Record::Timer(record) } else { Record::Signal(record) };
        serde_json::to_writer(&mut lines, &record)?;
        lines.push(b'\n');
    }
    let mut file = folder.open_or_make_file(FILE)?;
    let bytes = file.seek(SeekFrom::End(0))?;
    if bytes + lines.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("it has {bytes} bytes: move it away")));
    }
    if bytes > 0 {
        // A crash may have left a part of a line.
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            lines.insert(0, b'\n');
        }
    }
    let written = file.write_all(&lines).and_then(|()| {
        if !syncs {
            return Ok(());
        }
        file.sync_data()?;
        if bytes == 0 { folder.sync() } else { Ok(()) }
    });
    if written.is_err() {
        // The error to report is that of writing.
        let _ = file.set_len(bytes);
    }
    written
}
