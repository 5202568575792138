//! The world of one test: connections, rooms and state of a server, on one thread and under a clock that stands still.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};
use zigttp_abi::close_code;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::state::{Changes, Entry};
use zigttp_abi::value::Value;
use zigttp_rooms::clock::Clock;
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::hub::{Hub, Storage};
use zigttp_rooms::operator_signal::OperatorSignal;
use zigttp_rooms::operator_write::OperatorWrite;
use zigttp_rooms::pace::Rate;
use zigttp_rooms::settings::Settings;
use zigttp_rooms::signals::Signals;
use zigttp_rooms::streams::Streams;
use zigttp_rooms::tidying::tidy;
use zigttp_runtime::Config;
use zigttp_runtime::offline::{Parts, dispatcher, resumable_storage, storage_after_crash};
use zigttp_sandbox::event::Request;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::state::Space;
use zigttp_store::state::record::error::{check_key, check_room};
use zigttp_store::state::record::value::ValueRecord;
use zigttp_store::state::signals::SignalChanges;

use crate::client::{Act, Client, Limits};
use crate::history::History;
use crate::idle::Idle;
use crate::outside::{Answers, TestOutside};
use crate::requests::{event_request, respond};
use crate::runner::{Runner, TestedHandler};
use crate::upgrade::{Placed, Upgrade, Upgraded, place, upgrade};

/// Most events while the clock is advanced once: every minute for ten days, and no timer of a few milliseconds for days.
const MAX_EVENTS: u64 = 20_000;

/// When every world begins: 2026-01-01.
const BEGINNING_MS: u64 = 1_767_225_600_000;

/// Something that the test has begun, by its number.
pub(crate) struct Done {
    pub(crate) task: u64,
    pub(crate) value: Json,
}

/// What has been begun and not run yet.
enum Queued {
    Act(u64, Act),
    Upgrade(u64, Upgrade),
    Request(u64, Request, String),
}

impl Queued {
    /// Things of one actor keep their order.
    fn actor(&self) -> Actor {
        match self {
            Queued::Act(client, _) => Actor::Client(*client),
            Queued::Upgrade(task, _) | Queued::Request(task, ..) => Actor::Task(*task),
        }
    }
}

#[derive(PartialEq)]
enum Actor {
    Client(u64),
    Task(u64),
}

/// What the tasks of a world share with its test.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<SharedState>,
}

#[derive(Default)]
struct SharedState {
    clients: BTreeMap<u64, Client>,
    done: Vec<Done>,
    /// What was begun and has not ended, as the test would name it.
    under_way: BTreeMap<u64, String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, task: u64, what: String) {
        self.lock().under_way.insert(task, what);
    }

    pub(crate) fn done(&self, task: u64, value: Json) {
        let mut state = self.lock();
        state.under_way.remove(&task);
        state.done.push(Done { task, value });
    }
}

pub(crate) struct World {
    config: Arc<Config>,
    handler: TestedHandler,
    sandbox: Arc<Sandbox<zigttp_rooms::world::World>>,
    settings: Settings,
    pub(crate) history: Arc<History>,
    pub(crate) outside: Arc<Answers>,
    pub(crate) shared: Arc<Shared>,
    queue: VecDeque<Queued>,
    /// Chooses the order of what is queued; without it that is the order of the calls.
    order: Option<fastrand::Rng>,
    browsers: BTreeMap<u64, [u8; 16]>,
    last_browser: u128,
    /// Whether nothing has been done in it yet.
    is_new: bool,
    /// The moment until which the clock is being advanced, and from when.
    advancing: Option<(u64, u64)>,
    running: Option<Running>,
}

/// A server's process, so to speak.
struct Running {
    // Dropped first: its tasks hold the others.
    runtime: Runtime,
    idle: Arc<Idle>,
    dispatcher: Arc<Dispatcher>,
}

impl World {
    /// A new world. With a seed, what is queued together runs in an order that it chooses.
    pub(crate) fn new(
        runner: &Runner,
        handler: &TestedHandler,
        settings: Settings,
        seed: Option<u64>,
    ) -> World {
        let config = Arc::clone(&runner.config);
        let storage = resumable_storage(&config);
        let mut world = World {
            config,
            handler: handler.clone(),
            sandbox: Arc::clone(&runner.handlers),
            settings,
            history: Arc::default(),
            outside: Arc::default(),
            shared: Arc::default(),
            queue: VecDeque::new(),
            order: seed.map(fastrand::Rng::with_seed),
            browsers: BTreeMap::new(),
            last_browser: 0,
            is_new: true,
            advancing: None,
            running: None,
        };
        world.start(storage, BEGINNING_MS);
        world
    }

    fn start(&mut self, storage: Storage, unix_millis: u64) {
        let idle = Arc::new(Idle::default());
        let parking = Arc::clone(&idle);
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park(move || parking.is_parking())
            .build()
            .expect("a runtime without sockets needs nothing of the system");
        let within = runtime.enter();
        let clock = Clock::simulated(unix_millis);
        let parts = Parts {
            sandbox: Arc::clone(&self.sandbox),
            app: Arc::clone(&self.handler.0),
            storage,
            clock,
            settings: self.settings.clone(),
            outside: Arc::new(TestOutside(Arc::clone(&self.outside))),
            witness: Some(Arc::clone(&self.history) as _),
        };
        let dispatcher = Arc::new(dispatcher(&self.config, parts));
        self.outside.set_hub(&dispatcher.hub);
        dispatcher.hub.list_leftovers().expect("what is in memory can be read");
        let rate = Rate::per_second(self.config.room_signal_rate);
        let signals = Signals::new(Arc::clone(&dispatcher), rate, self.config.max_events);
        let streams = Streams::new(Arc::clone(&dispatcher), self.config.streams);
        runtime.spawn(signals.run());
        runtime.spawn(streams.run());
        runtime.spawn(tidy(Arc::clone(&dispatcher.hub)));
        drop(within);
        self.running = Some(Running { runtime, idle, dispatcher });
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a world runs but for the moment of its crash")
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.running().dispatcher.hub
    }

    /// Runs a future to its end. It must not wait for time.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.running().runtime.block_on(work)
    }

    pub(crate) fn now(&self) -> u64 {
        let running = self.running();
        let _within = running.runtime.enter();
        running.dispatcher.hub.clock.unix_millis()
    }

    /// What a test may await that has not ended, in its words.
    pub(crate) fn under_way(&self) -> Vec<String> {
        let mut awaited: Vec<String> = self.shared.lock().under_way.values().cloned().collect();
        let unanswered = self.outside.unanswered();
        awaited
            .extend(unanswered.iter().map(|what| format!("the answer of world.fetch to {what}")));
        awaited
    }

    pub(crate) fn take_done(&self) -> Vec<Done> {
        std::mem::take(&mut self.shared.lock().done)
    }

    /// A client that has connected.
    pub(crate) fn with_client<T>(&self, id: u64, look: impl FnOnce(&Client) -> T) -> Option<T> {
        self.shared.lock().clients.get(&id).map(look)
    }

    /// Sets the clock of a world in which nothing has been done yet.
    pub(crate) fn set_clock(&mut self, unix_millis: u64) -> Result<(), String> {
        if !self.is_new {
            return Err(
                "clock.set comes first in a test: afterwards there is clock.advance".to_owned()
            );
        }
        // Its tasks go by the old time.
        drop(self.running.take());
        self.outside = Arc::new(self.outside.after_crash());
        self.start(resumable_storage(&self.config), unix_millis);
        Ok(())
    }

    /// Something is done in the world.
    pub(crate) fn touch(&mut self) {
        self.is_new = false;
    }

    fn next_browser(&mut self) -> [u8; 16] {
        self.last_browser += 1;
        self.last_browser.to_be_bytes()
    }

    /// Opens a connection without any event.
    pub(crate) fn place(
        &mut self,
        room: &str,
        joined: &[String],
        parameters: Vec<(String, String)>,
        attachment: Option<Value>,
        id: Option<u64>,
    ) -> Result<u64, String> {
        self.settle();
        for room in joined.iter().map(String::as_str).chain([room]) {
            check_room(room).map_err(|error| format!("world.member: {error}"))?;
        }
        let browser = self.next_browser();
        let placed = Placed {
            room: room.to_owned(),
            joined: joined.iter().map(|room| Arc::from(&**room)).collect(),
            parameters,
            attachment,
            id: id.map(ConnectionId::from_number),
            browser,
        };
        let Running { runtime, dispatcher, .. } = self.running();
        let client = {
            let _within = runtime.enter();
            place(dispatcher, placed, Limits::of(&self.config))?
        };
        let id = client.connection.id.number();
        self.shared.lock().clients.insert(id, client);
        self.browsers.insert(id, browser);
        Ok(id)
    }

    /// Stores a value, without any event.
    pub(crate) fn put(
        &mut self,
        space: Space,
        room: &str,
        key: &str,
        value: Value,
        ttl: Option<u64>,
    ) -> Result<(), String> {
        self.settle();
        check_room(room).and_then(|()| check_key(key)).map_err(|error| error.to_string())?;
        let now = self.now();
        let expires = ttl.map(|ttl| now.saturating_add(ttl));
        let entries = [(key.into(), Some(Entry { value, expires }))].into();
        let write = OperatorWrite {
            room: room.into(),
            changes: Changes { clears: false, entries },
            signals: SignalChanges::default(),
            cancels_streams: false,
            is_new: false,
        };
        let hub = Arc::clone(self.hub());
        let written = self.block_on(async { write.apply(hub.states.of(space), now).await });
        written.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Sends a signal to a room, as an operator does.
    pub(crate) fn signal(
        &mut self,
        room: &str,
        name: &str,
        data: Option<&Value>,
    ) -> Result<(), String> {
        self.settle();
        let signal = OperatorSignal::new(room, name, data.map(ValueRecord::of));
        let signal = signal.map_err(|error| format!("world.signal: {error}"))?;
        let (hub, now) = (Arc::clone(self.hub()), self.now());
        let sent = self.block_on(async { signal.send(&hub.states.storage, now).await });
        sent.map_err(|error| format!("world.signal: {error}"))
    }

    /// Queues what a client does.
    pub(crate) fn act(&mut self, id: u64, act: Act) {
        self.queue.push_back(Queued::Act(id, act));
    }

    /// Queues a client that asks for a connection; one that resumes is the same browser.
    pub(crate) fn connect(
        &mut self,
        task: u64,
        path: String,
        headers: Vec<(String, String)>,
        protocols: Vec<String>,
        resumes: Option<u64>,
    ) {
        let known = resumes.and_then(|id| self.browsers.get(&id).copied());
        let browser = known.unwrap_or_else(|| self.next_browser());
        if let Some(id) = resumes
            && self.with_client(id, |client| client.line.closed().is_none()) == Some(true)
        {
            // Whoever comes back has lost the connection before.
            self.act(id, Act::Drop);
        }
        let what = match resumes {
            Some(_) => format!("reconnect() to {path}"),
            None => format!("connect({path:?})"),
        };
        self.shared.begin(task, what);
        let prior = resumes.map(ConnectionId::from_number);
        let upgrade = Upgrade { path, headers, protocols, browser, prior };
        self.queue.push_back(Queued::Upgrade(task, upgrade));
    }

    /// Queues a request.
    pub(crate) fn request(
        &mut self,
        task: u64,
        method: &str,
        path: String,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) {
        self.shared.begin(task, format!("request({method:?}, {path:?})"));
        let request = event_request(method, &path, headers, body.into());
        self.queue.push_back(Queued::Request(task, request, path));
    }

    /// Runs all that is queued, until nothing is left to do at this moment.
    pub(crate) fn settle(&mut self) {
        loop {
            let Some(queued) = self.take_queued() else { break };
            self.deliver(queued);
            // Several may be under way together, and take turns where one waits.
            let waits = self.order.as_mut().is_none_or(|order| order.bool());
            if waits {
                self.wait();
            }
        }
        self.wait();
        self.know_browsers();
    }

    fn wait(&self) {
        let Running { runtime, idle, .. } = self.running();
        runtime.block_on(idle.wait());
    }

    fn know_browsers(&mut self) {
        let state = self.shared.lock();
        for (id, client) in &state.clients {
            if let Some(browser) = client.connection.browser {
                self.browsers.insert(*id, browser);
            }
        }
    }

    /// The next of what is queued: the first of any actor.
    fn take_queued(&mut self) -> Option<Queued> {
        let Some(order) = &mut self.order else { return self.queue.pop_front() };
        let mut firsts: Vec<usize> = Vec::new();
        for (index, queued) in self.queue.iter().enumerate() {
            let actor = queued.actor();
            if !firsts.iter().any(|first| self.queue[*first].actor() == actor) {
                firsts.push(index);
            }
        }
        let chosen = order.choice(&firsts)?;
        self.queue.remove(*chosen)
    }

    fn deliver(&self, queued: Queued) {
        let Running { runtime, dispatcher, .. } = self.running();
        let (shared, dispatcher) = (Arc::clone(&self.shared), Arc::clone(dispatcher));
        match queued {
            Queued::Act(id, act) => {
                if let Some(client) = self.shared.lock().clients.get(&id) {
                    // One that has closed does nothing any more.
                    let _ = client.acts.send(act);
                }
            }
            Queued::Upgrade(task, asked) => {
                let limits = Limits::of(&self.config);
                runtime.spawn(async move {
                    let value = match upgrade(&dispatcher, asked, limits).await {
                        Upgraded::Opened(client, protocol) => {
                            let id = client.connection.id.number();
                            shared.lock().clients.insert(id, client);
                            json!({ "id": id, "protocol": protocol })
                        }
                        Upgraded::Refused(refusal) => json!({ "refusal": refusal.json() }),
                    };
                    shared.done(task, value);
                });
            }
            Queued::Request(task, request, path) => {
                runtime.spawn(async move {
                    let answered = respond(&dispatcher, request, &path).await;
                    shared.done(task, answered.json());
                });
            }
        }
    }

    /// Lets time pass until this moment, from one that is due to the next; less if the handler asks something of the test
    /// meanwhile. Returns whether the moment has come.
    pub(crate) fn advance(&mut self, until: u64) -> Result<bool, String> {
        self.settle();
        let now = self.now();
        if self.advancing.is_none_or(|(of, _)| of != until) {
            self.advancing = Some((until, now));
            self.history.count_to(MAX_EVENTS);
        }
        if until > now && !self.outside.has_new() {
            let Running { runtime, .. } = self.running();
            let (outside, history) = (Arc::clone(&self.outside), Arc::clone(&self.history));
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = history.counted() => {}
                    () = outside.asked() => {}
                    () = tokio::time::sleep(Duration::from_millis(until - now)) => {}
                }
            });
            if self.history.is_counted() && self.now() < until {
                return Err(self.too_many_events(until));
            }
            self.settle();
        }
        let has_come = self.now() >= until && !self.outside.has_new();
        if has_come {
            self.advancing = None;
        }
        Ok(has_come)
    }

    fn too_many_events(&mut self, until: u64) -> String {
        let now = self.now();
        let (_, from) = self.advancing.take().unwrap_or((until, now));
        let (passed, all) = (now.saturating_sub(from), until.saturating_sub(from));
        let kinds = self.history.kinds();
        let kinds: Vec<String> =
            kinds.iter().take(3).map(|(kind, count)| format!("{kind} {count} times")).collect();
        format!(
            "clock.advance: {MAX_EVENTS} events have run when {passed} of {all} ms had passed: {}; a shorter time, or \
             longer periods, would do",
            kinds.join(", ")
        )
    }

    /// Sets or removes settings for events that begin from now on.
    pub(crate) fn set_settings(&mut self, changes: Vec<(String, Option<String>)>) {
        let mut settings = Settings::default();
        for (name, value) in self.settings.iter() {
            if !changes.iter().any(|(changed, _)| changed == name) {
                settings.set(name, String::from_utf8_lossy(value).into_owned());
            }
        }
        for (name, value) in changes {
            if let Some(value) = value {
                settings.set(&name, value);
            }
        }
        self.settings = settings.clone();
        self.hub().settings.replace(settings);
    }

    /// The server's process dies, and another starts on what it has stored: connections are gone without `onClose`, and
    /// so is `zigttp:memory`; storage, signals, and attachments that can be resumed are there.
    pub(crate) fn crash(&mut self) {
        self.settle();
        let now = self.now();
        let running = self.running.take().expect("a world runs");
        let Running { runtime, dispatcher, .. } = running;
        {
            let _within = runtime.enter();
            let hub = &dispatcher.hub;
            let state = self.shared.lock();
            for client in state.clients.values() {
                if client.line.closed().is_none() {
                    hub.attachments.keep(&client.connection, hub.clock);
                    client.line.end(close_code::ABNORMAL);
                }
            }
        }
        drop(runtime);
        let Dispatcher { hub, hubs, .. } =
            Arc::into_inner(dispatcher).expect("only tasks of the runtime have it besides");
        drop(hubs);
        let hub = Arc::into_inner(hub).expect("the same");
        let storage = storage_after_crash(&self.config, hub.into_storage());
        self.outside = Arc::new(self.outside.after_crash());
        self.start(storage, now);
        self.settle();
    }
}
