//! The connection to Redis: calls of scripts, and what comes on channels.
//!
//! There is one connection, so what comes on channels and what is answered have one order. When it breaks, it is made
//! again, with pauses that double; before anything else is sent on a new one, the server says who it is: another
//! server, or the same after a restart, may have lost what nodes have seen. Calls wait meanwhile, and are made again:
//! every script takes a repetition.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisError, ServerErrorKind, Value,
};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::keys::Keys;
use crate::cluster::options::ClusterOptions;
use crate::cluster::scripts::{self, Script};
use crate::cluster::server_info::ServerInfo;
use crate::cluster::token;

/// The layout of what is in Redis.
const LAYOUT: u32 = 1;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that has not answered for so long is frozen, or cannot be reached.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Between two attempts; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Channels of one SUBSCRIBE.
const CHANNELS: usize = 1000;

/// Whoever takes what comes on channels. Nothing here may wait.
pub(crate) trait Feed: Send + Sync + 'static {
    /// Those that a new connection is to listen to.
    fn channels(&self) -> Vec<String>;

    /// A new connection listens. What came since the last one broke is missing.
    fn reconnected(&self);

    fn message(&self, channel: &[u8], message: Vec<u8>);
}

/// The connection to Redis.
pub(crate) struct Link {
    shared: Arc<Shared>,
    connecting: JoinHandle<()>,
}

struct Shared {
    client: Client,
    keys: Keys,
    options: ClusterOptions,
    /// It has the link itself.
    feed: Weak<dyn Feed>,
    live: watch::Sender<Option<Live>>,
    /// The present connection is broken.
    broken: Notify,
    last: Mutex<Last>,
}

/// What was known last.
#[derive(Default)]
struct Last {
    info: Option<Arc<ServerInfo>>,
    /// Why there is no connection.
    problem: Option<ClusterError>,
    connections: u64,
}

/// A connection whose server is known.
#[derive(Clone)]
pub(crate) struct Live {
    connection: MultiplexedConnection,
    number: u64,
    pub(crate) epoch: Arc<str>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not answer now, or has no cluster.
    pub(crate) async fn connect(
        options: ClusterOptions,
        feed: Weak<dyn Feed>,
    ) -> Result<Link, ClusterError> {
        let url = |error| ClusterError::Url(Arc::new(error));
        let info = options.url.as_str().into_connection_info().map_err(url)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings)).map_err(url)?;
        let keys = Keys::new(&options.prefix);
        let (live, _) = watch::channel(None);
        let (broken, last) = (Notify::new(), Mutex::default());
        let shared = Arc::new(Shared { client, keys, options, feed, live, broken, last });
        let first = shared.connect().await?;
        shared.live.send_replace(Some(first));
        let connecting = tokio::spawn(Arc::clone(&shared).stay_connected());
        Ok(Link { shared, connecting })
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(crate) fn options(&self) -> &ClusterOptions {
        &self.shared.options
    }

    /// Calls a script until it has answered. `arguments` adds the number of its keys, the keys and the arguments.
    ///
    /// # Errors
    /// When there is no answer in time, or the server refuses.
    pub(crate) async fn call(
        &self,
        script: &'static Script,
        until: Instant,
        arguments: impl Fn(&mut Cmd, &Live) + Send + Sync,
    ) -> Result<Value, ClusterError> {
        let began = Instant::now();
        let mut last = None;
        loop {
            let live = self.live(began, until, &last).await?;
            let mut command = redis::cmd("EVALSHA");
            command.arg(script.hash.get().map_or("", String::as_str));
            arguments(&mut command, &live);
            match self.ask(live, &command, until).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(error),
            }
        }
    }

    /// Sends a command until it is answered.
    ///
    /// # Errors
    /// When there is no answer in time, or the server refuses.
    pub(crate) async fn send(&self, until: Instant, command: Cmd) -> Result<Value, ClusterError> {
        let began = Instant::now();
        let mut last = None;
        loop {
            let live = self.live(began, until, &last).await?;
            match self.ask(live, &command, until).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(error),
            }
        }
    }

    /// Listens to a channel, or no longer.
    ///
    /// # Errors
    /// When there is no answer in time, or the server refuses.
    pub(crate) async fn listen(
        &self,
        channel: &str,
        listens: bool,
        until: Instant,
    ) -> Result<(), ClusterError> {
        let began = Instant::now();
        let mut last = None;
        loop {
            let mut live = self.live(began, until, &last).await?;
            let connection = &mut live.connection;
            let answer = match listens {
                true => timeout_at(until, connection.subscribe(channel)).await,
                false => timeout_at(until, connection.unsubscribe(channel)).await,
            };
            match answer {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => last = Some(self.see_to(&live, error).await?),
                // The loop ends above.
                Err(_) => {}
            }
        }
    }

    /// Sends a command once. `Err` within `Ok` is an error after which it is to be sent again.
    async fn ask(
        &self,
        mut live: Live,
        command: &Cmd,
        until: Instant,
    ) -> Result<Result<Value, Arc<RedisError>>, ClusterError> {
        let answer = timeout_at(until, live.connection.send_packed_command(command)).await;
        let error = match answer {
            Ok(Ok(Value::ServerError(error))) => RedisError::from(error),
            Ok(Ok(answer)) => return Ok(Ok(answer)),
            Ok(Err(error)) => error,
            Err(_) => {
                let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
                return Ok(Err(Arc::new(error.into())));
            }
        };
        self.see_to(&live, error).await.map(Err)
    }

    /// Does what is to be done before a command is sent again.
    async fn see_to(
        &self,
        live: &Live,
        error: RedisError,
    ) -> Result<Arc<RedisError>, ClusterError> {
        match after(&error) {
            After::LoadScripts => {
                let mut connection = live.connection.clone();
                if load_scripts(&mut connection).await.is_err() {
                    self.shared.give_up(live);
                }
            }
            After::Reconnect => self.shared.give_up(live),
            After::Wait => sleep(FIRST_PAUSE).await,
            After::Fail => return Err(error.into()),
        }
        Ok(Arc::new(error))
    }

    /// Waits for a connection.
    async fn live(
        &self,
        began: Instant,
        until: Instant,
        last: &Option<Arc<RedisError>>,
    ) -> Result<Live, ClusterError> {
        let late = || ClusterError::Unreachable { after: began.elapsed(), last: last.clone() };
        if Instant::now() >= until {
            return Err(late());
        }
        let mut live = self.shared.live.subscribe();
        let live = timeout_at(until, live.wait_for(Option::is_some)).await.map_err(|_| late())?;
        let live = live.expect("the sender is in `shared`");
        Ok(live.clone().expect("it is there"))
    }

    /// What the server says about itself.
    pub(crate) fn info(&self) -> Arc<ServerInfo> {
        self.shared.last().info.clone().unwrap_or_default()
    }

    /// Why there is no connection.
    pub(crate) fn problem(&self) -> Option<ClusterError> {
        self.shared.last().problem.clone()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connecting.abort();
    }
}

impl Shared {
    /// Makes a new connection whenever the present one has broken.
    async fn stay_connected(self: Arc<Shared>) {
        loop {
            self.broken.notified().await;
            let mut pause = FIRST_PAUSE;
            let live = loop {
                match self.connect().await {
                    Ok(live) => break live,
                    Err(problem) => {
                        tracing::warn!(error = %answer::chain(&problem), "the cluster's Redis cannot be used");
                        self.last().problem = Some(problem);
                    }
                }
                sleep(token::jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            };
            self.last().problem = None;
            tracing::info!("the cluster's Redis can be used again");
            self.live.send_replace(Some(live));
            if let Some(feed) = self.feed.upgrade() {
                feed.reconnected();
            }
        }
    }

    /// Makes a connection, looks whose server it is, and listens to all channels.
    async fn connect(self: &Arc<Shared>) -> Result<Live, ClusterError> {
        let number = {
            let mut last = self.last();
            last.connections += 1;
            last.connections
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_push_sender(self.pushes(number));
        let unreachable = |error: RedisError| match after(&error) {
            After::Fail => ClusterError::Refused(Arc::new(error)),
            _ => ClusterError::Unreachable { after: CONNECT_TIMEOUT, last: Some(Arc::new(error)) },
        };
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connected.map_err(unreachable)?;
        let info = server_info(&mut connection).await.map_err(unreachable)?;
        load_scripts(&mut connection).await.map_err(unreachable)?;
        let epoch = self.meet(&mut connection, &info).await?;
        self.last().info = Some(Arc::new(info));
        let channels = self.feed.upgrade().map(|feed| feed.channels()).unwrap_or_default();
        for channels in channels.chunks(CHANNELS) {
            connection.subscribe(channels).await.map_err(unreachable)?;
        }
        Ok(Live { connection, number, epoch })
    }

    /// What to do with what comes by itself on a connection.
    fn pushes(
        self: &Arc<Shared>,
        number: u64,
    ) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> + use<> {
        let shared = Arc::downgrade(self);
        move |PushInfo { kind, data }| {
            let Some(shared) = shared.upgrade() else { return Ok(()) };
            match kind {
                PushKind::Message => {
                    let mut data = data.into_iter();
                    if let (Some(Value::BulkString(channel)), Some(Value::BulkString(message))) =
                        (data.next(), data.next())
                        && let Some(feed) = shared.feed.upgrade()
                    {
                        feed.message(&channel, message);
                    }
                }
                PushKind::Disconnection => shared.has_broken(number),
                _ => {}
            }
            Ok(())
        }
    }

    /// Makes sure that the epoch is one of this server.
    async fn meet(
        &self,
        connection: &mut MultiplexedConnection,
        info: &ServerInfo,
    ) -> Result<Arc<str>, ClusterError> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(scripts::MEET.hash.get()).arg(2).arg(&self.keys.epoch).arg(&self.keys.server);
        command
            .arg(&info.identity)
            .arg(token::new()?)
            .arg(u8::from(self.options.may_init))
            .arg(LAYOUT);
        let answer = answer::words(connection.send_packed_command(&command).await?)?;
        let mut answer = answer.iter().map(|word| String::from_utf8_lossy(word));
        match (answer.next().as_deref(), answer.next()) {
            (Some("same"), Some(epoch)) => Ok((*epoch).into()),
            (Some("new"), Some(epoch)) => {
                tracing::info!(prefix = self.options.prefix, "a new cluster was made");
                Ok((*epoch).into())
            }
            (Some("changed"), Some(epoch)) => {
                tracing::info!(
                    "the cluster's Redis has another run: looking whether it has lost anything"
                );
                Ok((*epoch).into())
            }
            (Some("empty"), _) => Err(ClusterError::Empty { prefix: self.options.prefix.clone() }),
            (Some("layout"), Some(found)) => {
                Err(ClusterError::Layout { found: found.into_owned(), known: LAYOUT })
            }
            (other, _) => Err(ClusterError::Nonsense(format!("{other:?}"))),
        }
    }

    /// A connection is used no longer.
    fn give_up(&self, live: &Live) {
        self.has_broken(live.number);
    }

    fn has_broken(&self, number: u64) {
        let is_present =
            |live: &Option<Live>| live.as_ref().is_some_and(|live| live.number == number);
        let gave_up = self.live.send_if_modified(|live| {
            let is_present = is_present(live);
            if is_present {
                *live = None;
            }
            is_present
        });
        if gave_up {
            self.broken.notify_one();
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        // No change can panic in the middle.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do after an error.
enum After {
    /// The server has forgotten them.
    LoadScripts,
    /// The connection is broken, or the server is one to write to no longer.
    Reconnect,
    /// The server is starting, or busy.
    Wait,
    Fail,
}

fn after(error: &RedisError) -> After {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoScript) => After::LoadScripts,
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => {
            After::Reconnect
        }
        ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::TryAgain) => After::Wait,
        ErrorKind::Server(_) | ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
            After::Fail
        }
        _ if error.code() == Some("BUSY") => After::Wait,
        _ if error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error() => {
            After::Reconnect
        }
        _ => After::Fail,
    }
}

async fn load_scripts(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    for script in scripts::ALL {
        let hash: String =
            redis::cmd("SCRIPT").arg("LOAD").arg(script.code).query_async(connection).await?;
        // It is the same on all servers.
        script.hash.get_or_init(|| hash);
    }
    Ok(())
}

async fn server_info(connection: &mut MultiplexedConnection) -> Result<ServerInfo, RedisError> {
    let mut all = String::new();
    for section in ["server", "replication", "persistence"] {
        let answer: Value = redis::cmd("INFO").arg(section).query_async(connection).await?;
        all.push_str(&answer::text(&answer));
        all.push('\n');
    }
    let mut info = ServerInfo::of_info(&all);
    // A managed server may not tell.
    let mut setting = async |name: &str| -> String {
        let values: Result<Vec<(String, String)>, _> =
            redis::cmd("CONFIG").arg("GET").arg(name).query_async(&mut *connection).await;
        values
            .ok()
            .and_then(|values| values.into_iter().next())
            .map(|(_, value)| value)
            .unwrap_or_default()
    };
    info.append_fsync = setting("appendfsync").await;
    info.max_memory_policy = setting("maxmemory-policy").await;
    Ok(info)
}
