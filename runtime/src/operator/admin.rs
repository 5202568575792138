//! The operator's own listener: is the server well, is it ready, what does it do, who is there.
//!
//! It only reads, and goes on while the server drains. `/healthz` and `/readyz` answer anybody, as
//! probes seldom have secrets; the rest needs the token where there is one, and otherwise a request to
//! an address or `localhost`: a web page whose name was pointed at this machine is to learn nothing.

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
use crate::operator::seats::{Asking, Seats};
use crate::server::Server;
use crate::transport::accept::{Acceptor, Purpose};

/// Transports at the same time; for a further one, another is dropped.
const MAX_TRANSPORTS: usize = 64;
/// How long one may live: a scrape takes milliseconds, and keeping one alive saves nothing here.
const TRANSPORT_TIME: Duration = Duration::from_secs(60);
/// How long a request head may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Looks at all connections at the same time; others wait for their turn.
const MAX_LOOKS: usize = 2;

/// Serves `/healthz`, `/readyz`, `/metrics` and `/connections` until it is dropped.
pub async fn serve_admin(listener: TcpListener, server: Arc<Server>, token: Option<AdminToken>) {
    let token = Arc::new(token);
    let looks = Arc::new(Semaphore::new(MAX_LOOKS));
    let mut seats = Seats::new(MAX_TRANSPORTS);
    let mut acceptor = Acceptor::new(listener, Purpose::Operators);
    loop {
        let counters = &server.counters;
        let (stream, peer) = loop {
            let error = match acceptor.try_next().await {
                Ok(accepted) => break accepted,
                Err(error) => error,
            };
            // Whoever holds the last descriptor is not to keep a probe out by it.
            if seats.give_one_up().await {
                counters.dropped_admin_transports.add_one();
            } else {
                acceptor.pause(&error, &counters.accept_failures).await;
            }
        };
        let asking = Asking::default();
        let service = service_fn({
            let (server, token) = (Arc::clone(&server), Arc::clone(&token));
            let (looks, asking) = (Arc::clone(&looks), asking.clone());
            move |request| {
                let (server, token) = (Arc::clone(&server), Arc::clone(&token));
                let looks = Arc::clone(&looks);
                let asked = asking.begin();
                async move {
                    let answer = answer(server, looks, token.as_ref().as_ref(), request).await;
                    drop(asked);
                    Ok::<_, Infallible>(answer)
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
            // Whoever asked has gone, or is cut off.
            let _ = timeout(TRANSPORT_TIME, transport).await;
        });
        let address = Some(peer.ip().to_canonical());
        if seats.take(address, &asking, task) {
            counters.dropped_admin_transports.add_one();
        }
    }
}

async fn answer(
    server: Arc<Server>,
    looks: Arc<Semaphore>,
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
        "/readyz" => return text(StatusCode::OK, "ready\n"),
        _ => {}
    }
    if let Some(refusal) = refusal(token, &request) {
        return refusal;
    }
    match request.uri().path() {
        "/metrics" => {
            looked_up(looks, metrics::CONTENT_TYPE, move || metrics::print(&server)).await
        }
        "/connections" => match connections::Query::parse(request.uri().query().unwrap_or("")) {
            Ok(query) => {
                let print = move || connections::print(&server, query);
                looked_up(looks, "application/json", print).await
            }
            Err(problem) => text(StatusCode::BAD_REQUEST, format!("{problem}\n")),
        },
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

/// The page that a look at every connection comes to, beside the threads that serve them.
async fn looked_up(
    looks: Arc<Semaphore>,
    content_type: &'static str,
    look: impl FnOnce() -> String + Send + 'static,
) -> Response<Body> {
    let look = async {
        let place = looks.acquire_owned().await.map_err(io::Error::other)?;
        // Held until it is over, also if whoever asked has gone.
        on_own_thread(move || (look(), drop(place)).0).await
    };
    match look.await {
        Ok(page) => {
            let mut response = text(StatusCode::OK, page);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            response
        }
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// What somebody is told who may not look.
fn refusal(token: Option<&AdminToken>, request: &Request<Incoming>) -> Option<Response<Body>> {
    match token {
        Some(token) => {
            if bearer::token(request.headers()).is_some_and(|given| token.is(given)) {
                return None;
            }
            let mut refusal = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
            let scheme = HeaderValue::from_static("Bearer");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            Some(refusal)
        }
        None if target::host_of(request.headers()).is_some_and(names_this_machine) => None,
        None => {
            let line = "without a token, ask for an address or localhost\n";
            Some(text(StatusCode::FORBIDDEN, line))
        }
    }
}

/// Whether a Host is an address or `localhost`, which no foreign name server can point anywhere.
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
