//! Where messages end in a peer's bytes (RFC 6455, 5.2), found by the frame headers alone.
//!
//! It judges nothing: tungstenite does. It only tells when nothing of a message is outstanding, so
//! that a connection can do without a decoder until more comes.

/// Longest header of a frame: two bytes, a length of eight, a mask of four.
const MAX_HEADER_BYTES: usize = 14;

/// How far the peer's bytes have come.
#[derive(Default)]
pub(super) struct Boundaries {
    /// The header of the present frame, as far as it has come.
    header: [u8; MAX_HEADER_BYTES],
    header_len: u8,
    /// Payload bytes of the present frame that are still to come; its header is whole.
    payload: u64,
    /// Data frames have come and their last one has not.
    is_fragmented: bool,
}

impl Boundaries {
    /// Follows these bytes. Answers how many messages, control frames included, ended in them.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> usize {
        let mut ended = 0;
        while !bytes.is_empty() {
            if self.payload > 0 {
                let taken = self.payload.min(bytes.len() as u64);
                self.payload -= taken;
                bytes = &bytes[taken as usize..];
                if self.payload == 0 {
                    ended += usize::from(self.end_frame());
                }
                continue;
            }
            self.header[usize::from(self.header_len)] = bytes[0];
            self.header_len += 1;
            bytes = &bytes[1..];
            if let Some(payload) = self.payload_len() {
                self.payload = payload;
                if payload == 0 {
                    ended += usize::from(self.end_frame());
                }
            }
        }
        ended
    }

    /// Whether no message has begun and not ended.
    pub(super) fn is_between_messages(&self) -> bool {
        self.header_len == 0 && !self.is_fragmented
    }

    /// The length that a whole header tells.
    fn payload_len(&self) -> Option<u64> {
        let header = &self.header[..usize::from(self.header_len)];
        let second = *header.get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if header.len() < 2 + extended + mask {
            return None;
        }
        let length = &header[2..2 + extended];
        Some(match extended {
            0 => u64::from(second & 0x7f),
            _ => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        })
    }

    /// Answers whether the frame's end is the end of a message.
    fn end_frame(&mut self) -> bool {
        let first = self.header[0];
        self.header_len = 0;
        let is_final = first & 0x80 != 0;
        let is_control = first & 0x08 != 0;
        if !is_control {
            self.is_fragmented = !is_final;
        }
        is_control || is_final
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match len {
            0..=125 => frame.push(0x80 | len as u8),
            126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + len, 0x55);
        frame
    }

    #[test]
    fn messages_are_counted_however_their_bytes_are_cut() {
        let stream: Vec<u8> = [
            frame(0x81, 0),
            frame(0x82, 125),
            frame(0x81, 126),
            frame(0x02, 3),
            frame(0x89, 4),
            frame(0x00, 0),
            frame(0x80, 70_000),
            frame(0x88, 2),
        ]
        .concat();
        // The fragments of one message are one; a ping in between is another.
        const MESSAGES: usize = 6;
        for step in [1, 2, 3, 7, 100, 4096, stream.len()] {
            let mut boundaries = Boundaries::default();
            let ended: usize = stream.chunks(step).map(|chunk| boundaries.follow(chunk)).sum();
            assert_eq!(ended, MESSAGES, "{step}");
            assert!(boundaries.is_between_messages(), "{step}");
        }
    }

    #[test]
    fn a_message_is_outstanding_until_its_last_fragment_has_ended() {
        let mut boundaries = Boundaries::default();
        for part in [&frame(0x01, 2)[..], &frame(0x89, 0), &frame(0x80, 5)[..10]] {
            boundaries.follow(part);
            assert!(!boundaries.is_between_messages());
        }
        assert_eq!(boundaries.follow(&frame(0x80, 5)[10..]), 1);
        assert!(boundaries.is_between_messages());
        boundaries.follow(&[0x81]);
        assert!(!boundaries.is_between_messages());
    }
}
