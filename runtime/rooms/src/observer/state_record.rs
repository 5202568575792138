//! What an event has read and written of the state of rooms, which signals it has sent and which streams it has opened,
//! for the inspector.

use serde::Serialize;
use zigttp_abi::state::Entry;
use zigttp_abi::value::Value;
use zigttp_sandbox::effects::Effects;
use zigttp_sandbox::read_log::{ListRead, ReadLog, StateRead, WhatWasRead};
use zigttp_sandbox::signal::{Signal, SignalEffect, SignalKind};
use zigttp_sandbox::state::Space;
use zigttp_sandbox::stream::{Piece, StreamEffect, StreamPiece};

use super::preview::Preview;
use crate::world::LocalPeer;

/// The arguments of `onSignal`, without the name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignalSummary {
    kind: &'static str,
    data: Option<Preview>,
    attempt: u32,
    is_last: bool,
    missed: u64,
    /// When it was due, and when a timer with a period is due next. Times are in milliseconds since 1970.
    scheduled: u64,
    next: Option<u64>,
    from: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ReadSummary {
    space: &'static str,
    /// None for the event's own.
    room: Option<String>,
    #[serde(flatten)]
    what: WhatSummary,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum WhatSummary {
    Key {
        key: String,
        /// Those of its value; none if it was not there.
        bytes: Option<usize>,
    },
    List {
        prefix: String,
        start: String,
        is_after: bool,
        end: Option<String>,
        is_reverse: bool,
        limit: Option<u32>,
        entries: Option<usize>,
    },
    Timer {
        name: String,
        at: Option<u64>,
    },
    Usage,
}

/// A change of the state of the event's room.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WriteSummary {
    space: &'static str,
    #[serde(flatten)]
    what: WrittenSummary,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
enum WrittenSummary {
    Put { key: String, kind: &'static str, data: Preview, expires: Option<u64> },
    Delete { key: String },
    DeleteAll,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum SignalEffectSummary {
    Signal {
        room: String,
        name: String,
        data: Option<Preview>,
        on_fail: Option<String>,
    },
    Timer {
        name: String,
        at: u64,
        period: Option<u64>,
        data: Option<Preview>,
    },
    Cancel {
        name: String,
    },
    CancelAll,
    /// The URL is without its query, which may hold what is secret.
    Stream {
        name: String,
        method: String,
        url: String,
    },
    CancelStream {
        name: String,
    },
    CancelAllStreams,
}

/// The first of a list, and how many more there are.
#[derive(Clone, Debug)]
pub(super) struct Shown<T> {
    pub(super) first: Vec<T>,
    pub(super) more: usize,
}

impl<T> Default for Shown<T> {
    fn default() -> Shown<T> {
        Shown { first: Vec::new(), more: 0 }
    }
}

impl SignalSummary {
    pub(super) fn of(signal: &Signal) -> SignalSummary {
        let info = &signal.info;
        SignalSummary {
            kind: match info.kind {
                SignalKind::Signal => "signal",
                SignalKind::Timer => "timer",
                SignalKind::Schedule => "schedule",
            },
            data: preview(signal.data.as_ref()),
            attempt: info.attempt,
            is_last: info.is_last,
            missed: info.missed,
            scheduled: info.scheduled,
            next: signal.next,
            from: info.from.as_ref().map(|room| room.to_string()),
        }
    }
}

/// What an event has read, also if it has failed.
pub(super) fn reads(log: Option<&ReadLog>) -> Shown<ReadSummary> {
    let Some(log) = log else { return Shown::default() };
    Shown { first: log.reads.iter().map(ReadSummary::of).collect(), more: log.more }
}

/// What an event would write, in each space in the order of the keys.
pub(super) fn writes(effects: &Effects<LocalPeer>, most: usize) -> Shown<WriteSummary> {
    let mut shown = Shown::default();
    for space in Space::ALL {
        let Some(changes) = effects.room_changes(space) else { continue };
        let changes = &changes.changes;
        let cleared = changes.clears.then_some(WrittenSummary::DeleteAll);
        shown.more += changes.entries.len() + usize::from(changes.clears);
        let entries =
            changes.entries.iter().map(|(key, entry)| WrittenSummary::of(key, entry.as_ref()));
        let free = most - shown.first.len();
        let new = cleared.into_iter().chain(entries).take(free);
        shown.first.extend(new.map(|what| WriteSummary { space: space.name(), what }));
    }
    shown.more -= shown.first.len();
    shown
}

/// The signals and timers of an event, in the order of the calls, and then its streams.
pub(super) fn signals(effects: &Effects<LocalPeer>, most: usize) -> Shown<SignalEffectSummary> {
    let (signals, streams) = (effects.signals(), effects.streams());
    let all = signals.iter().map(SignalEffectSummary::of);
    let all = all.chain(streams.iter().map(SignalEffectSummary::of_stream));
    let first: Vec<_> = all.take(most).collect();
    Shown { more: signals.len() + streams.len() - first.len(), first }
}

impl ReadSummary {
    fn of(read: &StateRead) -> ReadSummary {
        let StateRead { space, room, what } = read;
        let what = match what {
            WhatWasRead::Key { key, bytes } => {
                WhatSummary::Key { key: key.to_string(), bytes: *bytes }
            }
            WhatWasRead::Timer { name, at } => {
                WhatSummary::Timer { name: name.to_string(), at: *at }
            }
            WhatWasRead::Usage => WhatSummary::Usage,
            WhatWasRead::List(list) => {
                let ListRead { prefix, start, is_after, end, is_reverse, limit, entries } = list;
                WhatSummary::List {
                    prefix: prefix.to_string(),
                    start: start.to_string(),
                    is_after: *is_after,
                    end: end.as_deref().map(str::to_owned),
                    is_reverse: *is_reverse,
                    limit: *limit,
                    entries: *entries,
                }
            }
        };
        let room = room.as_deref().map(str::to_owned);
        ReadSummary { space: space.name(), room, what }
    }
}

impl WrittenSummary {
    fn of(key: &str, entry: Option<&Entry>) -> WrittenSummary {
        let key = key.to_owned();
        match entry {
            None => WrittenSummary::Delete { key },
            Some(Entry { value, expires }) => WrittenSummary::Put {
                key,
                kind: value.kind().name(),
                data: Preview::of(value),
                expires: *expires,
            },
        }
    }
}

impl SignalEffectSummary {
    fn of(effect: &SignalEffect) -> SignalEffectSummary {
        match effect {
            SignalEffect::Send { room, name, data, on_fail } => SignalEffectSummary::Signal {
                room: room.to_string(),
                name: name.to_string(),
                data: preview(data.as_ref()),
                on_fail: on_fail.as_deref().map(str::to_owned),
            },
            SignalEffect::SetTimer { name, at, period, data } => SignalEffectSummary::Timer {
                name: name.to_string(),
                at: *at,
                period: *period,
                data: preview(data.as_ref()),
            },
            SignalEffect::CancelTimer { name } => {
                SignalEffectSummary::Cancel { name: name.to_string() }
            }
            SignalEffect::CancelAllTimers => SignalEffectSummary::CancelAll,
        }
    }

    fn of_stream(effect: &StreamEffect) -> SignalEffectSummary {
        match effect {
            StreamEffect::Open { name, request } => {
                let request = &request.request;
                let url = request.url.split('?').next().unwrap_or_default().to_owned();
                let method = request.method.clone();
                SignalEffectSummary::Stream { name: name.to_string(), method, url }
            }
            StreamEffect::Cancel { name } => {
                SignalEffectSummary::CancelStream { name: name.to_string() }
            }
            StreamEffect::CancelAll => SignalEffectSummary::CancelAllStreams,
        }
    }
}

/// The arguments of `onStream`.
pub(super) fn piece(piece: &StreamPiece) -> Preview {
    let StreamPiece { name, piece, .. } = piece;
    let shown = match piece {
        Piece::Start { status, .. } => status.to_string(),
        Piece::Lines { lines } => lines.join("\n"),
        Piece::Events { events } => {
            events.iter().map(|event| &*event.data).collect::<Vec<_>>().join("\n")
        }
        Piece::Bytes { bytes } => format!("{} bytes", bytes.len()),
        Piece::End { error, .. } => error.map_or(String::new(), |error| error.name().to_owned()),
    };
    Preview::text(format!("{name} {} {shown}", piece.kind()).trim_end())
}

fn preview(data: Option<&Value>) -> Option<Preview> {
    data.map(Preview::of)
}
