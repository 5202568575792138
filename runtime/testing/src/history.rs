//! What every event of a world has done.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use zigttp_abi::guest::LogLevel;
use zigttp_rooms::witness::Witness;
use zigttp_rooms::world::{LocalPeer, World};
use zigttp_sandbox::effect::Effect;
use zigttp_sandbox::effects::Effects;
use zigttp_sandbox::event::{Call, Event, EventKind, Response};
use zigttp_sandbox::event_state::EventState;
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::journal::Journal;
use zigttp_sandbox::signal::SignalEffect;
use zigttp_sandbox::source_position::SourceMaps;
use zigttp_sandbox::state::Space;
use zigttp_sandbox::stream::StreamEffect;

use crate::outcome::ConsoleLine;
use crate::values;

/// Most events and most lines that are kept: the latest. A test that looks at what has happened has few.
const MAX_KEPT: usize = 10_000;

/// Most kinds of events that are counted apart.
const MAX_KINDS: usize = 100;

#[derive(Default)]
pub(crate) struct History {
    kept: Mutex<Kept>,
    reached: Notify,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<ConsoleLine>,
    events: VecDeque<Json>,
    /// Effects of events that have returned and not ended.
    pending: Vec<(u64, Json)>,
    last: u64,
    counted: Counted,
    /// The random numbers of the next event.
    random: Option<(i64, Vec<u8>)>,
}

/// Events since somebody began to count them.
#[derive(Default)]
struct Counted {
    count: u64,
    /// At so many whoever counts is told.
    limit: Option<u64>,
    /// How many of each kind, as the test would name it.
    kinds: BTreeMap<String, u64>,
}

impl History {
    /// Begins to count events.
    pub(crate) fn count_to(&self, limit: u64) {
        self.lock().counted = Counted { limit: Some(limit), ..Counted::default() };
    }

    /// Waits until so many events have ended as are counted to.
    pub(crate) async fn counted(&self) {
        while !self.is_counted() {
            self.reached.notified().await;
        }
    }

    /// Whether so many events have ended.
    pub(crate) fn is_counted(&self) -> bool {
        let counted = &self.lock().counted;
        counted.limit.is_some_and(|limit| counted.count >= limit)
    }

    /// Of which kinds the counted events were, the most frequent first.
    pub(crate) fn kinds(&self) -> Vec<(String, u64)> {
        let mut kinds: Vec<_> = self.lock().counted.kinds.clone().into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kinds
    }

    /// The next event has these random numbers.
    pub(crate) fn set_random(&self, seed: i64, random: Vec<u8>) {
        self.lock().random = Some((seed, random));
    }

    /// The lines of `console`, and the failures, as the test sees them.
    pub(crate) fn lines(&self) -> Json {
        let kept = self.lock();
        let lines = kept.lines.iter().map(|ConsoleLine { level, text, from }| {
            json!({ "level": level_name(*level), "text": text, "event": from })
        });
        lines.collect()
    }

    pub(crate) fn take_lines(&self) -> Vec<ConsoleLine> {
        std::mem::take(&mut self.lock().lines).into()
    }

    pub(crate) fn events(&self) -> Json {
        self.lock().events.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// The function of the handler that an event calls.
fn function(event: &Event) -> &'static str {
    match event.kind() {
        EventKind::RoomOf => "roomOf",
        EventKind::Upgrade => "onUpgrade",
        EventKind::Open => "onOpen",
        EventKind::Message => "onMessage",
        EventKind::Close => "onClose",
        EventKind::Request if event.room.is_some() => "onRequest",
        EventKind::Request => "handler",
        EventKind::Signal => "onSignal",
        EventKind::Stream => "onStream",
    }
}

impl Witness for History {
    fn begins(&self, event: &Event) -> Option<Journal> {
        if matches!(event.call, Call::RoomOf(_)) {
            return None;
        }
        let (seed, random) = self.lock().random.take()?;
        Some(Journal::with_random(seed, random))
    }

    fn returned(&self, state: &EventState<World>, response: Option<&Response>) -> u64 {
        let mut effects = effects_of(&state.effects);
        if let Some(response) = response {
            effects.push(json!({ "what": "respond", "status": response.status }));
        }
        let mut kept = self.lock();
        kept.last += 1;
        let number = kept.last;
        kept.pending.push((number, Json::Array(effects)));
        number
    }

    fn ended(
        &self,
        returned: Option<u64>,
        event: &Event,
        lines: &[(LogLevel, String)],
        failure: Option<&Failure>,
        maps: &SourceMaps,
    ) {
        let from = function(event);
        let failure = failure.map(|failure| failure.text(maps));
        let mut kept = self.lock();
        let pending = kept.pending.iter().position(|(number, _)| Some(*number) == returned);
        let effects = pending.map(|index| kept.pending.swap_remove(index).1);
        for (level, text) in lines {
            let line = ConsoleLine { level: *level, text: text.clone(), from: Some(from) };
            push(&mut kept.lines, line);
        }
        if let Some(failure) = &failure {
            let text = failure.clone();
            let line = ConsoleLine { level: LogLevel::Error, text, from: Some(from) };
            push(&mut kept.lines, line);
        }
        let effects = effects.filter(|_| failure.is_none()).unwrap_or_else(|| json!([]));
        let name = match &event.call {
            Call::Signal(signal) => Some(&*signal.name),
            Call::Stream(piece) => Some(&*piece.name),
            _ => None,
        };
        kept.counted.add(from, name, event.room.as_deref());
        if kept.counted.limit == Some(kept.counted.count) {
            self.reached.notify_one();
        }
        let mut told = json!({ "event": from, "effects": effects });
        let mut add = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                told[key] = value;
            }
        };
        add("room", event.room.as_ref().map(|room| json!(&**room)));
        add("connection", event.connection.map(|id| json!(id.number())));
        add("name", name.map(|name| json!(name)));
        add("failed", failure.map(|failure| json!(failure)));
        push(&mut kept.events, told);
    }
}

/// Adds one to what is kept.
fn push<T>(kept: &mut VecDeque<T>, new: T) {
    if kept.len() >= MAX_KEPT {
        kept.pop_front();
    }
    kept.push_back(new);
}

impl Counted {
    fn add(&mut self, function: &str, name: Option<&str>, room: Option<&str>) {
        self.count += 1;
        if self.limit.is_none() {
            return;
        }
        let name = name.map_or_else(String::new, |name| format!(" {name:?}"));
        let room = room.map_or_else(String::new, |room| format!(" of {room}"));
        let kind = format!("{function}{name}{room}");
        if self.kinds.contains_key(&kind) || self.kinds.len() < MAX_KINDS {
            *self.kinds.entry(kind).or_default() += 1;
        }
    }
}

fn effects_of(effects: &Effects<LocalPeer>) -> Vec<Json> {
    let mut told: Vec<Json> = Vec::new();
    for space in Space::ALL {
        let Some(changes) = effects.room_changes(space) else { continue };
        let changes = &changes.changes;
        if changes.clears {
            told.push(json!({ "what": "deleteAll", "in": space.name() }));
        }
        for (key, entry) in &changes.entries {
            told.push(match entry {
                None => json!({ "what": "delete", "in": space.name(), "key": key }),
                Some(entry) => {
                    let value = values::stored(&entry.value);
                    let mut put =
                        json!({ "what": "put", "in": space.name(), "key": key, "value": value });
                    if let Some(expires) = entry.expires {
                        put["expires"] = json!(expires);
                    }
                    put
                }
            });
        }
    }
    told.extend(effects.signals().iter().map(signal_effect));
    told.extend(effects.streams().iter().map(stream_effect));
    for effect in effects.list() {
        let id = |peer| effects.id(peer).number();
        told.push(match effect {
            Effect::Send { to, frame } => {
                let data = match frame.is_text() {
                    true => json!({ "kind": "string", "value": String::from_utf8_lossy(frame.payload()) }),
                    false => json!({ "kind": "ArrayBuffer", "base64": values::base64(frame.payload()) }),
                };
                json!({ "what": "send", "to": id(*to), "data": data })
            }
            Effect::Close { connection, close } => json!({
                "what": "close", "connection": id(*connection), "code": close.code, "reason": &*close.reason,
            }),
            Effect::SetAttachment { connection, value } => json!({
                "what": "serializeAttachment", "connection": id(*connection), "value": values::stored(value),
            }),
            Effect::Join { connection, room } => {
                json!({ "what": "join", "connection": id(*connection), "room": &**room })
            }
            Effect::Leave { connection, room } => {
                json!({ "what": "leave", "connection": id(*connection), "room": &**room })
            }
            Effect::Move { connection, to, .. } => {
                json!({ "what": "move", "connection": id(*connection), "room": &**to })
            }
            Effect::SetAutoResponse { connection, pair } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let pair = pair.as_ref().map(|pair| [text(&pair.request), text(&pair.response)]);
                json!({ "what": "setAutoResponse", "connection": id(*connection), "pair": pair })
            }
        });
    }
    told
}

fn signal_effect(effect: &SignalEffect) -> Json {
    let stored = |data: &Option<_>| data.as_ref().map(values::stored);
    match effect {
        SignalEffect::Send { room, name, data, on_fail } => json!({
            "what": "signal", "room": room, "name": name, "data": stored(data), "onFail": on_fail,
        }),
        SignalEffect::SetTimer { name, at, period, data } => json!({
            "what": "timer", "name": name, "at": at, "period": period, "data": stored(data),
        }),
        SignalEffect::CancelTimer { name } => json!({ "what": "cancelTimer", "name": name }),
        SignalEffect::CancelAllTimers => json!({ "what": "cancelAllTimers" }),
    }
}

fn stream_effect(effect: &StreamEffect) -> Json {
    match effect {
        StreamEffect::Open { name, request } => json!({
            "what": "stream", "name": name, "method": request.request.method, "url": request.request.url,
        }),
        StreamEffect::Cancel { name } => json!({ "what": "cancelStream", "name": name }),
        StreamEffect::CancelAll => json!({ "what": "cancelAllStreams" }),
    }
}
