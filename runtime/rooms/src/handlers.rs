//! The current handler. A swap replaces it while connections stay open, and a rollback brings the old one
//! back if the new one fails.
//!
//! An event runs on the handler that was current when it began, so a swap loses no event and runs none
//! twice. A connection keeps its route parameters, auto-response and attachment.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Notify;
use zigttp_sandbox::app::App;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::sandbox::Sandbox;
use zigttp_sandbox::stripes::Stripes;

use crate::world::World;

/// How many events of a new handler are on trial.
const TRIAL_EVENTS: u32 = 100;

/// The current handler, and how it is replaced.
pub struct Handlers {
    /// An event keeps the handler that it began with. The same one for each worker, with a count of references of its
    /// own, because every event changes that.
    current: Stripes<RwLock<Arc<Handler>>>,
    /// Held during a swap.
    swapping: Mutex<()>,
    /// The old handler comes back if this many of a new one's first events fail.
    rollback_after: Option<NonZeroU32>,
    replaced: Notify,
}

/// A loaded artifact.
#[derive(Clone)]
pub struct Handler {
    pub app: Arc<App<World>>,
    /// `None` if the handler before it cannot come back.
    trial: Option<Arc<Trial>>,
}

impl Handler {
    /// Whether both are the same artifact, loaded once.
    pub(crate) fn is(&self, other: &Handler) -> bool {
        Arc::ptr_eq(&self.app, &other.app)
    }
}

/// The first events of a handler that has replaced another.
struct Trial {
    /// The handler before it; dropped when the trial is over.
    previous: Mutex<Option<Arc<Handler>>>,
    rollback_after: u32,
    events: AtomicU32,
    failures: AtomicU32,
}

impl Trial {
    fn new(previous: Arc<Handler>, rollback_after: NonZeroU32) -> Trial {
        Trial {
            previous: Mutex::new(Some(previous)),
            rollback_after: rollback_after.get(),
            events: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        }
    }

    /// Counts an event. Returns the handler before it if that has to come back.
    fn judge(&self, has_failed: bool) -> Option<Arc<Handler>> {
        // Checked first, so that the workers do not all write to this memory after the trial.
        if self.events.load(Ordering::Relaxed) >= TRIAL_EVENTS {
            return None;
        }
        let event = self.events.fetch_add(1, Ordering::Relaxed) + 1;
        let is_failed = event <= TRIAL_EVENTS
            && has_failed
            && self.failures.fetch_add(1, Ordering::Relaxed) + 1 == self.rollback_after;
        match (is_failed, event >= TRIAL_EVENTS) {
            (true, _) => self.end(),
            (false, true) => {
                self.end();
                None
            }
            (false, false) => None,
        }
    }

    fn end(&self) -> Option<Arc<Handler>> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Handlers {
    pub fn new(app: Arc<App<World>>, rollback_after: Option<NonZeroU32>) -> Handlers {
        let handler = Handler { app, trial: None };
        Handlers {
            current: Stripes::new(|| RwLock::new(Arc::new(handler.clone()))),
            swapping: Mutex::default(),
            rollback_after,
            replaced: Notify::new(),
        }
    }

    /// The handler for new events.
    pub fn current(&self) -> Arc<Handler> {
        Arc::clone(&self.current.own().read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Compiles an artifact and runs new events on it. Blocks while it compiles.
    ///
    /// # Errors
    /// When the artifact cannot be loaded; the old handler stays in use.
    pub fn swap(&self, sandbox: &Sandbox<World>, artifact: &[u8]) -> Result<(), LoadError> {
        // One at a time: the pool has an instance for only one image.
        let _swapping = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let app = Arc::new(App::load(sandbox, artifact)?);
        let previous = self.current();
        let trial = self.rollback_after.map(|after| Trial::new(Arc::clone(&previous), after));
        self.replace(&Handler { app, trial: trial.map(Arc::new) }, |_current| true);
        self.replaced.notify_one();
        if let Some(trial) = &previous.trial {
            // The handler before that one cannot come back any more.
            trial.end();
        }
        Ok(())
    }

    /// Counts an event towards the trial of its handler, if that is on trial. Returns whether the handler
    /// before it has come back because of this event.
    pub fn judge(&self, handler: &Arc<Handler>, has_failed: bool) -> bool {
        let Some(trial) = &handler.trial else { return false };
        let Some(previous) = trial.judge(has_failed) else { return false };
        let is_current = self.replace(&previous, |current| current.is(handler));
        if is_current {
            self.replaced.notify_one();
            tracing::error!(
                "{} of the first {TRIAL_EVENTS} events of the new handler have failed: the old handler is \
                 in use again",
                trial.rollback_after
            );
        }
        is_current
    }

    /// Waits until another handler has become the current one. For one who waits.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Replaces the current handler if it is the one meant, for all workers at once. Returns whether it was.
    fn replace(&self, by: &Handler, is_meant: impl Fn(&Handler) -> bool) -> bool {
        let all = self.current.all();
        let mut all: Vec<_> =
            all.map(|current| current.write().unwrap_or_else(PoisonError::into_inner)).collect();
        let is_replaced = all.first().is_some_and(|current| is_meant(current));
        if is_replaced {
            for current in &mut all {
                **current = Arc::new(by.clone());
            }
        }
        is_replaced
    }
}
