//! What a test can ask of its world, as JSON; the other end is `compiler/testing/host.ts`.

use std::ops::Bound;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use zigttp_abi::close_code;
use zigttp_abi::state::{KeyRange, ListLimits};
use zigttp_abi::value::{Value, ValueKind};
use zigttp_protocol::close::Close;
use zigttp_sandbox::state::Space;
use zigttp_store::state::room_contents::{ContentsQuery, RoomContents};

use crate::client::Act;
use crate::outside::Fed;
use crate::values;
use crate::world::World;

/// Most entries of a list.
const MAX_LISTED: usize = 100_000;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Question {
    Connect {
        task: u64,
        path: String,
        headers: Vec<(String, String)>,
        protocols: Vec<String>,
        resumes: Option<u64>,
    },
    Request {
        task: u64,
        method: String,
        path: String,
        headers: Vec<(String, String)>,
        body: String,
    },
    Send {
        id: u64,
        data: String,
    },
    Close {
        id: u64,
        code: f64,
        reason: String,
    },
    Drop {
        id: u64,
    },
    Slow {
        id: u64,
        is_slow: bool,
    },
    Look {
        id: u64,
    },
    Attachment {
        id: u64,
    },
    Settle,
    Now,
    Advance {
        until: u64,
    },
    SetClock {
        at: u64,
    },
    Random {
        numbers: String,
    },
    Place {
        room: String,
        rooms: Vec<String>,
        parameters: Vec<(String, String)>,
        attachment: Option<values::Given>,
        id: Option<u64>,
    },
    Put {
        space: String,
        room: String,
        key: String,
        value: values::Given,
        ttl: Option<u64>,
    },
    Signal {
        room: String,
        name: String,
        data: Option<values::Given>,
    },
    Crash {
        task: u64,
    },
    Fetch {
        is_answered: bool,
    },
    Answer {
        id: u64,
        error: Option<String>,
        #[serde(default)]
        status: u16,
        #[serde(default)]
        status_text: String,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
    },
    Stream {
        name: String,
        pieces: Vec<String>,
        status: u16,
        headers: Vec<(String, String)>,
        end: bool,
    },
    Env {
        settings: Vec<(String, Option<String>)>,
    },
    Get {
        space: String,
        room: String,
        key: String,
    },
    List {
        space: String,
        room: String,
        prefix: String,
        reverse: bool,
        limit: usize,
    },
    Timers {
        space: String,
        room: String,
    },
    Logs,
    Effects,
}

/// What is wrong with a question: an error's class, and its message.
struct Mistake(&'static str, String);

impl From<String> for Mistake {
    fn from(message: String) -> Mistake {
        Mistake("Error", message)
    }
}

/// Answers a question, with whatever else has come for the test meanwhile.
pub(crate) fn answer(world: &mut World, question: &str) -> Bytes {
    let answered = match serde_json::from_str(question) {
        Ok(question) => answered(world, question),
        Err(error) => Err(format!("zigttp:test and its host differ: {error}").into()),
    };
    let mut told = json!({});
    match answered {
        Ok(Json::Null) => {}
        Ok(value) => told["value"] = value,
        Err(Mistake(name, message)) => {
            told["error"] = json!({ "name": name, "message": message });
        }
    }
    let asks = world.outside.take_new();
    if !asks.is_empty() {
        told["asks"] = Json::Array(asks);
    }
    let done = world.take_done();
    if !done.is_empty() {
        let done = done.into_iter().map(|done| json!({ "task": done.task, "value": done.value }));
        told["done"] = done.collect();
    }
    told.to_string().into()
}

fn answered(world: &mut World, question: Question) -> Result<Json, Mistake> {
    let only_looks = matches!(
        question,
        Question::Settle
            | Question::Now
            | Question::SetClock { .. }
            | Question::Env { .. }
            | Question::Fetch { .. }
            | Question::Logs
            | Question::Effects
    );
    if !only_looks {
        world.touch();
    }
    Ok(match question {
        Question::Connect { task, path, headers, protocols, resumes } => {
            world.connect(task, path, headers, protocols, resumes);
            Json::Null
        }
        Question::Request { task, method, path, headers, body } => {
            let body =
                values::unbase64(&body).ok_or_else(|| "a body that is no base64".to_owned())?;
            world.request(task, &method, path, &headers, body);
            Json::Null
        }
        Question::Send { id, data } => {
            let (is_text, bytes) = values::uncarried(&data)
                .ok_or_else(|| "data that is neither text nor bytes".to_owned())?;
            let kind = if is_text { ValueKind::Text } else { ValueKind::ArrayBuffer };
            world.act(id, Act::Message(Value::new(kind, bytes.into())));
            Json::Null
        }
        Question::Close { id, code, reason } => {
            world.act(id, Act::Close(close_of(code, reason)?));
            Json::Null
        }
        Question::Drop { id } => {
            world.act(id, Act::Drop);
            Json::Null
        }
        Question::Slow { id, is_slow } => {
            world.settle();
            world.with_client(id, |client| client.line.set_slow(is_slow));
            Json::Null
        }
        Question::Look { id } => {
            world.settle();
            let look = world.with_client(id, |client| {
                let closed = client.line.closed();
                let closed = closed.map(|(code, reason)| json!({ "code": code, "reason": reason }));
                json!({ "frames": client.line.take_frames(), "closed": closed })
            });
            look.unwrap_or_default()
        }
        Question::Attachment { id } => {
            world.settle();
            let attachment = world.with_client(id, |client| client.connection.attachment());
            attachment.flatten().as_ref().map(values::stored).unwrap_or_default()
        }
        Question::Settle => {
            world.settle();
            Json::Null
        }
        Question::Now => json!(world.now()),
        Question::Advance { until } => json!(world.advance(until)?),
        Question::SetClock { at } => {
            world.set_clock(at)?;
            Json::Null
        }
        Question::Random { numbers } => {
            let (seed, random) = random_of(&numbers).ok_or_else(|| {
                "world.random takes 16 hexadecimal digits, or more, as zigttp replay --save-test writes them"
                    .to_owned()
            })?;
            world.settle();
            world.history.set_random(seed, random);
            Json::Null
        }
        Question::Place { room, rooms, parameters, attachment, id } => {
            let attachment = attachment.map(given_value).transpose()?;
            json!(world.place(&room, &rooms, parameters, attachment, id)?)
        }
        Question::Put { space, room, key, value, ttl } => {
            world.put(space_of(&space)?, &room, &key, given_value(value)?, ttl)?;
            Json::Null
        }
        Question::Signal { room, name, data } => {
            let data = data.map(given_value).transpose()?;
            world.signal(&room, &name, data.as_ref())?;
            Json::Null
        }
        Question::Crash { task } => {
            world.crash();
            world.shared.done(task, Json::Null);
            Json::Null
        }
        Question::Fetch { is_answered } => {
            world.settle();
            world.outside.set_answered(is_answered);
            Json::Null
        }
        Question::Answer { id, error: Some(error), .. } => {
            world.outside.answer(id, Err(error));
            world.settle();
            Json::Null
        }
        Question::Answer { id, error: None, status, status_text, headers, body } => {
            let (_, body) = values::uncarried(&body).unwrap_or_default();
            let headers = values::header_lines(&headers);
            world.outside.answer(id, Ok((status, status_text, headers, body.into())));
            world.settle();
            Json::Null
        }
        Question::Stream { name, pieces, status, headers, end } => {
            let pieces = pieces.iter().filter_map(|piece| values::uncarried(piece));
            let pieces = pieces.map(|(_, bytes)| bytes.into()).collect();
            let headers = values::header_lines(&headers);
            world.outside.feed(&name, Fed { status, headers, pieces, ends: end });
            world.settle();
            Json::Null
        }
        Question::Env { settings } => {
            world.settle();
            world.set_settings(settings);
            Json::Null
        }
        Question::Get { space, room, key } => {
            let entries = entries(world, &space, &room, &key, false, MAX_LISTED)?;
            let found = entries.into_iter().find(|(found, _)| **found == *key);
            found.map(|(_, value)| values::stored(&value)).unwrap_or_default()
        }
        Question::List { space, room, prefix, reverse, limit } => {
            let entries = entries(world, &space, &room, &prefix, reverse, limit)?;
            let listed = entries.iter().map(|(key, value)| json!([key, values::stored(value)]));
            listed.collect()
        }
        Question::Timers { space, room } => {
            let contents = contents(world, &space, &room, "", false, 0)?;
            let timers = contents.timers.first.iter().map(|timer| {
                let data = timer.data.as_ref().map(values::stored);
                json!({ "name": timer.name, "at": timer.scheduled, "data": data })
            });
            timers.collect()
        }
        Question::Logs => {
            world.settle();
            world.history.lines()
        }
        Question::Effects => {
            world.settle();
            world.history.events()
        }
    })
}

/// The code and reason that a client may send (RFC 6455, 7.4).
fn close_of(code: f64, reason: String) -> Result<Close, Mistake> {
    let number = code as u16;
    let is_allowed = f64::from(number) == code
        && (number == close_code::NORMAL
            || (3000..=4999).contains(&number)
            || number == close_code::GOING_AWAY);
    if !is_allowed {
        let message = format!("close: a client may send 1000, 1001 and 3000 to 4999, not {code}");
        return Err(Mistake("RangeError", message));
    }
    if reason.len() > 123 {
        let message = "close: the reason has more than 123 bytes of UTF-8".to_owned();
        return Err(Mistake("RangeError", message));
    }
    Ok(Close::new(number, reason))
}

fn given_value(given: values::Given) -> Result<Value, Mistake> {
    given.value().ok_or_else(|| "zigttp:test and its host differ: no value".to_owned().into())
}

fn space_of(name: &str) -> Result<Space, Mistake> {
    let space = Space::ALL.into_iter().find(|it| it.name() == name);
    space.ok_or_else(|| "there are storage and memory".to_owned().into())
}

/// A seed and random bytes, in hexadecimal digits.
fn random_of(digits: &str) -> Option<(i64, Vec<u8>)> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes = pairs.collect::<Option<Vec<u8>>>()?;
    let (seed, random) = bytes.split_first_chunk::<8>()?;
    Some((i64::from_le_bytes(*seed), random.to_vec()))
}

fn contents(
    world: &mut World,
    space: &str,
    room: &str,
    prefix: &str,
    reverse: bool,
    entries: usize,
) -> Result<RoomContents, Mistake> {
    world.settle();
    let space = space_of(space)?;
    let query = ContentsQuery {
        keys: KeyRange {
            start: Bound::Included(prefix.into()),
            end: end_of(prefix).map_or(Bound::Unbounded, Bound::Excluded),
            reverse,
        },
        limits: ListLimits { entries, bytes: usize::MAX },
        signals: usize::MAX,
    };
    let now = world.now();
    let hub = std::sync::Arc::clone(world.hub());
    let read = world.block_on(async { hub.states.of(space).contents(room, query, now).await });
    read.map_err(|error| error.to_string().into())
}

fn entries(
    world: &mut World,
    space: &str,
    room: &str,
    prefix: &str,
    reverse: bool,
    limit: usize,
) -> Result<Vec<(Box<str>, Value)>, Mistake> {
    let limit = limit.min(MAX_LISTED);
    let contents = contents(world, space, room, prefix, reverse, limit)?;
    Ok(contents.entries.into_iter().take(limit).map(|(key, entry)| (key, entry.value)).collect())
}

/// The first key behind all that begin with a prefix.
fn end_of(prefix: &str) -> Option<Box<str>> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect::<String>().into());
        }
    }
    None
}
