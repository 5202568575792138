//! Encoded frames in the order in which they are written, and how much memory they take.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;
use zigttp_protocol::frame::queue_bytes;

/// Most frames that one system call writes.
pub(super) const MAX_SLICES: usize = 16;

/// A queue with room for this many frames or fewer does not shrink.
const MAX_SPARE_ENTRIES: usize = 64;

#[derive(Default)]
pub(super) struct Queue {
    frames: VecDeque<Bytes>,
    /// How many bytes of the first frame are written.
    written: usize,
    /// How many frames stay before a new ping or pong: the pings and pongs at the front, and a frame before
    /// them that is partly written.
    controls: usize,
    /// How many bytes `frames` take (see [`queue_bytes`]).
    bytes: usize,
}

impl Queue {
    /// Adds a frame at the end.
    pub(super) fn push(&mut self, encoded: Bytes) {
        self.bytes += queue_bytes(&encoded);
        if self.frames.capacity() == 0 {
            // Mostly one is written before the next, and an idle connection keeps the room.
            self.frames.reserve_exact(1);
        }
        self.frames.push_back(encoded);
    }

    /// Adds a ping or a pong before data (RFC 6455, 5.4), but after other pings and pongs.
    pub(super) fn push_control(&mut self, encoded: Bytes) {
        let index = self.controls.max(usize::from(self.written > 0));
        self.bytes += queue_bytes(&encoded);
        self.frames.insert(index, encoded);
        self.controls = index + 1;
    }

    /// How many bytes all frames take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the first frame.
    pub(super) fn take_first(&mut self) -> Option<Bytes> {
        let encoded = self.frames.pop_front()?;
        self.bytes -= queue_bytes(&encoded);
        self.controls = self.controls.saturating_sub(1);
        let (len, room) = (self.frames.len(), self.frames.capacity());
        if room > MAX_SPARE_ENTRIES && len < room / 2 {
            // Room that a long queue needed is freed, because it is not counted any more. Some is left, so
            // that the queue does not double again at once.
            self.frames.shrink_to(len + len / 4);
        }
        Some(encoded)
    }

    /// Drops all frames except one that is partly written.
    pub(super) fn drop_unstarted(&mut self) {
        let kept = (self.written > 0).then(|| self.frames.pop_front()).flatten();
        self.bytes = kept.as_ref().map_or(0, queue_bytes);
        self.frames = kept.into_iter().collect();
        self.controls = 0;
    }

    /// Frees the memory that an empty queue holds.
    pub(super) fn shrink(&mut self) {
        self.frames.shrink_to_fit();
    }

    /// The rest of the only frame, if there is only one.
    pub(super) fn only(&self) -> Option<IoSlice<'_>> {
        let first = self.frames.front().filter(|_| self.frames.len() == 1)?;
        Some(IoSlice::new(&first[self.written..]))
    }

    /// Fills the slices with the frames to be written next. Returns how many slices are filled.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut skip = self.written;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(&frame[std::mem::take(&mut skip)..]);
        }
        self.frames.len().min(MAX_SLICES)
    }

    /// `count` bytes were written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
        while let Some(first) = self.frames.front()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.take_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use tungstenite::protocol::frame::Frame as ControlFrame;
    use zigttp_protocol::close::encode;
    use zigttp_protocol::frame::Frame;

    use super::*;

    fn text(payload: &[u8]) -> Bytes {
        Frame::text(payload).into_bytes()
    }

    fn control(payload: &'static [u8]) -> Bytes {
        encode(ControlFrame::pong(Bytes::from_static(payload)))
    }

    #[test]
    fn room_for_many_frames_is_freed_as_they_are_taken() {
        let mut queue = Queue::default();
        for _ in 0..10_000 {
            queue.push(text(b"one"));
        }
        while queue.take_first().is_some() {
            let (len, room) = (queue.frames.len(), queue.frames.capacity());
            assert!(room <= (2 * len + 1).max(MAX_SPARE_ENTRIES), "{room} for {len}");
        }
    }

    #[test]
    fn pongs_are_written_before_data_and_after_each_other() {
        let mut queue = Queue::default();
        queue.push(text(b"data"));
        queue.push_control(control(b"1"));
        queue.push_control(control(b"2"));
        assert_eq!(queue.take_first(), Some(control(b"1")));
        queue.push_control(control(b"3"));
        assert_eq!(queue.take_first(), Some(control(b"2")));
        assert_eq!(queue.take_first(), Some(control(b"3")));
        queue.push_control(control(b"4"));
        queue.push(text(b"more"));
        let rest: Vec<Bytes> = std::iter::from_fn(|| queue.take_first()).collect();
        assert_eq!(rest, [control(b"4"), text(b"data"), text(b"more")]);
    }

    #[test]
    fn a_frame_that_is_partly_written_stays_first() {
        let mut queue = Queue::default();
        queue.push(text(b"first"));
        queue.push(text(b"second"));
        queue.wrote(3);
        queue.push_control(control(b"1"));
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        assert_eq!(queue.slices(&mut slices), 3);
        assert_eq!(*slices[0], text(b"first")[3..]);
        assert_eq!(*slices[1], *control(b"1"));
        queue.drop_unstarted();
        assert_eq!(queue.bytes(), queue_bytes(&text(b"first")));
        assert_eq!(queue.only().as_deref(), Some(&text(b"first")[3..]));
        queue.wrote(text(b"first").len() - 3);
        assert_eq!((queue.bytes(), queue.only().is_none()), (0, true));
    }
}
