//! The server: what serving a handler takes, made once and shared by all that do it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;
use zigttp_sandbox::app::App;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_store::attachment_files::AttachmentFiles;
use zigttp_store::dir::DurableDir;
use zigttp_store::ids::ConnectionIds;

use crate::attachments::Attachments;
use crate::compression::Compression;
use crate::config::Config;
use crate::counters::Counts;
use crate::dispatch::Dispatcher;
use crate::error::StartError;
use crate::expected::Expected;
use crate::handler_log::HandlerLog;
use crate::handlers::Handler;
use crate::handlers::Handlers;
use crate::hub::{ConnectionStates, Hub};
use crate::inspector::Inspector;
use crate::observer::Observer;
use crate::origin::Origins;
use crate::pace::{AddressRates, Rate};
use crate::responses::Responses;
use crate::resume::Resume;
use crate::slots::Slots;
use crate::tls::Tls;
use zigttp_sandbox::error::LoadError;

/// A handler, and everything that serves it.
pub struct Server {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) hub: Arc<Hub>,
    /// One permit is one open connection, or one that is being admitted.
    pub(crate) places: Arc<Semaphore>,
    /// One permit is one transport that speaks HTTP.
    pub(crate) transports: Arc<Semaphore>,
    /// Web pages that may connect.
    pub(crate) origins: Origins,
    pub(crate) handshake_rates: Option<AddressRates>,
    pub(crate) message_rate: Option<Rate>,
    /// The page that shows what happens, if there is one.
    pub(crate) inspector: Option<Inspector>,
    /// What clients have left and may come back for, if they may.
    pub(crate) resume: Option<Resume>,
    /// Held as long as anything may be written there.
    pub(crate) durable_dir: Option<DurableDir>,
    /// What clients have not taken yet of what they were answered.
    pub(crate) responses: Arc<Responses>,
    /// One permit is one request whose body is read or held.
    pub(crate) bodies: Semaphore,
    /// Requests of whose bodies nothing has come.
    pub(crate) expected: Expected,
    /// Set once, before the connections are closed.
    pub(crate) is_draining: AtomicBool,
    /// What new connections are secured with; without it they are plain.
    tls: RwLock<Option<Tls>>,
}

impl Server {
    /// Sets the sandbox up, opens the durable folder and loads the artifact.
    ///
    /// # Errors
    /// When the artifact is refused, or the machine does not give what the configuration asks for.
    pub fn new(mut config: Config, artifact: &[u8]) -> Result<Arc<Server>, StartError> {
        config.check().map_err(StartError::Config)?;
        let mut origins = Origins::parse(&config.allowed_origins).map_err(StartError::Config)?;
        if config.loopback_only {
            origins = origins.with_loopback();
        }
        let sandbox = Sandbox::new(config.sandbox_limits())?;
        config.max_events = sandbox.max_events();
        let app = App::load(&sandbox, artifact)?;
        let (ids, attachments, durable_dir) = match &config.durable {
            Some(dir) => {
                let (ids, attachments, lock) = open_durable(dir, &config)
                    .map_err(|source| StartError::Durable { path: dir.clone(), source })?;
                (ids, attachments, Some(lock))
            }
            None => (ConnectionIds::in_memory(), Attachments::in_memory(), None),
        };
        let resume = match (&config.durable, &durable_dir) {
            (Some(path), Some(dir)) if config.resume => Some(
                Resume::open(dir.folder(), &config)
                    .map_err(|source| StartError::Durable { path: path.clone(), source })?,
            ),
            _ => None,
        };
        let handler_log = HandlerLog::new(Rate::per_second(config.handler_log_rate));
        let compression =
            Compression { min_size: config.compression_min_size, level: config.compression_level };
        let hub = Arc::new(Hub::new(config, ids, attachments, handler_log, compression));
        let config = &hub.config;
        let server = Arc::new(Server {
            resume,
            durable_dir,
            dispatcher: Dispatcher {
                sandbox,
                handlers: Handlers::new(app, config.rollback_after),
                slots: Slots::new(config.max_events),
                hub: Arc::clone(&hub),
                on_error: config.on_error,
                observer: config
                    .inspector
                    .as_ref()
                    .map(|options| Observer::new(options.max_events)),
            },
            hub: Arc::clone(&hub),
            places: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
            transports: Arc::new(Semaphore::new(config.max_transports.min(Semaphore::MAX_PERMITS))),
            origins,
            handshake_rates: config
                .handshake_rate
                .map(|rate| AddressRates::new(Rate::per_second(rate))),
            message_rate: config.message_rate.map(Rate::per_second),
            responses: Responses::new(config.max_response_bytes),
            bodies: Semaphore::new(config.max_bodies()),
            expected: Expected::default(),
            inspector: config.inspector.as_ref().map(Inspector::new),
            is_draining: AtomicBool::new(false),
            tls: RwLock::new(None),
        });
        server.list_resumable().map_err(|source| StartError::Durable {
            path: server.hub.config.durable.clone().unwrap_or_default(),
            source,
        })?;
        Ok(server)
    }

    /// The handler that serves events from now on.
    pub(crate) fn handler(&self) -> Arc<Handler> {
        self.dispatcher.handlers.current()
    }

    /// Compiles an artifact and serves further events with it; no socket closes. Blocks while it
    /// compiles. With [`Config::rollback_after`] the old one comes back if too many of the new one's
    /// first events fail.
    ///
    /// # Errors
    /// When the artifact is refused; the present one goes on.
    pub fn swap(&self, artifact: &[u8]) -> Result<(), LoadError> {
        self.dispatcher.swap(artifact)
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
    pub fn is_draining(&self) -> bool {
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

    /// Speaks TLS with this pair from now on. What is open stays as it is.
    pub fn set_tls(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn open_durable(
    dir: &std::path::Path,
    config: &Config,
) -> io::Result<(ConnectionIds, Attachments, DurableDir)> {
    let dir = DurableDir::take(dir)?;
    let files = AttachmentFiles::open(dir.folder(), config.fsync, config.max_attachment_size)?;
    let ids = ConnectionIds::persisted(Arc::clone(dir.folder()), config.fsync)?;
    Ok((ids, Attachments::durable(files), dir))
}
