//! Another artifact takes over while connections stay, and is taken back if it fails.
//!
//! An event runs on the artifact that was current when it began, so a swap neither loses one nor
//! runs one twice. What a connection has (its route parameters, its auto-response, its attachment)
//! belongs to the connection and stays.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::App;
use crate::error::LoadError;
use crate::server::Server;

/// Events of a new artifact by which it is judged.
const TRIAL_EVENTS: u32 = 100;

/// The first events of an artifact that has replaced another.
pub(crate) struct Trial {
    /// What it goes back to; given up when the trial is over.
    previous: Mutex<Option<Arc<App>>>,
    rollback_after: u32,
    events: AtomicU32,
    failures: AtomicU32,
}

impl Trial {
    fn new(previous: Arc<App>, rollback_after: NonZeroU32) -> Trial {
        Trial {
            previous: Mutex::new(Some(previous)),
            rollback_after: rollback_after.get(),
            events: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        }
    }

    /// Counts an event. Answers with the previous artifact when that has to come back.
    fn judge(&self, has_failed: bool) -> Option<Arc<App>> {
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

    fn end(&self) -> Option<Arc<App>> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Server {
    /// Compiles an artifact and serves further events with it; no socket closes. Blocks while it
    /// compiles. With [`Config::rollback_after`](crate::Config::rollback_after) the old one comes
    /// back if too many of the new one's first events fail.
    ///
    /// # Errors
    /// When the artifact is refused; the present one goes on.
    pub fn swap(&self, artifact: &[u8]) -> Result<(), LoadError> {
        // One at a time: the pool has room for one image to be taken.
        let _swapping = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let mut app = App::load(&self.sandbox, artifact)?;
        let previous = self.app();
        app.trial = self
            .hub
            .config
            .rollback_after
            .map(|rollback_after| Trial::new(Arc::clone(&previous), rollback_after));
        self.set_app(Arc::new(app));
        if let Some(trial) = &previous.trial {
            // Its own predecessor is not wanted any more, whatever becomes of the new one.
            trial.end();
        }
        self.hub.counters.swaps.add_one();
        Ok(())
    }

    /// Counts an event towards the trial of the artifact it ran on, if that is on trial.
    pub(crate) fn judge(&self, app: &Arc<App>, has_failed: bool) {
        let Some(trial) = &app.trial else { return };
        let Some(previous) = trial.judge(has_failed) else { return };
        if self.replace_app(app, previous) {
            self.hub.counters.rollbacks.add_one();
            tracing::error!(
                "{} of the first {TRIAL_EVENTS} events of the new handler have failed: the one \
                 before it is back",
                trial.rollback_after
            );
        }
    }
}
