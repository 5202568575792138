//! Accepts transports, responds to their requests, and stops on shutdown.

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
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinSet;
use zigttp_protocol::handshake;
use zigttp_rooms::own_thread::on_own_thread;
use zigttp_rooms::panic_watch::PanicWatch;
use zigttp_rooms::tidying::tidy;

use crate::config::Config;
use crate::gate::loopback;
use crate::http::client_info::ClientInfo;
use crate::http::response::{Body, plain, text};
use crate::http::responses;
use crate::http::target::{self, extended_connect};
use crate::operator::control;
use crate::requests::admission::Place;
use crate::server::Server;
use crate::server::counters::{HandshakeResult, Unanswered};
use crate::transport::accept::{Acceptor, Purpose};
use crate::transport::activity::Activity;
use crate::transport::tcp::{ClientWatch, Tcp};

/// Largest request head, in bytes, which is also the size of hyper's read buffer.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Most requests of one HTTP/2 connection at the same time.
const MAX_STREAMS: u32 = 100;

/// How often attachments that are too old are looked for.
const PRUNE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// A transport may hold this part of all request bodies, and at least one, so that a few transports with
/// 100 streams each do not hold all.
const TRANSPORTS_SHARE: usize = 64;

/// Serves until `shutdown` is ready. Then it stops accepting, lets running events finish and closes every
/// connection with 1001, spread over the first half of the drain time-out; it waits for them until the end
/// of that.
///
/// # Panics
/// When accepting has panicked.
pub async fn run(listener: TcpListener, server: Arc<Server>, shutdown: impl Future<Output = ()>) {
    let background = Background::start(&server);
    // Dropped with this future.
    let (stop, stopped) = oneshot::channel();
    // A task of its own, because the thread that waits in `block_on` is no worker: handing each transport from it to
    // a worker would wake two threads.
    let mut accepting = tokio::spawn(accept(listener, Arc::clone(&server), stopped));
    let transports = tokio::select! {
        transports = &mut accepting => transports,
        () = shutdown => {
            drop(stop);
            accepting.await
        }
    };
    let transports = transports.expect("accepting neither panics nor is aborted");
    server.hub.is_draining.store(true, Ordering::SeqCst);
    server.drain(transports).await;
    drop(background);
    // Its failure is logged where it happens.
    let _ = on_own_thread(move || server.finish_recording()).await;
}

/// Accepts transports and serves each in a task of its own, until the other end of `stopped` is dropped. Returns the
/// transports that are served.
async fn accept(
    listener: TcpListener,
    server: Arc<Server>,
    mut stopped: oneshot::Receiver<Infallible>,
) -> GracefulShutdown {
    let transports = GracefulShutdown::new();
    let mut acceptor = Acceptor::new(listener, Purpose::Clients);
    let counters = &server.counters;
    // TLS handshakes under way, which are aborted when the server stops.
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            (stream, address) = acceptor.next(&counters.accept_failures) => {
                let Ok(permit) = Arc::clone(&server.transports).try_acquire_owned() else {
                    // Closed at once: a response would need a permit as well.
                    counters.refused_transports.add_one();
                    continue;
                };
                let (stream, address) = (Tcp::new(stream), address.ip());
                let tls = server.tls();
                let watch = stream.watch(tls.is_some());
                match tls {
                    None => {
                        let client = ClientInfo { address, is_secure: false };
                        serve_transport(&server, stream, watch, client, permit, &transports);
                    }
                    Some(tls) => {
                        let time = server.config.header_timeout;
                        handshakes.spawn(async move {
                            (address, tls.accept(stream, time).await, watch, permit)
                        });
                    }
                }
            }
            Some(handshake) = handshakes.join_next() => match handshake {
                Ok((address, Ok(stream), watch, permit)) => {
                    let client = ClientInfo { address, is_secure: true };
                    serve_transport(&server, stream, watch, client, permit, &transports);
                }
                // Logged at debug level, because clients can cause any number of them.
                Ok((client, Err(error), ..)) => tracing::debug!(%client, %error, "a TLS handshake failed"),
                Err(error) => tracing::error!(%error, "the task of a TLS handshake failed"),
            },
            _ = &mut stopped => return transports,
        }
    }
}

/// The background tasks of a server, which are aborted when this is dropped.
struct Background(Vec<tokio::task::JoinHandle<()>>);

impl Background {
    fn start(server: &Arc<Server>) -> Background {
        let mut tasks = vec![
            tokio::spawn(give_up_idle_responses(Arc::clone(server))),
            tokio::spawn(tidy(Arc::clone(&server.hub))),
            tokio::spawn(server.signals().run()),
            tokio::spawn(server.streams().run()),
        ];
        let Some(dir) = &server.hub.durable_dir else { return Background(tasks) };
        tasks.push(tokio::spawn(prune_periodically(Arc::clone(server))));
        match control::open(dir.folder()) {
            Ok(listener) => {
                tasks.push(tokio::spawn(control::serve(listener, Arc::clone(server))));
            }
            // Not an error: only operators' commands need it.
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
    server.responses.give_up_idle(idle, &server.counters).await;
}

async fn prune_periodically(server: Arc<Server>) {
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

/// Serves HTTP on a transport, and upgrades its requests to WebSockets.
fn serve_transport<T>(
    server: &Arc<Server>,
    transport: T,
    watch: ClientWatch,
    client: ClientInfo,
    permit: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let share = server.config.max_bodies() / TRANSPORTS_SHARE;
    let activity = Activity::new(share.max(1), Some(watch));
    let service = service_fn({
        let server = Arc::clone(server);
        let activity = Arc::clone(&activity);
        move |mut request: Request<Incoming>| {
            let server = Arc::clone(&server);
            let activity = Arc::clone(&activity);
            async move {
                let active = activity.begin_request();
                // A WebSocket over HTTP/2 stays active after its response.
                request.extensions_mut().insert(Arc::clone(&active));
                let version = request.version();
                let response = Arc::clone(&server).respond(request, client).await;
                Ok::<_, Infallible>(server.responses.hold(
                    response,
                    version,
                    active,
                    &server.config,
                    &server.counters,
                ))
            }
        }
    });
    let Config { header_timeout, http_idle_timeout, .. } = server.config;
    let mut builder = auto::Builder::new(responses::StreamExecutor);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // A client may end its direction after its last request and still wait for the response (RFC
        // 9112, 9.6). If it has closed both directions, writing the response fails.
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
        let _permit = permit;
        let _watch = PanicWatch(Arc::clone(&server.hub.counters.panics));
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(client = %client.address, %error, "an HTTP connection ended early");
            },
            // Hyper has no time-out before it knows the client's version of HTTP, nor while it has bytes
            // to write.
            () = activity.idle(header_timeout, http_idle_timeout) => {
                server.counters.idle_transports.add_one();
            }
        }
    });
}

impl Server {
    /// Responds to a request: an upgrade, an invalid attempt at one, or a request for the handler.
    async fn respond(
        self: Arc<Server>,
        mut request: Request<Incoming>,
        client: ClientInfo,
    ) -> Response<Body> {
        if let Err(problem) = target::normalize(&mut request) {
            self.counters.count_unanswered(Unanswered::Malformed);
            return text(StatusCode::BAD_REQUEST, format!("{problem}\n"));
        }
        if target::url(&request).len() > self.config.max_url {
            self.counters.count_unanswered(Unanswered::UrlTooLong);
            return text(StatusCode::URI_TOO_LONG, "the path and query are too long\n");
        }
        if self.config.loopback_only
            && let Some(forbidden) = loopback::forbidden(&self.gate.origins, &request)
        {
            return forbidden;
        }
        if target::is_for_server(&request) {
            return text(StatusCode::OK, "");
        }
        if let Some(inspector) = self.inspector_of(request.uri().path()) {
            return self.inspect(inspector, request).await;
        }
        let handler = self.handler();
        let app = &*handler.app;
        let protocol = extended_connect(&request);
        let is_attempt = handshake::is_attempt(&request, protocol);
        let route = app.routes.find(target::url(&request));
        if is_attempt && route.is_some_and(|route| !route.upgrades()) {
            self.counters.count_handshake(HandshakeResult::NoWebSocket);
            return text(StatusCode::NOT_FOUND, "no WebSocket is served on this path\n");
        }
        let is_upgrade = is_attempt && app.upgrades();
        match route {
            Some(route) if is_upgrade => {
                return self.upgrade(request, Place::OfRoute(route), app, client).await;
            }
            // No route says that it is one, but the handler may.
            None if is_upgrade && app.names_rooms() => {
                let (head, body) = request.into_parts();
                let named = self.name_room(&head, client).await;
                request = Request::from_parts(head, body);
                match self.check_named(named) {
                    Ok(Some(room)) => {
                        return self.upgrade(request, Place::Named(room), app, client).await;
                    }
                    Ok(None) => {}
                    Err((result, response)) => {
                        self.counters.count_handshake(result);
                        return *response;
                    }
                }
            }
            _ => {}
        }
        if request.method() == Method::CONNECT {
            return plain(*handshake::refuse_connect(&request, extended_connect(&request)));
        }
        let rooms = (!is_upgrade && app.answers_in_rooms()).then_some(app);
        self.respond_from_handler(request, client, rooms).await
    }
}
