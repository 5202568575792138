//! How far the closing handshake of a connection is (RFC 6455, 7.1.2).

use zigttp_abi::close_code;
use zigttp_protocol::close::Close;

/// Why the server closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The handler wants it, or the server for this connection's sake.
    Close(Close),
    /// The server stops, and the client may be back: what is kept with the connection stays.
    Shutdown,
}

impl Closing {
    /// The close frame that says so.
    pub fn close(&self) -> Close {
        match self {
            Closing::Close(close) => close.clone(),
            Closing::Shutdown => Close::new(close_code::GOING_AWAY, ""),
        }
    }
}

#[derive(Default)]
pub(super) struct State {
    phase: Phase,
    /// The server stops: it closes once the event that runs has ended.
    is_leaving: bool,
}

#[derive(Default)]
enum Phase {
    #[default]
    Open,
    /// The server closes: this goes out behind the frames.
    Closing(Closing),
    /// A close frame is queued or has been sent or received, or the transport is gone.
    Closed,
}

impl State {
    /// Whether frames may still be queued.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether nothing may be queued any more, not even a ping.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Begins a close, unless one has begun.
    pub(super) fn begin(&mut self, close: Close) {
        if self.is_open() {
            self.phase = Phase::Closing(Closing::Close(close));
        }
    }

    /// Begins a close in place of any other.
    pub(super) fn begin_anew(&mut self, close: Close) {
        self.phase = Phase::Closing(Closing::Close(close));
    }

    /// Begins the close of a server that stops when it is next asked for.
    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// A close frame is queued, or none will be.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Closed;
    }

    /// The close that has begun, if one has.
    pub(super) fn begun(&self) -> Option<&Closing> {
        match &self.phase {
            Phase::Closing(closing) => Some(closing),
            Phase::Open | Phase::Closed => None,
        }
    }

    /// The same, asked between two events: one of a server that stops begins now.
    pub(super) fn due(&mut self) -> Option<&Closing> {
        if self.is_leaving && self.is_open() {
            self.phase = Phase::Closing(Closing::Shutdown);
        }
        self.begun()
    }
}
