//! The server: what serving a handler takes, made once and shared by all that do it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Semaphore;

use crate::app::App;
use crate::attachments::Attachments;
use crate::compression::Compression;
use crate::config::Config;
use crate::counters::Counts;
use crate::error::StartError;
use crate::expected::Expected;
use crate::handler_log::HandlerLog;
use crate::hub::{ConnectionStates, Hub};
use crate::inspector::Inspector;
use crate::origin::Origins;
use crate::pace::{AddressRates, Rate};
use crate::responses::Responses;
use crate::resume::Resume;
use crate::sandbox::Sandbox;
use crate::tls::Tls;
use zigttp_store::attachment_files::AttachmentFiles;
use zigttp_store::dir::DurableDir;
use zigttp_store::ids::ConnectionIds;

/// A handler, and everything that serves it.
pub struct Server {
    pub(crate) sandbox: Sandbox,
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
    /// Replaced as a whole; an event keeps the one it began with.
    app: RwLock<Arc<App>>,
    /// What new connections are secured with; without it they are plain.
    tls: RwLock<Option<Tls>>,
    /// Held while an artifact is loaded to replace another.
    pub(crate) swapping: Mutex<()>,
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
        let sandbox = Sandbox::new(&config)?;
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
            sandbox,
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
            app: RwLock::new(Arc::new(app)),
            tls: RwLock::new(None),
            swapping: Mutex::default(),
        });
        server.list_resumable().map_err(|source| StartError::Durable {
            path: server.hub.config.durable.clone().unwrap_or_default(),
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
