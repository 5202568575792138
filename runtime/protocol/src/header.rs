//! The header of a frame (RFC 6455, 5.2). Each part is checked as soon as it was received, so a bad frame
//! is refused before the client has sent the rest of it.

use crate::fault::Fault;

/// Longest header of a frame: two bytes, a length of eight, a mask of four.
const MAX_BYTES: usize = 14;
/// Most payload of a control frame (RFC 6455, 5.5).
const MAX_CONTROL_BYTES: u8 = 125;

const IS_FINAL: u8 = 0x80;
/// Marks a compressed message (RFC 7692, 6).
const RESERVED_1: u8 = 0x40;
const RESERVED_2_AND_3: u8 = 0x30;
const IS_MASKED: u8 = 0x80;

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub opcode: Opcode,
    /// The last frame of its message.
    pub is_final: bool,
    /// The first frame of a message that is compressed.
    pub is_compressed: bool,
    /// Bytes of payload.
    pub len: u64,
    pub mask: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// Reads headers that arrive in pieces.
pub struct HeaderReader {
    /// Whether permessage-deflate was agreed on.
    allows_compression: bool,
    /// The bytes of a header that is not complete.
    bytes: [u8; MAX_BYTES],
    len: u8,
}

impl HeaderReader {
    pub fn new(allows_compression: bool) -> HeaderReader {
        HeaderReader { allows_compression, bytes: [0; MAX_BYTES], len: 0 }
    }

    /// Takes the next header from the input; `None` when it has consumed all input and needs more.
    ///
    /// # Errors
    /// When no frame of a client may begin with these bytes.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Fault> {
        if self.len == 0
            && let Some((header, len)) = parse(input, self.allows_compression)?
        {
            *input = &input[len..];
            return Ok(Some(header));
        }
        while let Some((first, rest)) = input.split_first() {
            *input = rest;
            self.bytes[usize::from(self.len)] = *first;
            self.len += 1;
            let bytes = &self.bytes[..usize::from(self.len)];
            if let Some((header, _)) = parse(bytes, self.allows_compression)? {
                self.len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

/// The header at the beginning of these bytes, and its length; `None` while it is valid so far.
fn parse(bytes: &[u8], allows_compression: bool) -> Result<Option<(Header, usize)>, Fault> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(Fault::Protocol("an opcode is reserved")),
    };
    let is_compressed = first & RESERVED_1 != 0;
    let may_be_compressed = allows_compression && matches!(opcode, Opcode::Text | Opcode::Binary);
    if first & RESERVED_2_AND_3 != 0 || is_compressed && !may_be_compressed {
        return Err(Fault::Protocol("a reserved bit is set"));
    }
    let is_final = first & IS_FINAL != 0;
    if opcode.is_control() && !is_final {
        return Err(Fault::Protocol("a control frame is fragmented"));
    }
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    if second & IS_MASKED == 0 {
        return Err(Fault::Protocol("a frame is not masked"));
    }
    let short_len = second & !IS_MASKED;
    if opcode.is_control() && short_len > MAX_CONTROL_BYTES {
        return Err(Fault::Protocol("a control frame is over 125 bytes"));
    }
    let (len, mask_at) = match short_len {
        126 => match bytes.get(2..4) {
            Some(len) => (u64::from(u16::from_be_bytes([len[0], len[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..).and_then(<[u8]>::first_chunk) {
            Some(len) => (u64::from_be_bytes(*len), 10),
            None => return Ok(None),
        },
        _ => (u64::from(short_len), 2),
    };
    let shortest = match mask_at {
        2 => 0,
        4 => 126,
        _ => 1 << 16,
    };
    if len < shortest {
        return Err(Fault::Protocol("a length is not in its shortest form"));
    }
    if len > i64::MAX.cast_unsigned() {
        return Err(Fault::Protocol("a length has its highest bit set"));
    }
    let Some(mask) = bytes.get(mask_at..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
    Ok(Some((Header { opcode, is_final, is_compressed, len, mask: *mask }, mask_at + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a header in pieces of `step` bytes: the header, and how many bytes it took.
    fn read(bytes: &[u8], step: usize, allows_compression: bool) -> Result<(Header, usize), Fault> {
        let mut reader = HeaderReader::new(allows_compression);
        let mut taken = 0;
        for piece in bytes.chunks(step) {
            let mut input = piece;
            let header = reader.read(&mut input)?;
            taken += piece.len() - input.len();
            if let Some(header) = header {
                return Ok((header, taken));
            }
        }
        panic!("no header in {bytes:x?}");
    }

    #[test]
    fn headers_are_read_however_they_are_cut() {
        let mask = [1, 2, 3, 4];
        for (start, opcode, is_final, len) in [
            (&b"\x81\x80"[..], Opcode::Text, true, 0),
            (b"\x02\xfd", Opcode::Binary, false, 125),
            (b"\x80\xfe\x00\x7e", Opcode::Continuation, true, 126),
            (b"\x00\xfe\xff\xff", Opcode::Continuation, false, 0xffff),
            (b"\x82\xff\0\0\0\0\0\x01\0\0", Opcode::Binary, true, 0x10000),
            (b"\x88\x80", Opcode::Close, true, 0),
            (b"\x89\xfd", Opcode::Ping, true, 125),
            (b"\x8a\x81", Opcode::Pong, true, 1),
        ] {
            let bytes = [start, &mask, b"payload"].concat();
            let expected = Header { opcode, is_final, is_compressed: false, len, mask };
            for step in 1..=bytes.len() {
                assert_eq!(read(&bytes, step, false), Ok((expected, start.len() + 4)), "{step}");
            }
        }
    }

    #[test]
    fn a_bad_header_is_refused_at_the_first_bad_byte() {
        for (bytes, what) in [
            (&b"\xa1"[..], "a reserved bit is set"),
            (b"\x91", "a reserved bit is set"),
            (b"\xc1", "a reserved bit is set"),
            (b"\x83", "an opcode is reserved"),
            (b"\x87", "an opcode is reserved"),
            (b"\x8b", "an opcode is reserved"),
            (b"\x8f", "an opcode is reserved"),
            (b"\x09", "a control frame is fragmented"),
            (b"\x81\x05", "a frame is not masked"),
            (b"\x89\xfe", "a control frame is over 125 bytes"),
            (b"\x88\xff", "a control frame is over 125 bytes"),
            (b"\x81\xfe\x00\x7d", "a length is not in its shortest form"),
            (b"\x81\xff\0\0\0\0\0\0\xff\xff", "a length is not in its shortest form"),
            (b"\x82\xff\x80\0\0\0\0\x01\0\0", "a length has its highest bit set"),
        ] {
            for step in [1, bytes.len()] {
                assert_eq!(read(bytes, step, false), Err(Fault::Protocol(what)), "{bytes:x?}");
            }
        }
    }

    #[test]
    fn only_the_first_frame_of_a_message_may_be_marked_as_compressed_and_only_if_agreed_on() {
        let bytes = |first: u8| [first, 0x80, 1, 2, 3, 4];
        for first in [0xc1, 0xc2, 0x41, 0x42] {
            assert!(read(&bytes(first), 1, true).is_ok_and(|(header, _)| header.is_compressed));
            assert!(read(&bytes(first), 1, false).is_err());
        }
        for first in [0xc0, 0x40, 0xc8, 0xc9, 0xca, 0xe1, 0xd1] {
            assert!(read(&bytes(first), 1, true).is_err(), "{first:x}");
        }
    }
}
