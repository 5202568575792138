//! Decodes a client's bytes into messages (RFC 6455, 5 and 8.1; RFC 7692, 6).
//!
//! It keeps the received part of a message, and nothing between messages. Memory grows with what was
//! received, not with the length in a header, nor with what a message inflates to: a compressed message
//! stays compressed until it is complete, so that a client's message takes no more memory than it has
//! sent. Every other fault is found at the byte that causes it.

use bytes::Bytes;
use zigttp_abi::close_code;
use zigttp_abi::value::Value;

use crate::close::Close;
use crate::fault::Fault;
use crate::header::{Header, HeaderReader, Opcode};
use crate::inflater::Inflater;
use crate::partial::{Partial, extend_unmasked};

/// After this many inflated bytes the decoder pauses, so that other tasks can run: some 0.3 ms of work
/// (measured).
const PAUSE_AFTER: usize = 256 << 10;
/// Most frames of one message: without a limit, empty ones could go on for ever. Autobahn sends 65,536.
const MAX_FRAGMENTS: u32 = 1 << 20;

/// How much memory is reserved for a frame, for each byte of it that was received: a message of 1 MiB is
/// then not moved as it grows (which took half as long again, measured), and a header alone reserves
/// almost nothing.
const RESERVED_PER_BYTE: usize = 32;

/// The decoder of one connection.
pub struct Decoder {
    max_message_size: usize,
    header: HeaderReader,
    /// The frame whose payload is being received.
    payload: Option<Payload>,
    /// The message whose last frame is still to come.
    message: Option<Partial>,
    /// The payload of a control frame, which may arrive between the frames of a message.
    control: Vec<u8>,
}

struct Payload {
    header: Header,
    /// Bytes received so far.
    taken: u64,
}

/// A complete message.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    Data {
        value: Value,
        /// Its length on the wire, if it was compressed.
        compressed_bytes: Option<u64>,
    },
    Ping(Bytes),
    Pong,
    /// Code 1005 if the frame has none.
    Close(Close),
}

/// How far [`Decoder::next`] got.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Message(Message),
    /// It has consumed all input and needs more.
    NeedsInput,
    /// It has inflated a lot: let other tasks run, then call it again.
    Paused,
}

impl Decoder {
    pub fn new(max_message_size: usize, is_deflate_agreed: bool) -> Decoder {
        Decoder {
            max_message_size,
            header: HeaderReader::new(is_deflate_agreed),
            payload: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Whether a message has begun and not ended.
    pub fn is_inside_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether it can go on without input: after [`Step::Paused`].
    pub fn is_inflating(&self) -> bool {
        let compressed = self.message.as_ref().and_then(|message| message.compressed.as_ref());
        compressed.is_some_and(|compressed| compressed.inflater.is_some())
    }

    /// Memory that the message under way takes.
    pub fn held_bytes(&self) -> usize {
        self.message.as_ref().map_or(0, |message| {
            let compressed = message.compressed.as_ref().map_or(0, |compressed| {
                let inflater = compressed.inflater.as_ref().map_or(0, |_| Inflater::BYTES);
                compressed.kept.capacity() + inflater
            });
            message.bytes.capacity() + compressed
        })
    }

    /// Frees the message under way. The decoder cannot be used afterwards.
    pub fn forget(&mut self) {
        self.message = None;
        self.control = Vec::new();
    }

    /// Consumes input up to the end of a message. Frames after it stay in the input.
    ///
    /// # Errors
    /// When the client breaks the protocol or exceeds a limit. The decoder cannot be used afterwards.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Step, Fault> {
        let mut inflated = 0;
        loop {
            let payload = match &mut self.payload {
                Some(payload) => payload,
                None => {
                    let Some(header) = self.header.read(input)? else {
                        return Ok(Step::NeedsInput);
                    };
                    self.begin_frame(&header, input.len())?;
                    self.payload.insert(Payload { header, taken: 0 })
                }
            };
            let Payload { header, taken } = payload;
            let left = header.len - *taken;
            if left > 0 && input.is_empty() {
                return Ok(Step::NeedsInput);
            }
            let piece = &input[..left.min(input.len() as u64) as usize];
            let mut has_more = false;
            let len = match &mut self.message {
                _ if header.opcode.is_control() => {
                    extend_unmasked(&mut self.control, piece, header.mask, *taken);
                    piece.len()
                }
                Some(message) => {
                    let is_whole = header.is_final && piece.len() as u64 == left;
                    match &mut message.compressed {
                        None => message.take(piece, header.mask, *taken)?,
                        Some(compressed) if !is_whole => {
                            extend_unmasked(&mut compressed.kept, piece, header.mask, *taken);
                            piece.len()
                        }
                        Some(_) => {
                            let before = message.bytes.len();
                            let max = self.max_message_size;
                            let len = message.inflate(piece, header.mask, *taken, max)?;
                            inflated += message.bytes.len() - before;
                            has_more = message.has_kept();
                            len
                        }
                    }
                }
                None => unreachable!("a data frame has begun or continues a message"),
            };
            *input = &input[len..];
            *taken += len as u64;
            if *taken == header.len && !has_more {
                let header = *header;
                self.payload = None;
                if let Some(message) = self.end_frame(&header)? {
                    return Ok(Step::Message(message));
                }
            }
            if inflated >= PAUSE_AFTER {
                return Ok(Step::Paused);
            }
        }
    }

    /// Checks a frame by its header and the frames before it. `available` is how much of it was received.
    fn begin_frame(&mut self, header: &Header, available: usize) -> Result<(), Fault> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let message = match (header.opcode, &mut self.message) {
            (Opcode::Continuation, Some(message)) => message,
            (Opcode::Continuation, None) => {
                return Err(Fault::Protocol("a frame continues no message"));
            }
            (_, Some(_)) => return Err(Fault::Protocol("a message begins inside of another")),
            (opcode, message @ None) => message.insert(Partial {
                is_text: opcode == Opcode::Text,
                bytes: Vec::new(),
                checked: 0,
                fragments: 0,
                compressed: header.is_compressed.then(Box::default),
                wire_bytes: 0,
            }),
        };
        message.fragments += 1;
        message.wire_bytes = message.wire_bytes.saturating_add(header.len);
        let max = self.max_message_size as u64;
        let max_wire_bytes = match message.compressed {
            None => max,
            // Compression may add an eighth: fixed codes have up to nine bits for each byte.
            Some(_) => max + max / 8 + 64,
        };
        if message.wire_bytes > max_wire_bytes || message.fragments > MAX_FRAGMENTS {
            return Err(Fault::TooBig);
        }
        if message.compressed.is_none() {
            let reserved = header.len.min((available * RESERVED_PER_BYTE) as u64) as usize;
            if message.fragments == 1 {
                message.bytes.reserve_exact(reserved);
            } else {
                message.bytes.reserve(reserved);
            }
        }
        Ok(())
    }

    /// Returns the message that ends with this frame, if one does.
    fn end_frame(&mut self, header: &Header) -> Result<Option<Message>, Fault> {
        Ok(match header.opcode {
            Opcode::Ping => Some(Message::Ping(std::mem::take(&mut self.control).into())),
            Opcode::Pong => {
                self.control = Vec::new();
                Some(Message::Pong)
            }
            Opcode::Close => Some(Message::Close(close(&std::mem::take(&mut self.control))?)),
            Opcode::Continuation | Opcode::Text | Opcode::Binary if header.is_final => {
                let message = self.message.take().expect("its first frame has begun it");
                let (value, compressed_bytes) = message.end(self.max_message_size)?;
                Some(Message::Data { value, compressed_bytes })
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => None,
        })
    }
}

/// The code and reason in the payload of a close frame (RFC 6455, 5.5.1).
fn close(payload: &[u8]) -> Result<Close, Fault> {
    match payload {
        [] => Ok(Close::new(close_code::NO_STATUS, "")),
        [_] => Err(Fault::Protocol("half a close code")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !close_code::may_be_sent(code) {
                return Err(Fault::Protocol("a close code is reserved"));
            }
            let reason = std::str::from_utf8(reason).map_err(|_invalid| Fault::NotUtf8)?;
            Ok(Close::new(code, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use zigttp_abi::value::ValueKind;

    use super::*;

    const MAX: usize = 100_000;

    /// A masked frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        frame.extend(mask);
        extend_unmasked(&mut frame, payload, mask, 0);
        frame
    }

    /// Decodes a stream in pieces of `step` bytes: its messages, and the fault that ends it.
    fn decode(stream: &[u8], step: usize) -> (Vec<Message>, Option<Fault>) {
        let mut decoder = Decoder::new(MAX, true);
        let mut messages = Vec::new();
        for mut piece in stream.chunks(step) {
            loop {
                match decoder.next(&mut piece) {
                    Ok(Step::Message(message)) => messages.push(message),
                    Ok(Step::Paused) => {}
                    Ok(Step::NeedsInput) => break,
                    Err(fault) => return (messages, Some(fault)),
                }
            }
            assert!(piece.is_empty());
        }
        (messages, None)
    }

    fn text(text: &str) -> Message {
        Message::Data { value: Value::text(text), compressed_bytes: None }
    }

    #[test]
    fn messages_are_the_same_however_their_bytes_are_cut() {
        let long = "\u{e9}".repeat(40_000);
        let (start, end) = long.as_bytes().split_at(30_001);
        let stream = [
            frame(0x81, b""),
            frame(0x82, &[7; 126]),
            frame(0x01, start),
            frame(0x89, b"are you there?"),
            frame(0x00, b""),
            frame(0x80, end),
            frame(0x8a, b"unasked"),
            frame(0x41, b"\xf2\x48\xcd"),
            frame(0x89, b""),
            frame(0x80, b"\xc9\xc9\x07\x00"),
            frame(0x88, b"\x03\xe8bye"),
        ]
        .concat();
        let binary = Value::new(ValueKind::ArrayBuffer, Bytes::from_static(&[7; 126]));
        for step in [1, 2, 3, 5, 7, 100, 4096, stream.len()] {
            let expected = [
                text(""),
                Message::Data { value: binary.clone(), compressed_bytes: None },
                Message::Ping(Bytes::from_static(b"are you there?")),
                text(&long),
                Message::Pong,
                Message::Ping(Bytes::new()),
                Message::Data { value: Value::text("Hello"), compressed_bytes: Some(7) },
                Message::Close(Close::new(1000, "bye")),
            ];
            let (messages, fault) = decode(&stream, step);
            assert!(messages == expected && fault.is_none(), "{step} {fault:?}");
        }
    }

    #[test]
    fn nothing_is_held_between_messages() {
        let mut decoder = Decoder::new(MAX, true);
        let stream =
            [frame(0x81, b"text"), frame(0x89, b"ping"), frame(0xc1, b"\x02\x00")].concat();
        let mut input = &stream[..];
        while let Ok(Step::Message(_)) = decoder.next(&mut input) {}
        assert!(decoder.message.is_none() && decoder.payload.is_none());
        assert_eq!(decoder.control.capacity(), 0);
        // Every connection has one.
        assert!(size_of::<Decoder>() <= 192, "{}", size_of::<Decoder>());
    }

    #[test]
    fn a_length_in_a_header_reserves_no_memory() {
        let mut decoder = Decoder::new(usize::MAX >> 2, false);
        let mut input = &b"\x82\xff\0\0\0\x7f\0\0\0\0\x01\x02\x03\x04few"[..];
        assert_eq!(decoder.next(&mut input), Ok(Step::NeedsInput));
        let message = decoder.message.expect("it has begun");
        assert_eq!((message.bytes.len(), message.bytes.capacity()), (3, 3 * RESERVED_PER_BYTE));
    }

    #[test]
    fn a_message_over_the_limit_is_refused_by_its_header() {
        let over = |first: u8, len: u64| [&[first, 0xff][..], &len.to_be_bytes(), &[0; 4]].concat();
        let max = MAX as u64;
        assert_eq!(decode(&over(0x82, max), 99), (vec![], None));
        assert_eq!(decode(&over(0x82, max + 1), 99).1, Some(Fault::TooBig));
        assert_eq!(decode(&over(0x82, u64::MAX >> 1), 99).1, Some(Fault::TooBig));
        assert_eq!(decode(&over(0xc2, 2 * max), 99).1, Some(Fault::TooBig));
        let fragments = [frame(0x02, &[0; 60_000]), over(0x80, 1 << 16)].concat();
        assert_eq!(decode(&fragments, 99).1, Some(Fault::TooBig));
    }

    #[test]
    fn fragments_without_end_are_refused() {
        let empty = frame(0x00, b"").repeat(MAX_FRAGMENTS as usize);
        assert_eq!(decode(&[frame(0x01, b""), empty].concat(), 4096).1, Some(Fault::TooBig));
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut state = flate2::Compress::new(flate2::Compression::best(), false);
        let mut out = Vec::with_capacity(bytes.len() + 100);
        state.compress_vec(bytes, &mut out, flate2::FlushCompress::Sync).expect("there is room");
        out.truncate(out.len() - 4);
        out
    }

    #[test]
    fn a_compressed_message_stays_compressed_until_it_is_complete() {
        let zeros = vec![0; MAX];
        let compressed = deflate(&zeros);
        let (start, end) = compressed.split_at(compressed.len() - 1);
        for last in [end, b""] {
            let mut decoder = Decoder::new(MAX, true);
            let sent = if last.is_empty() { &compressed[..] } else { start };
            let mut input = &frame(0x42, sent)[..];
            assert_eq!(decoder.next(&mut input), Ok(Step::NeedsInput));
            assert!(decoder.is_inside_message() && !decoder.is_inflating());
            let held = decoder.held_bytes();
            assert!((sent.len()..2 * sent.len()).contains(&held), "{held} of {}", sent.len());
            let mut input = &frame(0x80, last)[..];
            let Ok(Step::Message(Message::Data { value, compressed_bytes })) =
                decoder.next(&mut input)
            else {
                panic!("it is complete")
            };
            assert!(value.bytes() == &zeros[..]);
            assert_eq!(compressed_bytes, Some(compressed.len() as u64));
            assert_eq!(decoder.held_bytes(), 0);
        }
    }

    #[test]
    fn a_message_that_was_kept_is_inflated_with_pauses_and_without_further_input() {
        let zeros = vec![0; 8 << 20];
        let mut decoder = Decoder::new(zeros.len(), true);
        let stream = [frame(0x42, &deflate(&zeros)), frame(0x80, b"")].concat();
        let (mut input, mut pauses) = (&stream[..], 0);
        let step = loop {
            match decoder.next(&mut input) {
                Ok(Step::Paused) => pauses += 1,
                other => break other,
            }
            assert!(input.is_empty() && decoder.is_inflating());
            assert!(decoder.held_bytes() > Inflater::BYTES);
        };
        assert!(matches!(step, Ok(Step::Message(_))), "{step:?}");
        assert!(pauses >= 7 && !decoder.is_inflating(), "{pauses}");
    }

    #[test]
    fn a_bomb_is_refused_and_inflated_with_pauses() {
        let zeros = vec![0; MAX];
        let (messages, fault) = decode(&frame(0xc2, &deflate(&zeros)), 4096);
        assert_eq!((messages.len(), fault), (1, None));
        let bomb = frame(0xc2, &deflate(&vec![0; 8 << 20]));
        assert_eq!(decode(&bomb, 4096).1, Some(Fault::TooBig));
        let mut decoder = Decoder::new(16 << 20, true);
        let mut input = &bomb[..];
        let mut pauses = 0;
        let step = loop {
            match decoder.next(&mut input) {
                Ok(Step::Paused) => pauses += 1,
                other => break other,
            }
        };
        assert!(matches!(step, Ok(Step::Message(_))), "{step:?}");
        assert!(pauses >= 7, "{pauses}");
    }

    #[test]
    fn a_text_is_refused_at_the_first_byte_that_is_not_utf_8() {
        for (bytes, bad) in [
            (&b"caf\xe9 "[..], 4),
            (b"\xed\xa0\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xc0\xaf", 0),
            (b"ab\xff", 2),
        ] {
            let whole = frame(0x01, &[bytes, &[b'x'; 20]].concat());
            let header = 6;
            assert_eq!(decode(&whole[..header + bad], 1), (vec![], None), "{bytes:x?}");
            assert_eq!(decode(&whole[..=header + bad], 1).1, Some(Fault::NotUtf8), "{bytes:x?}");
        }
        let half = [frame(0x01, b"caf\xc3"), frame(0x80, b"")].concat();
        assert_eq!(decode(&half, 99).1, Some(Fault::NotUtf8));
        // An inflated text too: "caf\xe9" in a stored block.
        let inflated = frame(0xc1, b"\x00\x04\x00\xfb\xffcaf\xe9\x00");
        assert_eq!(decode(&inflated, 99).1, Some(Fault::NotUtf8));
    }

    #[test]
    fn frames_of_two_messages_must_not_be_mixed() {
        let continues = Some(Fault::Protocol("a frame continues no message"));
        assert_eq!(decode(&frame(0x80, b"x"), 99).1, continues);
        let twice = [frame(0x01, b"x"), frame(0x80, b"y"), frame(0x00, b"z")].concat();
        assert_eq!(decode(&twice, 99), (vec![text("xy")], continues));
        let nested = [frame(0x01, b"x"), frame(0x82, b"y")].concat();
        let begins = Some(Fault::Protocol("a message begins inside of another"));
        assert_eq!(decode(&nested, 99).1, begins);
    }

    #[test]
    fn a_close_frame_is_empty_or_has_a_code_that_may_be_sent_and_a_reason() {
        let close = |payload: &[u8]| decode(&frame(0x88, payload), 99);
        for (payload, code, reason) in
            [(&b""[..], 1005, ""), (b"\x03\xe8", 1000, ""), (b"\x0f\xa0\xc3\xa9", 4000, "\u{e9}")]
        {
            let expected = Message::Close(Close::new(code, reason));
            assert_eq!(close(payload), (vec![expected], None));
        }
        assert_eq!(close(b"\x03").1, Some(Fault::Protocol("half a close code")));
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000_u16] {
            let reserved = Some(Fault::Protocol("a close code is reserved"));
            assert_eq!(close(&code.to_be_bytes()).1, reserved, "{code}");
        }
        assert_eq!(close(b"\x03\xe8\xff").1, Some(Fault::NotUtf8));
    }
}
