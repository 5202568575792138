//! The life cycle of one connection, from its 101 until its `onClose` has run.

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
use zigttp_rooms::undone::Undone;
use zigttp_rooms::unwritten;
use zigttp_sandbox::event::Call;

use crate::connection::socket::{Inbound, Socket};
use crate::server::Server;

/// How a connection ended.
pub(super) enum End {
    /// The client sent its close frame first.
    Client(Close),
    /// The server sent its close frame first, for the handler or for a limit.
    Server(Close),
    /// The server is stopping.
    Shutdown,
    /// The client broke the protocol, or exceeded a limit of messages.
    Fault(Close),
    /// The transport ended without a close frame.
    Dropped,
}

impl End {
    /// The code and reason for `onClose`.
    fn close(self) -> Close {
        match self {
            End::Client(close) | End::Server(close) | End::Fault(close) => close,
            End::Shutdown => Closing::Shutdown.close(),
            End::Dropped => Close::new(close_code::ABNORMAL, ""),
        }
    }

    /// Whether the attachment's file is removed with the connection.
    fn removes_attachment(&self) -> bool {
        !matches!(self, End::Shutdown)
    }
}

impl Server {
    /// Serves a connection whose `onOpen` has run until it has closed and its `onClose` has run.
    pub(crate) async fn serve_connection(
        self: Arc<Server>,
        registered: Registered,
        mut socket: Box<Socket>,
    ) {
        let connection = &Arc::clone(&registered.connection);
        if self.is_draining() {
            // It opened while the server was closing the others, which did not include it.
            connection.outbox.leave();
        }
        let end = self.serve_messages(&mut socket, connection).await;
        socket.write_now();

        let end = Box::pin(self.complete_close(&mut socket, connection, end)).await;
        connection.outbox.shut();
        // The client may be slow to end the transport; `onClose` does not wait for it.
        let is_dropped = matches!(end, End::Dropped);
        let has_client_closed = matches!(end, End::Client(_));
        let end_transport = async {
            if !is_dropped {
                socket.finish(&connection.outbox, has_client_closed).await;
            }
        };
        let (is_left, ()) =
            Box::pin(async { tokio::join!(self.after_close(connection, end), end_transport) })
                .await;
        drop(registered);
        self.hub.parted(connection, is_left);
    }

    /// Ends a connection whose client left before it had a socket.
    pub(crate) async fn end_without_socket(&self, registered: Registered) {
        let connection = &Arc::clone(&registered.connection);
        connection.outbox.shut();
        let is_left = self.after_close(connection, End::Dropped).await;
        drop(registered);
        self.hub.parted(connection, is_left);
    }

    /// Runs `onClose` for a connection that has ended, and removes its attachment. Returns whether the
    /// attachment stays instead and waits to be resumed.
    pub(super) async fn after_close(&self, connection: &Arc<Connection>, end: End) -> bool {
        let (removes, is_dropped) = (end.removes_attachment(), matches!(end, End::Dropped));
        let Close { code, reason, .. } = end.close();
        let bytes = reason.len();
        let close = Call::Close { code, reason };
        let may_be_left = self.hub.leftovers.is_some() && is_dropped;
        if removes && !may_be_left {
            connection.leave_nothing();
        }
        // A failure was logged; there is no client to report it to.
        if let Err(Undone::GivenUp) = self.dispatcher.dispatch(connection, close, bytes).await {
            // As after a crash, its attachment stays.
            return false;
        }
        if may_be_left && connection.attachment().is_some() {
            return true;
        }
        if removes {
            self.hub.attachments.remove(&self.hub.states.storage, connection).await;
        }
        false
    }

    /// Handles messages until one side closes.
    async fn serve_messages(&self, socket: &mut Socket, connection: &Arc<Connection>) -> End {
        let counters = &self.hub.counters;
        let mut messages = Bucket::default();
        loop {
            match socket.next(&self.config, connection).await {
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
                        Some(response) => {
                            if let Some(observer) = &self.dispatcher.observer {
                                observer.auto_response(connection, &data, &response);
                            }
                            self.auto_respond(connection, &response).await;
                            let queued = response.bytes().len();
                            if let Some(unwritten) = unwritten::gather([connection.clone()], queued)
                            {
                                socket.write_later(unwritten);
                            }
                        }
                        None => {
                            self.handle_message(socket, connection, data).await;
                        }
                    }
                }
                Inbound::Closing(Closing::Close(close)) => return End::Server(close),
                Inbound::Closing(Closing::Shutdown) => return End::Shutdown,
                Inbound::ClientClosed(close) => return End::Client(close),
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
                Inbound::Dormant => {
                    connection.set_state(State::Dormant);
                    connection.outbox.shrink();
                }
                Inbound::NoPong => {
                    counters.dead_peers.add_one();
                    return End::Dropped;
                }
                Inbound::Dropped => return End::Dropped,
            }
        }
    }

    /// Queues an auto-response.
    async fn auto_respond(&self, connection: &Connection, response: &Value) {
        let counters = &self.hub.counters;
        let mut frame = Frame::of(response);
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
            counters.sent_bytes.add(response.bytes().len());
        } else {
            counters.refused_frames.add_one();
        }
    }

    /// Whether one more message is within the rate of its connection.
    fn may_send(&self, messages: &mut Bucket) -> bool {
        self.message_rate.is_none_or(|rate| rate.take(messages, self.hub.clock.now()))
    }

    /// Handles a message of this connection. The dispatch is boxed with it, so that an idle connection holds no
    /// memory for it. The dispatcher logs a failure, and closes the connection where it has to.
    fn handle_message<'a>(
        &'a self,
        socket: &'a mut Socket,
        connection: &'a Arc<Connection>,
        data: Value,
    ) -> impl Future<Output = ()> + Send + 'a {
        let bytes = data.bytes().len() + socket.bytes_behind();
        let dispatch =
            Box::pin(self.dispatcher.dispatch(connection, Call::Message { data }, bytes));
        async move {
            connection.set_state(State::Live);
            match socket.run_event(&self.config, connection, dispatch).await {
                Ok(Some(unwritten)) => socket.write_later(unwritten),
                Ok(None) | Err(Undone::Failed(_) | Undone::Unwanted) => {}
                // The server stops, and nothing of this connection runs any more.
                Err(Undone::GivenUp) => connection.outbox.leave(),
            }
            connection.set_state(State::Parked);
            socket.event_ended();
        }
    }

    /// Closes a transport that has no connection.
    pub(crate) async fn turn_away(
        &self,
        mut socket: Socket,
        connection: &Connection,
        close: Close,
    ) {
        connection.outbox.close(close.clone());
        self.complete_close(&mut socket, connection, End::Server(close)).await;
        connection.outbox.shut();
        socket.finish(&connection.outbox, false).await;
    }

    /// Completes the closing handshake within its time-out. Returns how the connection ended: the
    /// client's close frame may have been sent first after all.
    async fn complete_close(&self, socket: &mut Socket, connection: &Connection, end: End) -> End {
        let time = match &end {
            End::Shutdown => self.shutdown_close_timeout(),
            _ => self.config.close_timeout,
        };
        match end {
            End::Server(_) | End::Shutdown => {
                match timeout(time, socket.close(&connection.outbox)).await {
                    Ok(Some(crossed)) => End::Client(crossed),
                    Ok(None) | Err(_) => end,
                }
            }
            End::Client(close) => {
                let _ = timeout(time, socket.flush(&connection.outbox)).await;
                End::Client(close)
            }
            End::Fault(close) => {
                // After the frames that were sent for earlier messages.
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
