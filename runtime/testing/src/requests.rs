//! From a request to a response, as a server does it: `onRequest(req, room)` where a room is found, else `handler(req)`.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value as Json, json};
use zigttp_rooms::dispatch::NamedRoom;
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::no_answer::NoAnswer;
use zigttp_rooms::registration::Registered;
use zigttp_rooms::requested::Requested;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::event::{Request, Response};
use zigttp_sandbox::failure::Failure;
use zigttp_sandbox::route::RoomTooLong;

use crate::values;

/// A response as its client gets it.
pub(crate) struct Answered {
    status: u16,
    /// `name: value` lines.
    headers: String,
    body: Bytes,
}

impl Answered {
    /// A response of the server.
    pub(crate) fn plain(status: u16, text: &str) -> Answered {
        Answered {
            status,
            headers: "content-type: text/plain; charset=utf-8\n".to_owned(),
            body: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    /// As the test gets it.
    pub(crate) fn json(&self) -> Json {
        json!({
            "status": self.status,
            "headers": values::header_pairs(&self.headers),
            "body": values::carried_bytes(&self.body),
        })
    }
}

impl From<Response> for Answered {
    fn from(Response { status, headers, body }: Response) -> Answered {
        Answered { status, headers, body }
    }
}

/// The response where the handler has given none.
pub(crate) fn answer_of(error: &NoAnswer) -> Answered {
    let (status, text) = match error {
        NoAnswer::RoomBusy => (503, "the room is busy\n"),
        NoAnswer::RoomPaused => (503, "the room is paused\n"),
        NoAnswer::Draining => (503, "the server is stopping\n"),
        NoAnswer::Busy | NoAnswer::Failed(Failure::OverBudget(OverBudget::EventMemory)) => {
            (503, "the server is busy\n")
        }
        NoAnswer::Failed(Failure::OverBudget(OverBudget::Cpu)) => {
            (504, "the handler took too long\n")
        }
        NoAnswer::Abandoned | NoAnswer::Failed(_) | NoAnswer::Panicked => {
            (500, "internal server error\n")
        }
    };
    Answered::plain(status, text)
}

/// A request of a client of the host `localhost`, as an event has it.
pub(crate) fn event_request(
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: Bytes,
) -> Request {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut lines = String::new();
    if !headers.iter().any(|(name, _)| name == "host") {
        lines.push_str("host: localhost\n");
    }
    lines.push_str(&values::header_lines(headers));
    Request {
        method: method.to_owned(),
        target: format!("http://localhost\n{path}\n{query}"),
        headers: lines,
        body,
    }
}

/// The room of a request: the one that the handler names, else that of its route.
enum Found {
    Room(zigttp_sandbox::shared_text::SharedText),
    NoRoom,
    Answered(Answered),
}

/// Responds to a request that is no upgrade, on a path with query.
pub(crate) async fn respond(dispatcher: &Arc<Dispatcher>, request: Request, url: &str) -> Answered {
    let found = match find_room(dispatcher, &request, url).await {
        Ok(found) => found,
        Err(error) => return answer_of(&error),
    };
    let answered = match found {
        Found::Answered(answered) => return answered,
        Found::NoRoom => dispatcher.dispatch_unbound(request).await,
        Found::Room(room) => {
            let nobody = None::<fn() -> Option<Registered>>;
            match dispatcher.dispatch_in_room(&room, request, 0, pending(), nobody).await {
                Ok(Some(Requested::Answered(response))) => Ok(Some(response)),
                Ok(Some(Requested::NoClient | Requested::Member(..))) => {
                    let text = "Response.events has no client in a test\n";
                    return Answered::plain(501, text);
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            }
        }
    };
    match answered {
        Ok(Some(response)) => response.into(),
        Ok(None) => Answered::plain(404, "not found\n"),
        Err(error) => answer_of(&error),
    }
}

async fn find_room(
    dispatcher: &Arc<Dispatcher>,
    request: &Request,
    url: &str,
) -> Result<Found, NoAnswer> {
    let app = Arc::clone(&dispatcher.handlers.current().app);
    if !app.answers_in_rooms() {
        return Ok(Found::NoRoom);
    }
    if app.names_rooms() {
        let Request { method, target, headers, .. } = request;
        let (method, target, headers) = (method.clone(), target.clone(), headers.clone());
        let head = Request { method, target, headers, body: Bytes::new() };
        match dispatcher.name_room(head).await? {
            NamedRoom::Named(room) => return Ok(Found::Room(room)),
            NamedRoom::Answered(response) => return Ok(Found::Answered(response.into())),
            NamedRoom::OfRoute => {}
        }
    }
    let Some(route) = app.route_of_request(url) else { return Ok(Found::NoRoom) };
    Ok(match route.open(url, None) {
        Ok(opening) => Found::Room(opening.room),
        Err(RoomTooLong) => {
            Found::Answered(Answered::plain(414, "the name of the room is too long\n"))
        }
    })
}
