//! The server: all that serving a handler needs, made once and shared by every task.

pub(crate) mod counters;
pub(crate) mod dispatcher;
pub(crate) mod inspector;
pub(crate) mod last_build;
mod recording;
mod run_again;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use zigttp_abi::api::{self, Module};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::printable::printable;
use zigttp_files::shell::quoted;
use zigttp_outbound::client::Client;
use zigttp_outbound::grants::Grants;
use zigttp_rooms::clock::Clock;
use zigttp_rooms::counters::Counts;
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::handlers::Handler;
use zigttp_rooms::hub::{ConnectionStates, Hub};
use zigttp_rooms::pace::Rate;
use zigttp_rooms::settings::Settings;
use zigttp_rooms::signals::{self, Signals};
use zigttp_rooms::streams::Streams;
use zigttp_sandbox::app::App;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::pool::Pool;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_store::error::AdoptError;

use self::counters::Counters;
use self::dispatcher::Parts;
use self::inspector::Inspector;
use crate::config::Config;
use crate::error::StartError;
use crate::gate::Gate;
use crate::http::responses::Responses;
use crate::outside::{self, Outbound};
use crate::requests::expected::Expected;
use crate::transport::tls::Tls;

/// Most operators at a time for whom the use of rooms is measured; others wait.
const MAX_ROOM_MEASURES: usize = 4;

/// A handler, and everything that serves it.
pub struct Server {
    /// As at the start, but with the number of events that fit in the machine's address space.
    pub(crate) config: Config,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) hub: Arc<Hub>,
    /// Who may connect.
    pub(crate) gate: Gate,
    pub(crate) counters: Counters,
    /// One permit is one transport that speaks HTTP.
    pub(crate) transports: Arc<Semaphore>,
    /// One permit is one request whose body is held.
    pub(crate) bodies: Semaphore,
    /// Requests that wait for the first byte of their body.
    pub(crate) expected: Expected,
    /// Responses that clients have not taken yet.
    pub(crate) responses: Arc<Responses>,
    /// The memory of messages under way, over all connections.
    pub(crate) partial: Arc<Pool>,
    pub(crate) message_rate: Option<Rate>,
    /// Makes the requests of handlers.
    pub(crate) outbound: Client,
    /// One permit is one operator for whom the use of rooms is measured, which takes memory for each room.
    pub(crate) room_measures: Semaphore,
    /// The state of the inspector's page, if there is one.
    pub(crate) inspector: Option<Inspector>,
    /// The certificate for new transports; `None`: without TLS.
    tls: RwLock<Option<Tls>>,
}

impl Server {
    /// Makes the sandbox, loads the artifact and opens the durable folder.
    ///
    /// # Errors
    /// When the artifact cannot be loaded, options contradict each other, or the machine lacks something
    /// that they need.
    pub fn new(mut config: Config, artifact: &[u8]) -> Result<Arc<Server>, StartError> {
        config.check()?;
        let mut gate = Gate::new(&config)?;
        let outbound = outside::client(&config)?;
        let sandbox = Sandbox::new(config.sandbox_limits())?;
        config.max_events = sandbox.max_events();
        let app = App::load(&sandbox, artifact)?;
        let cannot_use = |source| StartError::Durable {
            path: config.durable.clone().unwrap_or_default(),
            source,
        };
        let storage = dispatcher::open_storage(&config).map_err(cannot_use)?;
        if let (Some(dir), true) = (&storage.durable_dir, config.resume) {
            gate.enable_resume(dir.folder()).map_err(cannot_use)?;
        }
        let app = Arc::new(app);
        let parts = Parts {
            sandbox: Arc::new(sandbox),
            app: Arc::clone(&app),
            storage,
            clock: Clock::system(),
            settings: std::mem::take(&mut config.settings),
            outside: Arc::new(Outbound(outbound.clone())),
            witness: None,
        };
        let mut dispatcher = dispatcher::dispatcher(&config, parts);
        let hub = Arc::clone(&dispatcher.hub);
        hub.list_leftovers().map_err(cannot_use)?;
        hold_signals(&hub, &config).map_err(cannot_use)?;
        dispatcher.recorder = recording::start(&config, &hub.limits, &app.hash, artifact)?;
        dispatcher.shadow = recording::start_shadow(&mut config, &hub.limits, artifact)?;
        let inspector = config.inspector.as_ref();
        let server = Arc::new(Server {
            dispatcher: Arc::new(dispatcher),
            hub,
            gate,
            counters: Counters::default(),
            transports: Arc::new(Semaphore::new(config.max_transports.min(Semaphore::MAX_PERMITS))),
            bodies: Semaphore::new(config.max_bodies()),
            expected: Expected::default(),
            responses: Responses::new(config.max_response_bytes),
            partial: Pool::with_reserve_for_small(config.max_partial_bytes),
            message_rate: config.message_rate.map(Rate::per_second),
            outbound,
            room_measures: Semaphore::new(MAX_ROOM_MEASURES),
            inspector: inspector.map(|options| Inspector::new(options, artifact)),
            tls: RwLock::new(None),
            config,
        });
        server.tell_settings();
        server.tell_missing_settings();
        server.tell_hosts_not_allowed();
        server.wake_parked_signals();
        if server.config.wake_parked {
            signals::wake_parked(&server.hub);
        }
        if server.config.durable.is_none() && server.stores_state() {
            tracing::warn!(
                "rooms keep state and signals in memory: they are gone when the server ends; with --durable DIR they stay"
            );
        }
        Ok(server)
    }

    /// The handler for new events.
    pub(crate) fn handler(&self) -> Arc<Handler> {
        self.dispatcher.handlers.current()
    }

    /// Compiles an artifact and runs new events on it; no connection closes. Blocks while it compiles. With
    /// [`Config::rollback_after`] the old handler comes back if too many of the new one's first events
    /// fail.
    ///
    /// # Errors
    /// When the artifact cannot be loaded; the old handler stays in use.
    pub fn swap(&self, artifact: &[u8]) -> Result<(), LoadError> {
        self.dispatcher.swap(artifact)?;
        self.tell_swapped(artifact);
        self.tell_missing_settings();
        self.tell_hosts_not_allowed();
        self.wake_parked_signals();
        Ok(())
    }

    /// Gives the handler these settings instead, in events that begin from now on. Those that have begun keep theirs.
    pub fn replace_settings(&self, settings: Settings) {
        self.hub.settings.replace(settings);
        self.tell_settings();
        self.tell_missing_settings();
    }

    /// Tells the operator which settings the handler reads that are not given, as far as it names them.
    fn tell_missing_settings(&self) {
        let handler = self.handler();
        let settings = self.hub.settings.current();
        let missing = settings.missing(&handler.app.manifest.env);
        if !missing.is_empty() {
            let names = missing.join(", ");
            tracing::warn!(
                "the handler reads settings that are not given: {}; give them with --env or --env-file",
                printable(&names)
            );
        }
    }

    /// Tells the operator which hosts the handler calls that are not allowed, as far as it names them.
    fn tell_hosts_not_allowed(&self) {
        let handler = self.handler();
        let hosts = handler.app.manifest.hosts.iter().filter(|host| !self.outbound.allows(host));
        let flags: Vec<String> = hosts.map(|host| format!("--allow-fetch {host}")).collect();
        if !flags.is_empty() {
            let flags = flags.join(" ");
            tracing::warn!("the handler calls hosts that are not allowed: {}", printable(&flags));
        }
    }

    /// Has parked signals tried once more if the handler is another one than before.
    fn wake_parked_signals(&self) {
        let Some(dir) = &self.hub.durable_dir else { return signals::wake_parked(&self.hub) };
        match dir.note_handler(&self.handler().app.manifest.source_hash) {
            Ok(true) => signals::wake_parked(&self.hub),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot note which handler is served"),
        }
    }

    /// Lets held signals and timers be delivered, also by later servers on this directory. Returns whether they were
    /// held.
    ///
    /// # Errors
    /// When the directory cannot be written; they stay held.
    pub fn release_signals(&self) -> io::Result<bool> {
        if let Some(dir) = &self.hub.durable_dir {
            dir.release_signals()?;
        }
        Ok(self.hub.signals_hold.release())
    }

    /// Whether the handler stores state of rooms, or sends signals.
    fn stores_state(&self) -> bool {
        let handler = self.handler();
        let mut functions = handler.app.manifest.imports.iter().filter_map(|path| api::find(path));
        functions.any(|function| {
            function.writes && matches!(function.module, Module::Storage | Module::Durable)
        })
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.hub.count()
    }

    /// How many rooms have a connection.
    pub fn rooms(&self) -> usize {
        self.hub.rooms.count()
    }

    /// Whether the server is closing all its connections.
    pub fn is_draining(&self) -> bool {
        self.hub.is_draining.load(Ordering::SeqCst)
    }

    /// Counts since the server was made.
    pub fn counts(&self) -> Counts {
        self.hub.counters.counts()
    }

    /// Counts the live, parked and dormant connections. Visits every connection.
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

    /// Whether this connection is open.
    pub fn is_connected(&self, id: u64) -> bool {
        self.hub.find(ConnectionId::from_number(id)).is_some()
    }

    /// Gives the attachment that connection `prior_id` has left to the live connection `new_id`, and
    /// replaces the one that it has. The caller has made sure that the client is the same. After a crash
    /// in the middle the file belongs to one of the two connections, never to both.
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

    /// Removes the files of closed connections that were written longer ago than `age`; returns how many.
    /// Files of live connections are kept younger than half of `age`, so that one which a crash leaves
    /// behind is not removed at once. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn prune_attachments(&self, age: Duration) -> io::Result<usize> {
        self.hub.prune_attachments(age)
    }

    /// The loop that runs signals.
    pub(crate) fn signals(&self) -> Signals {
        let rate = Rate::per_second(self.config.room_signal_rate);
        Signals::new(Arc::clone(&self.dispatcher), rate, self.config.max_events)
    }

    /// The loop that runs streams.
    pub(crate) fn streams(&self) -> Streams {
        Streams::new(Arc::clone(&self.dispatcher), self.config.streams)
    }

    /// Uses this certificate and key for new transports. Open ones are not changed.
    pub fn set_tls(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    /// Lets handlers call these hosts from now on. Requests under way go on, but are not redirected to hosts
    /// that these grants leave out.
    pub fn set_grants(&self, grants: Grants) {
        self.outbound.set_grants(grants);
        self.tell_hosts_not_allowed();
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// For [`LocalConnection`](crate::LocalConnection), which opens a connection without a client.
impl AsRef<Arc<Dispatcher>> for Server {
    fn as_ref(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }
}

/// Holds signals if the operator wants it, or a backup was restored to the directory.
fn hold_signals(hub: &Hub, config: &Config) -> io::Result<()> {
    let (Some(dir), Some(path)) = (&hub.durable_dir, &config.durable) else { return Ok(()) };
    let is_restored = dir.holds_signals()?;
    if is_restored || config.hold_signals {
        hub.signals_hold.hold();
        let why = if is_restored { "a backup was restored here" } else { "--hold-signals" };
        tracing::warn!(
            "signals and timers are held, none is delivered ({why}); to release them: \
             zigttp storage release-signals --durable {}",
            quoted(path)
        );
    }
    Ok(())
}
