//! Accepts transports, answers what comes over them, and ends when told.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use zigttp_protocol::handshake;
use zigttp_rooms::own_thread::on_own_thread;
use zigttp_rooms::panic_watch::PanicWatch;

use crate::config::Config;
use crate::gate::loopback;
use crate::http::peer::Peer;
use crate::http::response::{Body, plain, text};
use crate::http::responses;
use crate::http::target::{self, extended_connect};
use crate::operator::control;
use crate::server::Server;
use crate::server::counters::Unanswered;
use crate::transport::accept::{Acceptor, For};
use crate::transport::activity::Activity;

/// Most bytes of a request head, which is also hyper's read buffer.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Requests of one HTTP/2 connection that are answered at the same time.
const MAX_STREAMS: u32 = 100;

/// How often attachments that are too old are looked for.
const PRUNE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// A transport has this part of the places for bodies, and one at least: a few with 100 streams each do not hold all.
const TRANSPORTS_SHARE: usize = 64;

/// Serves until `shutdown` is ready; then stops accepting, lets running events finish, closes every
/// connection with 1001, spread over the drain time-out, and waits for them at most that long.
pub async fn run(listener: TcpListener, server: Arc<Server>, shutdown: impl Future<Output = ()>) {
    let background = Background::start(&server);
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut acceptor = Acceptor::new(listener, For::Clients);
    let counters = &server.counters;
    // TLS handshakes under way; those of a server that stops end with this.
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            (stream, peer) = acceptor.next(&counters.accept_failures) => {
                let Ok(place) = Arc::clone(&server.transports).try_acquire_owned() else {
                    // Closed at once: an answer would need a place as well.
                    counters.refused_transports.add_one();
                    continue;
                };
                // Frames are small and gathered before they are written; waiting for more only delays
                // them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "the peer went before it was served");
                    continue;
                }
                let address = peer.ip();
                match server.tls() {
                    None => {
                        let peer = Peer { address, is_secure: false };
                        serve(&server, stream, peer, place, &graceful);
                    }
                    Some(tls) => {
                        let time = server.config.header_timeout;
                        let accept = async move { (address, tls.accept(stream, time).await, place) };
                        handshakes.spawn(accept);
                    }
                }
            }
            Some(shaken) = handshakes.join_next() => match shaken {
                Ok((address, Ok(stream), place)) => {
                    let peer = Peer { address, is_secure: true };
                    serve(&server, stream, peer, place, &graceful);
                }
                // Clients cause it as they like.
                Ok((peer, Err(error), _)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(error) => tracing::error!(%error, "a TLS handshake broke off"),
            },
            () = &mut shutdown => break,
        }
    }
    drop(handshakes);
    drop(acceptor);
    server.is_draining.store(true, Ordering::SeqCst);
    server.drain(graceful).await;
    drop(background);
}

/// What a server does beside serving; ends when dropped.
struct Background(Vec<tokio::task::JoinHandle<()>>);

impl Background {
    fn start(server: &Arc<Server>) -> Background {
        let mut tasks = vec![tokio::spawn(give_up_idle_responses(Arc::clone(server)))];
        let Some(dir) = &server.hub.durable_dir else { return Background(tasks) };
        tasks.push(tokio::spawn(prune_now_and_then(Arc::clone(server))));
        match control::open(dir.folder()) {
            Ok(listener) => {
                tasks.push(tokio::spawn(control::serve(listener, Arc::clone(server))));
            }
            // Serving goes on: only operators' commands need it.
            Err(error) => tracing::warn!(%error, "cannot open the control socket"),
        }
        Background(tasks)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn give_up_idle_responses(server: Arc<Server>) {
    let idle = server.config.http_idle_timeout;
    server.responses.watch(idle, &server.counters).await;
}

async fn prune_now_and_then(server: Arc<Server>) {
    let Config { attachment_ttl, resume_window, .. } = server.config;
    let mut due = tokio::time::interval(PRUNE_INTERVAL.min(attachment_ttl).min(resume_window));
    loop {
        due.tick().await;
        let pruning = Arc::clone(&server);
        let prune = move || {
            pruning.hub.drop_expired();
            pruning.prune_attachments(attachment_ttl)
        };
        if let Err(error) = on_own_thread(prune).await.flatten() {
            tracing::error!(%error, "cannot prune attachments");
        }
    }
}

/// Serves HTTP on a transport, and what becomes of its upgrades.
fn serve<T>(
    server: &Arc<Server>,
    transport: T,
    peer: Peer,
    place: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let share = server.config.max_bodies() / TRANSPORTS_SHARE;
    let activity = Activity::new(share.max(1));
    let service = service_fn({
        let server = Arc::clone(server);
        let activity = Arc::clone(&activity);
        move |mut request: Request<Incoming>| {
            let server = Arc::clone(&server);
            let activity = Arc::clone(&activity);
            async move {
                let in_use = activity.begin();
                // A WebSocket over HTTP/2 goes on when it has been answered.
                request.extensions_mut().insert(Arc::clone(&in_use));
                let version = request.version();
                let answer = Arc::clone(&server).answer(request, peer).await;
                Ok::<_, Infallible>(server.responses.hold(
                    answer,
                    version,
                    in_use,
                    &server.config,
                    &server.counters,
                ))
            }
        }
    });
    let Config { header_timeout, http_idle_timeout, .. } = server.config;
    let mut builder = auto::Builder::new(responses::Streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // A client that has no more to ask may end its direction and still wait for its answer (RFC
        // 9112, 9.6). One that has gone altogether shows when the answer is written.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .enable_connect_protocol()
        .keep_alive_interval(server.config.ping_interval)
        .keep_alive_timeout(server.config.pong_timeout);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(transport), service).into_owned();
    let connection = graceful.watch(connection);
    let server = Arc::clone(server);
    responses::spawn(async move {
        let _place = place;
        let _watch = PanicWatch(Arc::clone(&server.hub.counters.panics));
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(peer = %peer.address, %error, "an HTTP connection ended early");
            },
            // Not hyper's business: it does not look at the clock before it knows which HTTP the
            // client speaks, nor once it has bytes to write.
            () = activity.ceased(header_timeout, http_idle_timeout) => {
                server.counters.idle_transports.add_one();
            }
        }
    });
}

impl Server {
    /// An upgrade, a faulty attempt at one, or a request for the handler.
    async fn answer(
        self: Arc<Server>,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Body> {
        if let Err(problem) = target::settle(&mut request) {
            self.counters.count_unanswered(Unanswered::Malformed);
            return text(StatusCode::BAD_REQUEST, format!("{problem}\n"));
        }
        if target::url(&request).len() > self.config.max_url {
            self.counters.count_unanswered(Unanswered::UrlTooLong);
            return text(StatusCode::URI_TOO_LONG, "the path and query are too long\n");
        }
        if self.config.loopback_only
            && let Some(refusal) = loopback::refusal(&self.gate.origins, &request)
        {
            return refusal;
        }
        if target::is_server(&request) {
            return text(StatusCode::OK, "");
        }
        if let Some(inspector) = self.inspector_of(request.uri().path()) {
            return self.inspect(inspector, request).await;
        }
        let handler = self.handler();
        let app = &handler.app;
        let protocol = extended_connect(&request);
        if app.upgrades()
            && handshake::is_attempt(&request, protocol)
            && let Some(opening) = app.routes.find(target::url(&request))
        {
            self.upgrade(request, opening, app, peer).await
        } else if request.method() == Method::CONNECT {
            plain(*handshake::refuse_connect(&request, protocol))
        } else {
            self.respond(request, peer).await
        }
    }
}
