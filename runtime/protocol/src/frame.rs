//! A data frame ready to be written (RFC 6455, 5.2): header and payload in one buffer, made once and
//! shared by all connections that it is sent to.

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use zigttp_abi::value::ValueKind;

use zigttp_abi::value::{Value, well_formed};

/// A complete, unmasked text or binary message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    header_len: u8,
    is_text: bool,
    is_compressed: bool,
    /// Bytes of the message, before any compression.
    message_len: usize,
}

/// What a frame of any size takes in a queue besides its bytes: its entry in a list that doubles as it
/// grows (twice [`Bytes`]), what an allocation of a few bytes is rounded up to (32), and what sharing them
/// takes (32).
const ENTRY_BYTES: usize = 128;
const _: () = assert!(2 * size_of::<Bytes>() + 32 + 32 <= ENTRY_BYTES);

/// What an encoded frame counts towards the limit of a queue.
pub fn queue_bytes(encoded: &Bytes) -> usize {
    ENTRY_BYTES + encoded.len()
}

impl Frame {
    /// A text frame. Bytes that are not UTF-8 (from lone surrogates) become U+FFFD.
    pub fn text(payload: &[u8]) -> Frame {
        // Most text is ASCII, which takes a few instructions to check.
        if payload.is_ascii() {
            return Frame::encode(true, payload);
        }
        Frame::encode(true, well_formed(payload).as_bytes())
    }

    /// A binary frame.
    pub fn binary(payload: &[u8]) -> Frame {
        Frame::encode(false, payload)
    }

    /// A text frame for a string, a binary one for every other value.
    pub fn of(value: &Value) -> Frame {
        Frame::encode(value.kind() == ValueKind::Text, value.bytes())
    }

    /// The same message with this compressed payload (RFC 7692, 6).
    pub fn compressed(&self, payload: &[u8]) -> Frame {
        let message_len = self.message_len;
        Frame { message_len, ..Frame::with_header(self.is_text, true, payload) }
    }

    fn encode(is_text: bool, payload: &[u8]) -> Frame {
        Frame::with_header(is_text, false, payload)
    }

    fn with_header(is_text: bool, is_compressed: bool, payload: &[u8]) -> Frame {
        let opcode = OpCode::Data(if is_text { Data::Text } else { Data::Binary });
        let header = FrameHeader { opcode, rsv1: is_compressed, ..FrameHeader::default() };
        // Exactly the length: with room left, sharing would take another allocation.
        let len = header.len(payload.len() as u64) + payload.len();
        let mut bytes = Vec::with_capacity(len);
        header.format(payload.len() as u64, &mut bytes).expect("writing to memory cannot fail");
        let header_len = bytes.len() as u8;
        bytes.extend_from_slice(payload);
        let message_len = payload.len();
        Frame { bytes: bytes.into(), header_len, is_text, is_compressed, message_len }
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes on the wire, without the rest.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    pub fn payload(&self) -> &[u8] {
        &self.bytes[usize::from(self.header_len)..]
    }

    /// Bytes of the message, before any compression.
    pub fn message_len(&self) -> usize {
        self.message_len
    }

    pub fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// Whether both are clones of one frame.
    pub fn shares_bytes_with(&self, other: &Frame) -> bool {
        std::ptr::eq(&*self.bytes, &*other.bytes)
    }

    pub fn is_text(&self) -> bool {
        self.is_text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_final_unmasked_and_as_short_as_can_be() {
        assert_eq!(Frame::text(b"hi").into_bytes(), &b"\x81\x02hi"[..]);
        assert_eq!(Frame::binary(b"").into_bytes(), &b"\x82\x00"[..]);
        let middle = Frame::binary(&[7; 126]);
        assert_eq!(middle.payload(), [7; 126]);
        assert_eq!(middle.into_bytes()[..4], *b"\x82\x7e\x00\x7e");
        let long = Frame::binary(&[7; 65_536]);
        assert_eq!(long.payload().len(), 65_536);
        assert_eq!(long.into_bytes()[..10], *b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
    }

    #[test]
    fn a_compressed_frame_says_so_and_knows_how_long_its_message_is() {
        let compressed = Frame::text(b"Hello").compressed(b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        assert_eq!((compressed.message_len(), compressed.is_text()), (5, true));
        assert!(compressed.is_compressed());
        // RFC 7692, 7.2.3.1.
        assert_eq!(compressed.into_bytes(), &b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"[..]);
    }

    #[test]
    fn a_text_frame_is_utf_8() {
        assert_eq!(Frame::text(b"a\xed\xa0\x80").payload(), "a\u{fffd}".as_bytes());
    }
}
