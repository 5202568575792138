//! Stopping a server: it closes the connections one after another, and waits until they have closed.

use std::pin::pin;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::time::{Instant, sleep_until, timeout};

use crate::server::Server;

/// Longest pause between two closes. With few connections a longer one would not help the next server.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// The part of the drain time-out that is left when waiting events are given up.
const LAST_PART: u32 = 10;

impl Server {
    /// Closes every connection with 1001 and waits until all have closed and all streams have ended, at most
    /// until the end of the drain time-out. The closes are spread over its first half, so that clients that connect again at
    /// once do not all reach the next server at the same moment.
    pub(crate) async fn drain(&self, http: GracefulShutdown) {
        self.hub.pauses.stop();
        let (events, (streams, _)) = (self.hub.waiting.get(), self.hub.open_streams.totals());
        if events > 0 || streams > 0 {
            tracing::info!(
                events,
                streams,
                "waiting for events and streams that wait for the outside"
            );
        }
        let drained = async {
            tokio::join!(http.shutdown(), async {
                self.close_all().await;
                self.hub.emptied().await;
                // No other begins. What is left of them at the end of the time is interrupted.
                self.hub.open_streams.emptied().await;
            });
            // A connection that opened meanwhile, because its turn had begun, closes by itself.
            self.hub.emptied().await;
        };
        let mut drained = pin!(drained);
        // What waits for the outside is given up before the end, so that its clients are still told.
        let last = self.config.drain_timeout / LAST_PART;
        if timeout(self.config.drain_timeout - last, &mut drained).await.is_ok() {
            return;
        }
        let events = self.hub.waiting.get();
        if events > 0 {
            tracing::warn!(events, "giving up events that wait for the outside");
        }
        self.hub.give_up_waits();
        if timeout(last, drained).await.is_err() {
            tracing::warn!(connections = self.connections(), "the drain time-out has passed");
        }
    }

    /// How long a closing handshake may take when the server stops. The last connection has as long as the
    /// first.
    pub(crate) fn shutdown_close_timeout(&self) -> Duration {
        self.config.close_timeout.min(self.config.drain_timeout / 4)
    }

    async fn close_all(&self) {
        let connections = self.hub.all();
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        let pause = (self.config.drain_timeout / 2 / count.max(1)).min(MAX_PAUSE);
        let started = Instant::now();
        for (index, connection) in (0u32..).zip(connections) {
            // Counted from the start, not from the last close: timers are up to a millisecond late, which
            // would add up.
            sleep_until(started + pause * index).await;
            connection.outbox.leave();
        }
    }
}
