//! What a run has done, told so that two runs can be compared whose connections have other ids and whose clocks say another
//! time.

use bytes::Bytes;
use zigttp_abi::value::Value;
use zigttp_sandbox::effect::Effect;
use zigttp_sandbox::event::Response;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::ran::{Outcome, Ran};
use zigttp_sandbox::signal::SignalEffect;
use zigttp_sandbox::state::Space;
use zigttp_sandbox::stream::StreamEffect;

use crate::given_view::GivenView;

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) done: Vec<Fact>,
    pub(super) response: Option<Response>,
    /// What it throws.
    pub(super) threw: Option<String>,
    /// Whether it makes its client a member over Server-Sent Events.
    pub(super) is_event_stream: bool,
    /// Whether other events follow at once.
    pub(super) has_follow_ups: bool,
}

/// One thing that a run has done. Connections are told by their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Send {
        to: usize,
        is_text: bool,
        payload: Bytes,
    },
    Close {
        whom: usize,
        code: u16,
        reason: String,
    },
    Attach {
        to: usize,
        value: Value,
    },
    Join {
        whom: usize,
        room: String,
    },
    Leave {
        whom: usize,
        room: String,
    },
    Move {
        whom: usize,
        room: String,
    },
    AutoResponse {
        whom: usize,
        pair: Option<(String, String)>,
    },
    Clear(Space),
    Put {
        space: Space,
        key: String,
        value: Value,
        ttl: Option<i64>,
    },
    Delete {
        space: Space,
        key: String,
    },
    Signal {
        room: String,
        name: String,
        data: Option<Value>,
        on_fail: Option<String>,
    },
    /// `after` is in milliseconds from the event on.
    Timer {
        name: String,
        after: i64,
        period: Option<u64>,
        data: Option<Value>,
    },
    CancelTimer {
        name: String,
    },
    CancelAllTimers,
    OpenStream {
        name: String,
        method: String,
        url: String,
    },
    CancelStream {
        name: String,
    },
    CancelAllStreams,
}

impl Facts {
    /// What a run has done that began at this time, with connections in these places.
    pub(super) fn of(ran: &Ran<GivenView>, at: u64, ids: &[u64]) -> Option<Facts> {
        let response = match &ran.outcome {
            Outcome::Returned(response) => response.clone(),
            Outcome::Failed(Failure::Threw(thrown)) => {
                let threw = Some(thrown.message.clone());
                return Some(Facts { threw, ..Facts::default() });
            }
            Outcome::Failed(_) | Outcome::Waiting(_) => return None,
        };
        let effects = &ran.state.effects;
        let mut facts = Facts { response, ..Facts::default() };
        let is_stream = ran.state.reported.as_ref().is_some_and(|it| it.member.is_some());
        facts.is_event_stream = is_stream;
        facts.has_follow_ups = ran.state.journal.unsent().next().is_some();
        let place = |peer| {
            let id = effects.id(peer).number();
            ids.iter().position(|known| *known == id).unwrap_or(usize::MAX)
        };
        for effect in effects.list() {
            let fact = match effect {
                Effect::Send { to, frame } => Fact::Send {
                    to: place(*to),
                    is_text: frame.is_text(),
                    payload: Bytes::copy_from_slice(frame.payload()),
                },
                Effect::Close { connection, close } => Fact::Close {
                    whom: place(*connection),
                    code: close.code,
                    reason: close.reason.to_string(),
                },
                Effect::SetAttachment { connection, value } => {
                    Fact::Attach { to: place(*connection), value: value.clone() }
                }
                Effect::Join { connection, room } => {
                    Fact::Join { whom: place(*connection), room: room.to_string() }
                }
                Effect::Leave { connection, room } => {
                    Fact::Leave { whom: place(*connection), room: room.to_string() }
                }
                Effect::Move { connection, to, .. } => {
                    Fact::Move { whom: place(*connection), room: to.to_string() }
                }
                Effect::SetAutoResponse { connection, pair } => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let pair = pair.as_ref().map(|it| (text(&it.request), text(&it.response)));
                    Fact::AutoResponse { whom: place(*connection), pair }
                }
            };
            facts.has_follow_ups |= matches!(fact, Fact::Close { .. });
            facts.done.push(fact);
        }
        let after = |time: u64| time.cast_signed().wrapping_sub(at.cast_signed());
        for space in Space::ALL {
            let Some(changes) = effects.room_changes(space) else { continue };
            if changes.changes.clears {
                facts.done.push(Fact::Clear(space));
            }
            for (key, entry) in &changes.changes.entries {
                let key = key.to_string();
                facts.done.push(match entry {
                    Some(entry) => Fact::Put {
                        space,
                        key,
                        value: entry.value.clone(),
                        ttl: entry.expires.map(after),
                    },
                    None => Fact::Delete { space, key },
                });
            }
        }
        for signal in effects.signals() {
            facts.done.push(match signal {
                SignalEffect::Send { room, name, data, on_fail } => {
                    facts.has_follow_ups = true;
                    Fact::Signal {
                        room: room.to_string(),
                        name: name.to_string(),
                        data: data.clone(),
                        on_fail: on_fail.as_ref().map(ToString::to_string),
                    }
                }
                SignalEffect::SetTimer { name, at, period, data } => {
                    facts.has_follow_ups |= after(*at) <= 0;
                    let (name, data) = (name.to_string(), data.clone());
                    Fact::Timer { name, after: after(*at), period: *period, data }
                }
                SignalEffect::CancelTimer { name } => Fact::CancelTimer { name: name.to_string() },
                SignalEffect::CancelAllTimers => Fact::CancelAllTimers,
            });
        }
        for stream in effects.streams() {
            facts.done.push(match stream {
                StreamEffect::Open { name, request } => {
                    facts.has_follow_ups = true;
                    let (method, url) =
                        (request.request.method.clone(), request.request.url.clone());
                    Fact::OpenStream { name: name.to_string(), method, url }
                }
                StreamEffect::Cancel { name } => Fact::CancelStream { name: name.to_string() },
                StreamEffect::CancelAll => Fact::CancelAllStreams,
            });
        }
        Some(facts)
    }
}

impl Fact {
    /// The place of the connection that a fact is about, if the test names it there.
    pub(super) fn names(&self) -> Option<usize> {
        match self {
            Fact::Send { to, .. } | Fact::Attach { to, .. } => Some(*to),
            Fact::Close { whom, .. }
            | Fact::Join { whom, .. }
            | Fact::Leave { whom, .. }
            | Fact::Move { whom, .. }
            | Fact::AutoResponse { whom, .. } => Some(*whom),
            _ => None,
        }
    }
}
