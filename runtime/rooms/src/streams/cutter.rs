//! Cuts the body of a response into lines, server-sent events or bytes.
//!
//! Lines end at bytes that are no part of any other character of UTF-8, so a character that comes in two parts is
//! whole before it is decoded.

use bytes::{Bytes, BytesMut};
use zigttp_sandbox::stream::{Cut, Piece, ServerEvent};

/// What a line and an event take in memory besides their text.
const LINE_BYTES: usize = 32;
const EVENT_BYTES: usize = 96;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole lines, events or bytes that nobody has taken.
pub(super) struct Items {
    piece: Piece,
    pub(super) bytes: usize,
}

/// Cuts one body.
pub(super) struct Cutter {
    cut: Cut,
    /// The line that has begun.
    line: Vec<u8>,
    is_first_line: bool,
    /// The last byte was a CR, so an LF that follows ends no line.
    is_after_cr: bool,
    /// The event that has begun (HTML, 9.2.6).
    event: EventBuffers,
}

#[derive(Default)]
struct EventBuffers {
    event: String,
    data: String,
    last_id: String,
}

impl Items {
    pub(super) fn none(cut: Cut) -> Items {
        let piece = match cut {
            Cut::Events => Piece::Events { events: Vec::new() },
            Cut::Lines => Piece::Lines { lines: Vec::new() },
            Cut::Bytes => Piece::Bytes { bytes: Bytes::new() },
        };
        Items { piece, bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.piece {
            Piece::Events { events } => events.is_empty(),
            Piece::Lines { lines } => lines.is_empty(),
            Piece::Bytes { bytes } => bytes.is_empty(),
            Piece::Start { .. } | Piece::End { .. } => true,
        }
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self, cut: Cut) -> Piece {
        std::mem::replace(self, Items::none(cut)).piece
    }
}

impl Cutter {
    pub(super) fn new(cut: Cut) -> Cutter {
        Cutter {
            cut,
            line: Vec::new(),
            is_first_line: true,
            is_after_cr: false,
            event: EventBuffers::default(),
        }
    }

    /// How the body of a response is cut whose `Content-Type` this is.
    pub(super) fn of_type(content_type: &str) -> Cut {
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/').unwrap_or((&essence, ""));
        match (kind, subtype) {
            ("text", "event-stream") => Cut::Events,
            ("text", _) => Cut::Lines,
            ("application", "json" | "jsonl" | "x-ndjson" | "ndjson" | "xml" | "javascript") => {
                Cut::Lines
            }
            ("application", subtype) if subtype.ends_with("+json") || subtype.ends_with("+xml") => {
                Cut::Lines
            }
            _ => Cut::Bytes,
        }
    }

    /// Cuts a part of the body, until what was cut takes so many bytes. Returns how many bytes of the part it has used:
    /// an id is in all events behind it, so few bytes may become many.
    pub(super) fn push(&mut self, part: &[u8], items: &mut Items, most: usize) -> usize {
        match self.cut {
            Cut::Bytes => {
                items.bytes += part.len();
                if let Piece::Bytes { bytes } = &mut items.piece {
                    // The caller has let go of the buffer but for this.
                    let mut all = BytesMut::from(std::mem::take(bytes));
                    all.extend_from_slice(part);
                    *bytes = all.freeze();
                }
                part.len()
            }
            Cut::Lines => part.len() - self.cut_lines(part, items, most).len(),
            Cut::Events => part.len() - self.cut_events(part, items, most).len(),
        }
    }

    /// The body has ended. A line that was begun is one; an event is not (HTML, 9.2.6).
    pub(super) fn end(&mut self, items: &mut Items) {
        if self.cut == Cut::Lines && !self.line.is_empty() {
            self.end_line(items);
        }
    }

    /// Bytes of a line or an event that has begun.
    pub(super) fn held(&self) -> usize {
        let EventBuffers { event, data, last_id } = &self.event;
        self.line.len() + event.len() + data.len() + last_id.len()
    }

    /// Returns what is left.
    fn cut_lines<'a>(&mut self, mut part: &'a [u8], items: &mut Items, most: usize) -> &'a [u8] {
        while let Some(end) = memchr::memchr(b'\n', part) {
            if items.bytes >= most {
                return part;
            }
            self.line.extend_from_slice(&part[..end]);
            part = &part[end + 1..];
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            self.end_line(items);
        }
        self.line.extend_from_slice(part);
        &[]
    }

    fn end_line(&mut self, items: &mut Items) {
        let line = self.take_line();
        items.bytes += line.len() + LINE_BYTES;
        if let Piece::Lines { lines } = &mut items.piece {
            lines.push(line);
        }
    }

    /// Returns what is left.
    fn cut_events<'a>(&mut self, mut part: &'a [u8], items: &mut Items, most: usize) -> &'a [u8] {
        if self.is_after_cr && !part.is_empty() {
            self.is_after_cr = false;
            part = part.strip_prefix(b"\n").unwrap_or(part);
        }
        while let Some(end) = memchr::memchr2(b'\r', b'\n', part) {
            if items.bytes >= most {
                return part;
            }
            self.line.extend_from_slice(&part[..end]);
            let is_cr = part[end] == b'\r';
            part = &part[end + 1..];
            if is_cr {
                self.is_after_cr = part.is_empty();
                part = part.strip_prefix(b"\n").unwrap_or(part);
            }
            let line = self.take_line();
            if let Some(event) = self.event.take_in(&line) {
                items.bytes += event.data.len() + event.event.len() + event.id.len() + EVENT_BYTES;
                if let Piece::Events { events } = &mut items.piece {
                    events.push(event);
                }
            }
        }
        self.line.extend_from_slice(part);
        &[]
    }

    fn take_line(&mut self) -> String {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_first_line) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        String::from_utf8(line)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl EventBuffers {
    /// Takes a line. Returns the event that it ends.
    fn take_in(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.last_id),
            // A comment, `retry`, which asks for a second request, or what the standard does not know.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<ServerEvent> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return None;
        }
        // The LF behind the last line.
        data.pop();
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(ServerEvent { event, data, id: self.last_id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a body that comes in parts of so many bytes.
    fn cut(cut: Cut, body: &[u8], part: usize) -> Piece {
        let (mut cutter, mut items) = (Cutter::new(cut), Items::none(cut));
        for part in body.chunks(part) {
            assert_eq!(cutter.push(part, &mut items, usize::MAX), part.len());
        }
        cutter.end(&mut items);
        items.take(cut)
    }

    fn lines(body: &[u8], expected: &[&str]) {
        for part in 1..=body.len().max(1) {
            let lines = expected.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(cut(Cut::Lines, body, part), Piece::Lines { lines }, "{part}");
        }
    }

    fn events(body: &[u8], expected: &[(&str, &str, &str)]) {
        for part in 1..=body.len().max(1) {
            let events = expected.iter().map(|(event, data, id)| ServerEvent {
                event: (*event).to_owned(),
                data: (*data).to_owned(),
                id: (*id).to_owned(),
            });
            let expected = Piece::Events { events: events.collect() };
            assert_eq!(cut(Cut::Events, body, part), expected, "{part}");
        }
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_the_last_one_with_the_body() {
        lines(b"", &[]);
        lines(b"one\ntwo\r\n\nthree", &["one", "two", "", "three"]);
        lines(b"one\rstill\n", &["one\rstill"]);
        lines("\u{feff}é{}\n\u{feff}".as_bytes(), &["é{}", "\u{feff}"]);
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_and_a_character_in_two_parts_is_whole() {
        lines("häß🎉\n".as_bytes(), &["häß🎉"]);
        lines(b"a\xff\xf0\x9fb\n", &["a\u{fffd}\u{fffd}b"]);
        events("data: 🎉\n\n".as_bytes(), &[("message", "🎉", "")]);
    }

    /// The examples of the standard, and what implementations get wrong.
    #[test]
    fn events_are_those_of_the_standard() {
        let stocks = b"data: YHOO\ndata: +2\ndata: 10\n\n";
        events(stocks, &[("message", "YHOO\n+2\n10", "")]);
        let ids = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
        events(ids, &[("message", "first event", "1"), ("message", "second event", "")]);
        let empty = b"data\n\ndata\ndata\n\ndata:";
        events(empty, &[("message", "", ""), ("message", "\n", "")]);
        events(b"data:test\n\ndata: test\n\n", &[("message", "test", ""), ("message", "test", "")]);
        let typed = b"event: add\ndata: 73857293\n\nevent: none\n\ndata: 1\n\n";
        events(typed, &[("add", "73857293", ""), ("message", "1", "")]);
        events(
            b"id: a\ndata: 1\n\nid: b\0\ndata: 2\n\n",
            &[("message", "1", "a"), ("message", "2", "a")],
        );
        events(b"retry: 5\nother: x\ndata: 1\n\n", &[("message", "1", "")]);
    }

    #[test]
    fn lines_of_events_end_with_cr_lf_or_both() {
        events(
            b"data: 1\r\ndata: 2\r\rdata: 3\n\r\ndata: 4\r\n\r\n",
            &[("message", "1\n2", ""), ("message", "3", ""), ("message", "4", "")],
        );
        events(b"\xef\xbb\xbfdata: 1\r\r", &[("message", "1", "")]);
    }

    #[test]
    fn an_event_that_has_not_ended_is_none() {
        events(b"data: 1\n\ndata: 2\n", &[("message", "1", "")]);
    }

    #[test]
    fn what_few_bytes_become_is_limited() {
        let (mut cutter, mut items) = (Cutter::new(Cut::Events), Items::none(Cut::Events));
        let body = format!("id: {}\n{}", "x".repeat(1000), "data: 1\n\n".repeat(100));
        let used = cutter.push(body.as_bytes(), &mut items, 5000);
        assert!(used < body.len() && (5000..7000).contains(&items.bytes), "{used} {}", items.bytes);
        let Piece::Events { events } = items.take(Cut::Events) else { panic!("they are events") };
        let left = cutter.push(&body.as_bytes()[used..], &mut items, usize::MAX);
        assert_eq!(used + left, body.len());
        let Piece::Events { events: rest } = items.take(Cut::Events) else { panic!("events") };
        assert_eq!(events.len() + rest.len(), 100);
    }

    #[test]
    fn bytes_are_joined() {
        let bytes = Bytes::from_static(b"abc\0\xff");
        assert_eq!(cut(Cut::Bytes, &bytes, 2), Piece::Bytes { bytes });
    }

    #[test]
    fn the_type_of_a_response_says_how_it_is_cut() {
        for (content_type, expected) in [
            ("text/event-stream", Cut::Events),
            ("Text/Event-Stream; charset=utf-8", Cut::Events),
            ("text/plain", Cut::Lines),
            ("application/x-ndjson", Cut::Lines),
            ("application/json;charset=utf-8", Cut::Lines),
            ("application/problem+json", Cut::Lines),
            ("application/octet-stream", Cut::Bytes),
            ("image/png", Cut::Bytes),
            ("", Cut::Bytes),
        ] {
            assert_eq!(Cutter::of_type(content_type), expected, "{content_type}");
        }
    }
}
