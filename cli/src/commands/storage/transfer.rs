//! Rooms as a file: `export` and `import`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use zigts_rules::printable::printable;
use zigttp_runtime::storage::{
    EXPORT_VERSION, EndRecord, EntryRecord, Existing, ExportedRoom, Record, RoomRecord, Survey,
    check_room,
};

use super::change::write;
use super::options::{CommonOptions, Directory, unix_millis};
use crate::show;

/// Which rooms are stored, and over which.
#[derive(clap::Args)]
pub(super) struct ImportOptions {
    /// Only this room of the file; repeat it for several
    #[arg(long, value_name = "ROOM")]
    room: Vec<String>,
    /// The new name of the one room that is imported
    #[arg(long = "as", value_name = "ROOM")]
    new_name: Option<String>,
    /// Delete keys, timers and signals that a room has before. Without this, such a room is an error
    #[arg(long)]
    replace: bool,
}

pub(super) fn export(directory: &Directory, rooms: &[String]) -> anyhow::Result<()> {
    let survey = directory.survey()?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    if rooms.is_empty() {
        for room in survey.rooms()? {
            export_room(&survey, &room?.name, &mut output)?;
        }
    }
    for room in rooms {
        check_room(room)?;
        let is_there = export_room(&survey, room, &mut output)?;
        ensure!(is_there, "room {room:?} has no state");
    }
    output.flush()?;
    Ok(())
}

/// Writes a room. Returns whether it has anything: it may have been deleted meanwhile.
fn export_room(survey: &Survey, room: &str, output: &mut impl Write) -> anyhow::Result<bool> {
    // Read whole before a line is written: the reader may be slow.
    let Some(exported) = survey.export(room, unix_millis())? else { return Ok(false) };
    let ExportedRoom { entries, signals, written } = exported;
    let room = RoomRecord { version: EXPORT_VERSION, name: room.to_owned(), written };
    let records = entries.iter().map(|(key, entry)| Record::Entry(EntryRecord::of(key, entry)));
    let mut end = EndRecord::default();
    write_line(&Record::Room(room), output)?;
    for record in records.chain(signals.iter().map(Record::of_signal)) {
        end.count(&record);
        write_line(&record, output)?;
    }
    write_line(&Record::End(end), output)?;
    Ok(true)
}

fn write_line(record: &Record, output: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *output, record)?;
    writeln!(output)?;
    Ok(())
}

pub(super) fn import(
    common: &CommonOptions,
    file: &Path,
    options: &ImportOptions,
) -> anyhow::Result<()> {
    let ImportOptions { room: wanted, new_name, replace } = options;
    ensure!(new_name.is_none() || wanted.len() == 1, "--as renames one room: name it with --room");
    for room in wanted.iter().chain(new_name) {
        check_room(room)?;
    }
    let name = file.display();
    let mut lines = Lines::open(file)?;
    let mut left: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let (mut rooms, mut sums) = (0_u64, EndRecord::default());
    let existing = if *replace { Existing::GoesWithSignals } else { Existing::IsNone };
    while let Some(record) = lines.next()? {
        let Record::Room(room) = record else {
            bail!("{name}:{}: this is no record of a room", lines.number);
        };
        let mut records = read_room(&room, &mut lines)?;
        if !wanted.is_empty() && !left.remove(room.name.as_str()) {
            continue;
        }
        let stored_as = new_name.as_ref().unwrap_or(&room.name);
        for record in &mut records {
            sums.count(record);
            // What a room has told itself comes from itself under its new name too.
            if let Record::Signal(signal) = record
                && signal.from.as_deref() == Some(&room.name)
            {
                signal.from = Some(stored_as.as_str().into());
            }
        }
        write(&common.directory, stored_as, existing, records)
            .with_context(|| format!("room {:?} and those after it are not imported", room.name))?;
        rooms += 1;
    }
    if let Some(missing) = left.first() {
        bail!("{name} has no room {missing:?}");
    }
    let EndRecord { entries, timers, signals } = sums;
    let mut output = std::io::stdout();
    if common.json {
        let json = json!({ "rooms": rooms, "keys": entries, "timers": timers, "signals": signals });
        writeln!(output, "{json}")?;
    } else {
        let counts = show::counted(&[(entries, "key"), (timers, "timer"), (signals, "signal")]);
        writeln!(output, "imported {} with {counts}", show::counted(&[(rooms, "room")]))?;
    }
    Ok(())
}

/// Reads the records of a room up to its end.
fn read_room(room: &RoomRecord, lines: &mut Lines) -> anyhow::Result<Vec<Record>> {
    ensure!(
        room.version <= EXPORT_VERSION,
        "{}:{}: this export has version {}, and this program knows versions up to {EXPORT_VERSION}",
        lines.name,
        lines.number,
        room.version
    );
    check_room(&room.name).with_context(|| lines.place())?;
    let (mut records, mut counted) = (Vec::new(), EndRecord::default());
    while let Some(record) = lines.next()? {
        match record {
            Record::Entry(_) | Record::Timer(_) | Record::Signal(_) => {
                counted.count(&record);
                records.push(record);
            }
            Record::End(end) if end == counted => return Ok(records),
            _ => break,
        }
    }
    bail!("{}: the records of room {:?} are not complete", lines.place(), room.name)
}

/// The records of a file.
struct Lines {
    name: String,
    reader: Box<dyn BufRead>,
    number: u64,
}

impl Lines {
    fn open(file: &Path) -> anyhow::Result<Lines> {
        let name = printable(&file.display().to_string()).into_owned();
        let reader: Box<dyn BufRead> = if file == Path::new("-") {
            Box::new(std::io::stdin().lock())
        } else {
            let opened = File::open(file).with_context(|| format!("cannot read `{name}`"))?;
            Box::new(BufReader::new(opened))
        };
        Ok(Lines { name, reader, number: 0 })
    }

    fn next(&mut self) -> anyhow::Result<Option<Record>> {
        let mut line = String::new();
        self.number += 1;
        let bytes = self.reader.read_line(&mut line).with_context(|| self.place())?;
        if bytes == 0 {
            return Ok(None);
        }
        serde_json::from_str(&line).with_context(|| self.place()).map(Some)
    }

    fn place(&self) -> String {
        format!("{}:{}", self.name, self.number)
    }
}
