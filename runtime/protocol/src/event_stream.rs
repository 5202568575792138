//! Messages as server-sent events (HTML, 9.2.5), for clients that read a response instead of a WebSocket.
//!
//! A text is one event of the type `message`. Bytes are one of the type `binary` with them in base64, since a stream
//! of events is text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::frame::Frame;

/// A comment, which clients ignore: it shows both sides that the other is there.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// A message as an event. Each line of a text is a line of data; whatever ended the lines, the client gets `\n`.
pub fn encode(frame: &Frame) -> Bytes {
    let payload = frame.payload();
    if !frame.is_text() {
        return format!("event: binary\ndata: {}\n\n", STANDARD.encode(payload)).into();
    }
    // Most texts have one line.
    let mut event = Vec::with_capacity(payload.len() + b"data: \n\n".len());
    for line in lines(payload) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

/// The lines of a text, ended by `\r\n`, `\n` or `\r`; one that is empty has one.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
            rest = None;
            return Some(text);
        };
        let ends_in_two = text[end] == b'\r' && text.get(end + 1) == Some(&b'\n');
        rest = Some(&text[end + 1 + usize::from(ends_in_two)..]);
        Some(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &str) -> String {
        String::from_utf8(encode(&Frame::text(message.as_bytes())).into()).expect("it is text")
    }

    #[test]
    fn each_line_of_a_text_is_a_line_of_data() {
        assert_eq!(text("hello"), "data: hello\n\n");
        assert_eq!(text(""), "data: \n\n");
        assert_eq!(text(" a\nb\r\nc\rd"), "data:  a\ndata: b\ndata: c\ndata: d\n\n");
        assert_eq!(text("a\n\n"), "data: a\ndata: \ndata: \n\n");
        assert_eq!(text("\r\r\n"), "data: \ndata: \ndata: \n\n");
        assert_eq!(text("data: x\nid: 7"), "data: data: x\ndata: id: 7\n\n");
    }

    #[test]
    fn bytes_are_an_event_of_their_own_type() {
        let event = encode(&Frame::binary(&[0, 255, b'\n']));
        assert_eq!(event, &b"event: binary\ndata: AP8K\n\n"[..]);
    }
}
