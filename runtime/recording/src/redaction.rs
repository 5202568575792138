//! What is replaced in a record before it reaches the disk.
//!
//! A value is replaced by as many hexadecimal digits, which are the same for the same value as long as the server runs
//! and tell nothing else of it. So an event that only compares or keeps a value still does the same in a replay.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use zigttp_abi::value::{Value, ValueKind};
use zigttp_sandbox::given::{Given, GivenEntry, GivenValue};
use zigttp_sandbox::journal_record::JournalRecord;

use crate::pattern::Pattern;
use crate::record::{Input, PieceRecord, Record, RequestRecord, Text};

/// Headers that say who somebody is.
pub const DEFAULT_HEADERS: [&str; 4] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// Settings with fewer bytes are not looked for in records: they would be found by chance.
const MIN_SETTING: usize = 8;

/// Deepest nesting of JSON in which fields are looked for.
const MAX_DEPTH: usize = 128;

/// One thing that is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The value of a header of requests and responses.
    Header(String),
    /// The values that `zigttp:storage` and `zigttp:memory` have under a key.
    Key(Pattern),
    /// The fields of this name in JSON, at any depth: of messages, attachments, stored values, signals, bodies and
    /// pieces of streams.
    Field(String),
    /// Nothing so far, also no header.
    None,
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is none of header:NAME, key:PATTERN, json:FIELD and none (`*` in a pattern stands for any text)"
)]
pub struct RuleError(String);

impl std::str::FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Rule, RuleError> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => {
                Ok(Rule::Header(name.to_ascii_lowercase()))
            }
            Some(("key", pattern)) if !pattern.is_empty() => Ok(Rule::Key(Pattern::new(pattern))),
            Some(("json", field)) if !field.is_empty() => {
                // As people write the path of a field.
                Ok(Rule::Field(field.strip_prefix("$.").unwrap_or(field).to_owned()))
            }
            None if text == "none" => Ok(Rule::None),
            _ => Err(RuleError(text.to_owned())),
        }
    }
}

/// All that is replaced.
pub struct Redaction {
    headers: Vec<String>,
    keys: Vec<Pattern>,
    fields: Vec<String>,
    /// Kept nowhere, so that nobody can try values.
    salt: [u8; 16],
}

impl Redaction {
    /// The rules, after those that hold by default.
    pub fn new(rules: &[Rule], salt: [u8; 16]) -> Redaction {
        let headers = DEFAULT_HEADERS.map(str::to_owned).to_vec();
        let mut redaction = Redaction { headers, keys: Vec::new(), fields: Vec::new(), salt };
        for rule in rules {
            match rule {
                Rule::Header(name) => redaction.headers.push(name.clone()),
                Rule::Key(pattern) => redaction.keys.push(pattern.clone()),
                Rule::Field(name) => redaction.fields.push(name.clone()),
                Rule::None => {
                    redaction.headers.clear();
                    redaction.keys.clear();
                    redaction.fields.clear();
                }
            }
        }
        redaction
    }

    /// Replaces what is to be replaced in a record.
    pub fn apply(&self, record: &mut Record<'_>) {
        let is_input = self.input(&mut record.input);
        let is_given = self.given(&mut record.given);
        let is_answer = self.journal(&mut record.journal);
        record.is_redacted |= is_input | is_given | is_answer;
    }

    fn input(&self, input: &mut Input<'_>) -> bool {
        match input {
            Input::RoomOf(request) | Input::Request(request) => self.request(request),
            Input::Upgrade { request, resumable } => {
                let is_request = self.request(request);
                is_request | resumable.as_mut().is_some_and(|value| self.value(value))
            }
            Input::Message { data } => self.value(data),
            Input::Signal(signal) => signal.data.as_mut().is_some_and(|data| self.value(data)),
            Input::Stream { piece, .. } => self.piece(piece),
            // Paths, queries and reasons are replaced by no rule.
            Input::Open { .. } | Input::Close { .. } => false,
        }
    }

    fn request(&self, request: &mut RequestRecord<'_>) -> bool {
        let headers = self.header_lines(&request.headers.0);
        let is_header = headers.is_some();
        if let Some(headers) = headers {
            request.headers = Text(Cow::Owned(headers));
        }
        let body = self.json_fields(&request.body.0);
        let is_body = body.is_some();
        if let Some(body) = body {
            request.body.0 = Cow::Owned(body);
        }
        is_header | is_body
    }

    fn piece(&self, piece: &mut PieceRecord) -> bool {
        let text = |text: &mut String| match self.json_fields(text.as_bytes()) {
            Some(changed) => {
                *text = String::from_utf8_lossy(&changed).into_owned();
                true
            }
            None => false,
        };
        match piece {
            PieceRecord::Lines(lines) => {
                lines.iter_mut().fold(false, |is_any, it| text(it) | is_any)
            }
            PieceRecord::Events(events) => {
                events.iter_mut().fold(false, |is_any, (_, data, _)| text(data) | is_any)
            }
            PieceRecord::Start { headers, .. } => match self.header_lines(headers) {
                Some(changed) => {
                    *headers = changed;
                    true
                }
                None => false,
            },
            PieceRecord::Bytes(_) | PieceRecord::End { .. } => false,
        }
    }

    fn given(&self, given: &mut Cow<'_, Given>) -> bool {
        let is_about_values = !self.keys.is_empty() || !self.fields.is_empty();
        let has_values = !given.states.is_empty() || !given.connections.is_empty();
        if !is_about_values || !has_values {
            return false;
        }
        let given = given.to_mut();
        let mut is_any = false;
        for connection in &mut given.connections {
            for value in connection.attachment.all_mut().flatten() {
                is_any |= self.value(value);
            }
        }
        for state in &mut given.states {
            let listed = state.lists.iter_mut().flat_map(|list| &mut list.entries);
            for (key, entry) in listed {
                is_any |= self.entry(key, entry);
            }
            for (key, entry) in &mut state.entries {
                is_any |= entry.as_mut().is_some_and(|entry| self.entry(key, entry));
            }
        }
        is_any
    }

    fn entry(&self, key: &str, entry: &mut GivenEntry) -> bool {
        if !self.keys.iter().any(|pattern| pattern.matches(key)) {
            return self.value(&mut entry.value);
        }
        let value = &entry.value.0;
        let bytes = match value.kind() {
            // What is no JSON any more could not be read again.
            ValueKind::Json => {
                self.json(value.bytes(), true).unwrap_or_else(|| value.bytes().to_vec())
            }
            _ => self.token(value.bytes()),
        };
        entry.value = GivenValue(Value::new(value.kind(), Bytes::from(bytes)));
        true
    }

    fn value(&self, value: &mut GivenValue) -> bool {
        let kind = value.0.kind();
        if !kind.is_utf8() {
            return false;
        }
        let Some(changed) = self.json_fields(value.0.bytes()) else { return false };
        *value = GivenValue(Value::new(kind, Bytes::from(changed)));
        true
    }

    fn journal(&self, journal: &mut JournalRecord) -> bool {
        let Some(asked) = &mut journal.asked else { return false };
        let mut is_any = false;
        for answer in asked.entries.iter_mut().filter_map(|entry| entry.answer.as_mut()) {
            if let Some(head) = self.answer_head(&answer.head) {
                answer.head = head;
                is_any = true;
            }
            if let Some(body) = self.json_fields(&answer.body) {
                answer.body = body;
                is_any = true;
            }
        }
        is_any
    }

    /// The head of a response, whose headers are lines in a field of it.
    fn answer_head(&self, head: &[u8]) -> Option<Vec<u8>> {
        if head.is_empty() || self.headers.is_empty() {
            return None;
        }
        let mut head: Json = serde_json::from_slice(head).ok()?;
        let headers = self.header_lines(head.get("headers")?.as_str()?)?;
        head["headers"] = Json::String(headers);
        serde_json::to_vec(&head).ok()
    }

    /// `name: value` lines with values replaced; `None` if no line has one to replace.
    fn header_lines(&self, lines: &str) -> Option<String> {
        let is_meant = |line: &&str| {
            let name = line.split_once(':').map_or("", |(name, _)| name);
            self.headers.iter().any(|header| name.eq_ignore_ascii_case(header))
        };
        if !lines.split('\n').any(|line| is_meant(&line)) {
            return None;
        }
        let replaced = lines.split('\n').map(|line| match line.split_once(':') {
            Some((name, value)) if is_meant(&line) => {
                let blank = value.len() - value.trim_start().len();
                let token = self.token(&value.as_bytes()[blank..]);
                format!("{name}:{}{}", &value[..blank], String::from_utf8_lossy(&token))
            }
            _ => line.to_owned(),
        });
        Some(replaced.collect::<Vec<_>>().join("\n"))
    }

    /// JSON with the values of fields replaced; `None` if it has none of them, or is no JSON.
    fn json_fields(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let is_container = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
        (!self.fields.is_empty() && is_container).then(|| self.json(bytes, false)).flatten()
    }

    /// JSON with the values of fields replaced, or with all values.
    fn json(&self, bytes: &[u8], is_all: bool) -> Option<Vec<u8>> {
        let mut walk =
            JsonWalk { redaction: self, bytes, at: 0, written: Vec::new(), copied: 0, depth: 0 };
        walk.value(is_all)?;
        (!walk.written.is_empty()).then(|| {
            walk.written.extend_from_slice(&bytes[walk.copied..]);
            walk.written
        })
    }

    /// What a value is replaced by.
    fn token(&self, value: &[u8]) -> Vec<u8> {
        let mut token = Vec::with_capacity(value.len() + 64);
        for number in 0_u64.. {
            if token.len() >= value.len() {
                break;
            }
            let hash = Sha256::new()
                .chain_update(self.salt)
                .chain_update(number.to_le_bytes())
                .chain_update(value)
                .finalize();
            token.extend(hash.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
        }
        token.truncate(value.len());
        token
    }

    /// Replaces the values of settings wherever they are in a record. Returns whether there were any.
    pub(crate) fn hide(&self, settings: &[Bytes], record: &mut [u8]) -> bool {
        let mut is_any = false;
        for setting in settings.iter().filter(|setting| setting.len() >= MIN_SETTING) {
            let finder = memchr::memmem::Finder::new(setting);
            let found: Vec<usize> = finder.find_iter(record).collect();
            if found.is_empty() {
                continue;
            }
            is_any = true;
            let token = self.token(setting);
            for at in found {
                record[at..at + setting.len()].copy_from_slice(&token);
            }
        }
        is_any
    }
}

/// Goes over JSON, and writes it anew from the first value on that is replaced.
struct JsonWalk<'a> {
    redaction: &'a Redaction,
    bytes: &'a [u8],
    at: usize,
    written: Vec<u8>,
    /// How much of `bytes` is in `written`.
    copied: usize,
    depth: usize,
}

impl JsonWalk<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        Some(self.bytes[self.at])
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// One value. `None` ends the walk: it is no JSON, or too deep.
    fn value(&mut self, is_meant: bool) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => self.members(is_meant)?,
            b'[' => self.elements(is_meant)?,
            b'"' => {
                let text = self.string()?;
                if is_meant {
                    let token = self.redaction.token(&self.bytes[text.clone()]);
                    self.replace(text, &token);
                }
            }
            b'-' | b'0'..=b'9' => {
                let begin = self.at;
                let is_part =
                    |it: &u8| matches!(it, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                while self.bytes.get(self.at).is_some_and(is_part) {
                    self.at += 1;
                }
                if is_meant {
                    let number = &self.bytes[begin..self.at];
                    let ones: Vec<u8> = number
                        .iter()
                        .map(|it| if it.is_ascii_digit() { b'1' } else { *it })
                        .collect();
                    self.replace(begin..self.at, &ones);
                }
            }
            _ => {
                let begin = self.at;
                while self.bytes.get(self.at).is_some_and(u8::is_ascii_alphabetic) {
                    self.at += 1;
                }
                if begin == self.at {
                    return None;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn members(&mut self, is_meant: bool) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            return self.expect(b'}');
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.expect(b':')?;
            let name = &self.bytes[name];
            let is_field = self.redaction.fields.iter().any(|field| is_name(name, field));
            self.value(is_meant || is_field)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b'}'),
            }
        }
    }

    fn elements(&mut self, is_meant: bool) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            return self.expect(b']');
        }
        loop {
            self.value(is_meant)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.expect(b']'),
            }
        }
    }

    /// What is between the quotes of a string.
    fn string(&mut self) -> Option<std::ops::Range<usize>> {
        self.expect(b'"')?;
        let begin = self.at;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(begin..self.at - 1)
    }

    fn replace(&mut self, range: std::ops::Range<usize>, by: &[u8]) {
        self.written.extend_from_slice(&self.bytes[self.copied..range.start]);
        self.written.extend_from_slice(by);
        self.copied = range.end;
    }
}

/// Whether this is the name between quotes, also where it is written with escapes.
fn is_name(written: &[u8], name: &str) -> bool {
    if !written.contains(&b'\\') {
        return written == name.as_bytes();
    }
    let quoted = [b"\"", written, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|read| read == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction(rules: &[&str]) -> Redaction {
        let rules: Vec<Rule> =
            rules.iter().map(|rule| rule.parse().expect("it is a rule")).collect();
        Redaction::new(&rules, [7; 16])
    }

    #[test]
    fn headers_that_say_who_somebody_is_are_replaced_unless_asked_otherwise() {
        let lines = "Host: a\nCookie: user=ann\naccept: b";
        let replaced = redaction(&[]).header_lines(lines).expect("there is a cookie");
        assert!(!replaced.contains("ann"), "{replaced}");
        assert_eq!(replaced.len(), lines.len());
        assert!(replaced.starts_with("Host: a\nCookie: ") && replaced.ends_with("\naccept: b"));
        assert_eq!(redaction(&[]).header_lines(lines), Some(replaced), "it is the same each time");
        assert_eq!(redaction(&["none"]).header_lines(lines), None);
        let own = redaction(&["none", "header:Accept"]).header_lines(lines).expect("it is named");
        assert!(own.contains("ann") && !own.ends_with('b'), "{own}");
    }

    #[test]
    fn fields_of_json_are_replaced_at_any_depth_and_it_stays_json() {
        let redaction = redaction(&["json:$.password", "json:pin"]);
        let json = r#"{"a": [{"pass\u0077ord": "x\"y"}], "pin": {"b": [12.5, "c", null]}, "d": "password"}"#;
        let changed = redaction.json_fields(json.as_bytes()).expect("there are fields");
        let changed = String::from_utf8(changed).expect("it is text");
        assert_eq!(changed.len(), json.len());
        let read: Json = serde_json::from_str(&changed).expect("it is JSON");
        assert_eq!(read["d"], "password");
        assert_eq!(read["pin"]["b"][0], 11.1);
        assert_ne!(read["pin"]["b"][1], "c");
        assert!(!changed.contains("x\\\"y"));
        for other in ["[1, 2]", "{\"a\":", "{\"password\"", "no JSON", "{\"password\":\"\\"] {
            assert_eq!(redaction.json_fields(other.as_bytes()), None, "{other}");
        }
        let deep = "[".repeat(10_000);
        assert_eq!(redaction.json_fields(deep.as_bytes()), None);
    }

    #[test]
    fn what_is_no_rule_is_an_error() {
        for text in ["", "cookie", "header:", "json:", "key:", "body:a"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_are_replaced_wherever_they_are() {
        let mut record = b"xx secret-1 yy secret-1".to_vec();
        let settings = [Bytes::from_static(b"secret-1"), Bytes::from_static(b"yy")];
        assert!(redaction(&[]).hide(&settings, &mut record));
        let record = String::from_utf8(record).expect("it is text");
        assert!(!record.contains("secret-1") && record.contains(" yy "), "{record}");
    }
}
