//! What a test expects of its event.

use zigttp_abi::value::{Value, ValueKind};
use zigttp_sandbox::event::Response;
use zigttp_sandbox::state::Space;

use super::facts::Fact;
use super::typescript::{Expression, string};
use super::written::{Lines, Test};
use crate::record::Input;

/// A longer body is expected to begin as it does.
const MAX_BODY: usize = 1000;
/// Characters of that beginning.
const BEGINNING_OF_BODY: usize = 80;

impl Test<'_> {
    pub(super) fn write_expected(&self, lines: &mut Lines) {
        if let Some(threw) = &self.expected.threw {
            lines.uses("world");
            let function = self.function();
            lines.line(&format!(
                "const event = world.effects.find((it) => it.event === \"{function}\");"
            ));
            let first = threw.lines().next().unwrap_or_default();
            lines.expect("event?.failed", "toContain", &Expression::text(first));
            return;
        }
        self.write_response(lines);
        // What follows at once may send and store more; so may onOpen after onUpgrade.
        let is_first =
            self.expected.has_follow_ups || matches!(self.record.input, Input::Upgrade { .. });
        self.write_frames(lines, is_first);
        let mut of_event: Vec<Expression> = Vec::new();
        if !is_first {
            self.write_state(lines);
        }
        for fact in &self.expected.done {
            of_event.extend(self.as_effect(fact, is_first));
        }
        if of_event.is_empty() {
            return;
        }
        lines.uses("world");
        let function = self.function();
        lines.line(&format!(
            "const event = world.effects.find((it) => it.event === \"{function}\");"
        ));
        for effect in of_event {
            lines.expect("event?.effects", "toContainEqual", &effect);
        }
    }

    fn write_response(&self, lines: &mut Lines) {
        if !matches!(self.record.input, Input::Request(_)) {
            return;
        }
        let Some(Response { status, headers, body }) = &self.expected.response else { return };
        lines.expect("response.status", "toBe", &Expression::number(*status));
        let pairs = headers.lines().filter_map(|line| line.split_once(": "));
        let mut is_json = false;
        for (name, value) in pairs {
            if name.eq_ignore_ascii_case("content-type") {
                is_json = value.starts_with("application/json");
            } else if name.eq_ignore_ascii_case("location") {
                let what = format!("response.headers.get({})", string(name));
                lines.expect(&what, "toBe", &Expression::text(value));
            }
        }
        if matches!(status, 204 | 205 | 304) {
            return;
        }
        match std::str::from_utf8(body) {
            Ok(text) if is_json && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
                lines.expect("await response.json()", "toEqual", &Expression::json(text));
            }
            Ok(text) if text.len() > MAX_BODY => {
                let beginning: String = text.chars().take(BEGINNING_OF_BODY).collect();
                lines.expect("await response.text()", "toContain", &Expression::text(&beginning));
            }
            Ok(text) => lines.expect("await response.text()", "toBe", &Expression::text(text)),
            Err(_) => {
                let bytes = Expression::bytes(ValueKind::ArrayBuffer, body);
                lines.expect("await response.arrayBuffer()", "toEqual", &bytes);
            }
        }
    }

    fn write_frames(&self, lines: &mut Lines, is_first: bool) {
        let is_closing = matches!(self.record.input, Input::Close { .. });
        let own =
            self.world.ids(self.ways).iter().position(|id| Some(*id) == self.record.connection);
        let clients = self.world.places.len() + usize::from(self.world.opens.is_some());
        for place in 0..clients {
            let frames = self.expected.done.iter().filter_map(|fact| match fact {
                Fact::Send { to, is_text, payload } if *to == place => Some(match is_text {
                    true => Expression::text(&String::from_utf8_lossy(payload)),
                    false => Expression::bytes(ValueKind::ArrayBuffer, payload),
                }),
                _ => None,
            });
            let frames: Vec<Expression> = frames.collect();
            let name = self.name(place);
            // Whoever has gone receives nothing more.
            let has_gone = is_closing && own == Some(place);
            let is_silent = frames.is_empty();
            if has_gone || is_silent && (is_first || !self.checks_silence()) {
                continue;
            }
            let count = frames.len();
            let received = match is_first {
                true => format!("{name}.received.slice(0, {count})"),
                false => format!("{name}.received"),
            };
            lines.expect(&received, "toEqual", &Expression::List(frames));
            let closed = self.expected.done.iter().find_map(|fact| match fact {
                Fact::Close { whom, code, reason } if *whom == place => Some((code, reason)),
                _ => None,
            });
            if let Some((code, reason)) = closed {
                self.write_closed(lines, &name, *code, reason);
            }
        }
        // Those that were closed without a frame.
        for fact in &self.expected.done {
            let Fact::Close { whom, code, reason } = fact else { continue };
            let has_frames = self
                .expected
                .done
                .iter()
                .any(|it| matches!(it, Fact::Send { to, .. } if to == whom));
            if !has_frames && *whom < clients && !(is_closing && own == Some(*whom)) {
                self.write_closed(lines, &self.name(*whom), *code, reason);
            }
        }
    }

    fn write_closed(&self, lines: &mut Lines, name: &str, code: u16, reason: &str) {
        let closed = Expression::Object(vec![
            ("code".to_owned(), Expression::number(code)),
            ("reason".to_owned(), Expression::text(reason)),
        ]);
        lines.expect(&format!("{name}.closed"), "toEqual", &closed);
    }

    /// What rooms and connections have then.
    fn write_state(&self, lines: &mut Lines) {
        let done = &self.expected.done;
        for (index, fact) in done.iter().enumerate() {
            match fact {
                // The last one counts.
                Fact::Attach { to, value } => {
                    let later = &done[index + 1..];
                    let is_last = !later
                        .iter()
                        .any(|it| matches!(it, Fact::Attach { to: other, .. } if other == to));
                    if is_last
                        && *to != usize::MAX
                        && !matches!(self.record.input, Input::Close { .. })
                    {
                        let what = format!("{}.attachment", self.name(*to));
                        lines.expect(&what, matcher(value), &Expression::of(value));
                    }
                }
                Fact::Clear(space) => {
                    lines.uses("world");
                    let entries = done.iter().filter_map(|fact| match fact {
                        Fact::Put { space: of, key, value, .. } if of == space => {
                            Some(Expression::List(vec![
                                Expression::text(key),
                                Expression::of(value),
                            ]))
                        }
                        _ => None,
                    });
                    let what = format!("{}.list()", self.state(*space, self.room()));
                    lines.expect(&what, "toEqual", &Expression::List(entries.collect()));
                }
                Fact::Put { space, key, value, ttl } => {
                    let is_cleared = done.contains(&Fact::Clear(*space));
                    if !is_cleared && ttl.is_none_or(|ttl| ttl > 0) {
                        lines.uses("world");
                        let what =
                            format!("{}.get({})", self.state(*space, self.room()), string(key));
                        lines.expect(&what, matcher(value), &Expression::of(value));
                    }
                }
                Fact::Delete { space, key } => {
                    lines.uses("world");
                    let what = format!("{}.get({})", self.state(*space, self.room()), string(key));
                    lines.line(&format!("expect({what}).toBeUndefined();"));
                }
                Fact::Timer { name, after, data, .. } => {
                    let later = &done[index + 1..];
                    let is_changed = later.iter().any(|it| match it {
                        Fact::Timer { name: other, .. } | Fact::CancelTimer { name: other } => {
                            other == name
                        }
                        Fact::CancelAllTimers => true,
                        _ => false,
                    });
                    if is_changed {
                        continue;
                    }
                    lines.uses("clock");
                    lines.uses("world");
                    let mut fields = vec![
                        ("name".to_owned(), Expression::text(name)),
                        ("at".to_owned(), Expression::Atom(format!("clock.now() + {after}"))),
                    ];
                    if let Some(data) = data {
                        fields.push(("data".to_owned(), Expression::of(data)));
                    }
                    let what = format!("{}.timers", self.state(Space::Storage, self.room()));
                    lines.expect(&what, "toContainEqual", &Expression::Object(fields));
                }
                _ => {}
            }
        }
    }

    /// What `world.effects` tells of it, if nothing else does. `is_first`: nothing else tells what is stored.
    fn as_effect(&self, fact: &Fact, is_first: bool) -> Option<Expression> {
        let text = |text: &str| Expression::text(text);
        let id = |place: usize| match place {
            usize::MAX => Expression::number(0),
            place => Expression::Atom(format!("{}.id", self.name(place))),
        };
        let mut fields: Vec<(&str, Expression)> = Vec::new();
        match fact {
            Fact::Join { whom, room } | Fact::Leave { whom, room } | Fact::Move { whom, room } => {
                let what = match fact {
                    Fact::Join { .. } => "join",
                    Fact::Leave { .. } => "leave",
                    _ => "move",
                };
                fields.extend([
                    ("what", text(what)),
                    ("connection", id(*whom)),
                    ("room", text(room)),
                ]);
            }
            Fact::AutoResponse { whom, pair } => {
                let pair = pair
                    .as_ref()
                    .map(|(one, other)| Expression::List(vec![text(one), text(other)]));
                let pair = pair.unwrap_or(Expression::Atom("null".to_owned()));
                let what = text("setAutoResponse");
                fields.extend([("what", what), ("connection", id(*whom)), ("pair", pair)]);
            }
            Fact::Signal { room, name, data, on_fail } => {
                fields.extend([
                    ("what", text("signal")),
                    ("room", text(room)),
                    ("name", text(name)),
                ]);
                fields.extend(data.as_ref().map(|data| ("data", Expression::of(data))));
                let on_fail = on_fail.as_ref().map(|name| text(name));
                fields.push(("onFail", on_fail.unwrap_or(Expression::Atom("null".to_owned()))));
            }
            Fact::OpenStream { name, method, url } => {
                fields.extend([("what", text("stream")), ("name", text(name))]);
                fields.extend([("method", text(method)), ("url", text(url))]);
            }
            Fact::CancelStream { name } => {
                fields.extend([("what", text("cancelStream")), ("name", text(name))]);
            }
            Fact::CancelAllStreams => fields.push(("what", text("cancelAllStreams"))),
            Fact::CancelTimer { name } => {
                fields.extend([("what", text("cancelTimer")), ("name", text(name))]);
            }
            Fact::CancelAllTimers => fields.push(("what", text("cancelAllTimers"))),
            Fact::Attach { to, value } if is_first => {
                let what = text("serializeAttachment");
                fields.extend([
                    ("what", what),
                    ("connection", id(*to)),
                    ("value", Expression::of(value)),
                ]);
            }
            Fact::Put { space, key, value, ttl: None } if is_first => {
                fields.extend([("what", text("put")), ("in", text(space.name()))]);
                fields.extend([("key", text(key)), ("value", Expression::of(value))]);
            }
            Fact::Delete { space, key } if is_first => {
                fields.extend([
                    ("what", text("delete")),
                    ("in", text(space.name())),
                    ("key", text(key)),
                ]);
            }
            _ => return None,
        }
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        Some(Expression::Object(fields.collect()))
    }
}

fn matcher(value: &Value) -> &'static str {
    let is_primitive = match value.kind() {
        ValueKind::Text => true,
        ValueKind::Json => !value.bytes().starts_with(b"{") && !value.bytes().starts_with(b"["),
        _ => false,
    };
    if is_primitive { "toBe" } else { "toEqual" }
}
