//! The life of one connection, from the 101 to after its `onClose`.

use std::sync::Arc;

use tokio::time::timeout;
use zigttp_abi::close_code;
use zigttp_abi::value::Value;
use zigttp_protocol::close::Close;
use zigttp_protocol::frame::Frame;
use zigttp_rooms::connection::{Connection, State};
use zigttp_rooms::outbox::Closing;
use zigttp_rooms::pace::Bucket;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::unwritten;
use zigttp_sandbox::event::{Call, Event};

use crate::connection::socket::{Inbound, Socket};
use crate::gate::resume::Visitor;
use crate::server::Server;

/// How a connection ended.
enum End {
    /// The peer's close frame came first.
    Peer(Close),
    /// The server's did, for the handler or for itself.
    Server(Close),
    /// The server stops.
    Shutdown,
    /// The peer broke the protocol, or a bound of messages.
    Fault(Close),
    /// No close frame.
    Dropped,
}

impl End {
    /// What `onClose` is told.
    fn report(self) -> Close {
        match self {
            End::Peer(close) | End::Server(close) | End::Fault(close) => close,
            End::Shutdown => Closing::Shutdown.close(),
            End::Dropped => Close::new(close_code::ABNORMAL, ""),
        }
    }

    /// Whether the attachment's file goes with the connection.
    fn unlinks(&self) -> bool {
        !matches!(self, End::Shutdown)
    }
}

impl Server {
    /// Drives a connection until it is gone.
    pub(crate) async fn serve(
        self: Arc<Server>,
        registered: Registered,
        mut socket: Socket,
        visitor: Option<Visitor>,
    ) {
        let connection = &Arc::clone(&registered.connection);
        if let Some(visitor) = visitor {
            Box::pin(self.hub.resume(connection, visitor.prior)).await;
        }
        let open = connection.event(Call::Open { url: Arc::clone(&connection.url) });
        self.run_for(&mut socket, connection, open).await;
        if self.is_draining() {
            // It came between the end of accepting and the closing of all.
            connection.outbox.leave();
        }
        let end = self.converse(&mut socket, connection).await;
        socket.write_now();

        self.hub.part(connection);
        let end = Box::pin(self.end(&mut socket, connection, end)).await;
        connection.outbox.shut();
        // The peer may take its time to go; `onClose` does not wait for that.
        let is_dropped = matches!(end, End::Dropped);
        let farewell = async {
            if !is_dropped {
                socket.finish(&connection.outbox).await;
            }
        };
        let (is_left, ()) =
            Box::pin(async { tokio::join!(self.close(connection, end), farewell) }).await;
        drop(registered);
        self.hub.parted(connection, is_left);
    }

    /// What is left to do for a connection that has ended: its `onClose`, and its attachment.
    /// Returns whether that waits for the client to come back.
    async fn close(&self, connection: &Arc<Connection>, end: End) -> bool {
        let (unlinks, is_dropped) = (end.unlinks(), matches!(end, End::Dropped));
        let Close { code, reason, .. } = end.report();
        let close = connection.event(Call::Close { code, reason });
        // Its failure is logged; there is nobody left to tell.
        let _ = self.dispatcher.dispatch(connection, close).await;
        if self.hub.leftovers.is_some() && is_dropped && connection.attachment().is_some() {
            // It waits for whoever comes back.
            return true;
        }
        if unlinks {
            self.hub.attachments.remove(connection).await;
        }
        false
    }

    /// Handles messages until one side closes.
    async fn converse(&self, socket: &mut Socket, connection: &Arc<Connection>) -> End {
        let counters = &self.hub.counters;
        let mut messages = Bucket::default();
        loop {
            match socket.next(&self.config, &connection.outbox).await {
                Inbound::Message { .. } if !self.may_send(&mut messages) => {
                    counters.fast_senders.add_one();
                    let close = Close::new(close_code::POLICY_VIOLATION, "too many messages");
                    connection.outbox.close_at_once(close);
                }
                Inbound::Message { data, compressed_bytes } => {
                    counters.received_bytes.add(data.bytes().len());
                    if let Some(bytes) = compressed_bytes {
                        counters.received_compressed_bytes.add(bytes as usize);
                    }
                    match connection.auto_response_to(&data) {
                        Some(answer) => {
                            if let Some(observer) = &self.dispatcher.observer {
                                observer.auto_response(connection, &data, &answer);
                            }
                            self.auto_respond(connection, &answer).await;
                            let queued = answer.bytes().len();
                            if let Some(unwritten) = unwritten::gather([connection.clone()], queued)
                            {
                                socket.write_later(unwritten);
                            }
                        }
                        None => {
                            let event = connection.event(Call::Message { data });
                            self.run_for(socket, connection, event).await;
                        }
                    }
                }
                Inbound::Closing(Closing::Close(close)) => return End::Server(close),
                Inbound::Closing(Closing::Shutdown) => return End::Shutdown,
                Inbound::PeerClosed(close) => return End::Peer(close),
                Inbound::Fault(close) => {
                    let count = match close.code {
                        close_code::MESSAGE_TOO_BIG => &counters.oversized_messages,
                        close_code::TRY_AGAIN_LATER => &counters.refused_messages,
                        _ => &counters.protocol_violations,
                    };
                    count.add_one();
                    return End::Fault(close);
                }
                Inbound::LateMessage => {
                    counters.late_messages.add_one();
                    let reason = "a message took too long";
                    return End::Fault(Close::new(close_code::POLICY_VIOLATION, reason));
                }
                Inbound::Slow => {
                    counters.slow_consumers.add_one();
                    let close = Close::new(close_code::POLICY_VIOLATION, "slow consumer");
                    connection.outbox.close_at_once(close);
                }
                Inbound::Idle => {
                    connection.set_state(State::Dormant);
                    connection.outbox.shrink();
                }
                Inbound::Dead => {
                    counters.dead_peers.add_one();
                    return End::Dropped;
                }
                Inbound::Dropped => return End::Dropped,
            }
        }
    }

    /// Queues an auto-response.
    async fn auto_respond(&self, connection: &Connection, answer: &Value) {
        let counters = &self.hub.counters;
        let mut frame = Frame::of(answer);
        if let Some(window) = connection.window
            && self.hub.compression.applies_to(&frame)
        {
            frame = Box::pin(self.hub.compression.apply(&frame, window)).await;
        }
        if frame.is_compressed() {
            counters.sent_compressed_bytes.add(frame.payload().len());
        }
        if connection.outbox.push_bounded(frame) {
            counters.auto_responses.add_one();
            counters.sent_frames.add_one();
            counters.sent_bytes.add(answer.bytes().len());
        } else {
            counters.refused_frames.add_one();
        }
    }

    /// Whether a message is within the rate of its connection.
    fn may_send(&self, messages: &mut Bucket) -> bool {
        self.message_rate.is_none_or(|rate| rate.take(messages, self.hub.clock.now()))
    }

    /// Runs an event of this connection. Boxed, so that an idle connection does not hold room for
    /// what an event needs. A failure has been logged, and closes the connection if it must.
    async fn run_for(&self, socket: &mut Socket, connection: &Arc<Connection>, event: Event) {
        connection.set_state(State::Live);
        let dispatch = Box::pin(self.dispatcher.dispatch(connection, event));
        if let Ok(Some(unwritten)) = socket.write_during(&connection.outbox, dispatch).await {
            socket.write_later(unwritten);
        }
        connection.set_state(State::Parked);
        socket.event_ended();
    }

    /// Completes the closing handshake, within its time.
    async fn end(&self, socket: &mut Socket, connection: &Connection, end: End) -> End {
        let time = match &end {
            End::Shutdown => self.shutdown_close_timeout(),
            _ => self.config.close_timeout,
        };
        match end {
            End::Server(_) | End::Shutdown => {
                match timeout(time, socket.close(&connection.outbox)).await {
                    Ok(Some(crossed)) => End::Peer(crossed),
                    Ok(None) | Err(_) => end,
                }
            }
            End::Peer(close) => {
                let _ = timeout(time, socket.flush(&connection.outbox)).await;
                End::Peer(close)
            }
            End::Fault(close) => {
                // Behind what earlier messages have been answered with.
                connection.outbox.close(close.clone());
                connection.outbox.queue_close();
                let _ = timeout(time, socket.flush(&connection.outbox)).await;
                End::Fault(close)
            }
            End::Dropped => {
                socket.leave(&connection.outbox).await;
                End::Dropped
            }
        }
    }
}
