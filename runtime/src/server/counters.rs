//! Counters of what a server does before requests reach its rooms.

use zigttp_rooms::counter::Counter;

/// Counts since the server was made. Each only grows.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) handshakes: [Counter; HandshakeResult::ALL.len()],
    pub(crate) unanswered: [Counter; Unanswered::ALL.len()],
    /// How often accepting failed for lack of descriptors or memory.
    pub(crate) accept_failures: Counter,
    pub(crate) refused_transports: Counter,
    pub(crate) idle_transports: Counter,
    /// Responses that made no progress for too long.
    pub(crate) given_up_responses: Counter,
    /// Transports of the admin listener and the control socket that were closed for new ones.
    pub(crate) dropped_admin_transports: Counter,
}

/// The result of a request for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeResult {
    Accepted,
    Malformed,
    /// The route of the path is for requests alone.
    NoWebSocket,
    ForeignOrigin,
    Draining,
    TooFast,
    TooManyConnections,
    TooManyEvents,
    RoomBusy,
    /// An operator has paused the room: it was accepted and closed with 1013.
    RoomPaused,
    RefusedByHandler,
    Failed,
    /// The client left before the response was written.
    Abandoned,
}

impl HandshakeResult {
    pub(crate) const ALL: [HandshakeResult; 13] = [
        HandshakeResult::Accepted,
        HandshakeResult::Malformed,
        HandshakeResult::NoWebSocket,
        HandshakeResult::ForeignOrigin,
        HandshakeResult::Draining,
        HandshakeResult::TooFast,
        HandshakeResult::TooManyConnections,
        HandshakeResult::TooManyEvents,
        HandshakeResult::RoomBusy,
        HandshakeResult::RoomPaused,
        HandshakeResult::RefusedByHandler,
        HandshakeResult::Failed,
        HandshakeResult::Abandoned,
    ];

    /// The label value in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            HandshakeResult::Accepted => "accepted",
            HandshakeResult::Malformed => "malformed",
            HandshakeResult::NoWebSocket => "no_websocket",
            HandshakeResult::ForeignOrigin => "foreign_origin",
            HandshakeResult::Draining => "draining",
            HandshakeResult::TooFast => "too_fast",
            HandshakeResult::TooManyConnections => "too_many_connections",
            HandshakeResult::TooManyEvents => "too_many_events",
            HandshakeResult::RoomBusy => "room_busy",
            HandshakeResult::RoomPaused => "room_paused",
            HandshakeResult::RefusedByHandler => "refused_by_handler",
            HandshakeResult::Failed => "failed",
            HandshakeResult::Abandoned => "abandoned",
        }
    }
}

/// Why an HTTP request did not get a response of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Its target is invalid.
    Malformed,
    UrlTooLong,
    NoHandler,
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    TooManyBodies,
    TooManyEvents,
    /// It would have become a stream of events, and too many connections are open.
    TooManyConnections,
    /// The room had no turn for it in time.
    RoomBusy,
    /// An operator has paused the room.
    RoomPaused,
    /// There was a response, but no memory to hold it until its client takes it.
    TooManyResponses,
    OverCpuBudget,
    Failed,
}

impl Unanswered {
    pub(crate) const ALL: [Unanswered; 14] = [
        Unanswered::Malformed,
        Unanswered::UrlTooLong,
        Unanswered::NoHandler,
        Unanswered::BodyTooLarge,
        Unanswered::BodyTooSlow,
        Unanswered::BodyBroken,
        Unanswered::TooManyBodies,
        Unanswered::TooManyEvents,
        Unanswered::TooManyConnections,
        Unanswered::RoomBusy,
        Unanswered::RoomPaused,
        Unanswered::TooManyResponses,
        Unanswered::OverCpuBudget,
        Unanswered::Failed,
    ];

    /// The label value in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unanswered::Malformed => "malformed",
            Unanswered::UrlTooLong => "url_too_long",
            Unanswered::NoHandler => "no_handler",
            Unanswered::BodyTooLarge => "body_too_large",
            Unanswered::BodyTooSlow => "body_too_slow",
            Unanswered::BodyBroken => "body_broken",
            Unanswered::TooManyBodies => "too_many_bodies",
            Unanswered::TooManyConnections => "too_many_connections",
            Unanswered::TooManyEvents => "too_many_events",
            Unanswered::RoomBusy => "room_busy",
            Unanswered::RoomPaused => "room_paused",
            Unanswered::TooManyResponses => "too_many_responses",
            Unanswered::OverCpuBudget => "over_cpu_budget",
            Unanswered::Failed => "failed",
        }
    }
}

impl Counters {
    pub(crate) fn count_handshake(&self, result: HandshakeResult) {
        self.handshakes[result as usize].add_one();
    }

    pub(crate) fn count_unanswered(&self, reason: Unanswered) {
        self.unanswered[reason as usize].add_one();
    }
}
