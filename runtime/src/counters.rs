//! What a server has done so far, in numbers.
//!
//! An event costs two looks at the clock and one addition each to a bucket and a sum; everything
//! else is counted where it happens, or found by looking when somebody asks.

use std::sync::Arc;

use zigttp_sandbox::event::EventKind;
use zigttp_sandbox::failure::FailureKind;
use zigttp_sandbox::ran::Used;

use crate::counter::Counter;
use crate::histogram::Histogram;

/// Counts since the server was made. Each only grows.
#[derive(Default)]
pub(crate) struct Counters {
    /// Duration of events that ran JavaScript, from having an instance to the end of the commit.
    pub(crate) events: [Histogram; EventKind::ALL.len()],
    pub(crate) failures: [Counter; FailureKind::ALL.len()],
    pub(crate) handshakes: [Counter; Admission::ALL.len()],
    pub(crate) unanswered: [Counter; Unanswered::ALL.len()],
    /// Making new instances.
    pub(crate) instantiations: Histogram,
    /// Restoring instances: a sample of them.
    pub(crate) restores: Histogram,
    /// What restoring has copied.
    pub(crate) restored_bytes: Counter,
    /// Payload of messages.
    pub(crate) received_bytes: Counter,
    /// What of them came compressed, as it came.
    pub(crate) received_compressed_bytes: Counter,
    /// Frames that were queued, and their payload before compression.
    pub(crate) sent_frames: Counter,
    pub(crate) sent_bytes: Counter,
    /// What of them goes out compressed, as it goes out.
    pub(crate) sent_compressed_bytes: Counter,
    pub(crate) auto_responses: Counter,
    pub(crate) attachment_reads: Counter,
    pub(crate) attachment_writes: Counter,
    pub(crate) refused_frames: Counter,
    pub(crate) slow_consumers: Counter,
    pub(crate) fast_senders: Counter,
    pub(crate) oversized_messages: Counter,
    /// Messages for which there was no room among those under way, and that took too long.
    pub(crate) refused_messages: Counter,
    pub(crate) late_messages: Counter,
    pub(crate) protocol_violations: Counter,
    pub(crate) dead_peers: Counter,
    pub(crate) dropped_log_lines: Counter,
    pub(crate) restore_mismatches: Counter,
    /// Accepts that failed for want of descriptors or memory.
    pub(crate) accept_failures: Counter,
    pub(crate) refused_transports: Counter,
    pub(crate) idle_transports: Counter,
    /// Responses whose clients took nothing of them for too long.
    pub(crate) given_up_responses: Counter,
    /// Of the admin listener and the control socket, given up for others.
    pub(crate) dropped_admin_transports: Counter,
    /// Tasks that a bug of ours has ended.
    pub(crate) panics: Arc<Counter>,
    pub(crate) attachments_pruned: Counter,
    pub(crate) resumed: Counter,
    /// Attachments that were removed because more waited for their clients than may.
    pub(crate) evicted_leftovers: Counter,
    pub(crate) forged_tokens: Counter,
    pub(crate) swaps: Counter,
    pub(crate) rollbacks: Counter,
}

impl Counters {
    /// Counts what running an event took.
    pub(crate) fn count_used(&self, used: &Used) {
        if let Some(instantiate) = used.instantiate {
            self.instantiations.record(instantiate);
        }
        if let Some(restore) = used.restore {
            self.restores.record(restore);
        }
        self.restored_bytes.add(used.restored_bytes);
        self.restore_mismatches.add(usize::from(used.has_mismatched));
        self.attachment_reads.add(used.attachment_reads);
        self.refused_frames.add(used.refused_frames);
    }
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

/// The counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Events that ran JavaScript to an end, whichever.
    pub events: u64,
    /// Of those, the ones that threw, trapped, ran over a budget or could not be committed.
    pub failures: u64,
    /// Messages that an auto-response answered.
    pub auto_responses: u64,
    /// Attachments that a handler read.
    pub attachment_reads: u64,
    /// Frames refused because the connection's queue was over its bound.
    pub refused_frames: u64,
    /// Connections closed with 1008 because their queue stayed over its bound.
    pub slow_consumers: u64,
    /// Connections dropped because a ping was not answered.
    pub dead_peers: u64,
    /// Restored sandboxes that were found to differ from their artifact, of those compared. Any
    /// is a bug here.
    pub restore_mismatches: u64,
    /// Tasks, such as that of a connection, that were ended by a bug here.
    pub panics: u64,
    /// Attachment files unlinked because nobody came back for them.
    pub attachments_pruned: u64,
    /// Connections that were given what their client had left.
    pub resumed: u64,
    /// Cookies and headers for resuming that this server has not signed.
    pub forged_tokens: u64,
    /// Artifacts that have replaced another.
    pub swaps: u64,
    /// Of those, the ones that failed too often and were taken back.
    pub rollbacks: u64,
}

impl Counters {
    pub(crate) fn count_handshake(&self, admission: Admission) {
        self.handshakes[admission as usize].add_one();
    }

    pub(crate) fn count_unanswered(&self, reason: Unanswered) {
        self.unanswered[reason as usize].add_one();
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            events: self.events.iter().map(Histogram::count).sum(),
            failures: self.failures.iter().map(Counter::get).sum(),
            auto_responses: self.auto_responses.get(),
            attachment_reads: self.attachment_reads.get(),
            refused_frames: self.refused_frames.get(),
            slow_consumers: self.slow_consumers.get(),
            dead_peers: self.dead_peers.get(),
            restore_mismatches: self.restore_mismatches.get(),
            panics: self.panics.get(),
            attachments_pruned: self.attachments_pruned.get(),
            resumed: self.resumed.get(),
            forged_tokens: self.forged_tokens.get(),
            swaps: self.swaps.get(),
            rollbacks: self.rollbacks.get(),
        }
    }
}
