//! Compressors. Each thread keeps its own for the next message.

use std::cell::RefCell;

use flate2::{Compress, FlushCompress};

use super::window::WindowBits;

/// Most compressors that a thread keeps: one for each window size, and a spare one. The largest takes
/// some 300 KiB.
const MAX_KEPT: usize = WindowBits::COUNT + 1;

/// What a flush appends, and a message leaves out (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// More room than a flush needs (six bytes, says zlib), so that it does not begin again.
const ROOM: usize = 64;

thread_local! {
    static KEPT: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
}

/// The state of compressing one message.
pub struct Compressor {
    state: Compress,
    window: WindowBits,
    level: u32,
}

impl Compressor {
    /// Takes one that this thread has kept, or makes a new one.
    pub fn take(window: WindowBits, level: u32) -> Compressor {
        KEPT.with_borrow_mut(|kept| {
            let fitting = kept.iter().position(|kept| (kept.window, kept.level) == (window, level));
            fitting.map(|index| kept.swap_remove(index))
        })
        .unwrap_or_else(|| {
            let level_of = flate2::Compression::new(level);
            let state = Compress::new_with_window_bits(level_of, false, window.get());
            Compressor { state, window, level }
        })
    }

    /// Compresses a part of the message.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.compress(input, out, FlushCompress::None);
    }

    /// Ends the message, and keeps the state for another.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.compress(&[], out, FlushCompress::Sync);
        debug_assert!(out.ends_with(&TAIL), "a flush ends with an empty block");
        out.truncate(out.len() - TAIL.len());
        self.state.reset();
        KEPT.with_borrow_mut(|kept| {
            if kept.len() < MAX_KEPT {
                kept.push(self);
            }
        });
    }

    fn compress(&mut self, mut input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) {
        loop {
            out.reserve(ROOM);
            let before = self.state.total_in();
            self.state
                .compress_vec(input, out, flush)
                .expect("zlib only fails on a state that was finished");
            input = &input[(self.state.total_in() - before) as usize..];
            // While there is room, zlib keeps no output back.
            if input.is_empty() && out.len() < out.capacity() {
                return;
            }
        }
    }
}
