//! The server: what serving a handler takes, made once and shared by all that do it.

pub(crate) mod counters;
pub(crate) mod inspector;
pub(crate) mod last_build;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_rooms::attachments::Attachments;
use zigttp_rooms::clock::Clock;
use zigttp_rooms::compression::Compression;
use zigttp_rooms::counters::Counts;
use zigttp_rooms::dispatch::Dispatcher;
use zigttp_rooms::handler_log::HandlerLog;
use zigttp_rooms::handlers::{Handler, Handlers};
use zigttp_rooms::hub::{ConnectionStates, Hub, Kept};
use zigttp_rooms::leftovers::{Bounds, Leftovers};
use zigttp_rooms::observer::Observer;
use zigttp_rooms::pace::Rate;
use zigttp_rooms::slots::Slots;
use zigttp_sandbox::app::App;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::pool::Pool;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::view::EventLimits;
use zigttp_store::attachment_files::AttachmentFiles;
use zigttp_store::dir::DurableDir;
use zigttp_store::error::AdoptError;
use zigttp_store::ids::ConnectionIds;

use self::counters::Counters;
use self::inspector::Inspector;
use crate::config::Config;
use crate::error::StartError;
use crate::gate::Gate;
use crate::http::responses::Responses;
use crate::requests::expected::Expected;
use crate::transport::tls::Tls;

/// A handler, and everything that serves it.
pub struct Server {
    /// As it was started.
    pub(crate) config: Config,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) hub: Arc<Hub>,
    /// Who may come in.
    pub(crate) gate: Gate,
    pub(crate) counters: Counters,
    /// One permit is one transport that speaks HTTP.
    pub(crate) transports: Arc<Semaphore>,
    /// One permit is one request whose body is read or held.
    pub(crate) bodies: Semaphore,
    /// Requests of whose bodies nothing has come.
    pub(crate) expected: Expected,
    /// What clients have not taken yet of the responses to them.
    pub(crate) responses: Arc<Responses>,
    /// What messages under way hold, over all connections.
    pub(crate) partial: Arc<Pool>,
    pub(crate) message_rate: Option<Rate>,
    /// The page that shows what happens, if there is one.
    pub(crate) inspector: Option<Inspector>,
    /// What new connections are secured with; without it they are plain.
    tls: RwLock<Option<Tls>>,
    /// Set once, before the connections are closed.
    pub(crate) is_draining: AtomicBool,
}

impl Server {
    /// Sets the sandbox up, opens the durable folder and loads the artifact.
    ///
    /// # Errors
    /// When the artifact is refused, or the machine does not give what the configuration asks for.
    pub fn new(mut config: Config, artifact: &[u8]) -> Result<Arc<Server>, StartError> {
        config.check()?;
        let mut gate = Gate::new(&config)?;
        let sandbox = Sandbox::new(config.sandbox_limits())?;
        config.max_events = sandbox.max_events();
        let app = App::load(&sandbox, artifact)?;
        let cannot_use = |source| StartError::Durable {
            path: config.durable.clone().unwrap_or_default(),
            source,
        };
        let kept = open_kept(&config).map_err(cannot_use)?;
        if let (Some(dir), true) = (&kept.durable_dir, config.resume) {
            gate.let_resume(dir.folder()).map_err(cannot_use)?;
        }
        let clock = Clock::system();
        let hub = Arc::new(Hub::new(
            kept,
            event_limits(&config),
            Compression { min_size: config.compression_min_size, level: config.compression_level },
            HandlerLog::new(Rate::per_second(config.handler_log_rate)),
            clock,
        ));
        hub.list_leftovers().map_err(cannot_use)?;
        let inspector = config.inspector.as_ref();
        let dispatcher = Dispatcher {
            sandbox,
            handlers: Handlers::new(app, config.rollback_after),
            slots: Slots::new(config.max_events),
            hub: Arc::clone(&hub),
            on_error: config.on_error,
            observer: inspector.map(|options| Observer::new(options.max_events, clock)),
        };
        Ok(Arc::new(Server {
            dispatcher: Arc::new(dispatcher),
            hub,
            gate,
            counters: Counters::default(),
            transports: Arc::new(Semaphore::new(config.max_transports.min(Semaphore::MAX_PERMITS))),
            bodies: Semaphore::new(config.max_bodies()),
            expected: Expected::default(),
            responses: Responses::new(config.max_response_bytes),
            partial: Pool::with_room_for_little(config.max_partial_bytes),
            message_rate: config.message_rate.map(Rate::per_second),
            inspector: inspector.map(Inspector::new),
            tls: RwLock::new(None),
            is_draining: AtomicBool::new(false),
            config,
        }))
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
        self.hub.count()
    }

    /// Rooms with a connection.
    pub fn rooms(&self) -> usize {
        self.hub.rooms.count()
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

    /// The ids of all connections that have an attachment file, live ones included, in ascending
    /// order. Reads the folder; empty without one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list_persisted_attachment_ids(&self) -> io::Result<Vec<u64>> {
        self.hub.persisted_attachment_ids()
    }

    /// Whether this connection is there.
    pub fn is_connected(&self, id: u64) -> bool {
        self.hub.find(ConnectionId::from_number(id)).is_some()
    }

    /// Gives the attachment that connection `prior_id` has left to the live connection `new_id`, in
    /// place of what that has. Whoever calls this has made sure that the client is the same. After
    /// a crash in the middle the file is with the one or the other, never with both.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt_persisted_attachment(
        &self,
        new_id: u64,
        prior_id: u64,
    ) -> Result<(), AdoptError> {
        let [new, prior] = [new_id, prior_id].map(ConnectionId::from_number);
        self.hub.adopt(new, prior).await
    }

    /// Unlinks the files of connections that are gone and that were written longer ago than `age`;
    /// returns how many. Files of live connections are kept younger than half of it, so that one
    /// which a crash leaves behind is not too old when it is first looked at. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn prune_attachments(&self, age: Duration) -> io::Result<usize> {
        self.hub.prune_attachments(age)
    }

    /// Speaks TLS with this pair from now on. What is open stays as it is.
    pub fn set_tls(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// So that a connection without a client can be opened on it.
impl AsRef<Arc<Dispatcher>> for Server {
    fn as_ref(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }
}

fn event_limits(config: &Config) -> EventLimits {
    EventLimits {
        max_queue: config.max_queue,
        max_attachment: config.max_attachment_size,
        max_room: config.max_url,
        compression_min_size: config.compression_min_size,
        event_memory: Pool::new(config.max_event_memory),
    }
}

/// Opens what outlives connections.
fn open_kept(config: &Config) -> io::Result<Kept> {
    let Some(dir) = &config.durable else { return Ok(Kept::in_memory()) };
    let dir = DurableDir::take(dir)?;
    let files = AttachmentFiles::open(dir.folder(), config.fsync, config.max_attachment_size)?;
    let ids = ConnectionIds::persisted(Arc::clone(dir.folder()), config.fsync)?;
    let leftovers = config.resume.then(|| {
        Leftovers::new(Bounds {
            leftovers: config.max_leftovers(),
            bytes: config.max_leftover_bytes(),
            window: config.resume_window,
        })
    });
    let attachments = Attachments::durable(files);
    Ok(Kept { ids, attachments, leftovers, durable_dir: Some(dir) })
}
