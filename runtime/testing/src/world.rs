//! The world of one test: connections, rooms and state of a server, on one thread and under a clock that stands still.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};
use zigttp_abi::close_code;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_rooms::clock::Clock;
use zigttp_rooms::dispatcher::Dispatcher;
use zigttp_rooms::hub::{Hub, Storage};
use zigttp_rooms::pace::Rate;
use zigttp_rooms::settings::Settings;
use zigttp_rooms::signals::Signals;
use zigttp_rooms::streams::Streams;
use zigttp_rooms::tidying::tidy;
use zigttp_runtime::Config;
use zigttp_runtime::offline::{Parts, dispatcher, resumable_storage, storage_after_crash};
use zigttp_sandbox::event::Request;
use zigttp_sandbox::sandbox::Sandbox;

use crate::client::{Act, Client, Limits};
use crate::history::History;
use crate::idle::Idle;
use crate::outside::{Answers, TestOutside};
use crate::requests::{event_request, respond};
use crate::runner::{Runner, TestedHandler};
use crate::upgrade::{Upgrade, Upgraded, upgrade};

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
        let browser = known.unwrap_or_else(|| {
            self.last_browser += 1;
            self.last_browser.to_be_bytes()
        });
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
    pub(crate) fn advance(&mut self, until: u64) -> bool {
        self.settle();
        let now = self.now();
        if until > now && !self.outside.has_new() {
            let Running { runtime, .. } = self.running();
            let outside = Arc::clone(&self.outside);
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = outside.asked() => {}
                    () = tokio::time::sleep(Duration::from_millis(until - now)) => {}
                }
            });
            self.settle();
        }
        self.now() >= until && !self.outside.has_new()
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
