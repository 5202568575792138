//! Checks a request for a WebSocket before its 101 (over HTTP/2, its 200), in this order: the handshake is
//! valid; its origin may connect; the server accepts one more (it is not stopping, the address is within
//! its rate, the limit of connections is not reached); the handler names its room (`roomOf`), unless no route
//! matches: then it was asked before; the handler's `onUpgrade` accepts it.
//!
//! Until all checks have passed there is no connection: no list or room has it, its id finds nothing, and
//! when the request ends nothing of it remains.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::SEC_WEBSOCKET_EXTENSIONS;
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use zigttp_abi::close_code;
use zigttp_protocol::close::Close;
use zigttp_protocol::deflate::window::WindowBits;
use zigttp_protocol::{deflate, handshake};
use zigttp_rooms::connection::{Client, Connection};
use zigttp_rooms::dispatch::{NamedRoom, Opened};
use zigttp_rooms::no_answer::NoAnswer;
use zigttp_rooms::panic_watch::PanicWatch;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::reservation::Reservation;
use zigttp_rooms::transport::Transport;
use zigttp_rooms::world::World;
use zigttp_sandbox::app::App;
use zigttp_sandbox::event;
use zigttp_sandbox::route::{Matched, Opening, RoomTooLong};
use zigttp_sandbox::shared_text::SharedText;

use crate::connection::socket::Socket;
use crate::gate::resume::{self, Identity};
use crate::http::client_info::ClientInfo;
use crate::http::response::{Body, internal_error, plain, retry_after, text};
use crate::http::target::extended_connect;
use crate::requests::expected;
use crate::requests::no_response::{error_response, room_too_long};
use crate::requests::seen::guest_request;
use crate::server::Server;
use crate::server::counters::HandshakeResult;
use crate::transport::activity::ActiveRequest;

/// Why a request does not become a connection, and the response to it.
pub(crate) type Rejection = (HandshakeResult, Box<Response<Body>>);

/// The room that a request for a WebSocket leads to.
pub(crate) enum Place<'a> {
    /// That of the route, unless the handler names another.
    OfRoute(Matched<'a>),
    /// The handler has named it, and no route matches.
    Named(SharedText),
}

/// A request that has passed the server's checks.
struct Checked {
    /// The 101, or the 200 over HTTP/2.
    response: Response<()>,
    /// The window of compressed frames for its client.
    window: Option<WindowBits>,
    permit: OwnedSemaphorePermit,
}

/// A request that may become a connection.
struct Candidate {
    registered: Registered,
    /// The request, which `onUpgrade` is asked about.
    head: Parts,
    client: ClientInfo,
    upgrade: OnUpgrade,
    /// The 101, or the 200 over HTTP/2.
    response: Response<()>,
    /// Who the client is, where connections are resumed.
    identity: Option<Identity>,
}

impl Server {
    /// Responds to a request for a WebSocket, and serves the connection if it is accepted.
    pub(crate) async fn upgrade(
        self: Arc<Server>,
        request: Request<Incoming>,
        place: Place<'_>,
        app: &App<World>,
        client: ClientInfo,
    ) -> Response<Body> {
        let active = request.extensions().get::<Arc<ActiveRequest>>().cloned();
        let active = active.expect("each request has its transport");
        let (candidate, permit) = match self.examine(request, place, app, client).await {
            Ok(candidate) => candidate,
            Err((result, response)) => {
                self.counters.count_handshake(result);
                return *response;
            }
        };
        let (sender, response) = oneshot::channel();
        // A task of its own from here on: what a turn has begun is finished if the client leaves.
        tokio::spawn(async move {
            // Held until the connection has ended.
            let _held = (permit, PanicWatch(Arc::clone(&self.hub.counters.panics)));
            // Boxed, so that a connection holds no memory for its admission.
            let admitted = Box::pin(self.admit(candidate, &active, sender)).await;
            match admitted {
                Ok((registered, socket)) => {
                    self.counters.count_handshake(HandshakeResult::Accepted);
                    // Inside of a stream the request goes on with it; a TCP socket has left its transport.
                    let _active = socket.is_in_stream().then_some(active);
                    self.serve_connection(registered, socket).await;
                }
                Err(result) => self.counters.count_handshake(result),
            }
        });
        // Without a response the task has panicked.
        response.await.unwrap_or_else(|_panicked| internal_error())
    }

    /// Makes all checks before `onUpgrade`.
    async fn examine(
        self: &Arc<Server>,
        request: Request<Incoming>,
        place: Place<'_>,
        app: &App<World>,
        client: ClientInfo,
    ) -> Result<(Candidate, OwnedSemaphorePermit), Rejection> {
        let Checked { mut response, window, permit } =
            self.check_handshake(&request, app, client)?;
        let (mut head, upgrade) = split(request);
        let url = head.uri.path_and_query().map_or("", PathAndQuery::as_str);
        let opening = match place {
            Place::Named(room) => Opening::without_route(url, room),
            Place::OfRoute(route) => {
                let named = match app.names_rooms() {
                    true => self.check_named(self.name_room(&head, client).await)?,
                    false => None,
                };
                route
                    .open(url, named)
                    .map_err(|RoomTooLong| reject(HandshakeResult::Malformed, room_too_long()))?
            }
        };
        let resume = self.gate.resume.as_ref();
        let identity = resume
            .map(|resume| resume.identify(&head.headers, client, &self.hub.counters.forged_tokens));
        let browser = identity.as_ref().map(|identity| identity.browser);
        let client_of = Client { browser, window, transport: Transport::WebSocket };
        let connection = self.hub.prepare(opening, client_of).map_err(|error| {
            tracing::error!(%error, "cannot reserve connection ids");
            let line = "no connection can be opened now\n";
            reject(HandshakeResult::Failed, text(StatusCode::SERVICE_UNAVAILABLE, line))
        })?;
        if let (Some(resume), Some(identity)) = (resume, &identity) {
            resume.add_tokens(identity, connection.id, response.headers_mut());
        }
        let registered = Registered { hub: Arc::clone(&self.hub), connection };
        // A handler sees the same request over each version of HTTP (RFC 8441, 5).
        head.method = Method::GET;
        Ok((Candidate { registered, head, client, upgrade, response, identity }, permit))
    }

    /// The room that the handler has named for an upgrade, if it has.
    pub(crate) fn check_named(
        &self,
        named: Result<NamedRoom, NoAnswer>,
    ) -> Result<Option<SharedText>, Rejection> {
        match named {
            Ok(NamedRoom::Named(room)) => Ok(Some(room)),
            Ok(NamedRoom::OfRoute) => Ok(None),
            Ok(NamedRoom::Answered(response)) => Err(self.refused(response, "roomOf")),
            Err(error) => Err(no_answer(&error)),
        }
    }

    /// Makes the checks of the server itself.
    fn check_handshake(
        &self,
        request: &Request<Incoming>,
        app: &App<World>,
        client: ClientInfo,
    ) -> Result<Checked, Rejection> {
        let mut response = handshake::respond(request, extended_connect(request))
            .map_err(|response| reject(HandshakeResult::Malformed, plain(*response)))?;
        if let Some(protocol) = handshake::choose_protocol(request.headers(), &app.protocols) {
            handshake::set_protocol(&mut response, protocol);
        }
        let agreed =
            self.config.compression.then(|| deflate::negotiate(request.headers())).flatten();
        let window = agreed.map(|(window, extensions)| {
            response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, extensions);
            window
        });
        if !self.gate.origins.allow(request.headers()) {
            return Err(reject(
                HandshakeResult::ForeignOrigin,
                text(StatusCode::FORBIDDEN, FOREIGN_ORIGIN),
            ));
        }
        if self.is_draining() {
            return Err(draining());
        }
        if let Some(rates) = &self.gate.handshake_rates
            && !rates.take(client.address, Instant::now())
        {
            let response = text(StatusCode::TOO_MANY_REQUESTS, "too many handshakes\n");
            return Err(reject(HandshakeResult::TooFast, retry_after(response, "1")));
        }
        let permit = Arc::clone(&self.gate.connections).try_acquire_owned().map_err(|_full| {
            let response = text(StatusCode::SERVICE_UNAVAILABLE, "too many connections\n");
            reject(HandshakeResult::TooManyConnections, retry_after(response, "5"))
        })?;
        Ok(Checked { response, window, permit })
    }

    /// Opens the connection in its room's turn, responds to the request, and takes over the transport. The
    /// 101 leaves when the turn is over: a client that has read it misses no later frame of its room.
    async fn admit(
        self: &Arc<Server>,
        candidate: Candidate,
        active: &ActiveRequest,
        mut sender: oneshot::Sender<Response<Body>>,
    ) -> Result<(Registered, Box<Socket>), HandshakeResult> {
        let Candidate { registered, head, client, upgrade, response, identity } = candidate;
        let connection = &Arc::clone(&registered.connection);
        let prior = identity.and_then(|identity| identity.prior);
        let bytes = connection.url.len() + expected::head_bytes(&head);
        // Known once its reservation is: what it resumes may have moved.
        let room = OnceLock::new();
        let ready = async {
            // What its client has left stays for its next attempt.
            if connection.rooms.own().turns().waits().is_paused {
                return (None, Err(NoAnswer::RoomPaused));
            }
            let reservation = Reservation::find(&self.hub, connection, prior).await;
            let room = room.get_or_init(|| connection.rooms.own());
            (reservation, self.dispatcher.take_turn(room, bytes).await)
        };
        let (reservation, turn) = tokio::select! {
            ready = ready => ready,
            // A client that has gone waits no more; nothing has begun.
            () = sender.closed() => return Err(HandshakeResult::Abandoned),
            () = active.client_left() => return Err(HandshakeResult::Abandoned),
        };
        if active.has_client_left() {
            return Err(HandshakeResult::Abandoned);
        }
        let question = || Box::new(guest_request(&head, client, Bytes::new()));
        let opened = match turn {
            Err(NoAnswer::RoomPaused) => {
                drop(reservation);
                self.close_as_paused(connection, upgrade, response, sender).await;
                return Err(HandshakeResult::RoomPaused);
            }
            Ok(turn) => self.dispatcher.open(turn, connection, Some(question), reservation).await,
            Err(error) => Err(error),
        };
        if let Err((result, response)) = self.check_opened(opened) {
            // The client may have gone.
            let _ = sender.send(*response);
            return Err(result);
        }
        let _ = sender.send(response.map(|()| Body::default()));
        match upgrade.await {
            Ok(upgraded) => {
                // Boxed, because each future that it is handed through holds room for it.
                let socket = Socket::new(upgraded, &self.config, &self.partial, connection);
                Ok((registered, Box::new(socket)))
            }
            // The client left before the 101 was written. Its `onOpen` has run, so its `onClose` does.
            Err(_gone) => {
                self.end_without_socket(registered).await;
                Err(HandshakeResult::Abandoned)
            }
        }
    }

    /// Accepts the handshake of a client whose room is paused, and closes at once, without any event: so its program is
    /// told by a close code, which browsers show, and not by a status, which they hide.
    async fn close_as_paused(
        &self,
        connection: &Connection,
        upgrade: OnUpgrade,
        mut response: Response<()>,
        sender: oneshot::Sender<Response<Body>>,
    ) {
        // The token that the client has stays the one that finds what it has left.
        resume::remove_token(response.headers_mut());
        let _ = sender.send(response.map(|()| Body::default()));
        if let Ok(upgraded) = upgrade.await {
            let socket = Socket::new(upgraded, &self.config, &self.partial, connection);
            let close = Close::new(close_code::TRY_AGAIN_LATER, "the room is paused");
            self.turn_away(socket, connection, close).await;
        }
    }

    /// The response to a client that has no connection.
    fn check_opened(&self, opened: Result<Opened, NoAnswer>) -> Result<(), Rejection> {
        match opened {
            // What `onOpen` has sent to others is written when this is dropped.
            Ok(Opened::Member(_unwritten)) => Ok(()),
            Ok(Opened::Refused(response)) => Err(self.refused(response, "onUpgrade")),
            Err(error) => Err(no_answer(&error)),
        }
    }

    /// The response with which an export refuses a connection.
    fn refused(&self, response: event::Response, export: &str) -> Rejection {
        match self.host_response(response, export) {
            Some(response) => reject(HandshakeResult::RefusedByHandler, response),
            None => reject(HandshakeResult::Failed, internal_error()),
        }
    }
}

/// The response where the handler has given none.
fn no_answer(error: &NoAnswer) -> Rejection {
    let result = match error {
        NoAnswer::Busy => HandshakeResult::TooManyEvents,
        NoAnswer::RoomBusy => HandshakeResult::RoomBusy,
        NoAnswer::RoomPaused => HandshakeResult::RoomPaused,
        NoAnswer::Draining => HandshakeResult::Draining,
        NoAnswer::Abandoned => HandshakeResult::Abandoned,
        NoAnswer::Failed(_) | NoAnswer::Panicked => HandshakeResult::Failed,
    };
    reject(result, error_response(error))
}

const FOREIGN_ORIGIN: &str = "pages of this origin may not connect: it is not the host that the \
                              request names, and --allowed-origin does not list it\n";

fn reject(result: HandshakeResult, response: Response<Body>) -> Rejection {
    (result, Box::new(response))
}

fn draining() -> Rejection {
    let response = text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n");
    reject(HandshakeResult::Draining, retry_after(response, "1"))
}

fn split(mut request: Request<Incoming>) -> (Parts, OnUpgrade) {
    let upgrade = hyper::upgrade::on(&mut request);
    (request.into_parts().0, upgrade)
}
