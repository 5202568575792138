//! Rooms as a file: `export` and `import`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use zigts_rules::printable::printable;
use zigttp_runtime::storage::{
    EXPORT_VERSION, EndRecord, EntryRecord, Existing, Record, RoomRecord, Survey, SurveyedRoom,
    check_room,
};

use super::change::write;
use super::options::{CommonOptions, Directory, unix_millis};
use super::show::for_each_room;

/// Which rooms are stored, and over which.
#[derive(clap::Args)]
pub(super) struct ImportOptions {
    /// Only this room of the file; repeat it for several
    #[arg(long, value_name = "ROOM")]
    room: Vec<String>,
    /// The new name of the one room that is imported
    #[arg(long = "as", value_name = "ROOM")]
    new_name: Option<String>,
    /// Delete the state that a room has before. Without this, such a room is an error
    #[arg(long)]
    replace: bool,
}

pub(super) fn export(directory: &Directory, rooms: &[String]) -> anyhow::Result<()> {
    let survey = directory.survey()?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    if rooms.is_empty() {
        for_each_room(&survey, |room| export_room(&survey, &room.name, &mut output).map(drop))?;
    }
    for room in rooms {
        check_room(room)?;
        let is_there = export_room(&survey, room, &mut output)?;
        ensure!(is_there, "room {room:?} has no state");
    }
    output.flush()?;
    Ok(())
}

/// Writes a room. Returns whether it has state: it may have been deleted meanwhile.
fn export_room(survey: &Survey, room: &str, output: &mut impl Write) -> anyhow::Result<bool> {
    // Read whole before a line is written: the reader may be slow.
    let Some((room, entries)) = survey.export(room, unix_millis())? else { return Ok(false) };
    let SurveyedRoom { name, written, .. } = room;
    let end = EndRecord { entries: entries.len() as u64 };
    write_line(&Record::Room(RoomRecord { version: EXPORT_VERSION, name, written }), output)?;
    for (key, entry) in entries {
        write_line(&Record::Entry(EntryRecord::of(&key, &entry)), output)?;
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
    let (mut rooms, mut keys) = (0_u64, 0);
    let existing = if *replace { Existing::Goes } else { Existing::IsNone };
    while let Some(record) = lines.next()? {
        let Record::Room(room) = record else {
            bail!("{name}:{}: this is no record of a room", lines.number);
        };
        let records = read_room(&room, &mut lines)?;
        if !wanted.is_empty() && !left.remove(room.name.as_str()) {
            continue;
        }
        let stored_as = new_name.as_ref().unwrap_or(&room.name);
        keys += records.len() as u64;
        write(&common.directory, stored_as, existing, records)
            .with_context(|| format!("room {:?} and those after it are not imported", room.name))?;
        rooms += 1;
    }
    if let Some(missing) = left.first() {
        bail!("{name} has no room {missing:?}");
    }
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", json!({ "rooms": rooms, "keys": keys }))?;
    } else {
        let plural = |number| if number == 1 { "" } else { "s" };
        writeln!(output, "imported {rooms} room{} with {keys} key{}", plural(rooms), plural(keys))?;
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
    let mut records = Vec::new();
    while let Some(record) = lines.next()? {
        match record {
            Record::Entry(_) => records.push(record),
            Record::End(end) if end.entries == records.len() as u64 => return Ok(records),
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
