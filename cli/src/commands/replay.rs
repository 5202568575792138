//! `zigttp replay`: runs recorded events again, and tells what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use zigts_rules::printable::{printable, printable_json};
use zigttp_recording::folder::Recordings;
use zigttp_recording::pattern::Pattern;
use zigttp_recording::sweep::{EventKind, Example, Findings, Group, GroupKey, SavedTest, Sweep};

use crate::env_options::EnvOptions;
use crate::exit::ErrorsFound;
use crate::testing::saved;
use crate::{artifact, cache, show, user_file};

/// Arguments of `zigttp replay`.
#[derive(Args)]
pub struct Arguments {
    /// The folder of `zigttp run --record`
    folder: PathBuf,

    /// Run the events on this handler, instead of that which each was recorded with: a .wasm, or a source
    #[arg(long, value_name = "HANDLER")]
    with: Option<PathBuf>,

    /// Only events of these rooms; a * stands for any text
    #[arg(long, value_name = "PATTERN")]
    room: Option<String>,

    /// Only events of this kind: upgrade, open, message, close, request, signal, stream or room_of
    #[arg(long, value_name = "KIND", value_parser = kind)]
    event: Option<EventKind>,

    /// Only events since a time, as 2026-01-31T12:00:00Z, or that long ago, as 10min
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<SystemTime>,

    /// Write an event as a test of `zigttp test` to this new file: the first that differs, or if none does the first
    #[arg(long, value_name = "FILE", value_parser = test_file)]
    save_test: Option<PathBuf>,

    #[command(flatten)]
    env: EnvOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A kind of events.
fn kind(text: &str) -> Result<EventKind, String> {
    let kinds = EventKind::ALL;
    kinds.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

/// A file that `zigttp test` finds.
fn test_file(text: &str) -> Result<PathBuf, String> {
    match text.ends_with(".test.ts") {
        true => Ok(text.into()),
        false => Err("`zigttp test` runs files *.test.ts".to_owned()),
    }
}

/// A point in time, in milliseconds since 1970.
fn since(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(time);
    }
    let how = "write a time as 2026-01-31T12:00:00Z, or how long ago it was as 10min";
    let ago = humantime::parse_duration(text).map_err(|error| format!("{error}; {how}"))?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| how.to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the folder or the handler cannot be used; [`ErrorsFound`] when an event does something else.
pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { folder, with, room, event, since, save_test, env, json } = arguments;
    if let Some(path) = save_test.as_ref().filter(|path| path.exists()) {
        bail!("`{}` is there already: name a new file", path.display());
    }
    let recordings =
        Recordings::open(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    if recordings.files() == 0 {
        bail!("there are no recordings in `{}`", folder.display());
    }
    let settings = env.source()?.read()?;
    let settings = settings
        .iter()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()));
    let sweep = Sweep {
        recordings,
        with: with.as_deref().map(artifact::load).transpose()?,
        room: room.map(Pattern::new),
        event,
        since: since.map(unix_millis),
        settings: settings.collect(),
        cache_dir: cache::served_modules_folder(),
    };
    let began = Instant::now();
    let found = show::while_working("replaying", || sweep.run());
    let took = began.elapsed();
    let saved = match &save_test {
        Some(path) => Some(save(&sweep, &found, path)?),
        None => None,
    };
    let text = if json {
        as_json(&found, save_test.as_deref())
    } else {
        as_text(&found, took, with.is_some())
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if let Some(saved) = saved {
        show::remark(&saved);
    }
    if found.different > 0 { Err(ErrorsFound.into()) } else { Ok(()) }
}

/// Saves an event as a test, and runs that. Returns what there is to say of it.
fn save(sweep: &Sweep, found: &Findings, path: &Path) -> Result<String> {
    let SavedTest { text, at, event, room, artifact } = sweep.save_test(found)?;
    user_file::write(path, text.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    let room = room.map_or_else(String::new, |room| format!(" of {}", printable(&room)));
    let what = format!("the {} event{room} at {}", event.name(), time(at));
    let path = path.display();
    let whose = if sweep.with.is_some() { "the old handler" } else { "its handler" };
    Ok(match saved::failure_of(&path.to_string(), &artifact)? {
        None => format!("{what} is the test {path}, which passes on {whose}"),
        Some(failure) => format!(
            "{what} is the test {path}, which does not pass on {whose} yet, because it depends on what was not \
             recorded: {}",
            printable(&failure)
        ),
    })
}

fn time(unix_millis: u64) -> impl std::fmt::Display {
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + Duration::from_millis(unix_millis))
}

fn unix_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn as_text(found: &Findings, took: Duration, has_other: bool) -> String {
    let mut text = String::new();
    for problem in &found.problems {
        add(&mut text, format_args!("not read: {problem}"));
    }
    let untold = found.problem_count.saturating_sub(found.problems.len() as u64);
    if untold > 0 {
        add(&mut text, format_args!("not read: {untold} more"));
    }
    for (key, group) in &found.groups {
        if !text.is_empty() {
            text.push('\n');
        }
        add_group(&mut text, key, group, has_other);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let Findings { events, equal, redacted, different, left_out, .. } = found;
    add(
        &mut text,
        format_args!("{events} events in {took:.1?}: {equal} equal, {different} differ"),
    );
    if *redacted > 0 {
        add(
            &mut text,
            format_args!(
                "{redacted} do something else and are not comparable: what they were given was replaced when it was \
                 recorded; --env gives settings"
            ),
        );
    }
    if *left_out > 0 {
        add(&mut text, format_args!("{left_out} could not be run"));
    }
    text
}

fn add(to: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(to, "{line}").expect("writing to a string cannot fail");
}

fn add_group(to: &mut String, key: &GroupKey, group: &Group, has_other: bool) {
    let GroupKey { part, event, what } = key;
    let what = if what.is_empty() { String::new() } else { format!(": {what}") };
    let events = if group.count == 1 { "event" } else { "events" };
    add(to, format_args!("{}: {} {event} {events}{what}", part.name(), group.count));
    let Example { at, event, room, connection, input, given, then, now } = &group.first;
    let at = time(*at);
    let room = room.as_ref().map_or_else(String::new, |room| format!(" of {room}"));
    let connection = connection.map_or_else(String::new, |id| format!(" from connection {id}"));
    add(to, format_args!("  the first: {}{room}{connection} at {at}", event.name()));
    for line in input {
        add(to, format_args!("    {line}"));
    }
    if !given.is_empty() {
        add(to, format_args!("  it was given"));
        for line in given {
            add(to, format_args!("    {line}"));
        }
    }
    match then {
        Some(then) => {
            add(to, format_args!("  then (-) and now (+)"));
            let [then, now] = [then, now]
                .map(|lines| lines.iter().map(|it| format!("{it}\n")).collect::<String>());
            for change in TextDiff::from_lines(&then, &now).iter_all_changes() {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                add(to, format_args!("  {sign} {}", change.value().trim_end_matches('\n')));
            }
        }
        None => {
            let why = match has_other {
                true => "the artifact that it was recorded with is not at hand",
                false => "only a digest of what it did then is known",
            };
            add(to, format_args!("  now ({why})"));
            for line in now {
                add(to, format_args!("  + {line}"));
            }
        }
    }
}

/// The findings as programs read them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonFindings<'a> {
    events: u64,
    equal: u64,
    different: u64,
    redacted: u64,
    left_out: u64,
    problems: &'a [String],
    problem_count: u64,
    groups: Vec<JsonGroup<'a>>,
    /// The file of --save-test.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_test: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonGroup<'a> {
    part: &'a str,
    event: &'a str,
    what: &'a str,
    count: u64,
    first: JsonExample<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonExample<'a> {
    /// In milliseconds since 1970.
    at: u64,
    event: &'a str,
    room: Option<&'a str>,
    connection: Option<u64>,
    input: &'a [String],
    given: &'a [String],
    then: Option<&'a [String]>,
    now: &'a [String],
}

fn as_json(found: &Findings, saved_test: Option<&Path>) -> String {
    let Findings { events, equal, redacted, different, left_out, problems, problem_count, groups } =
        found;
    let groups: &BTreeMap<GroupKey, Group> = groups;
    let groups = groups.iter().map(|(key, group)| {
        let Example { at, event, room, connection, input, given, then, now } = &group.first;
        JsonGroup {
            part: key.part.name(),
            event: key.event,
            what: &key.what,
            count: group.count,
            first: JsonExample {
                at: *at,
                event: event.name(),
                room: room.as_deref(),
                connection: *connection,
                input,
                given,
                then: then.as_deref(),
                now,
            },
        }
    });
    let object = JsonFindings {
        events: *events,
        equal: *equal,
        different: *different,
        redacted: *redacted,
        left_out: *left_out,
        problems,
        problem_count: *problem_count,
        groups: groups.collect(),
        saved_test: saved_test.map(|path| path.display().to_string()),
    };
    let json = serde_json::to_string_pretty(&object).expect("text and numbers serialise");
    format!("{}\n", printable_json(json))
}
