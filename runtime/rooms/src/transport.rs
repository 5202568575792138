//! What carries a connection, and how its messages look there.

use bytes::Bytes;
use zigttp_protocol::close::Close;
use zigttp_protocol::event_stream;
use zigttp_protocol::frame::Frame;

/// What carries a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    WebSocket,
    /// The response to a request, which is a stream of server-sent events: its client sends nothing.
    Events,
}

impl Transport {
    /// The word in lists and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Transport::WebSocket => "websocket",
            Transport::Events => "sse",
        }
    }

    /// A message as it is written.
    pub(crate) fn encode(self, frame: Frame) -> Bytes {
        match self {
            Transport::WebSocket => frame.into_bytes(),
            Transport::Events => event_stream::encode(&frame),
        }
    }

    /// The close frame; nothing where the end of the stream is the close.
    pub(crate) fn close(self, close: &Close) -> Option<Bytes> {
        match self {
            Transport::WebSocket => Some(close.encode()),
            Transport::Events => None,
        }
    }
}
