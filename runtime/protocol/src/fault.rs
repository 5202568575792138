//! Why the server stops reading from a client, and the close frame that says so (RFC 6455, 7.4.1).

use zigttp_abi::close_code;

use crate::close::Close;

/// A message that the server does not accept. It reads nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A frame that breaks the protocol, and how.
    Protocol(&'static str),
    /// A text message, or the reason of a close frame.
    NotUtf8,
    /// A compressed message that does not inflate.
    NotDeflate,
    /// A message over the limit of its size.
    TooBig,
    /// All messages under way together have reached the limit of their memory.
    NoRoom,
}

impl Fault {
    /// The close frame for it.
    pub fn close(self) -> Close {
        let (code, reason) = match self {
            Fault::Protocol(violation) => (close_code::PROTOCOL_ERROR, violation),
            Fault::NotUtf8 => (close_code::INVALID_PAYLOAD, "a text is not UTF-8"),
            Fault::NotDeflate => (close_code::INVALID_PAYLOAD, "a message does not inflate"),
            Fault::TooBig => (close_code::MESSAGE_TOO_BIG, "the message is too large"),
            Fault::NoRoom => (close_code::TRY_AGAIN_LATER, "too many messages are under way"),
        };
        Close::new(code, reason)
    }
}
