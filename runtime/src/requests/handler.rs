//! HTTP requests that are not upgrades: `onRequest(req, room)` and `handler(req)`.
//!
//! What limits the time until a response: the head and the body have time-outs; a request of a room waits
//! for its turn and a slot within `--turn-timeout`, and one of no room does not wait for a slot but gets
//! 503; a running event has its CPU limit, and one that waits for the outside the limits of that.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode, Version};
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::timeout;
use zigttp_rooms::handler_log::HANDLER_LOG_TARGET;
use zigttp_rooms::no_answer::NoAnswer;
use zigttp_rooms::panic_watch::PanicWatch;
use zigttp_rooms::requested::Requested;
use zigttp_rooms::world::World;
use zigttp_sandbox::app::App;
use zigttp_sandbox::event;

use crate::http::client_info::ClientInfo;
use crate::http::response::{Body, internal_error, retry_after, text};
use crate::http::responses;
use crate::requests::expected;
use crate::requests::naming::Found;
use crate::requests::no_response::{NoResponse, error_response, unanswered};
use crate::requests::seen::guest_request;
use crate::server::Server;
use crate::server::counters::Unanswered;
use crate::transport::activity::ActiveRequest;

/// Headers that only the server sets, because they frame the message or belong to the transport. In HTTP/2
/// the latter are an error of the stream (RFC 9113, 8.2.2). `Trailer` would announce trailers, which the
/// server never sends.
static RESERVED: [HeaderName; 8] = [
    CONNECTION,
    UPGRADE,
    TRANSFER_ENCODING,
    CONTENT_LENGTH,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
];

/// Most bytes of the headers of a response: browsers accept 256 KiB, and many proxies far less.
const MAX_HEADERS_BYTES: usize = 256 << 10;

impl Server {
    /// Responds to a request with what the handler returns: `onRequest(req, room)` in the turn of the room that
    /// `rooms` finds, else `handler(req)`.
    pub(crate) async fn respond_from_handler(
        self: Arc<Server>,
        request: Request<Incoming>,
        client: ClientInfo,
        rooms: Option<&App<World>>,
    ) -> Response<Body> {
        match self.call_handler(request, client, rooms).await {
            Ok(response) => response,
            Err((reason, response)) => {
                self.counters.count_unanswered(reason);
                response
            }
        }
    }

    async fn call_handler(
        self: &Arc<Server>,
        request: Request<Incoming>,
        client: ClientInfo,
        rooms: Option<&App<World>>,
    ) -> Result<Response<Body>, NoResponse> {
        let no_handler = || (Unanswered::NoHandler, text(StatusCode::NOT_FOUND, "not found\n"));
        let (head, body) = request.into_parts();
        let opening = match rooms {
            Some(app) => match self.find_room(app, &head, client).await? {
                Found::Room(opening) => Some(opening),
                Found::NoRoom => None,
                Found::Answered(response) => return Ok(response),
            },
            None => None,
        };
        if opening.is_none() && !self.handler().app.answers_requests() {
            return Err(no_handler());
        }
        let export = if opening.is_some() { "onRequest" } else { "handler" };
        let transport =
            head.extensions.get::<Arc<ActiveRequest>>().expect("each request has its transport");
        let (body, _permits) = self.read_body(&head, body, transport).await?;
        // A client that asks for a stream of events is refused before its event, if there is no room for it.
        let mut place = match opening.is_some() && asks_for_events(&head) {
            true => Some(self.connection_permit().ok_or_else(too_many_connections)?),
            false => None,
        };
        let sender = responses::sender();
        let transport = (head.version != Version::HTTP_2).then(|| Arc::clone(transport));
        let request = guest_request(&head, client, body);
        // A task of its own, so that an event that has begun runs to its end even if the client hangs up.
        let server = Arc::clone(self);
        // Dropped with this future, when the client has gone.
        let (_present, gone) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let _watch = PanicWatch(Arc::clone(&server.hub.counters.panics));
            let gone = async {
                let _ = gone.await;
            };
            let Some(opening) = opening else {
                let response = server.dispatcher.dispatch_unbound(request).await?;
                return Ok(response.map(|response| (response, None)));
            };
            let room = opening.room.clone();
            let prepare = || {
                place = place.take().or_else(|| server.connection_permit());
                place.is_some().then(|| server.prepare_member(opening)).flatten()
            };
            let requested =
                server.dispatcher.dispatch_in_room(&room, request, 0, gone, Some(prepare)).await?;
            Ok(match (requested, place) {
                (Some(Requested::Member(response, registered, unwritten)), Some(place)) => {
                    drop(unwritten);
                    let body = server.begin_event_stream(
                        registered,
                        response.body.clone(),
                        transport,
                        sender,
                        place,
                    );
                    Some((response, Some(body)))
                }
                (Some(Requested::Answered(response)), _) => Some((response, None)),
                _ => None,
            })
        });
        match task.await.unwrap_or(Err(NoAnswer::Panicked)) {
            Ok(Some((response, events))) => {
                let response = self.host_response(response, export);
                let response = response.ok_or_else(|| (Unanswered::Failed, internal_error()))?;
                Ok(match events {
                    Some(events) => response.map(|_first_bytes| Body::Events(events)),
                    None => response,
                })
            }
            // A swap has just removed the export.
            Ok(None) => Err(no_handler()),
            Err(error) => Err(unanswered(&error)),
        }
    }

    /// Takes the permits to hold a body. A transport may hold more than its share while half of all permits
    /// are free. This does not wait for a permit: the received part of the body would meanwhile fill the
    /// transport's window, which bodies that have permits may need.
    fn body_permits<'a>(&'a self, transport: &'a ActiveRequest) -> Option<BodyPermits<'a>> {
        let share = transport.body_permits().try_acquire().ok();
        let is_half_free = self.bodies.available_permits() > self.config.max_bodies() / 2;
        if share.is_none() && !is_half_free {
            return None;
        }
        Some((share, self.bodies.try_acquire().ok()?))
    }

    /// Reads a request's body, if it has one. Returns it with the permits to hold it, which limit how many
    /// are held at a time over all transports.
    async fn read_body<'a>(
        &'a self,
        head: &Parts,
        body: Incoming,
        transport: &'a ActiveRequest,
    ) -> Result<(Bytes, Option<BodyPermits<'a>>), NoResponse> {
        let max = self.config.max_body_size;
        let error = |reason, status, line| (reason, text(status, line));
        if body.is_end_stream() {
            return Ok((Bytes::new(), None));
        }
        let is_too_large = body.size_hint().lower() > max as u64;
        let read = timeout(self.config.body_timeout, async {
            let mut body = Limited::new(body, max);
            let mut whole = Vec::new();
            // Taken with the first byte, so that requests that send nothing keep no others out.
            let mut permits = None;
            // Stays `None` if the body has arrived with the head, which is the ordinary case.
            let mut waiting = None;
            loop {
                let frame = match (body.frame().now_or_never(), &mut waiting) {
                    (Some(frame), _) => frame,
                    (None, None) if permits.is_none() => {
                        waiting = Some(self.expected.wait(expected::head_bytes(head)));
                        continue;
                    }
                    (None, None) => body.frame().await,
                    (None, Some((_, dropped))) => tokio::select! {
                        frame = body.frame() => frame,
                        _ = dropped => return Err(NoBody::TooMany),
                    },
                };
                let Some(frame) = frame else { break };
                // Trailers are ignored.
                let Ok(data) = frame.map_err(NoBody::of)?.into_data() else { continue };
                if data.is_empty() {
                    continue;
                }
                waiting = None;
                if permits.is_none() {
                    permits = Some(self.body_permits(transport).ok_or(NoBody::TooMany)?);
                }
                whole.extend_from_slice(&data);
            }
            Ok((Bytes::from(whole), permits))
        });
        match if is_too_large { Ok(Err(NoBody::TooLarge)) } else { read.await } {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(NoBody::TooLarge)) => Err(error(
                Unanswered::BodyTooLarge,
                StatusCode::PAYLOAD_TOO_LARGE,
                "the request body is too large\n",
            )),
            Ok(Err(NoBody::Broken)) => Err(error(
                Unanswered::BodyBroken,
                StatusCode::BAD_REQUEST,
                "the request body broke off\n",
            )),
            Ok(Err(NoBody::TooMany)) => {
                Err((Unanswered::TooManyBodies, error_response(&NoAnswer::Busy)))
            }
            Err(_elapsed) => Err(error(
                Unanswered::BodyTooSlow,
                StatusCode::REQUEST_TIMEOUT,
                "the request body took too long\n",
            )),
        }
    }
}

/// Whether the client of a request wants a stream of events, as an `EventSource` says.
fn asks_for_events(head: &Parts) -> bool {
    let accepts = head.headers.get_all(ACCEPT).iter();
    accepts.filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/event-stream"))
}

fn too_many_connections() -> NoResponse {
    let response = text(StatusCode::SERVICE_UNAVAILABLE, "too many connections\n");
    (Unanswered::TooManyConnections, retry_after(response, "5"))
}

/// The permits of a request's body: of its transport's share, if one is left, and of the server.
type BodyPermits<'a> = (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>);

/// Why a body could not be read.
enum NoBody {
    TooLarge,
    Broken,
    /// Too many bodies are held, or too many requests wait for theirs.
    TooMany,
}

impl NoBody {
    fn of(error: Box<dyn std::error::Error + Send + Sync>) -> NoBody {
        if error.is::<LengthLimitError>() { NoBody::TooLarge } else { NoBody::Broken }
    }
}

impl Server {
    /// Makes an HTTP response of the one that an export has returned. Returns `None` if that is invalid.
    /// The reason is logged, within the rate of the handler's log lines.
    pub(crate) fn host_response(
        &self,
        guest: event::Response,
        export: &str,
    ) -> Option<Response<Body>> {
        let permits = || {
            self.hub.handler_log.permits(&self.hub.counters.dropped_log_lines, self.hub.clock.now())
        };
        match read_response(guest) {
            Ok((response, dropped)) => {
                if !dropped.is_empty() && permits() {
                    let names = dropped.join(", ");
                    tracing::warn!(target: HANDLER_LOG_TARGET, event = export, "dropped the headers {names}: only the server sets them");
                }
                Some(response)
            }
            Err(problem) => {
                if permits() {
                    tracing::error!(target: HANDLER_LOG_TARGET, event = export, "the Response has {problem}");
                }
                None
            }
        }
    }
}

/// The response, and the names of the headers that were dropped because only the server sets them.
fn read_response(guest: event::Response) -> Result<(Response<Body>, Vec<&'static str>), String> {
    let mut response = Response::new(Body::from(guest.body));
    let mut dropped = Vec::new();
    *response.status_mut() = StatusCode::from_u16(guest.status)
        .ok()
        .filter(|status| (200..=599).contains(&status.as_u16()))
        .ok_or_else(|| format!("the status {}", guest.status))?;
    if guest.headers.len() > MAX_HEADERS_BYTES {
        return Err(format!("headers of more than {MAX_HEADERS_BYTES} bytes"));
    }
    for line in guest.headers.lines() {
        let (name, value) = line.split_once(": ").ok_or("a header line without a value")?;
        let name = HeaderName::try_from(name).map_err(|_bad| "a header with an invalid name")?;
        let value =
            byte_string(value).ok_or_else(|| format!("an invalid value of the header {name}"))?;
        let is_harmless = name == TE && value == "trailers";
        if let Some(reserved) = RESERVED.iter().find(|reserved| **reserved == name && !is_harmless)
        {
            if !dropped.contains(&reserved.as_str()) {
                dropped.push(reserved.as_str());
            }
        } else {
            response.headers_mut().try_append(name, value).map_err(|_full| "too many headers")?;
        }
    }
    Ok((response, dropped))
}

/// A header's value on the wire: one byte for each character (a ByteString of Web IDL).
fn byte_string(value: &str) -> Option<HeaderValue> {
    if value.is_ascii() {
        return HeaderValue::from_str(value).ok();
    }
    let bytes = value.chars().map(|char| u8::try_from(char).ok()).collect::<Option<Vec<u8>>>()?;
    HeaderValue::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &str) -> Result<Response<Body>, String> {
        let body = Bytes::new();
        read_response(event::Response { status, headers: headers.to_owned(), body })
            .map(|(response, _dropped)| response)
    }

    #[test]
    fn headers_of_the_message_and_of_the_connection_are_dropped() {
        let headers = "connection: close\nupgrade: x\ntransfer-encoding: chunked\n\
                       content-length: 7\nkeep-alive: timeout=5\nproxy-connection: close\nte: gzip\n\
                       te: trailers, deflate\ntrailer: x-sum\nx-mine: 1\nx-mine: 2\nte: trailers\n";
        let response = read(200, headers).expect("a good response");
        let kept: Vec<_> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(kept, [("x-mine", &b"1"[..]), ("x-mine", b"2"), ("te", b"trailers")]);
    }

    #[test]
    fn a_character_of_a_header_is_a_byte_on_the_wire() {
        let value = |value: &str| {
            let response = read(200, &format!("x: {value}\n"));
            response.map(|response| response.headers()["x"].as_bytes().to_owned())
        };
        assert_eq!(value("caf\u{e9}"), Ok(b"caf\xe9".to_vec()));
        assert_eq!(value("\u{80}\u{ff}"), Ok(b"\x80\xff".to_vec()));
        assert!(value("\u{100}").is_err() && value("\u{65e5}").is_err());
    }

    #[test]
    fn an_invalid_response_of_a_guest_is_refused() {
        for (status, headers) in [
            (101, ""),
            (600, ""),
            (0, ""),
            (200, "no colon\n"),
            (200, "bad name: x\n"),
            (200, "x: a\rb\n"),
            (200, "x: a\u{0}b\n"),
            (200, "\nx: a"),
        ] {
            assert!(read(status, headers).is_err(), "{status} {headers:?}");
        }
        let many = |count| (0..count).map(|number| format!("x-{number}: 1\n")).collect::<String>();
        assert!(read(200, &many(20_000)).is_ok_and(|response| response.headers().len() == 20_000));
        let problem = read(200, &many(30_000)).expect_err("over 256 KiB");
        assert!(problem.contains("more than 262144 bytes"), "{problem}");
    }
}
