//! What a server has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the server was made. Each only grows.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) events: Counter,
    pub(crate) failures: Counter,
    pub(crate) auto_responses: Counter,
    pub(crate) attachment_reads: Counter,
    pub(crate) refused_frames: Counter,
    pub(crate) slow_consumers: Counter,
    pub(crate) dead_peers: Counter,
    pub(crate) restore_mismatches: Counter,
    pub(crate) attachments_pruned: Counter,
    pub(crate) resumed: Counter,
    pub(crate) forged_tokens: Counter,
    pub(crate) swaps: Counter,
    pub(crate) rollbacks: Counter,
}

/// A count that any task may raise.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        // A statistic: nothing is ordered by it.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Events that ran JavaScript.
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
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            events: self.events.get(),
            failures: self.failures.get(),
            auto_responses: self.auto_responses.get(),
            attachment_reads: self.attachment_reads.get(),
            refused_frames: self.refused_frames.get(),
            slow_consumers: self.slow_consumers.get(),
            dead_peers: self.dead_peers.get(),
            restore_mismatches: self.restore_mismatches.get(),
            attachments_pruned: self.attachments_pruned.get(),
            resumed: self.resumed.get(),
            forged_tokens: self.forged_tokens.get(),
            swaps: self.swaps.get(),
            rollbacks: self.rollbacks.get(),
        }
    }
}
