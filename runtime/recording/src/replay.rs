//! Runs recorded events again, on one artifact and under the limits that they were recorded with.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use zigttp_abi::printable::printable;
use zigttp_sandbox::app::App;
use zigttp_sandbox::error::{LoadError, SandboxError};
use zigttp_sandbox::journal::{Ask, Journal};
use zigttp_sandbox::limits::{Isolation, Limits};
use zigttp_sandbox::ran::{Outcome, Ran};
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::view::{EventLimits, View};

use crate::block::RecordedLimits;
use crate::ended::{self, Ended, Part};
use crate::given_view::{GivenView, Missing, ReplaySettings};
use crate::record::Record;

/// Most waits of a run for timers that the recorded one had not.
const MAX_TIMER_WAITS: usize = 8;

/// See the module's documentation.
pub struct Replayer {
    sandbox: Sandbox<GivenView>,
    pub(crate) app: App<GivenView>,
    limits: Arc<EventLimits>,
    settings: RwLock<Arc<ReplaySettings>>,
}

/// Why an artifact cannot run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// One event that has run again.
pub struct Rerun {
    /// `None` if it waits for what was not recorded.
    pub ended: Option<Ended>,
    /// What it has asked for that was not recorded.
    pub missing: Vec<Missing>,
    /// The requests that it waits for.
    pub(crate) asks: Vec<Asked>,
    /// How often it has waited for timers.
    pub(crate) timer_waits: usize,
    /// `None` if the artifact has no function for the event.
    pub(crate) ran: Option<Ran<GivenView>>,
}

/// A request of an event that has run again.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) is_of_room: bool,
    pub(crate) fingerprint: [u8; 32],
}

/// What a comparison has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    Equal,
    /// It differs, and something that it was given was replaced in the recording.
    Redacted,
    Different(Vec<Part>),
}

impl Replayer {
    /// Loads an artifact. So many events run at the same time at most.
    ///
    /// # Errors
    /// When this machine cannot run it.
    pub fn new(
        artifact: &[u8],
        limits: &RecordedLimits,
        settings: Arc<ReplaySettings>,
        cache_dir: Option<PathBuf>,
        max_events: usize,
    ) -> Result<Replayer, ReplayError> {
        let sandbox = Sandbox::new(Limits {
            max_events,
            memory: limits.memory,
            cpu: limits.cpu,
            isolation: Isolation::Restore,
            verify_restore: None,
            cache_dir,
        })?;
        let app = App::load(&sandbox, artifact)?;
        let (limits, settings) = (Arc::new(limits.to_limits()), RwLock::new(settings));
        Ok(Replayer { sandbox, app, limits, settings })
    }

    /// Sets the values of settings.
    pub fn set_settings(&self, settings: Arc<ReplaySettings>) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// What an event has done that ran here, as lines for people.
    pub fn lines(&self, rerun: &Rerun) -> Vec<(Part, String)> {
        let ran = rerun.ran.as_ref();
        let mut lines = ran.map_or_else(Vec::new, |ran| ended::lines(ran, &self.app.source_maps));
        lines.extend(rerun.missing.iter().map(|Missing { what, name }| {
            (Part::Reads, format!("asks for {what} that was not recorded: {}", printable(name)))
        }));
        lines
    }

    /// Runs an event again.
    pub async fn run(&self, record: &Record<'_>) -> Rerun {
        self.run_with(record, self.settings()).await
    }

    /// Runs an event again with these settings.
    pub(crate) async fn run_with(
        &self,
        record: &Record<'_>,
        settings: Arc<ReplaySettings>,
    ) -> Rerun {
        let mut event = record.event();
        if !self.app.handles(&event) {
            return Rerun {
                ended: Some(Ended::NOTHING),
                missing: Vec::new(),
                asks: Vec::new(),
                timer_waits: 0,
                ran: None,
            };
        }
        let mut journal = Journal::of_record(&record.journal);
        let view = GivenView::of(record, Arc::clone(&self.limits), settings);
        let mut timer_waits = 0;
        loop {
            let state = self.sandbox.prepare(event, view.clone(), journal, false);
            let mut ran = self.sandbox.run(&self.app.program, state, view.now()).await;
            let wait = match &ran.outcome {
                Outcome::Waiting(wait) => wait,
                _ => {
                    let (ended, missing) = (Ended::of(&ran), view.missing());
                    return Rerun { ended, missing, asks: Vec::new(), timer_waits, ran: Some(ran) };
                }
            };
            let timer = wait.timer.filter(|_| wait.questions.is_empty());
            let Some(timer) = timer.filter(|_| timer_waits < MAX_TIMER_WAITS) else {
                let asks = ran.state.journal.unsent().filter_map(Asked::of).collect();
                let mut missing = view.missing();
                missing.extend(asked(&mut ran.state.journal));
                return Rerun { ended: None, missing, asks, timer_waits, ran: Some(ran) };
            };
            timer_waits += 1;
            let (of_event, of_journal, _view) = (*ran.state).into_next();
            (event, journal) = (of_event, of_journal);
            journal.end_wait(timer, true);
        }
    }
}

impl Replayer {
    fn settings(&self) -> Arc<ReplaySettings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Asked {
    fn of((ask, fingerprint): (&Ask, [u8; 32])) -> Option<Asked> {
        let (request, is_of_room) = match ask {
            Ask::Fetch(request) => (request, false),
            Ask::Room { request, .. } => (request, true),
            Ask::Compute { .. } => return None,
        };
        let (method, url) = (request.method.clone(), request.url.clone());
        Some(Asked { method, url, is_of_room, fingerprint })
    }
}

/// What a run waits for.
fn asked(journal: &mut Journal) -> Vec<Missing> {
    let asked = journal.take_new().into_iter().map(|(_id, ask)| match ask {
        Ask::Fetch(request) | Ask::Room { request, .. } => Missing {
            what: "the answer to a request",
            name: format!("{} {}", request.method, request.url),
        },
        Ask::Compute { .. } => Missing { what: "a long computation", name: String::new() },
    });
    let mut asked: Vec<Missing> = asked.collect();
    if asked.is_empty() {
        asked.push(Missing { what: "a timer that it waits for", name: String::new() });
    }
    asked
}

impl Rerun {
    /// Compares it with what was recorded.
    pub fn compare(&self, record: &Record<'_>) -> Compared {
        let parts = match &self.ended {
            Some(ended) if self.missing.is_empty() => ended.differences(&record.ended),
            _ => vec![Part::Reads],
        };
        match (parts.is_empty(), record.is_redacted) {
            (true, _) => Compared::Equal,
            (false, true) => Compared::Redacted,
            (false, false) => Compared::Different(parts),
        }
    }

    /// How it has ended, in a few words.
    pub(crate) fn ending(&self) -> String {
        match &self.ended {
            Some(Ended::Returned(_)) => "it returns".to_owned(),
            Some(Ended::Threw(message)) => message.clone(),
            Some(Ended::OverCpu) => "it uses up its CPU time".to_owned(),
            Some(Ended::OverMemory) => "it uses up its memory".to_owned(),
            Some(Ended::Trapped) => "it traps".to_owned(),
            None => "it waits for what was not recorded".to_owned(),
        }
    }
}
