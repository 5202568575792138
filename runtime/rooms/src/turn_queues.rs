//! What the turns of all rooms have in common: how much may wait for one, and how much waits for all.

use crate::clock::Clock;
use crate::counter::Counter;
use crate::gauge::Gauge;
use crate::histogram::Histogram;

/// How much may wait for the turn of one room. Over this its sockets are not read, and clients that can come
/// back are refused, until no more than half of it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    pub events: usize,
    /// Bytes of messages, of what was read behind them, of bodies and of the data of signals.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> QueueLimits {
        QueueLimits { events: 1_000, bytes: 8 << 20 }
    }
}

/// The queues of all rooms.
pub struct TurnQueues {
    pub limits: QueueLimits,
    pub clock: Clock,
    /// Events that wait, and their bytes.
    pub events: Gauge,
    pub bytes: Gauge,
    /// Sockets that are not read because their room is over its limit.
    pub unread: Gauge,
    /// How often a room went over its limit.
    pub over: Counter,
    /// How long events have waited for their turn.
    pub waits: Histogram,
}

impl TurnQueues {
    pub fn new(limits: QueueLimits, clock: Clock) -> TurnQueues {
        TurnQueues {
            limits,
            clock,
            events: Gauge::default(),
            bytes: Gauge::default(),
            unread: Gauge::default(),
            over: Counter::default(),
            waits: Histogram::default(),
        }
    }
}
