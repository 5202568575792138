//! The text of a test.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zigttp_abi::value::ValueKind;
use zigttp_sandbox::app::App;
use zigttp_sandbox::event::EventKind;
use zigttp_sandbox::state::Space;

use super::facts::Facts;
use super::placed::{Place, Ways, World};
use super::typescript::{Expression, field, string};
use crate::given_view::GivenView;
use crate::record::{Input, Record, RequestRecord};

/// What clients of a test are called.
const NAMES: [&str; 8] = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"];

/// A request of the handler, with its answer.
pub(super) struct Fetched {
    /// Method and URL.
    pub(super) what: String,
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// A test that is to be written.
pub(super) struct Test<'a> {
    pub(super) app: &'a App<GivenView>,
    /// The event as it is in the test.
    pub(super) record: &'a Record<'a>,
    pub(super) world: &'a World,
    pub(super) ways: Ways,
    pub(super) headers: &'a [(String, String)],
    pub(super) fetched: &'a [Fetched],
    pub(super) expected: &'a Facts,
    /// Whether it does in the test what it did in the recording.
    pub(super) is_as_recorded: bool,
    /// When it was recorded.
    pub(super) at: u64,
}

/// What the head of an answer says, or that there was none.
#[derive(Deserialize)]
struct AnswerHead {
    status: Option<u16>,
    headers: Option<String>,
    message: Option<String>,
}

/// The lines of a test, and what it imports.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    uses: Vec<&'static str>,
}

impl Lines {
    pub(super) fn line(&mut self, line: &str) {
        writeln!(self.text, "  {line}").expect("writing to a string cannot fail");
    }

    /// A paragraph ends.
    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn uses(&mut self, name: &'static str) {
        if !self.uses.contains(&name) {
            self.uses.push(name);
        }
    }

    pub(super) fn expect(&mut self, what: &str, matcher: &str, value: &Expression) {
        let begin = format!("expect({what}).{matcher}(");
        let value = value.print(2);
        self.line(&format!("{begin}{value});"));
    }
}

impl Test<'_> {
    pub(super) fn write(&self) -> String {
        let mut lines = Lines::default();
        lines.uses("expect");
        lines.uses("test");
        if !self.is_as_recorded {
            lines.line(
                "// In the recording it did something else: it depends on what a test cannot say.",
            );
        }
        self.write_world(&mut lines);
        lines.space();
        self.write_event(&mut lines);
        lines.space();
        self.write_expected(&mut lines);
        lines.uses.sort_unstable();
        let room =
            self.record.room.as_ref().map_or(String::new(), |room| format!(" of {}", room.0));
        let title = format!("{}{room}, recorded {}", self.function(), time(self.at));
        format!(
            "import {{ {} }} from \"zigttp:test\";\n\ntest({}, async () => {{\n{}}});\n",
            lines.uses.join(", "),
            string(&title),
            lines.text
        )
    }

    pub(super) fn function(&self) -> &'static str {
        match self.record.input.kind() {
            EventKind::RoomOf => "roomOf",
            EventKind::Upgrade => "onUpgrade",
            EventKind::Open => "onOpen",
            EventKind::Message => "onMessage",
            EventKind::Close => "onClose",
            EventKind::Request if self.record.room.is_some() => "onRequest",
            EventKind::Request => "handler",
            EventKind::Signal => "onSignal",
            EventKind::Stream => "onStream",
        }
    }

    pub(super) fn room(&self) -> &str {
        self.record.room.as_ref().map_or("", |room| &room.0)
    }

    /// The name of the client in this place.
    pub(super) fn name(&self, place: usize) -> String {
        NAMES.get(place).map_or_else(|| format!("client{}", place + 1), |name| (*name).to_owned())
    }

    /// The name of the event's own client.
    fn own(&self) -> String {
        let id = self.record.connection;
        let ids = self.world.ids(self.ways);
        self.name(ids.iter().position(|known| Some(*known) == id).unwrap_or_default())
    }

    fn write_world(&self, lines: &mut Lines) {
        if self.ways.has_clock {
            lines.uses("clock");
            lines.line(&format!("clock.set({});", string(&time(self.at))));
        }
        let settings = self.record.given.settings.iter();
        let settings: Vec<_> = settings
            .filter_map(|setting| {
                let value: Vec<u8> =
                    b"redacted-".iter().copied().cycle().take(setting.len?).collect();
                Some((field(&setting.name), Expression::text(&String::from_utf8_lossy(&value))))
            })
            .collect();
        if !settings.is_empty() {
            lines.uses("world");
            lines.line(&format!("world.env({});", Expression::Object(settings).print(2)));
        }
        self.write_answers(lines);
        for stored in &self.world.stored {
            lines.uses("world");
            let entry = &stored.entry;
            let ttl = entry.expires.map_or_else(String::new, |expires| {
                format!(", {{ ttl: {} }}", expires.saturating_sub(self.at))
            });
            let (state, key) = (self.state(stored.space, &stored.room), string(&stored.key));
            let value = Expression::of(&entry.value.0).print(2);
            lines.line(&format!("{state}.put({key}, {value}{ttl});"));
        }
        let uses_names = |place: usize| {
            Some(self.world.ids(self.ways)[place]) == self.record.connection
                || self.expected.done.iter().any(|fact| fact.names() == Some(place))
        };
        for (index, place) in self.world.places.iter().enumerate() {
            let opened = self.opened(place, lines);
            match uses_names(index) || self.checks_silence() {
                true => lines.line(&format!("const {} = {opened};", self.name(index))),
                false => lines.line(&format!("{opened};")),
            }
        }
        if self.ways.has_random {
            lines.uses("world");
            let random = self.record.journal.asked.as_ref().map_or(&[][..], |asked| &asked.random);
            let numbers = self.record.journal.seed.iter().chain(random);
            let numbers: String = numbers.map(|byte| format!("{byte:02x}")).collect();
            lines.line(&format!("world.random({});", string(&numbers)));
        }
    }

    /// Whether it is said of every client what it has received.
    pub(super) fn checks_silence(&self) -> bool {
        self.expected.threw.is_none() && self.world.places.len() <= NAMES.len()
    }

    /// How the client of a place is opened.
    fn opened(&self, place: &Place, lines: &mut Lines) -> String {
        let Place { id, room, joined, attachment, parameters } = place;
        let is_plain = joined.is_empty() && attachment.is_none() && !self.ways.keeps_ids;
        if is_plain && self.connects(room, parameters) {
            lines.uses("connect");
            return format!("await connect({})", string(room));
        }
        lines.uses("world");
        let mut options: Vec<(String, Expression)> = Vec::new();
        let mut option = |name: &str, value| options.push((name.to_owned(), value));
        if let Some(attachment) = attachment {
            option("attachment", Expression::of(attachment));
        }
        if !joined.is_empty() {
            let rooms = joined.iter().map(|room| Expression::text(room)).collect();
            option("rooms", Expression::List(rooms));
        }
        if !parameters.is_empty() {
            let pairs =
                parameters.iter().map(|(name, value)| (field(name), Expression::text(value)));
            option("parameters", Expression::Object(pairs.collect()));
        }
        if self.ways.keeps_ids {
            option("id", Expression::number(*id));
        }
        let options = match options.is_empty() {
            true => String::new(),
            false => format!(", {}", Expression::Object(options).print(2)),
        };
        format!("world.member({}{options})", string(room))
    }

    /// Whether a client that connects to the room's name is a member of it, and no event has run.
    fn connects(&self, room: &str, parameters: &[(String, String)]) -> bool {
        let app = self.app;
        if app.asks_before_upgrades() || app.names_rooms() || app.manifest.has_export("onOpen") {
            return false;
        }
        let Some(route) = app.routes.find(room).filter(|route| route.upgrades()) else {
            return false;
        };
        let Ok(opening) = route.open(room, None) else { return false };
        *opening.room == *room
            && parameters.iter().all(|(name, value)| {
                opening.parameters.iter().any(|(known, is)| **known == **name && **is == **value)
            })
    }

    fn write_answers(&self, lines: &mut Lines) {
        if self.fetched.is_empty() {
            return;
        }
        lines.uses("world");
        let what = |fetched: &Fetched| {
            zigttp_abi::printable::printable(&fetched.what).replace(['\n', '\r'], " ")
        };
        if let [fetched] = self.fetched {
            lines.line(&format!("// {}", what(fetched)));
            lines.line(&format!("world.fetch(() => {});", answer(fetched)));
            return;
        }
        lines.line("const answers = [");
        for fetched in self.fetched {
            lines.line(&format!("  // {}", what(fetched)));
            lines.line(&format!("  () => {},", answer(fetched)));
        }
        lines.line("];");
        lines.line("world.fetch(() => (answers.shift() ?? (() => new Response()))());");
    }

    pub(super) fn state(&self, space: Space, room: &str) -> String {
        format!("world.{}({})", space.name(), string(room))
    }

    fn write_event(&self, lines: &mut Lines) {
        let own = self.own();
        match &self.record.input {
            Input::Message { data } => {
                let data = Expression::of(&data.0).print(2);
                lines.line(&format!("{own}.send({data});"));
            }
            Input::Close { code: 1006, .. } => lines.line(&format!("{own}.drop();")),
            Input::Close { code, reason } => match (code, &*reason.0) {
                (1000, "") => lines.line(&format!("{own}.close();")),
                (code, "") => lines.line(&format!("{own}.close({code});")),
                (code, reason) => lines.line(&format!("{own}.close({code}, {});", string(reason))),
            },
            Input::Open { url } => {
                lines.uses("connect");
                lines.line(&format!("const {own} = await connect({});", string(&url.0)));
            }
            Input::Upgrade { request, .. } => {
                lines.uses("connect");
                let connect = format!("connect({})", self.arguments(request));
                match (&self.expected.response, &self.expected.threw) {
                    (None, None) => lines.line(&format!("const {own} = await {connect};")),
                    (refusal, _) => {
                        let status = refusal.as_ref().map_or(500, |refusal| refusal.status);
                        lines.line(&format!(
                            "await expect({connect}).rejects.toThrow(\"{status}\");"
                        ));
                    }
                }
            }
            Input::Request(request) => {
                lines.uses("request");
                let method = string(&request.method.0);
                let arguments = self.arguments(request);
                lines.line(&format!("const response = await request({method}, {arguments});"));
            }
            Input::Signal(signal) => {
                lines.uses("world");
                let data = signal.data.as_ref().map_or_else(String::new, |data| {
                    format!(", {}", Expression::of(&data.0).print(2))
                });
                let (room, name) = (string(self.room()), string(&signal.name.0));
                lines.line(&format!("world.signal({room}, {name}{data});"));
            }
            Input::RoomOf(_) | Input::Stream { .. } => {}
        }
    }

    /// Path and options of a request.
    fn arguments(&self, request: &RequestRecord<'_>) -> String {
        let target: String = request.target.0.lines().skip(1).collect();
        let mut options: Vec<(String, Expression)> = Vec::new();
        if !self.headers.is_empty() {
            let pair = |(name, value): &(String, String)| (field(name), Expression::text(value));
            let headers = self.headers.iter().map(pair).collect();
            options.push(("headers".to_owned(), Expression::Object(headers)));
        }
        let body = &*request.body.0;
        if !body.is_empty() {
            let body = match std::str::from_utf8(body) {
                Ok(text) => Expression::text(text),
                Err(_) => Expression::bytes(ValueKind::Uint8Array, body),
            };
            options.push(("body".to_owned(), body));
        }
        match options.is_empty() {
            true => string(&target),
            false => format!("{}, {}", string(&target), Expression::Object(options).print(2)),
        }
    }
}

/// An answer as the test gives it.
fn answer(Fetched { head, body, .. }: &Fetched) -> String {
    let head = serde_json::from_slice(head);
    let Ok(AnswerHead { status: Some(status), headers, .. }) = &head else {
        let message = head.ok().and_then(|head| head.message).unwrap_or_default();
        return format!("{{ throw new TypeError({}); }}", string(&message));
    };
    let headers = headers.as_deref().unwrap_or_default();
    let of_type = headers.lines().find_map(|line| line.strip_prefix("content-type: "));
    let is_json = of_type.is_some_and(|of_type| of_type.starts_with("application/json"));
    let mut options: Vec<(String, Expression)> = Vec::new();
    if *status != 200 {
        options.push(("status".to_owned(), Expression::number(*status)));
    }
    if let Some(of_type) = of_type.filter(|_| !is_json) {
        let pairs = vec![("\"content-type\"".to_owned(), Expression::text(of_type))];
        options.push(("headers".to_owned(), Expression::Object(pairs)));
    }
    let options = match options.is_empty() {
        true => String::new(),
        false => format!(", {}", Expression::Object(options).print(2)),
    };
    match std::str::from_utf8(body) {
        Ok(text) if is_json && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            format!("Response.json({}{options})", Expression::json(text).print(2))
        }
        Ok("") => format!("new Response(null{options})"),
        Ok(text) => format!("new Response({}{options})", string(text)),
        Err(_) => {
            format!(
                "new Response({}{options})",
                Expression::bytes(ValueKind::Uint8Array, body).print(2)
            )
        }
    }
}

/// The last millisecond of the year 9999.
const LAST_TIME: u64 = 253_402_300_799_999;

/// A time as JavaScript writes it.
fn time(unix_millis: u64) -> String {
    let since = Duration::from_millis(unix_millis.min(LAST_TIME));
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string()
}
