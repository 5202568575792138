//! A client's end of a connection, in place of a socket: what it has received, and whether it reads at all.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use zigttp_abi::close_code;
use zigttp_rooms::wire::Wire;

use crate::values::{carried_bytes, carried_text};

/// A client's end.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    /// Bytes of a frame that is not complete.
    rest: Vec<u8>,
    /// Messages that the test has not looked at yet.
    frames: Vec<String>,
    closed: Option<(u16, String)>,
    /// Whether it does not read.
    is_slow: bool,
    /// The connection's task, which waits until it reads again.
    writer: Option<Waker>,
}

impl Line {
    pub(crate) fn take_frames(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().frames)
    }

    pub(crate) fn closed(&self) -> Option<(u16, String)> {
        self.lock().closed.clone()
    }

    /// The connection has ended, for the client with this code unless it has had a close frame.
    pub(crate) fn end(&self, code: u16) {
        self.lock().closed.get_or_insert((code, String::new()));
    }

    pub(crate) fn set_slow(&self, is_slow: bool) {
        let mut state = self.lock();
        state.is_slow = is_slow;
        if let Some(writer) = state.writer.take_if(|_| !is_slow) {
            writer.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineState {
    /// Takes complete frames off the bytes. A server's frames are not masked (RFC 6455, 5.1), and ours are whole messages.
    fn read(&mut self) {
        while let Some((opcode, payload, length)) = frame(&self.rest) {
            match opcode {
                1 => self.frames.push(carried_text(&String::from_utf8_lossy(payload))),
                2 => self.frames.push(carried_bytes(payload)),
                8 => {
                    let code = payload
                        .first_chunk()
                        .map_or(close_code::NO_STATUS, |it| u16::from_be_bytes(*it));
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
                    self.closed.get_or_insert((code, reason.into_owned()));
                }
                _ => {}
            }
            self.rest.drain(..length);
        }
    }
}

/// The opcode and payload of the first frame, and how long it is, if it is complete.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (length, head) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let end = head + length;
    Some((first & 0x0f, bytes.get(head..end)?, end))
}

/// The server's direction of a line.
pub(crate) struct LineWire(pub(crate) Arc<Line>);

impl Wire for LineWire {
    fn poll_write(
        &mut self,
        cx: Option<&mut Context<'_>>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.is_slow {
            if let Some(cx) = cx {
                state.writer = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            state.rest.extend_from_slice(slice);
            written += slice.len();
        }
        state.read();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, _cx: Option<&mut Context<'_>>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use zigttp_protocol::close::Close;
    use zigttp_protocol::frame::Frame;

    use super::*;

    #[test]
    fn frames_are_read_whole_in_whatever_parts_they_come() {
        let long = vec![7; 70_000];
        let mut bytes = Vec::new();
        for frame in [Frame::text("é".as_bytes()), Frame::binary(&[1; 300]), Frame::binary(&long)]
        {
            bytes.extend_from_slice(&frame.into_bytes());
        }
        bytes.extend_from_slice(&Close::new(4001, "enough").encode());
        let mut state = LineState::default();
        for part in bytes.chunks(999) {
            state.rest.extend_from_slice(part);
            state.read();
        }
        assert_eq!(state.frames.len(), 3);
        assert_eq!(state.frames[0], "té");
        assert_eq!(state.frames[2], carried_bytes(&long));
        assert_eq!(state.closed, Some((4001, "enough".to_owned())));
    }
}
