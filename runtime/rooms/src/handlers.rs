//! Which handler serves: another takes over while connections stay, and is taken back if it fails.
//!
//! An event runs on the artifact that was current when it began, so a swap neither loses one nor
//! runs one twice. What a connection has (its route parameters, its auto-response, its attachment)
//! belongs to the connection and stays.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};

use zigttp_sandbox::app::App;
use zigttp_sandbox::error::LoadError;
use zigttp_sandbox::sandbox::Sandbox;

use crate::world::World;

/// Events of a new artifact by which it is judged.
const TRIAL_EVENTS: u32 = 100;

/// The handler that serves, and those that are about to replace it.
pub struct Handlers {
    /// Replaced as a whole; an event keeps the one it began with.
    current: RwLock<Arc<Handler>>,
    /// Held while an artifact is loaded to replace another.
    swapping: Mutex<()>,
    /// So many failures among the first events of a handler that has replaced another bring the old one
    /// back.
    rollback_after: Option<NonZeroU32>,
}

/// A loaded artifact that serves events.
pub struct Handler {
    pub app: App<World>,
    /// Set while it may have to give way to the one it has replaced.
    trial: Option<Trial>,
}

/// The first events of an artifact that has replaced another.
struct Trial {
    /// What it goes back to; given up when the trial is over.
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

    /// Counts an event. Returns the previous handler when that has to come back.
    fn judge(&self, has_failed: bool) -> Option<Arc<Handler>> {
        // Looked at first: an artifact that is past its trial is not written to by every worker.
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
    pub fn new(app: App<World>, rollback_after: Option<NonZeroU32>) -> Handlers {
        Handlers {
            current: RwLock::new(Arc::new(Handler { app, trial: None })),
            swapping: Mutex::default(),
            rollback_after,
        }
    }

    /// The handler that serves events from now on.
    pub fn current(&self) -> Arc<Handler> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Compiles an artifact and serves further events with it. Blocks while it compiles.
    ///
    /// # Errors
    /// When the artifact is refused; the present one goes on.
    pub fn swap(&self, sandbox: &Sandbox<World>, artifact: &[u8]) -> Result<(), LoadError> {
        // One at a time: the pool has room for one image to be taken.
        let _swapping = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let app = App::load(sandbox, artifact)?;
        let previous = self.current();
        let trial = self.rollback_after.map(|after| Trial::new(Arc::clone(&previous), after));
        *self.write() = Arc::new(Handler { app, trial });
        if let Some(trial) = &previous.trial {
            // Its own predecessor is not wanted any more, whatever becomes of the new one.
            trial.end();
        }
        Ok(())
    }

    /// Counts an event towards the trial of the handler it ran on, if that is on trial. Returns whether
    /// the handler before it is back because of that.
    pub fn judge(&self, handler: &Arc<Handler>, has_failed: bool) -> bool {
        let Some(trial) = &handler.trial else { return false };
        let Some(previous) = trial.judge(has_failed) else { return false };
        let mut current = self.write();
        let is_current = Arc::ptr_eq(&current, handler);
        if is_current {
            *current = previous;
            tracing::error!(
                "{} of the first {TRIAL_EVENTS} events of the new handler have failed: the one \
                 before it is back",
                trial.rollback_after
            );
        }
        is_current
    }

    fn write(&self) -> RwLockWriteGuard<'_, Arc<Handler>> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }
}
