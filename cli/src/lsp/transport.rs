//! Messages of the protocol on a stream: headers, an empty line, JSON.

use std::io::{self, BufRead, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use lsp_server::{ErrorCode, Message, Notification};
use serde_json::json;

use crate::values;

/// Most bytes of one message. A change holds the whole text of a file, which may be escaped.
const MAX_MESSAGE_BYTES: u64 = 64 * 1024 * 1024;

/// Most bytes of a header.
const MAX_HEADER_BYTES: u64 = 8 * 1024;

/// How many messages are read before the first of them is handled.
const READ_AHEAD: usize = 64;

/// What a client sends.
pub(super) enum Incoming {
    Message(Message),
    /// Something that is not a message, for this reason.
    Unreadable(String),
}

/// Reads messages on a thread of its own. The channel closes where the stream ends.
pub(super) fn read_ahead(mut input: impl BufRead + Send + 'static) -> Receiver<Incoming> {
    let (sender, receiver) = sync_channel(READ_AHEAD);
    // It ends with the stream, with the receiver, or with the process.
    std::thread::spawn(move || read_all(&mut input, &sender));
    receiver
}

fn read_all(input: &mut impl BufRead, sender: &SyncSender<Incoming>) {
    // A stream that fails has ended, and no client is left.
    while let Ok(Some(length)) = next_length(input) {
        let incoming = match read_message(input, length) {
            Ok(incoming) => incoming,
            Err(_) => return,
        };
        if sender.send(incoming).is_err() {
            return;
        }
    }
}

/// Reads headers up to the next message, and returns its length. Lines that are no header are skipped, so
/// that the server recovers after a message of the wrong length.
fn next_length(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let (mut length, mut line) = (None, Vec::new());
    loop {
        line.clear();
        if input.take(MAX_HEADER_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let header = line.trim_ascii();
        match length {
            Some(_) if header.is_empty() => return Ok(length),
            _ => length = content_length(header).or(length),
        }
    }
}

fn content_length(header: &[u8]) -> Option<u64> {
    let (name, value) = std::str::from_utf8(header).ok()?.split_once(':')?;
    name.eq_ignore_ascii_case("Content-Length").then(|| values::number(value.trim()).ok())?
}

fn read_message(input: &mut impl BufRead, length: u64) -> io::Result<Incoming> {
    let mut body = input.take(length);
    if length > MAX_MESSAGE_BYTES {
        io::copy(&mut body, &mut io::sink())?;
        return Ok(Incoming::Unreadable(format!("a message of {length} bytes is too long")));
    }
    let mut text = Vec::new();
    body.read_to_end(&mut text)?;
    Ok(match serde_json::from_slice(&text) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Unreadable(format!("this is not a message: {error}")),
    })
}

/// Writes messages to the client.
pub(super) struct Output<W>(W);

impl<W: Write> Output<W> {
    pub(super) fn new(stream: W) -> Output<W> {
        Output(stream)
    }

    pub(super) fn send(&mut self, message: Message) -> io::Result<()> {
        message.write(&mut self.0)
    }

    /// Says that something received is not a message. Its id is not known.
    pub(super) fn send_parse_error(&mut self, reason: &str) -> io::Result<()> {
        let error = json!({ "code": ErrorCode::ParseError as i32, "message": reason });
        let text = json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string();
        write!(self.0, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        self.0.flush()
    }

    /// Leaves a line in the client's log.
    pub(super) fn log(&mut self, line: &str) -> io::Result<()> {
        // 2 is a warning.
        let params = json!({ "type": 2, "message": line });
        self.send(Message::Notification(Notification::new("window/logMessage".to_owned(), params)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, read_ahead};

    fn methods(bytes: &'static [u8]) -> Vec<String> {
        read_ahead(bytes)
            .iter()
            .map(|incoming| match incoming {
                Incoming::Message(lsp_server::Message::Notification(it)) => it.method,
                Incoming::Message(other) => panic!("{other:?}"),
                Incoming::Unreadable(_) => "?".to_owned(),
            })
            .collect()
    }

    #[test]
    fn messages_are_found_behind_whatever_is_none() {
        for (bytes, expected) in [
            (&b""[..], &[][..]),
            (b"Content-Length: 14\r\n\r\n{\"method\":\"a\"}", &["a"]),
            (b"content-length:14\nContent-Type: x\n\n{\"method\":\"a\"}", &["a"]),
            (b"Content-Length: 3\r\n\r\n{]}Content-Length: 14\r\n\r\n{\"method\":\"a\"}", &["?", "a"]),
            (b"Content-Length: 2\r\n\r\n\xff\xffContent-Length: 2\r\n\r\n{}", &["?", "?"]),
            (b"\r\nnonsense\r\nContent-Length: -1\r\n\r\nContent-Length: 14\r\n\r\n{\"method\":\"a\"}", &["a"]),
            (b"Content-Length: 99\r\n\r\n{\"method\":\"a\"}", &["a"]),
        ] {
            assert_eq!(methods(bytes), expected, "{}", bytes.escape_ascii());
        }
        assert_eq!(methods(b"Content-Length: 99999999\r\n\r\n{}"), ["?"]);
    }
}
