//! What stands between a request for a WebSocket and its 101 (over HTTP/2, its 200), in this order: the handshake is a good
//! one; its origin may connect; the server takes one more (it is not stopping, the address is not too
//! fast, there is a place); the handler's `onUpgrade` does not refuse.
//!
//! Until all of that has passed there is no connection: it is in no list and no room, nobody finds it
//! by its id, and whatever ends the request leaves nothing behind.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::SEC_WEBSOCKET_EXTENSIONS;
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use zigttp_protocol::{deflate, handshake};
use zigttp_rooms::connection::Connection;
use zigttp_rooms::panic_watch::PanicWatch;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::world::World;
use zigttp_sandbox::app::App;
use zigttp_sandbox::event::{Call, Event};
use zigttp_sandbox::route::Opening;

use crate::connection::socket::Socket;
use crate::gate::resume::Visitor;
use crate::http::peer::Peer;
use crate::http::response::{Body, internal_error, plain, retry_after, text};
use crate::http::target::extended_connect;
use crate::requests::handler::no_answer;
use crate::requests::seen::guest_request;
use crate::server::Server;
use crate::server::counters::Admission;
use crate::transport::activity::InUse;
use zigttp_rooms::connection::Client;

/// Why there is no connection, and what the client is told.
type Refusal = (Admission, Box<Response<Body>>);

/// A connection that may become one.
struct Candidate {
    registered: Registered,
    /// What `onUpgrade` is asked; `None` where the handler has none.
    question: Option<Event>,
    upgrade: OnUpgrade,
    switching: Response<()>,
    /// Who it proves to be, where connections are resumed.
    visitor: Option<Visitor>,
}

impl Server {
    /// Answers a request for a WebSocket on a route, and serves the connection if there comes to be
    /// one.
    pub(crate) async fn upgrade(
        self: Arc<Server>,
        request: Request<Incoming>,
        opening: Opening,
        app: &App<World>,
        peer: Peer,
    ) -> Response<Body> {
        let in_use = request.extensions().get::<Arc<InUse>>().cloned();
        let (candidate, place) = match self.candidate(request, opening, app, peer) {
            Ok(candidate) => candidate,
            Err((admission, response)) => {
                self.counters.count_handshake(admission);
                return *response;
            }
        };
        let (answer, answered) = oneshot::channel();
        // A task of its own from here on: `onUpgrade` ends also if the client goes meanwhile, and
        // what it leaves is cleared up.
        tokio::spawn(async move {
            // Held as long as the connection lives.
            let _held = (place, in_use, PanicWatch(Arc::clone(&self.hub.counters.panics)));
            // Boxed, so that a connection does not hold room for its admission.
            let admitted = Box::pin(self.admit(candidate, answer)).await;
            match admitted {
                Ok((registered, socket, visitor)) => {
                    self.counters.count_handshake(Admission::Accepted);
                    self.serve(registered, socket, visitor).await;
                }
                Err(admission) => self.counters.count_handshake(admission),
            }
        });
        // Without an answer the task has panicked.
        answered.await.unwrap_or_else(|_no_answer| internal_error())
    }

    /// Everything before the handler is asked.
    fn candidate(
        &self,
        request: Request<Incoming>,
        opening: Opening,
        app: &App<World>,
        peer: Peer,
    ) -> Result<(Candidate, OwnedSemaphorePermit), Refusal> {
        let mut switching = handshake::respond(&request, extended_connect(&request))
            .map_err(|refusal| refuse(Admission::Malformed, plain(*refusal)))?;
        if let Some(protocol) = handshake::choose_protocol(request.headers(), &app.protocols) {
            handshake::set_protocol(&mut switching, protocol);
        }
        let agreed =
            self.config.compression.then(|| deflate::negotiate(request.headers())).flatten();
        let window = agreed.map(|(window, answer)| {
            switching.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, answer);
            window
        });
        if !self.gate.origins.allow(request.headers()) {
            return Err(refuse(
                Admission::ForeignOrigin,
                text(StatusCode::FORBIDDEN, FOREIGN_ORIGIN),
            ));
        }
        if self.is_draining() {
            return Err(draining());
        }
        if let Some(rates) = &self.gate.handshake_rates
            && !rates.take(peer.address, Instant::now())
        {
            let response = text(StatusCode::TOO_MANY_REQUESTS, "too many handshakes\n");
            return Err(refuse(Admission::TooFast, retry_after(response, "1")));
        }
        let place = Arc::clone(&self.gate.connections).try_acquire_owned().map_err(|_full| {
            let response = text(StatusCode::SERVICE_UNAVAILABLE, "too many connections\n");
            refuse(Admission::TooManyConnections, retry_after(response, "5"))
        })?;
        let resume = self.gate.resume.as_ref();
        let visitor = resume.map(|resume| {
            resume.recognise(request.headers(), peer, &self.hub.counters.forged_tokens)
        });
        let browser = visitor.as_ref().map(|visitor| visitor.browser);
        let connection =
            self.hub.prepare(opening, Client { browser, window }).map_err(|error| {
                tracing::error!(%error, "cannot reserve connection ids");
                let line = "no connection can be opened now\n";
                refuse(Admission::Failed, text(StatusCode::SERVICE_UNAVAILABLE, line))
            })?;
        if let (Some(resume), Some(visitor)) = (resume, &visitor) {
            resume.introduce(visitor, connection.id, switching.headers_mut());
        }
        let registered = Registered { hub: Arc::clone(&self.hub), connection };
        let (mut head, upgrade) = split(request);
        // What a handler is asked does not depend on the version of HTTP (RFC 8441, 5).
        head.method = Method::GET;
        let question = app.asks_before_upgrades().then(|| {
            let request = guest_request(&head, peer, Bytes::new());
            registered.connection.event(Call::Upgrade(Box::new(request)))
        });
        Ok((Candidate { registered, question, upgrade, switching, visitor }, place))
    }

    /// Asks the handler, answers the request, and takes the transport over.
    async fn admit(
        self: &Arc<Server>,
        candidate: Candidate,
        answer: oneshot::Sender<Response<Body>>,
    ) -> Result<(Registered, Socket, Option<Visitor>), Admission> {
        let Candidate { registered, question, upgrade, switching, visitor } = candidate;
        let refusal = match question {
            Some(question) => self.ask_handler(question, &registered.connection).await.err(),
            None => None,
        };
        // It may have taken a while.
        let refusal = refusal.or_else(|| self.is_draining().then(draining));
        if let Some((admission, response)) = refusal {
            self.forget_candidate(&registered.connection).await;
            // A client that has gone does not hear it.
            let _ = answer.send(*response);
            return Err(admission);
        }
        self.hub.admit(&registered.connection);
        let _ = answer.send(switching.map(|()| Body::default()));
        // A client that goes before the 101 is written was never a connection.
        let Ok(upgraded) = upgrade.await else {
            self.forget_candidate(&registered.connection).await;
            return Err(Admission::Abandoned);
        };
        let mut socket = Socket::new(upgraded, &self.config, &self.partial, &registered.connection);
        // Nor was one that ended its direction meanwhile: it could never say anything. A request that is
        // no handshake is still answered then.
        if socket.has_ended().await {
            self.forget_candidate(&registered.connection).await;
            return Err(Admission::Abandoned);
        }
        Ok((registered, socket, visitor))
    }

    /// Runs `onUpgrade`. What it accepts with is the candidate's attachment when it has returned.
    async fn ask_handler(
        self: &Arc<Server>,
        question: Event,
        candidate: &Arc<Connection>,
    ) -> Result<(), Refusal> {
        match self.dispatcher.dispatch_unbound(question, Some(Arc::clone(candidate))).await {
            // Nothing, or an attachment.
            Ok(None) => Ok(()),
            Ok(Some(response)) => Err(match self.host_response(response, "onUpgrade") {
                Some(response) => refuse(Admission::RefusedByHandler, response),
                None => refuse(Admission::Failed, internal_error()),
            }),
            Err(refusal) => {
                let admission =
                    if refusal.is_busy() { Admission::TooManyEvents } else { Admission::Failed };
                Err(refuse(admission, no_answer(&refusal)))
            }
        }
    }

    /// Drops what `onUpgrade` has kept on disk with a connection that there will not be.
    async fn forget_candidate(&self, connection: &Arc<Connection>) {
        if connection.attachment().is_some() {
            self.hub.attachments.remove(connection).await;
        }
    }
}

const FOREIGN_ORIGIN: &str = "pages of this origin may not connect: it is not the host that the \
                              request names, and --allowed-origin does not list it\n";

fn refuse(admission: Admission, response: Response<Body>) -> Refusal {
    (admission, Box::new(response))
}

fn draining() -> Refusal {
    let response = text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n");
    refuse(Admission::Draining, retry_after(response, "1"))
}

fn split(mut request: Request<Incoming>) -> (Parts, OnUpgrade) {
    let upgrade = hyper::upgrade::on(&mut request);
    (request.into_parts().0, upgrade)
}
