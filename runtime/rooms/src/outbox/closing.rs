//! The state of a connection's closing handshake (RFC 6455, 7.1.2).

use zigttp_abi::close_code;
use zigttp_protocol::close::Close;

/// Why the server closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The handler closes the connection, or the server does because of a limit.
    Close(Close),
    /// The server stops. The client may come back, so the attachment stays.
    Shutdown,
}

impl Closing {
    /// The close frame.
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
    /// The server stops: it closes the connection once the running event has ended.
    is_leaving: bool,
}

#[derive(Default)]
enum Phase {
    #[default]
    Open,
    /// The server closes: the close frame follows the queued frames.
    Closing(Closing),
    /// A close frame is queued, sent or received, or the transport has ended.
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

    /// Begins a close, also if another has begun.
    pub(super) fn begin_anew(&mut self, close: Close) {
        self.phase = Phase::Closing(Closing::Close(close));
    }

    /// Makes the next call of [`State::due`] begin the close for a server that stops.
    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// A close frame is queued, or there will be none.
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

    /// The close that has begun, between two events. If the server stops, its close begins now.
    pub(super) fn due(&mut self) -> Option<&Closing> {
        if self.is_leaving && self.is_open() {
            self.phase = Phase::Closing(Closing::Shutdown);
        }
        self.begun()
    }
}
