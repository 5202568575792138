//! Which messages are compressed, and compressing them while other tasks run.

use zigttp_protocol::deflate::Compressor;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_protocol::frame::Frame;

/// Bytes that are compressed before other tasks may run: 0.2 ms of work at level 1, 1 ms at level 6
/// (measured).
const SLICE_BYTES: usize = 64 << 10;

/// Which messages are compressed, and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    /// A smaller payload is sent uncompressed.
    pub min_size: usize,
    /// From 1 to 9.
    pub level: u32,
}

impl Compression {
    /// Whether a frame is compressed for receivers that have agreed on it.
    pub fn applies_to(&self, frame: &Frame) -> bool {
        frame.payload().len() >= self.min_size
    }

    /// Compresses the payload of a frame. Returns the frame unchanged if that would not make it smaller.
    pub async fn apply(&self, frame: &Frame, window: WindowBits) -> Frame {
        let payload = frame.payload();
        let mut compressor = Compressor::take(window, self.level);
        // Enough for any result, as data grows by an eighth at most: a buffer that grows would take twice as
        // much.
        let mut compressed = Vec::with_capacity(payload.len() + payload.len() / 8 + 128);
        let mut slices = payload.chunks(SLICE_BYTES).peekable();
        while let Some(slice) = slices.next() {
            compressor.push(slice, &mut compressed);
            if slices.peek().is_some() {
                tokio::task::yield_now().await;
            }
        }
        compressor.finish(&mut compressed);
        if compressed.len() < payload.len() { frame.compressed(&compressed) } else { frame.clone() }
    }
}

/// The compressed forms of the last frame: a broadcast is compressed once for each window.
#[derive(Default)]
pub struct Variants {
    source: Option<Frame>,
    made: [Option<Frame>; WindowBits::COUNT],
}

impl Variants {
    /// Returns this frame, compressed for this window.
    pub async fn of(
        &mut self,
        frame: &Frame,
        window: WindowBits,
        compression: Compression,
    ) -> Frame {
        if !self.source.as_ref().is_some_and(|source| source.shares_bytes_with(frame)) {
            *self = Variants { source: Some(frame.clone()), ..Variants::default() };
        }
        let made = &mut self.made[window.index()];
        match made {
            Some(made) => made.clone(),
            None => made.insert(compression.apply(frame, window).await).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    const FAST: Compression = Compression { min_size: 0, level: 1 };

    /// Inflates a payload as a client with a window of exactly this size does.
    fn inflate(payload: &[u8], window: WindowBits, len: usize) -> Vec<u8> {
        let mut inflated = Vec::with_capacity(len + 1);
        let mut state = Decompress::new_with_window_bits(false, window.get());
        let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
        state.decompress_vec(&whole, &mut inflated, FlushDecompress::Sync).expect("it is deflate");
        assert_eq!(state.total_in(), whole.len() as u64);
        inflated
    }

    fn prose(len: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(7);
        let words = ["room ", "peer ", "frame ", "event ", "attachment ", "\u{1f980} "];
        let mut prose = String::new();
        while prose.len() < len {
            prose += random.choice(words).expect("there are some");
        }
        prose.into_bytes()[..len].to_vec()
    }

    #[tokio::test]
    async fn a_compressed_frame_inflates_with_the_window_agreed_on_at_every_level() {
        for window in WindowBits::all() {
            for level in 1..=9 {
                // The last is compressed in slices.
                for len in [60, 1000, 40_000, 200_000] {
                    let message = Frame::binary(&prose(len));
                    let compression = Compression { min_size: 0, level };
                    let sent = compression.apply(&message, window).await;
                    assert!(sent.payload().len() < len, "{window:?} {level} {len}");
                    assert_eq!(sent.message_len(), len);
                    let inflated = inflate(sent.payload(), window, len);
                    assert!(inflated == message.payload(), "{window:?} {level} {len}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_frame_that_would_not_get_smaller_is_not_compressed() {
        let mut random = vec![0; 5000];
        fastrand::Rng::with_seed(7).fill(&mut random);
        for payload in [&random[..], b"", b"x"] {
            let message = Frame::binary(payload);
            assert_eq!(FAST.apply(&message, WindowBits::MAX).await, message);
        }
    }

    #[tokio::test]
    async fn a_broadcast_is_compressed_once_for_each_window() {
        let message = Frame::text(&prose(2000));
        let mut variants = Variants::default();
        let small = WindowBits::new(9).expect("it is one");
        let first = variants.of(&message, WindowBits::MAX, FAST).await;
        let other = variants.of(&message, small, FAST).await;
        assert!(!other.shares_bytes_with(&first));
        for (window, made) in [(WindowBits::MAX, &first), (small, &other)] {
            let again = variants.of(&message.clone(), window, FAST).await;
            assert!(again.shares_bytes_with(made));
        }
        let same_text = Frame::text(&prose(2000));
        let next = variants.of(&same_text, WindowBits::MAX, FAST).await;
        assert!(!next.shares_bytes_with(&first), "another message is compressed anew");
    }
}
