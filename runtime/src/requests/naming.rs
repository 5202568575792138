//! `roomOf(req)`: the handler names the room of an upgrade or a request by what it carries.
//!
//! It is asked before and outside of any turn, and before the body is read.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Response};
use zigttp_rooms::dispatch::NamedRoom;
use zigttp_rooms::no_answer::NoAnswer;
use zigttp_rooms::panic_watch::PanicWatch;
use zigttp_rooms::world::World;
use zigttp_sandbox::app::App;
use zigttp_sandbox::route::{Opening, RoomTooLong};

use crate::http::client_info::ClientInfo;
use crate::http::response::{Body, internal_error};
use crate::requests::no_response::{NoResponse, room_too_long, unanswered};
use crate::requests::seen::guest_request;
use crate::server::Server;
use crate::server::counters::Unanswered;

/// The room of a request that is no upgrade.
pub(crate) enum Found {
    /// As a connection to it would open.
    Room(Opening),
    /// It belongs to none.
    NoRoom,
    /// `roomOf` has returned this.
    Answered(Response<Body>),
}

impl Server {
    /// Finds the room of a request: the one that the handler names, else that of its route.
    ///
    /// # Errors
    /// When the handler has failed, or the name of the room is too long.
    pub(crate) async fn find_room(
        self: &Arc<Server>,
        app: &App<World>,
        head: &Parts,
        client: ClientInfo,
    ) -> Result<Found, NoResponse> {
        let named = match app.names_rooms() {
            true => self.name_room(head, client).await.map_err(|error| unanswered(&error))?,
            false => NamedRoom::OfRoute,
        };
        let url = head.uri.path_and_query().map_or("", PathAndQuery::as_str);
        let too_long = |RoomTooLong| (Unanswered::UrlTooLong, room_too_long());
        match named {
            NamedRoom::Named(room) => match app.route_of_request(url) {
                Some(route) => Ok(Found::Room(route.open(url, Some(room)).map_err(too_long)?)),
                None => Ok(Found::Room(Opening::without_route(url, room))),
            },
            NamedRoom::Answered(response) => self
                .host_response(response, "roomOf")
                .map(Found::Answered)
                .ok_or_else(|| (Unanswered::Failed, internal_error())),
            NamedRoom::OfRoute => {
                let Some(route) = app.route_of_request(url) else { return Ok(Found::NoRoom) };
                Ok(Found::Room(route.open(url, None).map_err(too_long)?))
            }
        }
    }

    /// Asks the handler for the room of a request.
    ///
    /// # Errors
    /// When too many events run, or this one failed.
    pub(crate) async fn name_room(
        self: &Arc<Server>,
        head: &Parts,
        client: ClientInfo,
    ) -> Result<NamedRoom, NoAnswer> {
        let mut request = guest_request(head, client, Bytes::new());
        if head.method == Method::CONNECT {
            // A handler sees the same request over each version of HTTP (RFC 8441, 5).
            Method::GET.as_str().clone_into(&mut request.method);
        }
        // A task of its own: a client that hangs up ends no event in the middle, which would cost its instance.
        let server = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _watch = PanicWatch(Arc::clone(&server.hub.counters.panics));
            server.dispatcher.name_room(request).await
        });
        task.await.unwrap_or(Err(NoAnswer::Panicked))
    }
}
