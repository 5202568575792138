//! A new handler beside the one that serves: each event runs on it as well, from what the event was given, and what it
//! would do is compared and dropped.
//!
//! One thread of low priority runs these events. What it cannot run in time is skipped and counted: serving waits
//! for nothing. The new handler makes no request: it gets the answers that the served one has got.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zigttp_abi::guest::ABI_VERSION;
use zigttp_sandbox::ran::Ran;
use zigttp_sandbox::view::View;

use crate::block::{self, Block, BlockHead, RecordedLimits};
use crate::counters::ShadowCounters;
use crate::ended::{Ended, Part};
use crate::given_view::ReplaySettings;
use crate::record::Record;
use crate::replay::{Compared, ReplayError, Replayer, Rerun};

/// Most bytes of events that wait for the shadow.
const MAX_PENDING: usize = 16 << 20;

/// Longest line of the log about what one of both does.
const MAX_LINE: usize = 400;

/// See the module's documentation.
pub struct Shadow {
    shared: Arc<Shared>,
    to_thread: Sender<Vec<u8>>,
}

struct Shared {
    limits: RecordedLimits,
    cache_dir: Option<PathBuf>,
    handlers: Mutex<Handlers>,
    /// Bytes that wait.
    pending: AtomicUsize,
    counters: ShadowCounters,
}

struct Handlers {
    new: Arc<Replayer>,
    /// The one that serves, which says what it has done where the new one differs. Loaded for the first of these.
    served: Served,
    settings: Arc<ReplaySettings>,
}

struct Served {
    artifact: Arc<[u8]>,
    loaded: Option<Arc<Replayer>>,
}

impl Shadow {
    /// Loads the new handler, and starts the thread. `served` is the artifact that serves.
    ///
    /// # Errors
    /// When the new handler cannot be loaded, or no thread can be started.
    pub fn start(
        artifact: &[u8],
        served: &[u8],
        limits: RecordedLimits,
        cache_dir: Option<PathBuf>,
    ) -> Result<Shadow, ShadowError> {
        let settings = Arc::new(ReplaySettings::default());
        let new = load(artifact, &limits, &settings, cache_dir.as_ref())?;
        let handlers = Handlers { new, served: Served::of(served), settings };
        let shared = Arc::new(Shared {
            limits,
            cache_dir,
            handlers: Mutex::new(handlers),
            pending: AtomicUsize::new(0),
            counters: ShadowCounters::default(),
        });
        let (to_thread, events) = channel();
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("zigttp-shadow".to_owned())
            .spawn(move || of_thread.run_all(&events))?;
        Ok(Shadow { shared, to_thread })
    }

    pub fn counters(&self) -> &ShadowCounters {
        &self.shared.counters
    }

    /// Runs events on another new handler from now on.
    ///
    /// # Errors
    /// When it cannot be loaded; the one before stays.
    pub fn replace(&self, artifact: &[u8]) -> Result<(), ShadowError> {
        let settings = Arc::clone(&self.shared.lock().settings);
        let Shared { limits, cache_dir, .. } = &*self.shared;
        let new = load(artifact, limits, &settings, cache_dir.as_ref())?;
        self.shared.lock().new = new;
        Ok(())
    }

    /// Another handler serves from now on.
    pub fn set_served(&self, artifact: &[u8]) {
        self.shared.lock().served = Served::of(artifact);
    }

    /// Sets the values of settings.
    pub fn set_settings(&self, settings: Arc<ReplaySettings>) {
        let mut handlers = self.shared.lock();
        handlers.new.set_settings(Arc::clone(&settings));
        if let Some(served) = &handlers.served.loaded {
            served.set_settings(Arc::clone(&settings));
        }
        handlers.settings = settings;
    }

    /// Runs an event that has ended and is not committed yet on the new handler too.
    pub fn add<V: View>(&self, artifact: &[u8; 32], at: u64, ran: &Ran<V>) {
        let Shared { pending, counters, limits, .. } = &*self.shared;
        if pending.load(Ordering::Relaxed) >= MAX_PENDING {
            counters.skipped.add(1);
            return;
        }
        let (Some(given), Some(ended)) = (&ran.state.given, Ended::of(ran)) else { return };
        let record = Record::of(at, &ran.state.event, given, &ran.state.journal, ended);
        let mut raw = Vec::with_capacity(512);
        let limits = limits.clone();
        block::begin(&mut raw, &BlockHead { abi: ABI_VERSION, artifact: *artifact, limits });
        block::add(&mut raw, &record);
        let len = raw.len();
        pending.fetch_add(len, Ordering::Relaxed);
        if self.to_thread.send(raw).is_err() {
            pending.fetch_sub(len, Ordering::Relaxed);
            counters.skipped.add(1);
        }
    }
}

/// Why there is no shadow.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    #[error(transparent)]
    Load(#[from] ReplayError),
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
}

impl Served {
    fn of(artifact: &[u8]) -> Served {
        Served { artifact: artifact.into(), loaded: None }
    }
}

fn load(
    artifact: &[u8],
    limits: &RecordedLimits,
    settings: &Arc<ReplaySettings>,
    cache_dir: Option<&PathBuf>,
) -> Result<Arc<Replayer>, ReplayError> {
    Replayer::new(artifact, limits, Arc::clone(settings), cache_dir.cloned(), 1).map(Arc::new)
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Handlers> {
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_all(&self, events: &Receiver<Vec<u8>>) {
        // Where that is not possible, it only shares the processors more evenly.
        let _ = rustix::process::setpriority_process(None, 19);
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
        // Until the server ends.
        while let Ok(raw) = events.recv() {
            let len = raw.len();
            if let Some(block) = Block::of_raw(raw) {
                for record in block.records().flatten() {
                    runtime.block_on(self.run(&record));
                }
            }
            self.pending.fetch_sub(len, Ordering::Relaxed);
        }
    }

    async fn run(&self, record: &Record<'_>) {
        let new = Arc::clone(&self.lock().new);
        let rerun = new.run(record).await;
        self.counters.events.add(1);
        let Compared::Different(parts) = rerun.compare(record) else { return };
        for part in &parts {
            self.counters.differences[*part as usize].add(1);
        }
        let part = parts[0];
        let now = first_line(&new, &rerun, part);
        let then = match self.served() {
            Some(served) => first_line(&served, &served.run(record).await, part),
            None => "it is not known what".to_owned(),
        };
        let (event, room) = (record.input.kind().name(), record.room.as_ref().map(|it| &*it.0));
        let parts: Vec<&str> = parts.iter().map(|part| part.name()).collect();
        tracing::warn!(
            event,
            room,
            conn = record.connection,
            "the shadow differs in {}: {now}; the served handler: {then}",
            parts.join(" and ")
        );
    }

    /// The handler that serves.
    fn served(&self) -> Option<Arc<Replayer>> {
        let mut handlers = self.lock();
        if handlers.served.loaded.is_none() {
            let artifact = Arc::clone(&handlers.served.artifact);
            let loaded = load(&artifact, &self.limits, &handlers.settings, self.cache_dir.as_ref());
            handlers.served.loaded = loaded.ok();
        }
        handlers.served.loaded.clone()
    }
}

/// What a run does in a part, or why it does nothing, in one line.
fn first_line(replayer: &Replayer, rerun: &Rerun, part: Part) -> String {
    let lines = replayer.lines(rerun);
    let is_shown = |it: Part| it == part || matches!(part, Part::Errors | Part::Cpu | Part::Reads);
    let lines: Vec<String> =
        lines.into_iter().filter(|(part, _)| is_shown(*part)).map(|(_, line)| line).collect();
    let line = match lines.is_empty() {
        true => "nothing".to_owned(),
        // An exception, and where it was thrown.
        false => lines[..lines.len().min(2)].join(" "),
    };
    match line.len() > MAX_LINE {
        true => format!("{}…", &line[..line.floor_char_boundary(MAX_LINE)]),
        false => line,
    }
}
