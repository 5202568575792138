//! Takes spans from events and keeps them until they are exported.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use zigttp_rooms::spans::{Span, SpanCounts, SpanRecorder};

/// Spans that may wait to be exported. One is less than 2 KiB, with the names that it holds.
const MAX_SPANS: usize = 4096;

/// Takes the spans of an exporter.
pub struct Recorder {
    queue: mpsc::Sender<Message>,
    counts: Arc<Counts>,
}

/// What has become of spans.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) exported: AtomicU64,
    /// Those that the collector did not take.
    pub(crate) failed: AtomicU64,
    /// Those for which there was no place.
    dropped: AtomicU64,
}

/// What the exporter is told.
pub(crate) enum Message {
    Span(Box<Span>),
    /// All that came before is to be exported, and then this to be told.
    Flush(oneshot::Sender<()>),
}

impl Recorder {
    pub(crate) fn new(counts: Arc<Counts>) -> (Recorder, mpsc::Receiver<Message>) {
        let (queue, spans) = mpsc::channel(MAX_SPANS);
        (Recorder { queue, counts }, spans)
    }

    /// Waits until what was recorded so far was exported, or could not be.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            // Dropped without a word, if the exporter has ended: then nothing is left to wait for.
            let _ended = flushed.await;
        }
    }
}

impl SpanRecorder for Recorder {
    fn record(&self, span: Span) {
        if self.queue.try_send(Message::Span(Box::new(span))).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> SpanCounts {
        let Counts { exported, failed, dropped } = &*self.counts;
        let [exported, failed, dropped] =
            [exported, failed, dropped].map(|count| count.load(Ordering::Relaxed));
        SpanCounts { exported, failed, dropped }
    }
}
