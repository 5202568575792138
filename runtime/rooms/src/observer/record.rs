//! The record of one event for the inspector, with texts cut to a limit.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_protocol::frame::Frame;
use zigttp_recording::kept::Kept;
use zigttp_sandbox::effect::{Effect, PeerIndex};
use zigttp_sandbox::effects::Effects;
use zigttp_sandbox::event::{Call, Event, Request, Response};
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::read_log::ReadLog;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::source_position::SourceMaps;
use zigttp_sandbox::used::Used;

use super::preview::Preview;
use super::state_record::{
    self, ReadSummary, Shown, SignalEffectSummary, SignalSummary, WriteSummary,
};
use crate::connection::Connection;
use crate::world::LocalPeer;

/// Most bytes of a stack trace that are shown.
const MAX_FAILURE: usize = 8 << 10;
/// Most effects of an event that are shown, and most reads, writes and signals each.
const MAX_SHOWN: usize = 24;
/// Most recipients of one frame that are shown.
const MAX_RECIPIENTS: usize = 12;

/// What happened in one event.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRecord {
    pub number: u64,
    /// When it began, in milliseconds since the observer was made.
    at: u64,
    event: &'static str,
    conn: Option<u64>,
    room: Option<SharedText>,
    input: Preview,
    /// The arguments of `onSignal`, whose name is the input.
    signal: Option<SignalSummary>,
    effects: Vec<EffectSummary>,
    /// How many more effects there are.
    more_effects: usize,
    #[serde(flatten)]
    state: StateSummary,
    /// The status of the response of `handler(req)`, or with which `onUpgrade(req)` has refused.
    status: Option<u16>,
    failure: Option<FailureSummary>,
    /// The time from taking an instance to the end of the commit.
    micros: f64,
    instantiate_micros: Option<f64>,
    restore_micros: Option<f64>,
    /// To run it again.
    #[serde(skip)]
    pub(crate) kept: Option<Arc<Kept>>,
}

/// What an event has to do with the state of rooms: of each list the first, and how many more there are.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct StateSummary {
    reads: Vec<ReadSummary>,
    more_reads: usize,
    /// Those of its own room.
    writes: Vec<WriteSummary>,
    more_writes: usize,
    signals: Vec<SignalEffectSummary>,
    more_signals: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
enum EffectSummary {
    /// The same frame to one connection or many.
    Send {
        to: Vec<u64>,
        count: usize,
        data: Preview,
    },
    Close {
        conn: u64,
        code: u16,
        reason: String,
    },
    Attachment {
        conn: u64,
        data: Preview,
    },
    Join {
        conn: u64,
        room: SharedText,
    },
    Leave {
        conn: u64,
        room: SharedText,
    },
    Move {
        conn: u64,
        room: SharedText,
    },
    AutoResponse {
        conn: u64,
        pair: Option<(Preview, Preview)>,
    },
}

#[derive(Clone, Debug, Serialize)]
struct FailureSummary {
    kind: &'static str,
    text: String,
}

impl EventRecord {
    pub fn of(event: &Event, at: u64) -> EventRecord {
        let input = match &event.call {
            Call::Open { url } => Preview::text(url),
            Call::Message { data } => Preview::of(data),
            Call::Close { code, reason } => Preview::text(format!("{code} {reason}").trim_end()),
            Call::Signal(signal) => Preview::text(&signal.name),
            Call::Stream(piece) => state_record::piece(piece),
            Call::RoomOf(request) | Call::Request(request) | Call::Upgrade { request, .. } => {
                Preview::text(&target(request))
            }
        };
        let signal = match &event.call {
            Call::Signal(signal) => Some(SignalSummary::of(signal)),
            _ => None,
        };
        let (kind, room) = (event.kind().name(), event.room.clone());
        EventRecord { signal, ..EventRecord::new(kind, event.connection, room, input, at) }
    }

    pub fn of_auto_response(
        connection: &Connection,
        message: &Value,
        response: &Value,
        at: u64,
    ) -> EventRecord {
        let to = vec![connection.id.number()];
        let sent = EffectSummary::Send { to, count: 1, data: Preview::of(response) };
        let effects = vec![sent];
        let name = "auto-response";
        let room = Some(connection.rooms.with_own(|own| own.shared_key().clone()));
        let record = EventRecord::new(name, Some(connection.id), room, Preview::of(message), at);
        EventRecord { effects, ..record }
    }

    /// One of which nothing has come yet.
    fn new(
        event: &'static str,
        connection: Option<ConnectionId>,
        room: Option<SharedText>,
        input: Preview,
        at: u64,
    ) -> EventRecord {
        EventRecord {
            number: 0,
            at,
            event,
            conn: connection.map(ConnectionId::number),
            room,
            input,
            signal: None,
            effects: Vec::new(),
            more_effects: 0,
            state: StateSummary::default(),
            status: None,
            failure: None,
            micros: 0.0,
            instantiate_micros: None,
            restore_micros: None,
            kept: None,
        }
    }

    /// Adds what `roomOf` has returned.
    pub fn named(&mut self, room: Option<&SharedText>, response: Option<&Response>) {
        self.status = response.map(|response| response.status);
        self.room = room.cloned();
    }

    /// Adds the effects of a handler that has returned, before they are committed.
    pub fn returned(&mut self, effects: &Effects<LocalPeer>, response: Option<&Response>) {
        self.status = response.map(|response| response.status);
        self.effects = summarise(effects);
        let shown: usize = self.effects.iter().map(EffectSummary::count).sum();
        self.more_effects = effects.list().len() - shown;
        let Shown { first: writes, more: more_writes } = state_record::writes(effects, MAX_SHOWN);
        let Shown { first: signals, more: more_signals } =
            state_record::signals(effects, MAX_SHOWN);
        self.state =
            StateSummary { writes, more_writes, signals, more_signals, ..StateSummary::default() };
    }

    /// Adds the times, the reads and the failure of an event that has ended.
    pub fn ended(
        mut self,
        took: Duration,
        used: &Used,
        read_log: Option<&ReadLog>,
        failure: Option<&Failure>,
        source_maps: &SourceMaps,
    ) -> EventRecord {
        self.micros = micros(took);
        self.instantiate_micros = used.instantiate.map(micros);
        self.restore_micros = used.restore.map(micros);
        self.failure = failure.map(|failure| FailureSummary {
            kind: failure.kind().name(),
            text: cut(&failure.text(source_maps), MAX_FAILURE).to_owned(),
        });
        if failure.is_some() {
            // The effects have not happened.
            self.effects.clear();
            self.more_effects = 0;
            self.state = StateSummary::default();
            self.status = None;
        }
        let Shown { first, more } = state_record::reads(read_log);
        (self.state.reads, self.state.more_reads) = (first, more);
        self
    }
}

impl EffectSummary {
    /// How many effects it summarises.
    fn count(&self) -> usize {
        match self {
            EffectSummary::Send { count, .. } => *count,
            _ => 1,
        }
    }
}

/// Summarises the first effects; a frame to several connections is one.
fn summarise(effects: &Effects<LocalPeer>) -> Vec<EffectSummary> {
    let mut shown: Vec<EffectSummary> = Vec::new();
    let mut last_frame: Option<&Frame> = None;
    let number = |peer: &PeerIndex| effects.id(*peer).number();
    for effect in effects.list() {
        let next = match effect {
            Effect::Send { to, frame } => {
                if last_frame.is_some_and(|last| last.shares_bytes_with(frame))
                    && let Some(EffectSummary::Send { to: recipients, count, .. }) =
                        shown.last_mut()
                {
                    *count += 1;
                    if recipients.len() < MAX_RECIPIENTS {
                        recipients.push(number(to));
                    }
                    continue;
                }
                let data = Preview::of_bytes(frame.is_text(), frame.payload());
                EffectSummary::Send { to: vec![number(to)], count: 1, data }
            }
            Effect::Close { connection, close } => EffectSummary::Close {
                conn: number(connection),
                code: close.code,
                reason: close.reason.to_string(),
            },
            Effect::SetAttachment { connection, value } => {
                EffectSummary::Attachment { conn: number(connection), data: Preview::of(value) }
            }
            Effect::Join { connection, room } => {
                EffectSummary::Join { conn: number(connection), room: room.clone() }
            }
            Effect::Leave { connection, room } => {
                EffectSummary::Leave { conn: number(connection), room: room.clone() }
            }
            Effect::Move { connection, to, .. } => {
                EffectSummary::Move { conn: number(connection), room: to.clone() }
            }
            Effect::SetAutoResponse { connection, pair } => EffectSummary::AutoResponse {
                conn: number(connection),
                pair: pair
                    .as_ref()
                    .map(|pair| (Preview::guess(&pair.request), Preview::guess(&pair.response))),
            },
        };
        if shown.len() == MAX_SHOWN {
            break;
        }
        last_frame = match effect {
            Effect::Send { frame, .. } => Some(frame),
            _ => None,
        };
        shown.push(next);
    }
    shown
}

/// `GET /path?query`, without the host, which is the same in all requests.
fn target(request: &Request) -> String {
    let mut lines = request.target.lines().skip(1);
    let [path, search] = [lines.next(), lines.next()].map(Option::unwrap_or_default);
    format!("{} {path}{search}", request.method)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The beginning of a text, cut between characters.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_without_its_host() {
        for (lines, expected) in
            [("http://localhost:8080\n/a\n?b=c", "GET /a?b=c"), ("http://localhost\n/\n", "GET /")]
        {
            let request = Request {
                method: "GET".to_owned(),
                target: lines.to_owned(),
                headers: String::new(),
                body: bytes::Bytes::new(),
            };
            assert_eq!(target(&request), expected);
        }
    }
}
