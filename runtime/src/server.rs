//! The server: accepts transports, answers HTTP, upgrades, and ends when told.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::app::App;
use crate::attachment::Attachments;
use crate::attachment::durable::DurableAttachments;
use crate::config::{Config, Fsync};
use crate::connection_id::ConnectionIds;
use crate::control;
use crate::counters::Counts;
use crate::durable_dir::DurableDir;
use crate::error::StartError;
use crate::handshake::{self, Refusal};
use crate::http::{Body, text};
use crate::hub::{ConnectionStates, Hub};
use crate::lifecycle::Registered;
use crate::resume::Resume;
use crate::sandbox::Sandbox;
use crate::socket::Socket;

/// Most bytes of a request head, which is also hyper's read buffer.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Pause after a failed accept: out of file descriptors is not solved by trying at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often attachments that are too old are looked for.
const PRUNE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// A handler, and everything that serves it.
pub struct Server {
    pub(crate) config: Arc<Config>,
    pub(crate) sandbox: Sandbox,
    pub(crate) hub: Arc<Hub>,
    /// What clients have left and may come back for, if they may.
    pub(crate) resume: Option<Resume>,
    /// Held as long as anything may be written there.
    _durable_dir: Option<DurableDir>,
    /// Set once, before the connections are closed.
    is_draining: AtomicBool,
    /// Replaced as a whole; an event keeps the one it began with.
    app: RwLock<Arc<App>>,
    /// Held while an artifact is loaded to replace another.
    pub(crate) swapping: Mutex<()>,
}

impl Server {
    /// Sets the sandbox up, opens the durable folder and loads the artifact.
    ///
    /// # Errors
    /// When the artifact is refused, or the machine does not give what the configuration asks for.
    pub fn new(config: Config, artifact: &[u8]) -> Result<Arc<Server>, StartError> {
        config.check().map_err(StartError::Config)?;
        let sandbox = Sandbox::new(&config)?;
        let app = App::load(&sandbox, artifact)?;
        let (hub, durable_dir) = match &config.durable {
            Some(dir) => {
                let (hub, lock) = open_durable(dir, config.fsync)
                    .map_err(|source| StartError::Durable { path: dir.clone(), source })?;
                (hub, Some(lock))
            }
            None => (Hub::new(ConnectionIds::in_memory(), Attachments::in_memory()), None),
        };
        let resume = match &config.durable {
            Some(dir) if config.resume => Some(
                Resume::open(dir, config.resume_window)
                    .map_err(|source| StartError::Durable { path: dir.clone(), source })?,
            ),
            _ => None,
        };
        let server = Arc::new(Server {
            resume,
            _durable_dir: durable_dir,
            config: Arc::new(config),
            sandbox,
            hub: Arc::new(hub),
            is_draining: AtomicBool::new(false),
            app: RwLock::new(Arc::new(app)),
            swapping: Mutex::default(),
        });
        server.list_resumable().map_err(|source| StartError::Durable {
            path: server.config.durable.clone().unwrap_or_default(),
            source,
        })?;
        Ok(server)
    }

    /// The artifact that serves events from now on.
    pub(crate) fn app(&self) -> Arc<App> {
        Arc::clone(&self.app.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_app(&self, app: Arc<App>) {
        *self.app.write().unwrap_or_else(PoisonError::into_inner) = app;
    }

    /// Replaces the artifact, unless another has done so before. Answers whether it did.
    pub(crate) fn replace_app(&self, expected: &Arc<App>, app: Arc<App>) -> bool {
        let mut current = self.app.write().unwrap_or_else(PoisonError::into_inner);
        let is_expected = Arc::ptr_eq(&current, expected);
        if is_expected {
            *current = app;
        }
        is_expected
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.hub.len()
    }

    /// Rooms with a connection.
    pub fn rooms(&self) -> usize {
        self.hub.rooms.len()
    }

    /// Whether the server is closing all its connections.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }

    /// What the server has done so far.
    pub fn counts(&self) -> Counts {
        self.hub.counters.counts()
    }

    /// Looks at every connection: how many are live, parked and dormant.
    pub fn scan_idle(&self) -> ConnectionStates {
        self.hub.states()
    }

    /// An upgrade, a faulty attempt at one, or a request for the handler.
    async fn answer(self: Arc<Server>, request: Request<Incoming>) -> Response<Body> {
        let app = self.app();
        if app.upgrades()
            && handshake::is_attempt(&request)
            && let Some(parameters) = app.routes.find(request.uri().path())
        {
            self.upgrade(request, parameters).unwrap_or_else(|refusal| *refusal)
        } else {
            self.respond(request).await
        }
    }

    fn upgrade(
        self: Arc<Server>,
        mut request: Request<Incoming>,
        parameters: crate::route::Parameters,
    ) -> Result<Response<Body>, Refusal> {
        let mut response = handshake::answer(&request)?;
        if self.hub.len() >= self.config.max_connections {
            let mut full = text(StatusCode::SERVICE_UNAVAILABLE, "too many connections\n");
            full.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            return Err(Box::new(full));
        }
        let url = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let resume = self.resume.as_ref();
        let visitor = resume.map(|resume| resume.recognise(request.headers(), &self));
        let browser = visitor.as_ref().map(|visitor| visitor.browser);
        let connection = self
            .hub
            .register(url, browser, parameters, self.config.max_queue)
            .map_err(|error| {
                tracing::error!(%error, "cannot reserve connection ids");
                Box::new(text(StatusCode::SERVICE_UNAVAILABLE, "no connection can be opened now\n"))
            })?;
        if let (Some(resume), Some(visitor)) = (resume, &visitor) {
            resume.introduce(visitor, connection.id, response.headers_mut());
        }
        let registered = Registered { hub: Arc::clone(&self.hub), connection };
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            // A client that goes before the 101 is written was never a connection.
            let Ok(upgraded) = upgrade.await else { return };
            let parts = auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded)
                .expect("every transport is a TcpStream");
            let socket = Socket::new(
                parts.io.into_inner(),
                &parts.read_buf,
                &self.config,
                &registered.connection.outbox,
            );
            // hyper's buffer goes before the connection's life begins.
            drop(parts.read_buf);
            self.serve(registered, socket, visitor).await;
        });
        Ok(response)
    }
}

fn open_durable(dir: &std::path::Path, fsync: Fsync) -> io::Result<(Hub, DurableDir)> {
    let lock = DurableDir::take(dir)?;
    let store = DurableAttachments::open(dir, fsync)?;
    let ids = ConnectionIds::persisted(dir.join("ids"), fsync)?;
    Ok((Hub::new(ids, Attachments::durable(store)), lock))
}

/// Serves until `shutdown` is ready; then stops accepting, lets running events finish, closes every
/// connection with 1001, spread over the drain time-out, and waits for them at most that long.
pub async fn run(listener: TcpListener, server: Arc<Server>, shutdown: impl Future<Output = ()>) {
    let background = Background::start(&server);
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => accept(&server, stream, peer, &graceful),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    server.is_draining.store(true, Ordering::SeqCst);
    server.drain(graceful).await;
    drop(background);
}

/// What a server with a durable directory does beside serving; ends when dropped.
struct Background(Vec<tokio::task::JoinHandle<()>>);

impl Background {
    fn start(server: &Arc<Server>) -> Background {
        let Some(dir) = &server.config.durable else { return Background(Vec::new()) };
        let mut tasks = vec![tokio::spawn(prune_now_and_then(Arc::clone(server)))];
        match control::open(dir) {
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

async fn prune_now_and_then(server: Arc<Server>) {
    let Config { attachment_ttl, resume_window, .. } = *server.config;
    let mut due = tokio::time::interval(PRUNE_INTERVAL.min(attachment_ttl).min(resume_window));
    loop {
        due.tick().await;
        let pruning = Arc::clone(&server);
        let prune = move || {
            pruning.drop_expired();
            pruning.prune_attachments(attachment_ttl)
        };
        if let Err(error) = tokio::task::spawn_blocking(prune).await.expect("no panic in pruning") {
            tracing::error!(%error, "cannot prune attachments");
        }
    }
}

fn accept(server: &Arc<Server>, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
    // Frames are small and gathered before they are written; waiting for more only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the peer went before it was served");
        return;
    }
    let service = service_fn({
        let server = Arc::clone(server);
        move |request| {
            let server = Arc::clone(&server);
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(server.config.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES);
    builder.http2().timer(TokioTimer::new());
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "an HTTP connection ended early");
        }
    });
}
