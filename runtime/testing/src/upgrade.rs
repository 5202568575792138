//! From a request for a WebSocket to a connection, as a server does it, or to the response that refuses it; and
//! connections that are there from the start.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::value::Value;
use zigttp_rooms::browser::Browser;
use zigttp_rooms::connection::Client as ClientOf;
use zigttp_rooms::dispatch::{NamedRoom, Opened};
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::reservation::Reservation;
use zigttp_rooms::transport::Transport;
use zigttp_sandbox::event::Request;
use zigttp_sandbox::route::{Opening, RoomTooLong};

use crate::client::{Client, Limits, Served};
use crate::line::{Line, LineWire};
use crate::requests::{Answered, answer_of, event_request, respond};

/// What a client asks for.
pub(crate) struct Upgrade {
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) protocols: Vec<String>,
    pub(crate) browser: Browser,
    /// The connection that the client proves to have had.
    pub(crate) prior: Option<ConnectionId>,
}

/// What has come of it.
pub(crate) enum Upgraded {
    Opened(Client, Option<String>),
    Refused(Answered),
}

/// Opens a connection.
pub(crate) async fn upgrade(
    dispatcher: &Arc<Dispatcher>,
    upgrade: Upgrade,
    limits: Limits,
) -> Upgraded {
    let app = Arc::clone(&dispatcher.handlers.current().app);
    let url = &*upgrade.path;
    let request = || handshake(&upgrade);
    let route = app.routes.find(url);
    if route.is_some_and(|route| !route.upgrades()) {
        return refuse(404, "no WebSocket is served on this path\n");
    }
    if !app.upgrades() {
        return Upgraded::Refused(respond(dispatcher, request(), url).await);
    }
    let named = match app.names_rooms() {
        true => match dispatcher.name_room(request()).await {
            Ok(NamedRoom::Named(room)) => Some(room),
            Ok(NamedRoom::OfRoute) => None,
            Ok(NamedRoom::Answered(response)) => return Upgraded::Refused(response.into()),
            Err(error) => return Upgraded::Refused(answer_of(&error)),
        },
        false => None,
    };
    let opening = match (route, named) {
        (Some(route), named) => match route.open(url, named) {
            Ok(opening) => opening,
            Err(RoomTooLong) => return refuse(414, "the name of the room is too long\n"),
        },
        (None, Some(room)) => Opening::without_route(url, room),
        (None, None) => return Upgraded::Refused(respond(dispatcher, request(), url).await),
    };
    let hub = &dispatcher.hub;
    let client =
        ClientOf { browser: Some(upgrade.browser), window: None, transport: Transport::WebSocket };
    let Ok(connection) = hub.prepare(opening, client) else {
        return refuse(503, "no connection can be opened now\n");
    };
    let registered = Registered { hub: Arc::clone(hub), connection };
    let connection = Arc::clone(&registered.connection);
    let reservation = Reservation::find(hub, &connection, upgrade.prior).await;
    let room = connection.rooms.own();
    let opened = match dispatcher.take_turn(&room, url.len()).await {
        Ok(turn) => {
            dispatcher.open(turn, &connection, Some(|| Box::new(request())), reservation).await
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(Opened::Member(unwritten)) => drop(unwritten),
        Ok(Opened::Refused(response)) => return Upgraded::Refused(response.into()),
        Err(error) => return Upgraded::Refused(answer_of(&error)),
    }
    let client = serve(dispatcher, registered, limits);
    // The first of the client's that the handler speaks (RFC 6455, 4.2.2).
    let spoken = |offered: &&String| app.protocols.contains(offered);
    let protocol = upgrade.protocols.iter().find(spoken).cloned();
    Upgraded::Opened(client, protocol)
}

/// Begins the task of a connection that is open, with a line in place of a socket.
fn serve(dispatcher: &Arc<Dispatcher>, registered: Registered, limits: Limits) -> Client {
    let connection = Arc::clone(&registered.connection);
    let line = Arc::new(Line::default());
    connection.outbox.attach(Box::new(LineWire(Arc::clone(&line))));
    let (acts, inbox) = mpsc::unbounded_channel();
    let served =
        Served { dispatcher: Arc::clone(dispatcher), limits, line: Arc::clone(&line), acts: inbox };
    tokio::spawn(served.serve(registered));
    Client { acts, line, connection }
}

/// A connection that is open already, as if it had been for a while.
pub(crate) struct Placed {
    pub(crate) room: String,
    /// Other rooms that it has joined.
    pub(crate) joined: Vec<Arc<str>>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) attachment: Option<Value>,
    /// `None`: the next.
    pub(crate) id: Option<ConnectionId>,
    pub(crate) browser: Browser,
}

/// Opens a connection without any event. On the world's runtime.
///
/// # Errors
/// When there is a connection of this id already.
pub(crate) fn place(
    dispatcher: &Arc<Dispatcher>,
    placed: Placed,
    limits: Limits,
) -> Result<Client, String> {
    let Placed { room, joined, parameters, attachment, id, browser } = placed;
    let hub = &dispatcher.hub;
    if let Some(id) = id.filter(|id| hub.find(*id).is_some()) {
        return Err(format!("world.member: there is a connection {} already", id.number()));
    }
    let parameters = parameters.iter().map(|(name, value)| (Arc::from(&**name), (&**value).into()));
    let opening =
        Opening { url: Arc::from(&*room), room: (&*room).into(), parameters: parameters.collect() };
    let client = ClientOf { browser: Some(browser), window: None, transport: Transport::WebSocket };
    let connection = match id {
        Some(id) => hub.prepare_as(id, opening, client),
        None => hub.prepare(opening, client).map_err(|error| error.to_string())?,
    };
    let registered = Registered { hub: Arc::clone(hub), connection };
    hub.place(&registered.connection, attachment, &joined);
    Ok(serve(dispatcher, registered, limits))
}

fn refuse(status: u16, text: &str) -> Upgraded {
    Upgraded::Refused(Answered::plain(status, text))
}

/// The request of an opening handshake.
fn handshake(Upgrade { path, headers, protocols, .. }: &Upgrade) -> Request {
    let mut all = vec![
        ("connection".to_owned(), "Upgrade".to_owned()),
        ("upgrade".to_owned(), "websocket".to_owned()),
        ("sec-websocket-version".to_owned(), "13".to_owned()),
    ];
    if !protocols.is_empty() {
        all.push(("sec-websocket-protocol".to_owned(), protocols.join(", ")));
    }
    all.extend_from_slice(headers);
    event_request("GET", path, &all, Bytes::new())
}
