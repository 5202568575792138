//! The task of one connection: what its client does comes in, one thing after the other, as from a socket.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use zigttp_abi::close_code;
use zigttp_abi::value::Value;
use zigttp_protocol::close::Close;
use zigttp_protocol::frame::Frame;
use zigttp_rooms::connection::{Connection, State};
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::outbox::Interrupt;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::undone::Undone;
use zigttp_runtime::Config;
use zigttp_sandbox::event::Call;

use crate::line::Line;

/// What a client does.
pub(crate) enum Act {
    Message(Value),
    Close(Close),
    /// Its transport ends without a close frame.
    Drop,
}

/// One client, from its connection's beginning on.
pub(crate) struct Client {
    pub(crate) acts: mpsc::UnboundedSender<Act>,
    pub(crate) line: Arc<Line>,
    pub(crate) connection: Arc<Connection>,
}

/// How a connection has ended.
enum End {
    Client(Close),
    Server(Close),
    /// Its client has exceeded a limit.
    Fault(Close),
    Dropped,
}

/// The server's side of a client.
pub(crate) struct Served {
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) limits: Limits,
    pub(crate) line: Arc<Line>,
    pub(crate) acts: mpsc::UnboundedReceiver<Act>,
}

/// Those of a server.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    max_message: usize,
    slow: Duration,
    close: Duration,
}

impl Limits {
    pub(crate) fn of(config: &Config) -> Limits {
        Limits {
            max_message: config.max_message_size,
            slow: config.slow_consumer_timeout,
            close: config.close_timeout,
        }
    }
}

enum Next {
    Act(Act),
    Close(Close),
    Slow,
}

impl Served {
    /// Serves a connection whose `onOpen` has run, until its `onClose` has.
    pub(crate) async fn serve(mut self, registered: Registered) {
        let connection = Arc::clone(&registered.connection);
        let end = self.serve_messages(&connection).await;
        let end = self.complete_close(&connection, end).await;
        connection.outbox.shut();
        let is_dropped = matches!(end, End::Dropped);
        if is_dropped {
            self.line.end(close_code::ABNORMAL);
        }
        let is_left = self.after_close(&connection, end).await;
        drop(registered);
        self.dispatcher.hub.parted(&connection, is_left);
    }

    async fn serve_messages(&mut self, connection: &Arc<Connection>) -> End {
        loop {
            match self.next(connection).await {
                Next::Act(Act::Message(data)) if data.bytes().len() > self.limits.max_message => {
                    return End::Fault(Close::new(close_code::MESSAGE_TOO_BIG, ""));
                }
                Next::Act(Act::Message(data)) => {
                    if let Some(response) = connection.auto_response_to(&data) {
                        connection.outbox.push_bounded(Frame::of(&response));
                        continue;
                    }
                    let bytes = data.bytes().len();
                    connection.set_state(State::Live);
                    let dispatched =
                        self.dispatcher.dispatch(connection, Call::Message { data }, bytes).await;
                    // What it has queued is written here.
                    drop(dispatched);
                    connection.set_state(State::Parked);
                }
                Next::Act(Act::Close(close)) => return End::Client(close),
                Next::Act(Act::Drop) => return End::Dropped,
                Next::Close(close) => return End::Server(close),
                Next::Slow => {
                    let close = Close::new(close_code::POLICY_VIOLATION, "slow consumer");
                    connection.outbox.close_at_once(close);
                }
            }
        }
    }

    /// Waits for what happens next, and writes the queue meanwhile.
    async fn next(&mut self, connection: &Connection) -> Next {
        let outbox = &connection.outbox;
        let slow = self.limits.slow;
        let mut late = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            outbox.register(cx.waker());
            if let Some(Interrupt::Close(closing)) = outbox.interrupt() {
                return Poll::Ready(Next::Close(closing.close()));
            }
            // Its client answers pings at once.
            for alive in outbox.take_probes() {
                let _ = alive.send(());
            }
            let _ = outbox.poll_flush(cx);
            if let Some(since) = outbox.over_since() {
                let due = Instant::from_std(since) + slow;
                if late.deadline() != due {
                    late.as_mut().reset(due);
                }
                if late.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Next::Slow);
                }
            }
            match self.acts.poll_recv(cx) {
                Poll::Ready(Some(act)) => Poll::Ready(Next::Act(act)),
                // The world ends.
                Poll::Ready(None) => Poll::Ready(Next::Act(Act::Drop)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Completes the closing handshake, as far as the client reads.
    async fn complete_close(&self, connection: &Connection, end: End) -> End {
        let outbox = &connection.outbox;
        match &end {
            End::Client(close) => outbox.answer_close(close.encode()),
            End::Server(_) => outbox.queue_close(),
            End::Fault(close) => {
                outbox.close(close.clone());
                outbox.queue_close();
            }
            End::Dropped => return end,
        }
        let _ = timeout(self.limits.close, poll_fn(|cx| outbox.poll_flush(cx))).await;
        end
    }

    /// Runs `onClose`. Returns whether the attachment waits to be resumed.
    async fn after_close(&self, connection: &Arc<Connection>, end: End) -> bool {
        let hub = &self.dispatcher.hub;
        let is_dropped = matches!(end, End::Dropped);
        let Close { code, reason } = match end {
            End::Client(close) | End::Server(close) | End::Fault(close) => close,
            End::Dropped => Close::new(close_code::ABNORMAL, ""),
        };
        if !is_dropped {
            connection.leave_nothing();
        }
        let bytes = reason.len();
        let closed =
            self.dispatcher.dispatch(connection, Call::Close { code, reason }, bytes).await;
        if let Err(Undone::GivenUp) = closed {
            return false;
        }
        drop(closed);
        if is_dropped && connection.attachment().is_some() {
            hub.attachments.keep(connection, hub.clock);
            return true;
        }
        false
    }
}
