//! Why nothing more is read of a peer, and the close frame that answers it (RFC 6455, 7.4.1).

use zigttp_abi::close_code;

use crate::close::Close;

/// A violation. What follows it is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A frame that may not be, with what is wrong with it.
    Protocol(&'static str),
    /// A text, or the reason of a close.
    NotUtf8,
    /// A compressed message that does not inflate.
    NotDeflate,
    /// A message over the bound.
    TooBig,
    /// No memory is left of what messages under way may hold together.
    NoRoom,
}

impl Fault {
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
