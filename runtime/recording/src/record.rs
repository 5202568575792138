//! One event as plain values: what it was given, and what came of it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_sandbox::event::{Call, Event, EventKind, Request};
use zigttp_sandbox::given::{Given, GivenValue};
use zigttp_sandbox::journal::Journal;
use zigttp_sandbox::journal_record::JournalRecord;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::signal::{Signal, SignalInfo, SignalKind};
use zigttp_sandbox::stream::{Piece, ServerEvent, StreamError, StreamPiece};

use crate::ended::Ended;

/// One event, over all its runs: what the last one was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// When it began, in milliseconds since 1970.
    pub at: u64,
    #[serde(borrow)]
    pub room: Option<Text<'a>>,
    pub connection: Option<u64>,
    pub input: Input<'a>,
    pub given: Cow<'a, Given>,
    pub journal: JournalRecord,
    pub ended: Ended,
    /// Whether something that the event was given was replaced in what is kept of it.
    pub is_redacted: bool,
}

/// A text that is borrowed where it can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Bytes that are borrowed where they can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob<'a>(pub Cow<'a, [u8]>);

/// The event's call, with its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input<'a> {
    RoomOf(#[serde(borrow)] RequestRecord<'a>),
    Upgrade { request: RequestRecord<'a>, resumable: Option<GivenValue> },
    Open { url: Text<'a> },
    Message { data: GivenValue },
    Close { code: u16, reason: Text<'a> },
    Request(RequestRecord<'a>),
    Signal(SignalRecord<'a>),
    Stream { id: u64, name: Text<'a>, piece: PieceRecord },
}

/// A [`Request`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestRecord<'a> {
    #[serde(borrow)]
    pub method: Text<'a>,
    pub target: Text<'a>,
    pub headers: Text<'a>,
    pub body: Blob<'a>,
}

/// A [`Signal`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignalRecord<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    pub data: Option<GivenValue>,
    pub id: u64,
    pub kind: u8,
    pub scheduled: u64,
    pub attempt: u32,
    pub is_last: bool,
    pub missed: u64,
    pub from: Option<Text<'a>>,
    pub next: Option<u64>,
}

/// A [`Piece`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PieceRecord {
    Start {
        status: u16,
        headers: String,
    },
    Lines(Vec<String>),
    /// Type, data and id of each.
    Events(Vec<(String, String, String)>),
    Bytes(Vec<u8>),
    End {
        error: Option<u8>,
        message: Option<String>,
    },
}

impl<'a> Text<'a> {
    fn of(text: &'a str) -> Text<'a> {
        Text(Cow::Borrowed(text))
    }
}

impl Serialize for Blob<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Blob<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Blob<'a>, D::Error> {
        Ok(Blob(Cow::Borrowed(<&[u8]>::deserialize(deserializer)?)))
    }
}

const SIGNAL_KINDS: [SignalKind; 3] = [SignalKind::Signal, SignalKind::Timer, SignalKind::Schedule];

impl<'a> Input<'a> {
    pub fn of(call: &'a Call) -> Input<'a> {
        match call {
            Call::RoomOf(request) => Input::RoomOf(RequestRecord::of(request)),
            Call::Upgrade { request, resumable } => Input::Upgrade {
                request: RequestRecord::of(request),
                resumable: resumable.clone().map(GivenValue),
            },
            Call::Open { url } => Input::Open { url: Text::of(url) },
            Call::Message { data } => Input::Message { data: GivenValue(data.clone()) },
            Call::Close { code, reason } => Input::Close { code: *code, reason: Text::of(reason) },
            Call::Request(request) => Input::Request(RequestRecord::of(request)),
            Call::Signal(signal) => Input::Signal(SignalRecord::of(signal)),
            Call::Stream(piece) => Input::Stream {
                id: piece.id,
                name: Text::of(&piece.name),
                piece: PieceRecord::of(&piece.piece),
            },
        }
    }

    fn to_call(&self) -> Call {
        match self {
            Input::RoomOf(request) => Call::RoomOf(request.to_request()),
            Input::Upgrade { request, resumable } => Call::Upgrade {
                request: request.to_request(),
                resumable: resumable.clone().map(|it| it.0),
            },
            Input::Open { url } => Call::Open { url: Arc::from(&*url.0) },
            Input::Message { data } => Call::Message { data: data.0.clone() },
            Input::Close { code, reason } => {
                Call::Close { code: *code, reason: Box::from(&*reason.0) }
            }
            Input::Request(request) => Call::Request(request.to_request()),
            Input::Signal(signal) => Call::Signal(Box::new(signal.to_signal())),
            Input::Stream { id, name, piece } => {
                Call::Stream(Arc::new(StreamPiece::new(*id, Box::from(&*name.0), piece.to_piece())))
            }
        }
    }

    pub fn kind(&self) -> EventKind {
        match self {
            Input::RoomOf(_) => EventKind::RoomOf,
            Input::Upgrade { .. } => EventKind::Upgrade,
            Input::Open { .. } => EventKind::Open,
            Input::Message { .. } => EventKind::Message,
            Input::Close { .. } => EventKind::Close,
            Input::Request(_) => EventKind::Request,
            Input::Signal(_) => EventKind::Signal,
            Input::Stream { .. } => EventKind::Stream,
        }
    }
}

impl<'a> Record<'a> {
    /// An event that has ended.
    pub fn of(
        at: u64,
        event: &'a Event,
        given: &'a Given,
        journal: &Journal,
        ended: Ended,
    ) -> Record<'a> {
        Record {
            at,
            room: event.room.as_ref().map(|room| Text::of(room)),
            connection: event.connection.map(ConnectionId::number),
            input: Input::of(&event.call),
            given: Cow::Borrowed(given),
            journal: journal.record(),
            ended,
            is_redacted: false,
        }
    }

    /// The event, to run it again.
    pub fn event(&self) -> Event {
        Event {
            connection: self.connection.map(ConnectionId::from_number),
            room: self.room.as_ref().map(|room| SharedText::from(&*room.0)),
            call: self.input.to_call(),
        }
    }
}

impl<'a> RequestRecord<'a> {
    fn of(request: &'a Request) -> RequestRecord<'a> {
        let Request { method, target, headers, body } = request;
        let [method, target, headers] = [method, target, headers].map(|it| Text::of(it));
        RequestRecord { method, target, headers, body: Blob(Cow::Borrowed(body)) }
    }

    fn to_request(&self) -> Box<Request> {
        Box::new(Request {
            method: self.method.0.to_string(),
            target: self.target.0.to_string(),
            headers: self.headers.0.to_string(),
            body: Bytes::copy_from_slice(&self.body.0),
        })
    }
}

impl<'a> SignalRecord<'a> {
    fn of(signal: &'a Signal) -> SignalRecord<'a> {
        let SignalInfo { id, kind, scheduled, attempt, is_last, missed, from } = &signal.info;
        let kind = SIGNAL_KINDS.iter().position(|it| it == kind).unwrap_or_default();
        SignalRecord {
            name: Text::of(&signal.name),
            data: signal.data.clone().map(GivenValue),
            id: *id,
            kind: kind as u8,
            scheduled: *scheduled,
            attempt: *attempt,
            is_last: *is_last,
            missed: *missed,
            from: from.as_ref().map(|room| Text::of(room)),
            next: signal.next,
        }
    }

    fn to_signal(&self) -> Signal {
        let info = SignalInfo {
            id: self.id,
            kind: SIGNAL_KINDS.get(usize::from(self.kind)).copied().unwrap_or(SignalKind::Signal),
            scheduled: self.scheduled,
            attempt: self.attempt,
            is_last: self.is_last,
            missed: self.missed,
            from: self.from.as_ref().map(|from| SharedText::from(&*from.0)),
        };
        let data: Option<Value> = self.data.clone().map(|data| data.0);
        Signal::new(Box::from(&*self.name.0), data, info, self.next)
    }
}

impl PieceRecord {
    fn of(piece: &Piece) -> PieceRecord {
        match piece {
            Piece::Start { status, headers } => {
                PieceRecord::Start { status: *status, headers: headers.clone() }
            }
            Piece::Lines { lines } => PieceRecord::Lines(lines.clone()),
            Piece::Events { events } => {
                let parts = |it: &ServerEvent| (it.event.clone(), it.data.clone(), it.id.clone());
                PieceRecord::Events(events.iter().map(parts).collect())
            }
            Piece::Bytes { bytes } => PieceRecord::Bytes(bytes.to_vec()),
            Piece::End { error, message } => {
                let number = |error| StreamError::ALL.iter().position(|it| *it == error);
                let error = error.and_then(number).map(|number| number as u8);
                PieceRecord::End { error, message: message.clone() }
            }
        }
    }

    fn to_piece(&self) -> Piece {
        match self {
            PieceRecord::Start { status, headers } => {
                Piece::Start { status: *status, headers: headers.clone() }
            }
            PieceRecord::Lines(lines) => Piece::Lines { lines: lines.clone() },
            PieceRecord::Events(events) => {
                let event = |(event, data, id): &(String, String, String)| ServerEvent {
                    event: event.clone(),
                    data: data.clone(),
                    id: id.clone(),
                };
                Piece::Events { events: events.iter().map(event).collect() }
            }
            PieceRecord::Bytes(bytes) => Piece::Bytes { bytes: Bytes::copy_from_slice(bytes) },
            PieceRecord::End { error, message } => Piece::End {
                error: error.and_then(|it| StreamError::ALL.get(usize::from(it)).copied()),
                message: message.clone(),
            },
        }
    }
}
