//! How a run has ended: a digest of each part of its effects, which tells whether two runs have done the same, and
//! the same as lines for people.

use std::fmt::Write;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use zigttp_abi::printable::printable;
use zigttp_abi::value::Value;
use zigttp_protocol::frame::Frame;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::effect::Effect;
use zigttp_sandbox::effects::Effects;
use zigttp_sandbox::event::Response;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::journal::Ask;
use zigttp_sandbox::ran::{Outcome, Ran};
use zigttp_sandbox::signal::SignalEffect;
use zigttp_sandbox::source_position::SourceMaps;
use zigttp_sandbox::state::Space;
use zigttp_sandbox::stream::StreamEffect;
use zigttp_sandbox::view::{Peer, View};

/// A part of what a run has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Frames to connections.
    Frames,
    /// Closes of connections.
    Closes,
    /// Attachments, auto-responses, rooms of connections, storage, memory, signals, timers and streams.
    State,
    /// The response to a request or an upgrade, or the room that `roomOf` names.
    Response,
    /// Requests that nothing waits for.
    Requests,
    /// Exceptions and traps.
    Errors,
    /// The limit of CPU time.
    Cpu,
    /// What the run asks for that the recorded one had not.
    Reads,
}

impl Part {
    pub const ALL: [Part; 8] = [
        Part::Frames,
        Part::Closes,
        Part::State,
        Part::Response,
        Part::Requests,
        Part::Errors,
        Part::Cpu,
        Part::Reads,
    ];

    /// The word in reports and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Frames => "frames",
            Part::Closes => "closes",
            Part::State => "state",
            Part::Response => "response",
            Part::Requests => "requests",
            Part::Errors => "errors",
            Part::Cpu => "cpu",
            Part::Reads => "reads",
        }
    }
}

/// The parts that effects have.
const EFFECTS: usize = 5;

/// How a run has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// With a digest of each part of its effects, 0 of one without any.
    Returned([u64; EFFECTS]),
    /// The message, without the stack.
    Threw(String),
    OverCpu,
    OverMemory,
    Trapped,
}

/// Longest message of an exception that is kept.
const MAX_MESSAGE: usize = 1 << 10;

impl Ended {
    /// That of a run without any effect.
    pub const NOTHING: Ended = Ended::Returned([0; EFFECTS]);

    /// How a run has ended whose effects have not been committed yet; `None` if that has to do with the server, and
    /// nothing with the handler.
    pub fn of<V: View>(ran: &Ran<V>) -> Option<Ended> {
        Some(match &ran.outcome {
            Outcome::Returned(response) => Ended::Returned(digests(ran, response.as_ref())),
            Outcome::Failed(Failure::Threw(thrown)) => {
                let message = &thrown.message;
                Ended::Threw(message[..message.floor_char_boundary(MAX_MESSAGE)].to_owned())
            }
            Outcome::Failed(Failure::OverBudget(OverBudget::Cpu)) => Ended::OverCpu,
            Outcome::Failed(Failure::OverBudget(OverBudget::Memory)) => Ended::OverMemory,
            Outcome::Failed(Failure::Trapped(_)) => Ended::Trapped,
            Outcome::Failed(_) | Outcome::Waiting(_) => return None,
        })
    }

    /// The parts in which two runs differ.
    pub fn differences(&self, other: &Ended) -> Vec<Part> {
        match (self, other) {
            (Ended::Returned(one), Ended::Returned(other)) => {
                let parts = Part::ALL.into_iter().zip(one.iter().zip(other));
                parts.filter(|(_, (one, other))| one != other).map(|(part, _)| part).collect()
            }
            (one, other) if one == other => Vec::new(),
            (Ended::OverCpu, _) | (_, Ended::OverCpu) => vec![Part::Cpu],
            _ => vec![Part::Errors],
        }
    }
}

/// Writes what is hashed, or what people read.
trait Sink {
    fn part(&mut self, part: Part) -> &mut Self;
    fn effect(&mut self, name: &'static str) -> &mut Self;
    fn number(&mut self, name: &'static str, number: u64) -> &mut Self;
    fn text(&mut self, name: &'static str, text: &str) -> &mut Self;
    fn bytes(&mut self, name: &'static str, is_text: bool, bytes: &[u8]) -> &mut Self;

    fn value(&mut self, value: &Value) -> &mut Self {
        self.number("kind", value.kind().number().into());
        self.bytes("value", value.kind().is_utf8(), value.bytes())
    }

    fn optional(&mut self, name: &'static str, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(name, number),
            None => self.text(name, "none"),
        }
    }
}

/// The hash of each part. Names and lengths stand between the values, so that no two effects give the same.
///
/// SipHash with a fixed key, because a digest has to be the same in every process; who can make two equal ones on purpose
/// has written the handler.
#[derive(Default)]
struct ToHash {
    parts: [Option<SipHasher13>; EFFECTS],
    current: usize,
}

impl ToHash {
    fn push(&mut self, bytes: &[u8]) -> &mut Self {
        let to = self.parts[self.current].get_or_insert_default();
        to.write(&(bytes.len() as u64).to_le_bytes());
        to.write(bytes);
        self
    }
}

impl Sink for ToHash {
    fn part(&mut self, part: Part) -> &mut Self {
        self.current = part as usize;
        self
    }

    fn effect(&mut self, name: &'static str) -> &mut Self {
        self.push(name.as_bytes())
    }

    fn number(&mut self, _name: &'static str, number: u64) -> &mut Self {
        self.push(&number.to_le_bytes())
    }

    fn text(&mut self, _name: &'static str, text: &str) -> &mut Self {
        self.push(text.as_bytes())
    }

    fn bytes(&mut self, _name: &'static str, is_text: bool, bytes: &[u8]) -> &mut Self {
        self.push(&[u8::from(is_text)]).push(bytes)
    }
}

fn digests<V: View>(ran: &Ran<V>, response: Option<&Response>) -> [u64; EFFECTS] {
    let mut to_hash = ToHash::default();
    walk(ran, response, &mut to_hash);
    to_hash.parts.map(|hash| hash.map_or(0, |hash| hash.finish()))
}

/// Longest value that is shown whole.
const MAX_SHOWN: usize = 2 << 10;

/// Lines for people, each with its part.
#[derive(Default)]
struct ToShow {
    lines: Vec<(Part, String)>,
    current: Option<Part>,
}

impl ToShow {
    fn add(&mut self, name: &str, value: std::fmt::Arguments<'_>) -> &mut Self {
        if let Some((_, line)) = self.lines.last_mut() {
            let space = if name.is_empty() { "" } else { " " };
            write!(line, "{space}{name} {value}").expect("writing to a string cannot fail");
        }
        self
    }
}

impl Sink for ToShow {
    fn part(&mut self, part: Part) -> &mut Self {
        self.current = Some(part);
        self
    }

    fn effect(&mut self, name: &'static str) -> &mut Self {
        self.lines.push((self.current.unwrap_or(Part::State), name.to_owned()));
        self
    }

    fn number(&mut self, name: &'static str, number: u64) -> &mut Self {
        match name {
            // It shows in the value.
            "kind" => self,
            _ => self.add(name, format_args!("{number}")),
        }
    }

    fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.add(name, format_args!("{}", printable(text)))
    }

    fn bytes(&mut self, name: &'static str, is_text: bool, bytes: &[u8]) -> &mut Self {
        let shown = shown(is_text, bytes);
        self.add(name, format_args!("{shown}"))
    }
}

/// A value as people read it, cut if it is long.
pub fn shown(is_text: bool, bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(MAX_SHOWN)];
    let mut shown = match std::str::from_utf8(cut) {
        Ok(text) if is_text => printable(text).into_owned(),
        _ if is_text => printable(&String::from_utf8_lossy(cut)).into_owned(),
        _ => {
            let mut hex = String::new();
            for byte in &cut[..cut.len().min(MAX_SHOWN / 8)] {
                write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
            }
            format!("0x{hex}")
        }
    };
    if cut.len() < bytes.len() || !is_text && bytes.len() > MAX_SHOWN / 8 {
        write!(shown, "… ({} bytes)", bytes.len()).expect("writing to a string cannot fail");
    }
    shown
}

/// What a run has done, as lines for people.
pub fn lines<V: View>(ran: &Ran<V>, source_maps: &SourceMaps) -> Vec<(Part, String)> {
    let mut to_show = ToShow::default();
    match &ran.outcome {
        Outcome::Returned(response) => walk(ran, response.as_ref(), &mut to_show),
        Outcome::Failed(failure) => {
            let part = match failure {
                Failure::OverBudget(OverBudget::Cpu) => Part::Cpu,
                _ => Part::Errors,
            };
            let text = failure.text(source_maps);
            let lines = text.lines().map(|line| (part, printable(line).into_owned()));
            to_show.lines.extend(lines);
        }
        Outcome::Waiting(_) => {
            to_show.lines.push((Part::Reads, "waits for what was not recorded".to_owned()));
        }
    }
    to_show.lines
}

/// Tells a sink all that a run has done.
fn walk<V: View>(ran: &Ran<V>, response: Option<&Response>, to: &mut impl Sink) {
    let state = &ran.state;
    each_effect(&state.effects, to);
    state_effects(&state.effects, to);
    if let Some(Response { status, headers, body }) = response {
        to.part(Part::Response).effect("responds").number("with", u64::from(*status));
        to.text("headers", headers).bytes("body", std::str::from_utf8(body).is_ok(), body);
    }
    if let Some(reported) = &state.reported {
        if let Some(room) = &reported.named_room {
            to.part(Part::Response).effect("names the room").text("", room);
        }
        if let Some(member) = &reported.member {
            to.part(Part::Response).effect("makes its client a member");
            if let Some(attachment) = &member.attachment {
                to.value(attachment);
            }
        }
    }
    for (ask, fingerprint) in state.journal.unsent() {
        let to = to.part(Part::Requests);
        match ask {
            Ask::Fetch(request) | Ask::Room { request, .. } => {
                to.effect("requests").text("", &request.method).text("", &request.url);
            }
            // It is not begun.
            Ask::Compute { .. } => continue,
        }
        to.bytes("fingerprint", false, &fingerprint[..8]);
    }
}

fn each_effect<P: Peer>(effects: &Effects<P>, to: &mut impl Sink) {
    let number = |peer| effects.id(peer).number();
    let mut last: Option<&Frame> = None;
    for effect in effects.list() {
        let before = last.take();
        match effect {
            Effect::Send { to: receiver, frame } => {
                last = Some(frame);
                let to = to.part(Part::Frames);
                // A broadcast is hashed once. Equal frames in a row always share their bytes.
                if before.is_some_and(|before| before.shares_bytes_with(frame)) {
                    to.effect("sends the same").number("to", number(*receiver));
                } else {
                    to.effect("sends").number("to", number(*receiver));
                    to.bytes("", frame.is_text(), frame.payload());
                }
            }
            Effect::Close { connection, close } => {
                to.part(Part::Closes).effect("closes").number("", number(*connection));
                to.number("with", close.code.into()).text("", &close.reason);
            }
            Effect::SetAttachment { connection, value } => {
                to.part(Part::State).effect("attaches").number("to", number(*connection));
                to.value(value);
            }
            Effect::Join { connection, room } => {
                to.part(Part::State).effect("joins").number("", number(*connection));
                to.text("to", room);
            }
            Effect::Leave { connection, room } => {
                to.part(Part::State).effect("leaves").number("", number(*connection));
                to.text("from", room);
            }
            Effect::Move { connection, from, to: room } => {
                to.part(Part::State).effect("moves").number("", number(*connection));
                to.text("from", from).text("to", room);
            }
            Effect::SetAutoResponse { connection, pair } => {
                to.part(Part::State).effect("answers automatically");
                to.number("for", number(*connection));
                if let Some(pair) = pair {
                    to.bytes("", true, &pair.request).bytes("with", true, &pair.response);
                }
            }
        }
    }
}

fn state_effects<P: Peer>(effects: &Effects<P>, to: &mut impl Sink) {
    for space in Space::ALL {
        let Some(changes) = effects.room_changes(space) else { continue };
        if changes.changes.clears {
            to.part(Part::State).effect("clears").text("", space.name());
        }
        for (key, entry) in &changes.changes.entries {
            let to = to.part(Part::State);
            match entry {
                Some(entry) => {
                    to.effect("puts").text("in", space.name()).text("under", key);
                    to.value(&entry.value);
                    if let Some(expires) = entry.expires {
                        to.number("until", expires);
                    }
                }
                None => {
                    to.effect("deletes").text("from", space.name()).text("", key);
                }
            }
        }
    }
    for signal in effects.signals() {
        let to = to.part(Part::State);
        match signal {
            SignalEffect::Send { room, name, data, on_fail } => {
                to.effect("signals").text("", room).text("", name);
                if let Some(data) = data {
                    to.value(data);
                }
                if let Some(on_fail) = on_fail {
                    to.text("or if that fails", on_fail);
                }
            }
            SignalEffect::SetTimer { name, at, period, data } => {
                to.effect("sets the timer").text("", name).number("for", *at);
                to.optional("every", *period);
                if let Some(data) = data {
                    to.value(data);
                }
            }
            SignalEffect::CancelTimer { name } => {
                to.effect("cancels the timer").text("", name);
            }
            SignalEffect::CancelAllTimers => {
                to.effect("cancels all timers");
            }
        }
    }
    for stream in effects.streams() {
        let to = to.part(Part::State);
        match stream {
            StreamEffect::Open { name, request } => {
                let cut = request.cut.map_or("", |cut| cut.name());
                let request = &request.request;
                to.effect("opens the stream").text("", name).text("", &request.method);
                to.text("", &request.url).text("headers", &request.headers).text("cut", cut);
                if let Some(body) = &request.body {
                    to.bytes("body", std::str::from_utf8(body).is_ok(), body);
                }
            }
            StreamEffect::Cancel { name } => {
                to.effect("cancels the stream").text("", name);
            }
            StreamEffect::CancelAll => {
                to.effect("cancels all streams");
            }
        }
    }
}
