//! What a recorded event was given, as lines for people.

use zigttp_abi::printable::printable;
use zigttp_sandbox::given::{Given, GivenEntry, GivenValue};

use crate::ended::shown;
use crate::record::{Input, PieceRecord, Record, RequestRecord};

/// Most lines of one kind.
const MOST: usize = 40;

fn value(value: &GivenValue) -> String {
    shown(value.0.kind().is_utf8(), value.0.bytes())
}

fn optional(it: Option<&GivenValue>) -> String {
    it.map_or_else(|| "undefined".to_owned(), value)
}

fn request(request: &RequestRecord<'_>) -> Vec<String> {
    let target: String = request.target.0.lines().skip(1).collect();
    let mut lines = vec![format!("{} {}", printable(&request.method.0), printable(&target))];
    lines.extend(request.headers.0.lines().map(|line| printable(line).into_owned()));
    let body = &request.body.0;
    if !body.is_empty() {
        lines.push(shown(std::str::from_utf8(body).is_ok(), body));
    }
    lines
}

/// The arguments of the event.
pub fn input(record: &Record<'_>) -> Vec<String> {
    match &record.input {
        Input::RoomOf(it) | Input::Request(it) => request(it),
        Input::Upgrade { request: it, resumable } => {
            let mut lines = request(it);
            if let Some(resumable) = resumable {
                lines.push(format!("resumable: {}", value(resumable)));
            }
            lines
        }
        Input::Open { url } => vec![printable(&url.0).into_owned()],
        Input::Message { data } => vec![value(data)],
        Input::Close { code, reason } => vec![format!("{code} {}", printable(&reason.0))],
        Input::Signal(signal) => {
            let data = optional(signal.data.as_ref());
            vec![format!("{} {data}, attempt {}", printable(&signal.name.0), signal.attempt)]
        }
        Input::Stream { name, piece, .. } => {
            vec![format!("{} {}", printable(&name.0), self::piece(piece))]
        }
    }
}

fn piece(piece: &PieceRecord) -> String {
    match piece {
        PieceRecord::Start { status, .. } => format!("start {status}"),
        PieceRecord::Lines(lines) => format!("lines {}", shown(true, lines.join("\n").as_bytes())),
        PieceRecord::Events(events) => {
            let data: Vec<&str> = events.iter().map(|(_, data, _)| &**data).collect();
            format!("events {}", shown(true, data.join("\n").as_bytes()))
        }
        PieceRecord::Bytes(bytes) => format!("bytes {}", shown(false, bytes)),
        PieceRecord::End { message, .. } => {
            format!("end {}", printable(message.as_deref().unwrap_or_default()))
        }
    }
}

/// What the event has read of the world.
pub fn given(record: &Record<'_>) -> Vec<String> {
    let given: &Given = &record.given;
    let mut lines = Vec::new();
    for members in &given.members {
        let ids: Vec<String> = members.ids.iter().take(MOST).map(u64::to_string).collect();
        let more = members.ids.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("members of {}: {}{more}", printable(&members.room), ids.join(" ")));
    }
    for connection in given.connections.iter().take(MOST) {
        if let Some(attachment) = connection.attachment.at(0) {
            let attachment = optional(attachment.as_ref());
            lines.push(format!("attachment of {}: {attachment}", connection.id));
        }
        match connection.queued.at(0) {
            Some(None) => lines.push(format!("connection {} is closing", connection.id)),
            Some(Some(bytes)) if *bytes > 0 => {
                lines.push(format!("connection {} has {bytes} bytes queued", connection.id));
            }
            _ => {}
        }
    }
    for state in &given.states {
        let room =
            state.room.as_deref().map_or(String::new(), |it| format!(" of {}", printable(it)));
        let space = state.space.name();
        let entry = |entry: Option<&GivenEntry>| optional(entry.map(|entry| &entry.value));
        for (key, found) in state.entries.iter().take(MOST) {
            lines.push(format!("{space}{room} {}: {}", printable(key), entry(found.as_ref())));
        }
        for list in &state.lists {
            lines.push(format!("a list of {space}{room} with {} keys", list.entries.len()));
            for (key, found) in list.entries.iter().take(MOST) {
                lines.push(format!("  {}: {}", printable(key), entry(Some(found))));
            }
        }
        for (name, at) in &state.timers {
            let at = at.map_or_else(|| "none".to_owned(), |at| at.to_string());
            lines.push(format!("timer {}: {at}", printable(name)));
        }
    }
    for list in &given.room_lists {
        lines.push(format!("a list of {} rooms", list.rooms.len()));
    }
    for setting in &given.settings {
        let len = setting.len.map_or_else(|| "none".to_owned(), |len| format!("{len} bytes"));
        lines.push(format!("setting {}: {len}", printable(&setting.name)));
    }
    if let Some(asked) = &record.journal.asked {
        for answer in asked.entries.iter().filter_map(|entry| entry.answer.as_ref()) {
            let head = shown(true, &answer.head);
            let body = shown(std::str::from_utf8(&answer.body).is_ok(), &answer.body);
            lines.push(format!("answer {head} {body}"));
        }
        if !asked.random.is_empty() {
            lines.push(format!("{} random bytes", asked.random.len()));
        }
    }
    lines
}
