//! Counters of what a server has done so far.
//!
//! An event costs two reads of the clock, and one addition each to a bucket and a sum. Everything else is
//! counted where it happens, or computed for each request of the metrics.

use std::sync::Arc;

use zigttp_sandbox::event::EventKind;
use zigttp_sandbox::failure::FailureKind;
use zigttp_sandbox::stream::StreamError;
use zigttp_sandbox::used::Used;

use crate::counter::Counter;
use crate::histogram::Histogram;

/// Counts since the server was made. Each only grows.
#[derive(Default)]
pub struct Counters {
    /// The duration of events that ran JavaScript, from taking an instance to the end of the commit.
    pub events: [Histogram; EventKind::ALL.len()],
    pub failures: [Counter; FailureKind::ALL.len()],
    /// Making new instances.
    pub instantiations: Histogram,
    /// Restoring instances: a sample of them.
    pub restores: Histogram,
    /// Bytes that restoring has copied.
    pub restored_bytes: Counter,
    /// Payload of messages, after decompression.
    pub received_bytes: Counter,
    /// Payload that was received compressed, as on the wire.
    pub received_compressed_bytes: Counter,
    /// Frames that were queued, and their payload before compression.
    pub sent_frames: Counter,
    pub sent_bytes: Counter,
    /// Payload that was queued compressed, as on the wire.
    pub sent_compressed_bytes: Counter,
    pub auto_responses: Counter,
    pub attachment_reads: Counter,
    pub attachment_writes: Counter,
    pub refused_frames: Counter,
    /// Volatile frames for connections whose queue was not empty.
    pub dropped_volatile: Counter,
    /// Upgrades and requests whose room had no turn for them in time.
    pub refused_turns: Counter,
    pub slow_consumers: Counter,
    pub fast_senders: Counter,
    pub oversized_messages: Counter,
    /// Messages that did not fit the limit for all messages under way.
    pub refused_messages: Counter,
    /// Messages that took too long.
    pub late_messages: Counter,
    pub protocol_violations: Counter,
    pub dead_peers: Counter,
    pub dropped_log_lines: Counter,
    pub restore_mismatches: Counter,
    /// Tasks that a bug in the server has ended.
    pub panics: Arc<Counter>,
    pub attachments_pruned: Counter,
    pub resumed: Counter,
    /// Attachments that were removed because those that wait to be resumed were over a limit.
    pub evicted_leftovers: Counter,
    pub forged_tokens: Counter,
    /// Signals that waited because their room was over its rate.
    pub delayed_signals: Counter,
    /// Signals that have failed and are tried again.
    pub retried_signals: Counter,
    /// Signals that have failed too often.
    pub parked_signals: Counter,
    /// Streams whose request was made.
    pub started_streams: Counter,
    /// Those whose response was read to its end, and all others.
    pub ended_streams: Counter,
    pub failed_streams: [Counter; StreamError::ALL.len()],
    /// Bytes of their bodies that were read.
    pub stream_bytes: Counter,
    /// Times that handlers have read the state of a room, and keys that they have written.
    pub state_reads: Counter,
    pub state_writes: Counter,
    /// How long events have waited until what they store was as safe as `--fsync` says.
    pub commits: Histogram,
    /// Events with which the state of a room has grown beyond four fifths of its limit.
    pub filling_rooms: Counter,
    /// Runs of events that have waited for the outside.
    pub reruns: Counter,
    /// Events that could not wait for the outside, because too much waits already.
    pub refused_waits: Counter,
    /// How long computations outside of events' turns have taken.
    pub computations: Histogram,
    /// Requests that were made again, because what they say has changed between two runs.
    pub repeated_requests: Counter,
    pub swaps: Counter,
    pub rollbacks: Counter,
}

impl Counters {
    /// Counts the resources that an event has used.
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
        self.state_reads.add(used.state_reads);
        self.state_writes.add(used.state_writes);
        self.refused_frames.add(used.refused_frames);
        self.dropped_volatile.add(used.dropped_volatile);
    }
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Events that have run JavaScript, failed ones included.
    pub events: u64,
    /// Events that threw, trapped, exceeded a limit or could not be committed.
    pub failures: u64,
    /// Messages that got an auto-response.
    pub auto_responses: u64,
    /// Attachments that a handler has read.
    pub attachment_reads: u64,
    /// Frames refused because the connection's queue was over its limit.
    pub refused_frames: u64,
    /// Connections closed with 1008 because their queue stayed over its limit.
    pub slow_consumers: u64,
    /// Connections dropped because the client did not answer a ping.
    pub dead_peers: u64,
    /// Restored sandboxes that differed from their artifact, among those that were compared. Each is a
    /// bug in the server.
    pub restore_mismatches: u64,
    /// Tasks, such as that of a connection, that a bug in the server has ended.
    pub panics: u64,
    /// Attachment files removed because they were too old.
    pub attachments_pruned: u64,
    /// Connections that resumed an attachment.
    pub resumed: u64,
    /// Resume tokens that this server has not signed.
    pub forged_tokens: u64,
    /// Handlers that have replaced another.
    pub swaps: u64,
    /// New handlers that failed too often, so that the one before has replaced them again.
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
