//! Runs signals when they have come and timers when they are due.
//!
//! The store knows which signals are due, and hands out one of each room at a time: so a room that floods itself
//! with signals delays itself alone, and a room's signals run in their order. Each runs as an event of its
//! room: it waits for the room's turn, and its effects are committed together with its removal.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use zigttp_sandbox::budget::OverBudget;
use zigttp_sandbox::event::Event;
use zigttp_sandbox::failure::{Cause, Failure};
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::signal::{self, SignalInfo, SignalKind};
use zigttp_store::state::error::CommitStateError;
use zigttp_store::state::signals::{FailedSignal, Signal};

use crate::dispatch::SignalRun;
use crate::dispatcher::Dispatcher;
use crate::event_of::Sender;
use crate::handlers::Handler;
use crate::hub::Hub;
use crate::pace::{Bucket, Rate};
use crate::{schedules, world};

/// Most attempts of a signal.
const MAX_ATTEMPTS: u32 = 10;
/// The same of one that traps or exceeds a limit, which costs more than one that throws.
const MAX_COSTLY_ATTEMPTS: u32 = 3;

/// Between the first attempt and the second; it doubles with each further one.
const FIRST_DELAY_MS: u64 = 1_000;
const LONGEST_DELAY_MS: u64 = 5 * 60 * 1_000;

/// How long the loop sleeps at most, because the calendar's clock may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long a signal that the server could not run waits, such as when the disk is full.
const UNRUN_DELAY_MS: u64 = 1_000;

/// How long a signal waits whose room is paused, before it is tried again.
const PAUSED_DELAY_MS: u64 = 500;

/// The loop that runs signals.
pub struct Signals {
    dispatcher: Arc<Dispatcher>,
    /// Most signals a second of one room.
    room_rate: Rate,
    /// How many rooms of them run at the same time: half of all events, so that messages have the rest.
    places: Arc<Semaphore>,
    /// Of the rooms that have had signals lately.
    buckets: HashMap<Arc<str>, Bucket>,
    running: JoinSet<()>,
    has_told_of_no_receiver: bool,
    /// The handler whose schedules are planned.
    planned: Option<Arc<Handler>>,
}

impl Signals {
    pub fn new(dispatcher: Arc<Dispatcher>, room_rate: Rate, max_events: usize) -> Signals {
        Signals {
            dispatcher,
            room_rate,
            places: Arc::new(Semaphore::new(max_events.div_ceil(2))),
            buckets: HashMap::new(),
            running: JoinSet::new(),
            has_told_of_no_receiver: false,
            planned: None,
        }
    }

    /// Runs signals until the future is dropped.
    pub async fn run(mut self) {
        let hub = Arc::clone(&self.dispatcher.hub);
        let mut cleaned = hub.clock.now();
        loop {
            // Before anything is run: a new handler does not get what only the one before has wanted.
            let is_planned = self.plan_schedules().await;
            let now = hub.clock.unix_millis();
            let is_running = is_planned
                && self.has_receiver()
                && !hub.is_draining.load(Ordering::SeqCst)
                && !hub.signals_hold.is_held();
            let free = if is_running { self.places.available_permits() } else { 0 };
            if free > 0 {
                for signal in hub.states.storage.take_due(now, free) {
                    self.start(signal).await;
                }
            }
            if hub.clock.now() - cleaned > Duration::from_secs(1) {
                cleaned = hub.clock.now();
                self.buckets.retain(|_, bucket| !bucket.is_full(cleaned));
            }
            let next = hub.states.storage.next_due();
            let longest = hub.clock.longest_sleep(LONGEST_SLEEP);
            let sleep = match next {
                // With no place left, the next thing to happen is that one ends.
                Some(due) if self.places.available_permits() > 0 && is_running => {
                    let left = due.saturating_sub(hub.clock.unix_millis());
                    Duration::from_millis(left).min(longest)
                }
                _ => longest,
            };
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = hub.states.storage.due_sooner() => {}
                () = hub.signals_hold.released() => {}
                () = self.dispatcher.handlers.replaced() => {}
                Some(_ended) = self.running.join_next() => {}
            }
        }
    }

    /// Plans the schedules of the current handler, unless they are. Returns whether they are then.
    async fn plan_schedules(&mut self) -> bool {
        let handler = self.dispatcher.handlers.current();
        if self.planned.as_ref().is_some_and(|planned| planned.is(&handler)) {
            return true;
        }
        // What another server has planned is on disk.
        let is_any_planned = match &self.planned {
            Some(planned) => !planned.app.manifest.schedules.is_empty(),
            None => self.dispatcher.hub.durable_dir.is_some(),
        };
        if handler.app.manifest.schedules.is_empty() && !is_any_planned {
            self.planned = Some(handler);
            return true;
        }
        match schedules::plan(&self.dispatcher.hub, &handler.app.manifest.schedules).await {
            Ok(()) => self.planned = Some(handler),
            Err(error) => tracing::error!(%error, "cannot store when schedules run next"),
        }
        self.planned.is_some()
    }

    /// Whether the handler takes signals. Without, they stay where they are.
    fn has_receiver(&mut self) -> bool {
        let takes = self.dispatcher.handlers.current().app.takes_signals();
        let is_due = || {
            let now = self.dispatcher.hub.clock.unix_millis();
            self.dispatcher.hub.states.storage.next_due().is_some_and(|due| due <= now)
        };
        if !takes && !self.has_told_of_no_receiver && is_due() {
            self.has_told_of_no_receiver = true;
            tracing::warn!("signals are due, and the handler exports no onSignal: they wait");
        }
        if takes {
            self.has_told_of_no_receiver = false;
        }
        takes
    }

    /// Starts a signal in a task of its own, within the rate of its room.
    async fn start(&mut self, signal: Signal) {
        let hub = &self.dispatcher.hub;
        let bucket = self.buckets.entry(Arc::clone(&signal.room)).or_default();
        let delay = self.room_rate.take_or_wait(bucket, hub.clock.now());
        if delay > Duration::ZERO {
            hub.counters.delayed_signals.add_one();
            let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).max(1);
            hub.states.storage.give_back(signal.id, hub.clock.unix_millis() + delay);
            return;
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let dispatcher = Arc::clone(&self.dispatcher);
        self.running.spawn(async move {
            handle(&dispatcher, signal, place).await;
        });
    }
}

/// Runs one signal in its room's turn, and sees to it if it fails.
async fn handle(dispatcher: &Arc<Dispatcher>, signal: Signal, place: OwnedSemaphorePermit) {
    let hub = &dispatcher.hub;
    let storage = &hub.states.storage;
    let attempt = signal.attempt + 1;
    let id = signal.id;
    let bytes = usize::try_from(signal.bytes()).unwrap_or(usize::MAX);
    let place = Mutex::new(Some(place));
    let sender = Sender {
        // It may have been cancelled or replaced while it waited.
        is_wanted: &|| storage.is_current(&signal),
        // Then the others go on, and it needs no place among those that run.
        on_wait: &|| {
            storage.suspend(id);
            place.lock().unwrap_or_else(PoisonError::into_inner).take();
        },
    };
    let event = || event_of(&signal, hub.clock.unix_millis());
    let room = SharedText::from(&*signal.room);
    let ran = dispatcher.dispatch_signal(&room, bytes, &sender, event).await;
    let now = hub.clock.unix_millis();
    let failure = match ran {
        Ok(SignalRun::Handled) => return,
        // Cancelled, or the handler takes no signals any more.
        Ok(SignalRun::Unwanted) => return storage.give_back(id, now),
        Ok(SignalRun::Paused) => return storage.give_back(id, now + PAUSED_DELAY_MS),
        Err(failure) => failure,
    };
    let is_costly = match &failure {
        Failure::Threw(_) => false,
        // What it stores is too much.
        Failure::NotCommitted(cause) if is_of_the_event(cause) => false,
        Failure::OverBudget(OverBudget::EventMemory)
        | Failure::NotRead(_)
        | Failure::NotCommitted(_)
        | Failure::NotRestored => {
            // Not its fault: it is not counted, and the disk may not be able to.
            return storage.give_back(id, now + UNRUN_DELAY_MS);
        }
        Failure::OverBudget(_) | Failure::Trapped(_) => true,
    };
    let outcome = if attempt >= if is_costly { MAX_COSTLY_ATTEMPTS } else { MAX_ATTEMPTS } {
        hub.counters.parked_signals.add_one();
        tracing::error!(
            room = &*signal.room,
            signal = &*signal.name,
            attempt,
            "a signal has failed too often: it is parked"
        );
        FailedSignal::Park
    } else {
        hub.counters.retried_signals.add_one();
        FailedSignal::Retry { due: now + delay_after(attempt, world::random_share()) }
    };
    let is_parked = matches!(outcome, FailedSignal::Park);
    if let Err(error) = storage.fail(id, outcome).await {
        tracing::error!(%error, "cannot store that a signal has failed");
        return storage.give_back(id, now + UNRUN_DELAY_MS);
    }
    if is_parked && signal.is_planned() {
        // This run alone has failed: its schedule goes on.
        let handler = dispatcher.handlers.current();
        if let Err(error) = schedules::plan(hub, &handler.app.manifest.schedules).await {
            tracing::error!(%error, "cannot store when a schedule runs next");
        }
    }
}

/// Has all parked signals tried once more, because there is a new handler.
pub fn wake_parked(hub: &Hub) {
    hub.states.storage.wake_parked(MAX_ATTEMPTS - 1);
}

fn is_of_the_event(cause: &Cause) -> bool {
    cause.downcast_ref::<CommitStateError>().is_some_and(CommitStateError::is_of_the_event)
}

/// How long to wait after an attempt that has failed: it doubles, and has up to a quarter more by chance,
/// so that signals that failed together do not come back together.
fn delay_after(attempt: u32, chance: f64) -> u64 {
    let doublings = (attempt - 1).min(32);
    let delay = FIRST_DELAY_MS.saturating_mul(1 << doublings).min(LONGEST_DELAY_MS);
    delay + (delay as f64 / 4.0 * chance) as u64
}

/// The event of a signal.
fn event_of(signal: &Signal, now: u64) -> Event {
    let attempt = signal.attempt + 1;
    let scheduled = signal.scheduled;
    let (missed, next) = match (signal.period, signal.cron.as_deref()) {
        (Some(period), _) => {
            let (missed, next) = on_grid(scheduled, period, now);
            (missed, Some(next))
        }
        (None, Some(cron)) => schedules::after(cron, scheduled, now),
        (None, None) => (0, None),
    };
    let info = SignalInfo {
        id: signal.id,
        kind: match (signal.is_timer, &signal.cron) {
            (true, _) => SignalKind::Timer,
            (false, Some(_)) => SignalKind::Schedule,
            (false, None) => SignalKind::Signal,
        },
        scheduled,
        attempt,
        is_last: attempt == MAX_ATTEMPTS,
        missed,
        from: signal.sender.as_ref().map(|room| (&**room).into()),
    };
    let arguments = signal::Signal::new(signal.name.clone(), signal.data.clone(), info, next);
    Event::signal((&*signal.room).into(), arguments)
}

/// Of a timer that was due at `scheduled` and has this period: how many periods have passed since then without
/// it, and when it is due next. All times are on one grid, so it does not drift.
fn on_grid(scheduled: u64, period: u64, now: u64) -> (u64, u64) {
    let missed = now.saturating_sub(scheduled) / period;
    (missed, scheduled.saturating_add((missed + 1).saturating_mul(period)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_late_skips_what_it_has_missed_and_stays_on_its_grid() {
        for (now, expected) in [
            (1_000, (0, 1_050)),
            (1_049, (0, 1_050)),
            (1_050, (1, 1_100)),
            // An hour's stop is one late tick.
            (3_601_020, (72_000, 3_601_050)),
            // The clock was set back.
            (10, (0, 1_050)),
        ] {
            assert_eq!(on_grid(1_000, 50, now), expected, "{now}");
        }
    }

    #[test]
    fn attempts_are_further_apart_each_time_up_to_five_minutes() {
        let delays: Vec<u64> = (1..=11).map(|attempt| delay_after(attempt, 0.0)).collect();
        assert_eq!(delays[..4], [1_000, 2_000, 4_000, 8_000]);
        assert_eq!(delays[9..], [300_000, 300_000]);
        assert_eq!(delay_after(1, 1.0), 1_250);
        assert_eq!(delay_after(u32::MAX, 1.0), 375_000);
    }
}
