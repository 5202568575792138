//! Messages out of a peer's bytes.
//!
//! tungstenite decodes and judges them. It is given the bytes, not the transport, and exists only
//! while a message is under way: an idle connection holds no buffer of it (4 KiB otherwise).

use std::io::{self, Read, Write};

use bytes::{Buf, BytesMut};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::boundaries::Boundaries;

/// What tungstenite takes at a time of a message that came in several reads.
const READ_BUFFER_BYTES: usize = 4096;

/// The decoder of one connection.
pub(super) struct Decoder {
    max_message_size: usize,
    context: Option<Box<WebSocketContext>>,
    boundaries: Boundaries,
    /// Messages that ended in what was fed and that are not taken yet.
    ended: usize,
    /// Bytes that the context has not taken yet.
    unread: BytesMut,
}

impl Decoder {
    pub(super) fn new(max_message_size: usize) -> Decoder {
        Decoder {
            max_message_size,
            context: None,
            boundaries: Boundaries::default(),
            ended: 0,
            unread: BytesMut::new(),
        }
    }

    /// Takes bytes of the peer in. Everything that was fed before has been decoded as far as it
    /// goes ([`Decoder::next`] has answered `None`).
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.ended += self.boundaries.follow(bytes);
        if self.context.is_some() {
            self.unread.extend_from_slice(bytes);
            return;
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(self.max_message_size))
            .max_frame_size(Some(self.max_message_size));
        let context =
            WebSocketContext::from_partially_read(bytes.to_vec(), Role::Server, Some(config));
        self.context = Some(Box::new(context));
    }

    /// The next message, or `None` until more bytes are fed. What tungstenite has to say to the
    /// peer, a pong or the answer to a close, goes to `replies`.
    ///
    /// # Errors
    /// When the peer breaks the protocol, or a bound.
    pub(super) fn next(&mut self, replies: &mut Vec<u8>) -> Result<Option<Message>, Error> {
        if self.ended == 0 && self.boundaries.is_between_messages() {
            self.context = None;
        }
        let Some(context) = &mut self.context else { return Ok(None) };
        let mut peer = Peer { unread: &mut self.unread, replies };
        let message = match context.read(&mut peer) {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        self.ended = self.ended.saturating_sub(1);
        if matches!(message, Message::Ping(_) | Message::Close(_)) {
            // A close ends the context, which is no error of the peer's.
            match context.flush(&mut peer) {
                Ok(()) | Err(Error::ConnectionClosed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(message))
    }
}

/// The peer, as tungstenite sees it.
struct Peer<'a> {
    unread: &'a mut BytesMut,
    replies: &'a mut Vec<u8>,
}

impl Read for Peer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(self.unread.len());
        self.unread.copy_to_slice(&mut buffer[..count]);
        if self.unread.is_empty() {
            // Given up, not kept: it may have held a large part of a message.
            *self.unread = BytesMut::new();
        }
        Ok(count)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
