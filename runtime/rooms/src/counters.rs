//! What a server has done so far, in numbers.
//!
//! An event costs two looks at the clock and one addition each to a bucket and a sum; everything
//! else is counted where it happens, or found by looking when somebody asks.

use std::sync::Arc;

use zigttp_sandbox::event::EventKind;
use zigttp_sandbox::failure::FailureKind;
use zigttp_sandbox::used::Used;

use crate::counter::Counter;
use crate::histogram::Histogram;

/// Counts since the server was made. Each only grows.
#[derive(Default)]
pub struct Counters {
    /// Duration of events that ran JavaScript, from having an instance to the end of the commit.
    pub events: [Histogram; EventKind::ALL.len()],
    pub failures: [Counter; FailureKind::ALL.len()],
    /// Making new instances.
    pub instantiations: Histogram,
    /// Restoring instances: a sample of them.
    pub restores: Histogram,
    /// What restoring has copied.
    pub restored_bytes: Counter,
    /// Payload of messages.
    pub received_bytes: Counter,
    /// What of them came compressed, as it came.
    pub received_compressed_bytes: Counter,
    /// Frames that were queued, and their payload before compression.
    pub sent_frames: Counter,
    pub sent_bytes: Counter,
    /// What of them goes out compressed, as it goes out.
    pub sent_compressed_bytes: Counter,
    pub auto_responses: Counter,
    pub attachment_reads: Counter,
    pub attachment_writes: Counter,
    pub refused_frames: Counter,
    pub slow_consumers: Counter,
    pub fast_senders: Counter,
    pub oversized_messages: Counter,
    /// Messages for which there was no room among those under way, and that took too long.
    pub refused_messages: Counter,
    pub late_messages: Counter,
    pub protocol_violations: Counter,
    pub dead_peers: Counter,
    pub dropped_log_lines: Counter,
    pub restore_mismatches: Counter,
    /// Tasks that a bug of ours has ended.
    pub panics: Arc<Counter>,
    pub attachments_pruned: Counter,
    pub resumed: Counter,
    /// Attachments that were removed because more waited for their clients than may.
    pub evicted_leftovers: Counter,
    pub forged_tokens: Counter,
    pub swaps: Counter,
    pub rollbacks: Counter,
}

impl Counters {
    /// Counts what running an event took.
    pub fn count_used(&self, used: &Used) {
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
    pub fn counts(&self) -> Counts {
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
