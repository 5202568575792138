//! What a server has done before and beside its rooms, in numbers.

use zigttp_rooms::counter::Counter;

/// Counts since the server was made. Each only grows.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) handshakes: [Counter; Admission::ALL.len()],
    pub(crate) unanswered: [Counter; Unanswered::ALL.len()],
    /// Accepts that failed for want of descriptors or memory.
    pub(crate) accept_failures: Counter,
    pub(crate) refused_transports: Counter,
    pub(crate) idle_transports: Counter,
    /// Responses whose clients took nothing of them for too long.
    pub(crate) given_up_responses: Counter,
    /// Of the admin listener and the control socket, given up for others.
    pub(crate) dropped_admin_transports: Counter,
}

/// What became of a request for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Accepted,
    Malformed,
    ForeignOrigin,
    Draining,
    TooFast,
    TooManyConnections,
    TooManyEvents,
    RefusedByHandler,
    Failed,
    /// The client went before the answer.
    Abandoned,
}

impl Admission {
    pub(crate) const ALL: [Admission; 10] = [
        Admission::Accepted,
        Admission::Malformed,
        Admission::ForeignOrigin,
        Admission::Draining,
        Admission::TooFast,
        Admission::TooManyConnections,
        Admission::TooManyEvents,
        Admission::RefusedByHandler,
        Admission::Failed,
        Admission::Abandoned,
    ];

    /// The word in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Admission::Accepted => "accepted",
            Admission::Malformed => "malformed",
            Admission::ForeignOrigin => "foreign_origin",
            Admission::Draining => "draining",
            Admission::TooFast => "too_fast",
            Admission::TooManyConnections => "too_many_connections",
            Admission::TooManyEvents => "too_many_events",
            Admission::RefusedByHandler => "refused_by_handler",
            Admission::Failed => "failed",
            Admission::Abandoned => "abandoned",
        }
    }
}

/// Why an HTTP request did not get an answer of the handler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It does not say properly what it is for.
    Malformed,
    UrlTooLong,
    NoHandler,
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    TooManyBodies,
    TooManyEvents,
    /// There was an answer, and no room to hold it until its client takes it.
    TooManyResponses,
    OverCpuBudget,
    Failed,
}

impl Unanswered {
    pub(crate) const ALL: [Unanswered; 11] = [
        Unanswered::Malformed,
        Unanswered::UrlTooLong,
        Unanswered::NoHandler,
        Unanswered::BodyTooLarge,
        Unanswered::BodyTooSlow,
        Unanswered::BodyBroken,
        Unanswered::TooManyBodies,
        Unanswered::TooManyEvents,
        Unanswered::TooManyResponses,
        Unanswered::OverCpuBudget,
        Unanswered::Failed,
    ];

    /// The word in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unanswered::Malformed => "malformed",
            Unanswered::UrlTooLong => "url_too_long",
            Unanswered::NoHandler => "no_handler",
            Unanswered::BodyTooLarge => "body_too_large",
            Unanswered::BodyTooSlow => "body_too_slow",
            Unanswered::BodyBroken => "body_broken",
            Unanswered::TooManyBodies => "too_many_bodies",
            Unanswered::TooManyEvents => "too_many_events",
            Unanswered::TooManyResponses => "too_many_responses",
            Unanswered::OverCpuBudget => "over_cpu_budget",
            Unanswered::Failed => "failed",
        }
    }
}

impl Counters {
    pub(crate) fn count_handshake(&self, admission: Admission) {
        self.handshakes[admission as usize].add_one();
    }

    pub(crate) fn count_unanswered(&self, reason: Unanswered) {
        self.unanswered[reason as usize].add_one();
    }
}
