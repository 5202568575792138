//! Connections without a socket: dispatch and commit are the same, but the caller sends messages instead of
//! a client. For benchmarks, and for tests of handlers.

use std::sync::Arc;

use bytes::Bytes;
use zigttp_abi::value::Value;
use zigttp_protocol::frame::Frame;
use zigttp_sandbox::event::{Call, Request};
use zigttp_sandbox::route::Opening;

use crate::connection::Client;
use crate::dispatch::{NamedRoom, Opened};
use crate::dispatcher::Dispatcher;
use crate::registration::Registered;

/// A connection of a program instead of a client.
pub struct LocalConnection {
    dispatcher: Arc<Dispatcher>,
    registered: Registered,
}

impl LocalConnection {
    /// Opens a connection of a server on a path with query and runs its `onOpen`; `None` when the path is
    /// not a route for WebSockets or no connection can be opened.
    pub async fn open<S>(server: &Arc<S>, url: &str) -> Option<LocalConnection>
    where
        S: AsRef<Arc<Dispatcher>> + ?Sized,
    {
        let dispatcher = Arc::clone((**server).as_ref());
        let handler = dispatcher.handlers.current();
        let opening = match handler.app.routes.find(url) {
            Some(route) if !route.upgrades() => return None,
            route if handler.app.names_rooms() => {
                match (dispatcher.name_room(request(url)).await.ok()?, route) {
                    (NamedRoom::Named(room), Some(route)) => route.open(url, Some(room)).ok()?,
                    (NamedRoom::Named(room), None) => Opening::without_route(url, room),
                    (NamedRoom::OfRoute, route) => route?.open(url, None).ok()?,
                    (NamedRoom::Answered(_), _) => return None,
                }
            }
            route => route?.open(url, None).ok()?,
        };
        let connection = dispatcher.hub.prepare(opening, Client::default()).ok()?;
        let registered = Registered { hub: Arc::clone(&dispatcher.hub), connection };
        let room = registered.connection.rooms.own();
        let turn = dispatcher.take_turn(&room, 0).await.ok()?;
        match dispatcher
            .open(turn, &registered.connection, None::<fn() -> Box<Request>>, None)
            .await
            .ok()?
        {
            Opened::Member(_unwritten) => {}
            Opened::Refused(_) => return None,
        }
        Some(LocalConnection { dispatcher, registered })
    }

    /// Sends a message: runs `onMessage`, or queues the auto-response. Returns whether the event's effects
    /// were committed.
    pub async fn message(&self, data: Value) -> bool {
        let connection = &self.registered.connection;
        if let Some(response) = connection.auto_response_to(&data) {
            return connection.outbox.push_bounded(Frame::of(&response));
        }
        let bytes = data.bytes().len();
        self.dispatcher.dispatch(connection, Call::Message { data }, bytes).await.is_ok()
    }

    /// Takes the next frame that is queued for this connection, as it would be on the wire.
    pub fn next_sent(&self) -> Option<Bytes> {
        self.registered.connection.outbox.take()
    }
}

/// The request of a client that opens this path with query.
fn request(url: &str) -> Request {
    let (path, query) = url.find('?').map_or((url, ""), |mark| url.split_at(mark));
    Request {
        method: "GET".to_owned(),
        target: format!("http://localhost\n{path}\n{query}"),
        headers: String::new(),
        body: Bytes::new(),
    }
}
