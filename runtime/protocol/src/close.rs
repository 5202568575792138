//! Close frames, and control frames as bytes (RFC 6455, 5.5).

use bytes::Bytes;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::frame::Frame as ControlFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use zigttp_abi::close_code;

/// The code and reason of a close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// A code that may be sent (RFC 6455, 7.4), or 1005 for a close frame without a code.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: Box<str>,
}

impl Close {
    pub fn new(code: u16, reason: impl Into<Box<str>>) -> Close {
        Close { code, reason: reason.into() }
    }

    /// The bytes of the close frame.
    pub fn encode(&self) -> Bytes {
        let frame = (self.code != close_code::NO_STATUS).then(|| CloseFrame {
            code: CloseCode::from(self.code),
            reason: (&*self.reason).into(),
        });
        encode(ControlFrame::close(frame))
    }
}

/// The bytes of a control frame.
pub fn encode(frame: ControlFrame) -> Bytes {
    let mut bytes = Vec::with_capacity(frame.len());
    frame.format(&mut bytes).expect("writing to memory cannot fail");
    bytes.into()
}
