//! The operators' own listener: health, readiness, metrics, connections and rooms.
//!
//! It only reads, and stays open while the server drains. `/healthz` and `/readyz` need no token, as probes
//! seldom have one. The rest needs the token if there is one; if not, the request must name an address or
//! `localhost` as its host, so that a web page whose name resolves to this machine cannot read anything.

mod connections;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zigttp_rooms::own_thread::on_own_thread;

use crate::config::token::AdminToken;
use crate::http::authority::Authority;
use crate::http::response::{Body, text};
use crate::http::{bearer, target};
use crate::operator::metrics;
use crate::operator::rooms::{self, RoomsQuery};
use crate::operator::transports::{OperatorTransports, PendingRequests};
use crate::server::Server;
use crate::transport::accept::{Acceptor, Purpose};

/// Most transports at the same time; for a further one, another is dropped.
const MAX_TRANSPORTS: usize = 64;
/// How long a transport may stay open: a scrape takes milliseconds, and keeping it alive saves nothing.
const TRANSPORT_TIME: Duration = Duration::from_secs(60);
/// How long a request head may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Most scans of all connections at the same time; others wait.
const MAX_SCANS: usize = 2;

/// Serves `/healthz`, `/readyz`, `/metrics`, `/connections` and `/rooms` until the future is dropped.
pub async fn serve_admin(listener: TcpListener, server: Arc<Server>, token: Option<AdminToken>) {
    let token = Arc::new(token);
    let scans = Arc::new(Semaphore::new(MAX_SCANS));
    let mut transports = OperatorTransports::new(MAX_TRANSPORTS);
    let mut acceptor = Acceptor::new(listener, Purpose::Operators);
    loop {
        let counters = &server.counters;
        let (stream, address) = loop {
            let error = match acceptor.try_next().await {
                Ok(accepted) => break accepted,
                Err(error) => error,
            };
            // A client that holds the last descriptor must not keep a probe out.
            if transports.drop_one_for_newcomer().await {
                counters.dropped_admin_transports.add_one();
            } else {
                acceptor.pause(&error, &counters.accept_failures).await;
            }
        };
        let requests = PendingRequests::default();
        let service = service_fn({
            let (server, token) = (Arc::clone(&server), Arc::clone(&token));
            let (scans, requests) = (Arc::clone(&scans), requests.clone());
            move |request| {
                let (server, token) = (Arc::clone(&server), Arc::clone(&token));
                let scans = Arc::clone(&scans);
                let pending = requests.begin();
                async move {
                    let response = respond(server, scans, token.as_ref().as_ref(), request).await;
                    drop(pending);
                    Ok::<_, Infallible>(response)
                }
            }
        });
        let task = tokio::spawn(async move {
            let stream = TokioIo::new(stream);
            let transport = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .half_close(true)
                .serve_connection(stream, service);
            // An error or a time-out only ends this transport.
            let _ = timeout(TRANSPORT_TIME, transport).await;
        });
        let address = Some(address.ip().to_canonical());
        if transports.add(address, &requests, task) {
            counters.dropped_admin_transports.add_one();
        }
    }
}

async fn respond(
    server: Arc<Server>,
    scans: Arc<Semaphore>,
    token: Option<&AdminToken>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    if let Err(problem) = target::normalize(&mut request) {
        return text(StatusCode::BAD_REQUEST, format!("{problem}\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "this listener only reads\n");
    }
    match request.uri().path() {
        "/healthz" => return text(StatusCode::OK, "ok\n"),
        "/readyz" if server.is_draining() => {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
        }
        "/readyz" => {
            return match server.hub.states.storage.problem() {
                None => text(StatusCode::OK, "ready\n"),
                Some(problem) => {
                    let line = format!("the store cannot be written: {problem}\n");
                    text(StatusCode::SERVICE_UNAVAILABLE, line)
                }
            };
        }
        _ => {}
    }
    if let Some(error) = unauthorized(token, &request) {
        return error;
    }
    match request.uri().path() {
        "/metrics" => {
            print_page(scans, metrics::CONTENT_TYPE, move || metrics::print(&server)).await
        }
        "/connections" => match connections::Query::parse(request.uri().query().unwrap_or("")) {
            Ok(query) => {
                let print = move || connections::print(&server, query);
                print_page(scans, "application/json", print).await
            }
            Err(problem) => text(StatusCode::BAD_REQUEST, format!("{problem}\n")),
        },
        "/rooms" => match RoomsQuery::parse(request.uri().query().unwrap_or("")) {
            Ok(query) => match rooms::measure(&server, query).await {
                Ok(page) => {
                    let page = serde_json::to_string(&page).expect("text and numbers serialise");
                    with_type(page + "\n", "application/json")
                }
                Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
            },
            Err(problem) => text(StatusCode::BAD_REQUEST, format!("{problem}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

fn with_type(page: String, content_type: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::OK, page);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Prints a page that scans every connection, on a thread of its own: the threads that serve connections
/// do not wait for it.
async fn print_page(
    scans: Arc<Semaphore>,
    content_type: &'static str,
    print: impl FnOnce() -> String + Send + 'static,
) -> Response<Body> {
    let page = async {
        let permit = scans.acquire_owned().await.map_err(io::Error::other)?;
        // Held until the scan has ended, even if the client has gone.
        on_own_thread(move || (print(), drop(permit)).0).await
    };
    match page.await {
        Ok(page) => with_type(page, content_type),
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// The 401 or 403 for a request that may not read.
fn unauthorized(token: Option<&AdminToken>, request: &Request<Incoming>) -> Option<Response<Body>> {
    match token {
        Some(token) => {
            if bearer::token(request.headers()).is_some_and(|given| token.is(given)) {
                return None;
            }
            let mut response = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            Some(response)
        }
        None if target::host_of(request.headers()).is_some_and(names_this_machine) => None,
        None => {
            let line = "without a token, the host of a request must be an address or localhost\n";
            Some(text(StatusCode::FORBIDDEN, line))
        }
    }
}

/// Whether a Host is an address or `localhost`: no foreign name server can resolve these.
fn names_this_machine(host: &str) -> bool {
    Authority::parse(host).is_some_and(|host| host.is_localhost() || host.address().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_name_this_machine() {
        for host in
            ["localhost", "LOCALHOST:9", "127.0.0.1", "127.0.0.1:9090", "[::1]:9090", "[::1]"]
        {
            assert!(names_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9090",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "[evil]",
            "[localhost]",
        ] {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
