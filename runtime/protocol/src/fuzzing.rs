//! What must hold for any bytes of a client.

use std::io::{self, Cursor, Read, Write};

use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use zigttp_abi::value::{Value, ValueKind};

use crate::decoder::{Decoder, Message, Step};
use crate::fault::Fault;

/// Largest message: small, so that inputs often reach the limit, and large enough for some inflation.
const MAX_MESSAGE_BYTES: usize = 4096;

/// However a client's bytes are cut, they decode to the same messages and the same end, and to the
/// messages that tungstenite decodes. The first byte says where they are cut, the second whether
/// compression was agreed on.
pub fn frames(bytes: &[u8]) {
    let [step, flags, stream @ ..] = bytes else { return };
    let is_deflate_agreed = flags & 1 == 1;
    let whole = decoded(stream, stream.len().max(1), is_deflate_agreed);
    let cut = decoded(stream, usize::from(*step).max(1), is_deflate_agreed);
    assert_eq!(whole.0, cut.0);
    // A compressed message may have several faults (not deflate, not UTF-8, too large): which of them is
    // found first depends on the cut.
    assert_eq!(whole.1.is_some(), cut.1.is_some());
    assert!(is_deflate_agreed || whole.1 == cut.1);
    let (messages, fault) = whole;
    for message in &messages {
        if let Message::Data { value, .. } = message {
            assert!(value.bytes().len() <= MAX_MESSAGE_BYTES);
        }
    }
    if !is_deflate_agreed {
        let messages: Vec<_> =
            messages.into_iter().filter(|it| !matches!(it, Message::Close(_))).collect();
        let theirs = decoded_by_tungstenite(stream);
        // The decoder finds a fault at the byte that causes it; tungstenite may find it later, or before
        // a message that is complete.
        let common = match fault {
            None => messages.len().max(theirs.len()),
            Some(_) => messages.len().min(theirs.len()),
        };
        assert_eq!(messages.get(..common), theirs.get(..common), "{fault:?}");
    }
}

/// What the decoder makes of a client's bytes: messages, and the fault.
fn decoded(stream: &[u8], step: usize, is_deflate_agreed: bool) -> (Vec<Message>, Option<Fault>) {
    let mut decoder = Decoder::new(MAX_MESSAGE_BYTES, is_deflate_agreed);
    let mut messages = Vec::new();
    for mut piece in stream.chunks(step) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Step::Message(message)) => {
                    let is_last = matches!(message, Message::Close(_));
                    messages.push(message);
                    if is_last {
                        return (messages, None);
                    }
                }
                Ok(Step::NeedsInput) => break,
                Ok(Step::Paused) => {}
                Err(fault) => return (messages, Some(fault)),
            }
        }
        assert!(piece.is_empty(), "input is left");
    }
    (messages, None)
}

fn decoded_by_tungstenite(stream: &[u8]) -> Vec<Message> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut client = Client(Cursor::new(stream));
    let mut messages = Vec::new();
    while let Ok(message) = context.read(&mut client) {
        let data = |value| Message::Data { value, compressed_bytes: None };
        let message = match message {
            tungstenite::Message::Text(text) => data(Value::text(text.as_str())),
            tungstenite::Message::Binary(bytes) => data(Value::new(ValueKind::ArrayBuffer, bytes)),
            tungstenite::Message::Ping(payload) => Message::Ping(payload),
            tungstenite::Message::Pong(_) => Message::Pong,
            // Tungstenite knows fewer codes, and replaces those that it does not know.
            tungstenite::Message::Close(_) => break,
            tungstenite::Message::Frame(_) => unreachable!("frames are not read"),
        };
        messages.push(message);
    }
    messages
}

/// Sends its bytes, and accepts everything that it is sent.
struct Client<'a>(Cursor<&'a [u8]>);

impl Read for Client<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Client<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn what_must_hold_for_any_bytes_holds_for_the_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/frames");
        let mut count = 0;
        for entry in folder.read_dir().expect("the target has seeds") {
            let path = entry.expect("a folder can be read").path();
            super::frames(&std::fs::read(&path).expect("a seed can be read"));
            count += 1;
        }
        assert!(count > 0, "the target has no seeds");
    }
}
