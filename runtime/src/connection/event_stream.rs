//! A connection over the response to a request: server-sent events, which go one way.
//!
//! It is a member of its room as a WebSocket is, with the same queue, limits and life. Its client sends nothing, so what
//! is left of a socket is to write, to notice that the client has gone, and to say now and then that the server has not.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use zigttp_abi::close_code;
use zigttp_protocol::close::Close;
use zigttp_protocol::event_stream::KEEP_ALIVE;
use zigttp_rooms::connection::{Client, Connection, State};
use zigttp_rooms::outbox::{Closing, Interrupt};
use zigttp_rooms::panic_watch::PanicWatch;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::transport::Transport;
use zigttp_rooms::wire::Wire;
use zigttp_sandbox::route::Opening;

use crate::connection::lifecycle::End;
use crate::connection::liveness::{self, Due, Liveness};
use crate::http::event_body::{self, ClientGone, EventBody};
use crate::http::responses::Sender;
use crate::server::Server;
use crate::transport::activity::ActiveRequest;

impl Server {
    /// One of the connections that may be open, if not all are.
    pub(crate) fn connection_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.gate.connections).try_acquire_owned().ok()
    }

    /// The record of a connection for the client of a request, which is in no list yet. `None` if no id can be
    /// reserved.
    pub(crate) fn prepare_member(&self, opening: Opening) -> Option<Registered> {
        let client = Client { transport: Transport::Events, ..Client::default() };
        let connection = self
            .hub
            .prepare(opening, client)
            .inspect_err(|error| tracing::error!(%error, "cannot reserve connection ids"))
            .ok()?;
        Some(Registered { hub: Arc::clone(&self.hub), connection })
    }

    /// Serves a connection whose `onOpen` has run, in a task of its own. Returns the body of the response; these are its
    /// first bytes. `transport` is that of the request, if it carries no other, and `sender` sends the response.
    pub(crate) fn begin_event_stream(
        self: &Arc<Server>,
        registered: Registered,
        first: Bytes,
        transport: Option<Arc<ActiveRequest>>,
        sender: Sender,
        permit: OwnedSemaphorePermit,
    ) -> EventBody {
        let (mut writer, body, gone) = event_body::pair();
        // They are few, and nothing is before them.
        let _ = writer.poll_write(None, &[std::io::IoSlice::new(&first)]);
        registered.connection.outbox.attach(Box::new(writer));
        let server = Arc::clone(self);
        tokio::spawn(async move {
            // Held until the connection has ended.
            let _held = (permit, PanicWatch(Arc::clone(&server.hub.counters.panics)));
            let departure = Departure { gone, transport, sender };
            server.serve_event_stream(registered, departure).await;
        });
        body
    }

    async fn serve_event_stream(&self, registered: Registered, departure: Departure) {
        let connection = &Arc::clone(&registered.connection);
        if self.is_draining() {
            // It opened while the server was closing the others, which did not include it.
            connection.outbox.leave();
        }
        let mut liveness = Liveness::new(&self.config);
        let served = poll_fn(|cx| match departure.poll(cx) {
            Poll::Ready(()) => Poll::Ready(End::Dropped),
            Poll::Pending => self.poll_events(cx, connection, &mut liveness),
        });
        let end = served.await;
        drop(liveness);
        let time = match &end {
            End::Shutdown => self.shutdown_close_timeout(),
            _ => self.config.close_timeout,
        };
        if !matches!(end, End::Dropped) {
            connection.outbox.queue_close();
            let written = poll_fn(|cx| match departure.poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => connection.outbox.poll_flush(cx).map(drop),
            });
            let _ = timeout(time, written).await;
        }
        connection.outbox.shut();
        // Ends the body. Its client may be slow to take the rest; `onClose` does not wait for it.
        poll_fn(|cx| connection.outbox.poll_shutdown(cx)).await;
        let closed = self.after_close(connection, end);
        let (is_left, ()) =
            Box::pin(async { tokio::join!(closed, departure.complete(time)) }).await;
        drop(registered);
        self.hub.parted(connection, is_left);
    }

    /// Writes what is queued, until the connection ends.
    fn poll_events(
        &self,
        cx: &mut Context<'_>,
        connection: &Connection,
        liveness: &mut Liveness,
    ) -> Poll<End> {
        let outbox = &connection.outbox;
        let slow = || {
            self.hub.counters.slow_consumers.add_one();
            let close = Close::new(close_code::POLICY_VIOLATION, "slow consumer");
            outbox.close_at_once(close);
        };
        loop {
            // From here on a commit wakes this task; an earlier one is noticed below.
            outbox.register(cx.waker());
            match outbox.interrupt() {
                Some(Interrupt::Close(Closing::Close(close))) => {
                    return Poll::Ready(End::Server(close));
                }
                Some(Interrupt::Close(Closing::Shutdown)) => return Poll::Ready(End::Shutdown),
                Some(Interrupt::Over(_) | Interrupt::Write) | None => {}
            }
            // Another task may have undertaken to write this queue together with others.
            if !outbox.is_gathered()
                && let Poll::Ready(Err(_broken)) = outbox.poll_flush(cx)
            {
                return Poll::Ready(End::Dropped);
            }
            if let Some(since) = outbox.over_since()
                && liveness::is_slow(&self.config, since)
            {
                slow();
                continue;
            }
            match ready!(liveness.poll_due(cx, &self.config, outbox.over_since())) {
                Due::Ping => {
                    // Nothing answers it: a client that has gone is noticed when it is written.
                    outbox.push_control(KEEP_ALIVE);
                    liveness.was_read();
                }
                Due::Slow => slow(),
                Due::Dormant => {
                    connection.set_state(State::Dormant);
                    outbox.shrink();
                }
                Due::NoPong | Due::LateMessage => liveness.was_read(),
            }
        }
    }
}

/// How a client is noticed to have gone.
struct Departure {
    /// Hyper drops the body of a stream or a transport that has ended.
    gone: ClientGone,
    /// Over HTTP/1.1 hyper looks only when it writes.
    transport: Option<Arc<ActiveRequest>>,
    sender: Sender,
}

impl Departure {
    /// Waits until hyper has sent all of the body, and gives it up after this time.
    async fn complete(&self, time: Duration) {
        if timeout(time, poll_fn(|cx| self.gone.poll(cx))).await.is_err() {
            self.sender.abort();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.gone.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.transport.as_ref().map_or(Poll::Pending, |transport| transport.poll_client_left(cx))
    }
}
