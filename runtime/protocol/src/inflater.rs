//! Inflates one message of a client (RFC 7692, 7.2.2).
//!
//! A message uses an inflater while it is inflated; the thread that ends it keeps the inflater.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use crate::fault::Fault;

/// Most inflaters that a thread keeps.
const MAX_KEPT: usize = 8;

/// The end of a flush, which the sender leaves out, and an empty last block. That ends the stream only
/// after a complete block, so a message that is cut short inside a block is noticed.
const TAIL: [u8; 6] = [0, 0, 0xff, 0xff, 3, 0];

/// Least room for inflated bytes.
const ROOM: usize = 256;

thread_local! {
    static KEPT: RefCell<Vec<Inflater>> = const { RefCell::new(Vec::new()) };
}

pub struct Inflater(Decompress);

impl Inflater {
    /// Memory of an inflater: its window and its tables (measured, rounded up).
    pub const BYTES: usize = 50 << 10;

    /// Takes one that this thread has kept, or makes a new one. Its window is the largest, so it inflates
    /// data that was compressed with any window.
    pub fn take() -> Inflater {
        let kept = KEPT.with_borrow_mut(Vec::pop);
        kept.unwrap_or_else(|| Inflater(Decompress::new(false)))
    }

    /// Inflates a part of the message and appends it to `out`: at most 1,032 bytes for each byte of input.
    ///
    /// # Errors
    /// When the input is not deflate, or `out` gets more than `max` bytes; its capacity is at most twice
    /// `max` then.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), Fault> {
        self.inflate(input, out, max).map(drop)
    }

    /// Ends the message, and keeps the inflater for another.
    ///
    /// # Errors
    /// As for [`Inflater::push`], and when the message ends before its data does.
    pub fn finish(mut self, out: &mut Vec<u8>, max: usize) -> Result<(), Fault> {
        if !self.inflate(&TAIL, out, max)? {
            return Err(Fault::NotDeflate);
        }
        KEPT.with_borrow_mut(|kept| {
            if kept.len() < MAX_KEPT {
                kept.push(self);
            }
        });
        Ok(())
    }

    /// Returns whether a stream ended at the end of the input.
    fn inflate(&mut self, mut input: &[u8], out: &mut Vec<u8>, max: usize) -> Result<bool, Fault> {
        loop {
            if out.len() == out.capacity() {
                out.reserve(ROOM.max(2 * input.len()));
            }
            let before = self.0.total_in();
            let status = self
                .0
                .decompress_vec(input, out, FlushDecompress::None)
                .map_err(|_error| Fault::NotDeflate)?;
            input = &input[(self.0.total_in() - before) as usize..];
            if out.len() > max {
                return Err(Fault::TooBig);
            }
            match status {
                // A sender may end a stream and begin another (RFC 7692, 7.2.3.4). Each consumes
                // input, so the loop ends.
                Status::StreamEnd => {
                    self.0.reset(false);
                    if input.is_empty() {
                        return Ok(true);
                    }
                }
                // While there is room, zlib keeps no output back.
                Status::Ok | Status::BufError if out.len() < out.capacity() => {
                    return if input.is_empty() { Ok(false) } else { Err(Fault::NotDeflate) };
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    /// Inflates a message in pieces of `step` bytes.
    fn inflate(message: &[u8], step: usize, max: usize) -> Result<Vec<u8>, Fault> {
        let mut inflater = Inflater::take();
        let mut out = Vec::new();
        for piece in message.chunks(step) {
            inflater.push(piece, &mut out, max)?;
        }
        inflater.finish(&mut out, max)?;
        Ok(out)
    }

    #[test]
    fn the_examples_of_the_rfc_inflate_to_hello_however_they_are_cut() {
        // RFC 7692, 7.2.3.1, 7.2.3.3, 7.2.3.4 and 7.2.3.5.
        for message in [
            &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..],
            b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        ] {
            for step in 1..=message.len() {
                assert_eq!(inflate(message, step, 5), Ok(b"Hello".to_vec()), "{message:x?} {step}");
            }
        }
        // 7.2.3.6
        assert_eq!(inflate(b"\x00", 1, 5), Ok(Vec::new()));
    }

    #[test]
    fn a_message_that_is_cut_short_or_is_not_deflate_is_refused() {
        let whole = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        for len in 0..whole.len() - 1 {
            assert_eq!(inflate(&whole[..len], 99, 5), Err(Fault::NotDeflate), "{len}");
        }
        for message in [&b"\xff"[..], b"Hello", b"\x07", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x07"] {
            assert_eq!(inflate(message, 99, 99), Err(Fault::NotDeflate), "{message:x?}");
        }
    }

    /// `count` zeros, compressed.
    fn zeros(count: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(count / 100 + 100);
        let mut state = Compress::new(Compression::best(), false);
        state.compress_vec(&vec![0; count], &mut out, FlushCompress::Sync).expect("there is room");
        out.truncate(out.len() - 4);
        out
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_takes_at_most_twice_that_memory() {
        const MAX: usize = 100_000;
        assert_eq!(inflate(&zeros(MAX), 1024, MAX), Ok(vec![0; MAX]));
        assert_eq!(inflate(&zeros(MAX + 1), 1024, MAX), Err(Fault::TooBig));
        let bomb = zeros(64 << 20);
        let (mut inflater, mut out) = (Inflater::take(), Vec::new());
        assert_eq!(inflater.push(&bomb, &mut out, MAX), Err(Fault::TooBig));
        assert!(out.capacity() <= 2 * MAX + bomb.len() * 2, "{}", out.capacity());
    }

    #[test]
    fn a_message_knows_nothing_of_the_one_before() {
        let first = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        assert!(inflate(first, 99, 99).is_ok());
        // "Hello" again, as RFC 7692, 7.2.3.2 has it with context takeover.
        assert_eq!(inflate(b"\xf2\x00\x11\x00\x00", 99, 99), Err(Fault::NotDeflate));
    }
}
