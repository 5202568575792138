//! How often one place of the code (a callsite) may write into the log.
//!
//! Clients and disks can cause any number of lines: a full disk wrote 631 a second. So each callsite has a
//! limit of lines a second, whichever crate it is in, and no new one can be forgotten. Lines over the limit
//! are dropped and counted, and afterwards one line says how many there were. Lines of the handler have their
//! own limit (`--handler-log-rate`), and debug lines have none.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use zigttp_runtime::{DroppedLogLines, HANDLER_LOG_TARGET};

/// Lines of one callsite in [`WINDOW`].
const LINES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);
/// While lines are dropped without a pause, one line in so many windows says how many.
const WINDOWS_PER_REPORT: u32 = 60;

/// A layer that drops the lines over the limit.
pub struct LogLimit {
    callsites: Arc<Callsites>,
    dropped: Arc<DroppedLogLines>,
}

/// Where events come from. Their number is that of the log lines in the code, so this does not grow.
#[derive(Default)]
struct Callsites {
    by_callsite: Mutex<HashMap<Identifier, (&'static Metadata<'static>, Callsite)>>,
    has_dropped: Condvar,
}

struct Callsite {
    began: Instant,
    lines: u32,
    /// Dropped and not reported yet.
    dropped: u64,
    /// `dropped` at the last look.
    seen: u64,
    looks: u32,
}

impl LogLimit {
    /// Starts the thread that reports what was dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(dropped: Arc<DroppedLogLines>) -> io::Result<LogLimit> {
        let callsites = Arc::<Callsites>::default();
        std::thread::Builder::new().name("zigttp-log".to_owned()).spawn({
            let callsites = Arc::clone(&callsites);
            move || callsites.report_for_ever()
        })?;
        Ok(LogLimit { callsites, dropped })
    }
}

impl<S: Subscriber> Layer<S> for LogLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let from = event.metadata();
        let is_bounded = *from.level() <= Level::INFO && from.target() != HANDLER_LOG_TARGET;
        let is_over = is_bounded && !self.callsites.permit(from, Instant::now());
        if is_over {
            self.dropped.repeated.fetch_add(1, Ordering::Relaxed);
        }
        !is_over
    }
}

impl Callsites {
    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, (&'static Metadata<'static>, Callsite)>> {
        // Each change is whole when anything could panic.
        self.by_callsite.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn permit(&self, from: &'static Metadata<'static>, now: Instant) -> bool {
        let mut callsites = self.lock();
        let (_, callsite) =
            callsites.entry(from.callsite()).or_insert_with(|| (from, Callsite::new(now)));
        let is_permitted = callsite.permit(now);
        if callsite.dropped == 1 {
            self.has_dropped.notify_one();
        }
        is_permitted
    }

    fn report_for_ever(&self) {
        loop {
            let mut callsites = self.lock();
            while callsites.values().all(|(_, callsite)| callsite.dropped == 0) {
                callsites =
                    self.has_dropped.wait(callsites).unwrap_or_else(PoisonError::into_inner);
            }
            let due: Vec<_> = callsites
                .values_mut()
                .filter_map(|(from, callsite)| Some((*from, callsite.take_due()?)))
                .collect();
            drop(callsites);
            for (from, dropped) in due {
                let (target, line) = (from.target(), from.line().unwrap_or(0));
                tracing::warn!(
                    dropped,
                    "lines of {target} (its line {line}) were dropped: more than {LINES} a second"
                );
            }
            std::thread::sleep(WINDOW);
        }
    }
}

impl Callsite {
    fn new(began: Instant) -> Callsite {
        Callsite { began, lines: 0, dropped: 0, seen: 0, looks: 0 }
    }

    fn permit(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.began) >= WINDOW {
            (self.began, self.lines) = (now, 0);
        }
        let is_permitted = self.lines < LINES;
        if is_permitted {
            self.lines += 1;
        } else {
            self.dropped += 1;
        }
        is_permitted
    }

    /// How many lines were dropped, if none was since the last look, or if dropping lasts for long.
    fn take_due(&mut self) -> Option<u64> {
        if self.dropped == 0 {
            return None;
        }
        self.looks += 1;
        let is_over = self.seen == self.dropped || self.looks >= WINDOWS_PER_REPORT;
        self.seen = self.dropped;
        if !is_over {
            return None;
        }
        (self.seen, self.looks) = (0, 0);
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_so_many_lines_a_second() {
        let now = Instant::now();
        let mut callsite = Callsite::new(now);
        assert_eq!((0..100).filter(|_| callsite.permit(now)).count(), LINES as usize);
        assert!(!callsite.permit(now + WINDOW / 2));
        assert!(callsite.permit(now + WINDOW));
    }

    #[test]
    fn what_was_dropped_is_told_once_it_is_over_or_after_long() {
        let now = Instant::now();
        let mut callsite = Callsite::new(now);
        assert_eq!(callsite.take_due(), None);
        let flood =
            |callsite: &mut Callsite| (0..=LINES).filter(|_| !callsite.permit(now)).count() as u64;
        assert_eq!(flood(&mut callsite), 1);
        assert_eq!(callsite.take_due(), None, "it may go on");
        assert_eq!(callsite.take_due(), Some(1));
        assert_eq!(callsite.take_due(), None);
        let told: Vec<u64> = (0..2 * WINDOWS_PER_REPORT)
            .filter_map(|_| {
                flood(&mut callsite);
                callsite.take_due()
            })
            .collect();
        assert_eq!(told.len(), 2, "it goes on: {told:?}");
    }
}
