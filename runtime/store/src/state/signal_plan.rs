//! What the changes of one event mean for the signals that are stored, and for the streams.
//!
//! This is decided in one place for both kinds of states; each then does it in its own way.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::state::error::CommitStateError;
use crate::state::signals::{
    Charge, Done, FailedSignal, NewTimer, PlannedSchedule, Restored, Signal, StoredSignal, Timer,
};
use crate::state::stream_plan::StreamPlan;
use crate::state::transaction::Transaction;

/// Most parked signals of a room. For each further one the oldest goes.
pub(crate) const MOST_PARKED: usize = 1000;

/// The signals that are stored.
pub(crate) trait StoredSignals {
    /// A timer of a room.
    fn timer(&self, room: &Arc<str>, name: &str) -> Result<Option<Timer>, CommitStateError>;

    /// All timers of a room.
    fn timers(&self, room: &Arc<str>) -> Result<Vec<(Box<str>, Timer)>, CommitStateError>;

    /// A signal that an event has taken, and when, if it was not removed meanwhile.
    fn taken(&self, id: u64) -> Result<Option<(Arc<Signal>, u64)>, CommitStateError>;

    /// The next runs of all schedules.
    fn planned(&self) -> Result<Vec<Arc<Signal>>, CommitStateError>;

    /// All timers of a room, and all signals that are for it, but for runs of schedules.
    fn of_room(&self, room: &Arc<str>) -> Result<Vec<StoredSignal>, CommitStateError>;

    /// What the streams of the transaction mean.
    fn streams(
        &self,
        transaction: &Transaction,
        last_id: &mut u64,
    ) -> Result<StreamPlan, CommitStateError>;

    /// The oldest parked signals of a room that has as many as it may. They go for another: where there is a disk, they
    /// are kept elsewhere now.
    fn displace_parked(&self, room: &str) -> Result<Vec<Arc<Signal>>, CommitStateError>;
}

/// A timer that a room has from now on under a name, or has no more.
pub(crate) struct TimerChange {
    pub(crate) room: Arc<str>,
    pub(crate) name: Box<str>,
    pub(crate) timer: Option<Timer>,
}

/// What is to be done, in the order of the fields.
#[derive(Default)]
pub(crate) struct Plan {
    /// When the event was, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The signal that is no longer taken.
    pub(crate) ended: Option<u64>,
    /// Those that go, each with the room that was to get it.
    pub(crate) removed: Vec<(u64, Arc<str>)>,
    /// It has other times and another number of attempts.
    pub(crate) changed: Option<Arc<Signal>>,
    pub(crate) parked: Option<Arc<Signal>>,
    pub(crate) added: Vec<Arc<Signal>>,
    pub(crate) added_parked: Vec<Arc<Signal>>,
    pub(crate) timers: Vec<TimerChange>,
    pub(crate) streams: StreamPlan,
    /// Next runs of schedules among those that go, where that is not seen from their numbers.
    #[cfg(feature = "cluster")]
    pub(crate) unplanned: Vec<Arc<Signal>>,
    /// What the rooms take then, each once.
    pub(crate) charges: Vec<(Arc<str>, Charge)>,
    /// Whether no limit holds: what a signal leaves behind that has failed is small and must be stored.
    pub(crate) is_forced: bool,
}

impl Plan {
    /// What a transaction means. Numbers of new signals follow the last one.
    pub(crate) fn new<S: StoredSignals>(
        stored: &S,
        transaction: &Transaction,
        last_id: &mut u64,
    ) -> Result<Plan, CommitStateError> {
        let mut plan = Plan { at: transaction.now, ..Plan::default() };
        let changes = &transaction.signals;
        if let Some((id, outcome)) = changes.failed {
            plan.fail(stored, id, outcome, last_id)?;
        }
        let handled = match changes.done {
            Some(done) => {
                plan.ended = Some(done.id);
                stored.taken(done.id)?.map(|(signal, _at)| (signal, done))
            }
            None => None,
        };
        let handled_id = handled.as_ref().map(|(signal, _)| signal.id);
        if let Some(room) = &transaction.room {
            let mut old = Vec::new();
            if changes.clears_timers {
                old = stored.timers(room)?;
            } else {
                for name in changes.timers.keys() {
                    old.extend(stored.timer(room, name)?.map(|timer| (name.clone(), timer)));
                }
            }
            for (name, timer) in old {
                if Some(timer.id) != handled_id {
                    plan.remove_timer(room, name, timer);
                }
            }
        }
        if let Some((signal, done)) = handled {
            plan.finish(transaction, &signal, done);
        }
        if let Some(room) = &transaction.room {
            for (name, timer) in &changes.timers {
                if let Some(timer) = timer {
                    *last_id += 1;
                    plan.add(new_timer(*last_id, room, name, timer));
                }
            }
        }
        for sent in &changes.sends {
            *last_id += 1;
            plan.add(Signal {
                id: *last_id,
                room: Arc::clone(&sent.room),
                sender: transaction.room.clone(),
                name: sent.name.clone(),
                is_timer: false,
                cron: None,
                scheduled: transaction.now,
                due: transaction.now,
                period: None,
                attempt: 0,
                data: sent.data.clone(),
                on_fail: sent.on_fail.clone(),
            });
        }
        if let (Some(room), Some(restored)) = (&transaction.room, &changes.restored) {
            plan.restore(stored, room, restored, last_id)?;
        }
        if let Some(schedules) = &changes.schedules {
            plan.schedule(stored, schedules, last_id)?;
        }
        if !transaction.streams.is_empty() {
            plan.streams = stored.streams(transaction, last_id)?;
            for (room, charge) in std::mem::take(&mut plan.streams.charges) {
                plan.charge(&room, charge);
            }
        }
        Ok(plan)
    }

    /// Plans the first runs of schedules that are new, and removes those of schedules that are gone.
    fn schedule<S: StoredSignals>(
        &mut self,
        stored: &S,
        schedules: &[PlannedSchedule],
        last_id: &mut u64,
    ) -> Result<(), CommitStateError> {
        // There are few, and they must be there even if their rooms are full.
        self.is_forced = true;
        let mut left: BTreeMap<_, _> =
            schedules.iter().map(|it| ((&*it.room, &*it.name, &*it.cron), it)).collect();
        let planned = stored.planned()?;
        for signal in &planned {
            let cron = signal.cron.as_deref().unwrap_or_default();
            if left.remove(&(&*signal.room, &*signal.name, cron)).is_none() {
                self.remove(signal, false);
            }
        }
        for PlannedSchedule { room, name, cron, first } in left.into_values() {
            *last_id += 1;
            self.add(Signal {
                id: *last_id,
                room: Arc::clone(room),
                sender: None,
                name: name.clone(),
                is_timer: false,
                cron: Some(cron.clone()),
                scheduled: *first,
                due: *first,
                period: None,
                attempt: 0,
                data: None,
                on_fail: None,
            });
        }
        Ok(())
    }

    fn restore<S: StoredSignals>(
        &mut self,
        stored: &S,
        room: &Arc<str>,
        restored: &Restored,
        last_id: &mut u64,
    ) -> Result<(), CommitStateError> {
        let old = stored.of_room(room)?;
        if !restored.replaces && !old.is_empty() {
            let (room, signals) = (Arc::clone(room), old.len());
            return Err(CommitStateError::HasSignals { room, signals });
        }
        for StoredSignal { signal, is_parked } in old {
            self.remove(&signal, is_parked);
        }
        for StoredSignal { signal, is_parked } in &restored.signals {
            *last_id += 1;
            let room = Arc::clone(room);
            let signal = Signal { id: *last_id, room, ..signal.clone() };
            if *is_parked { self.add_parked(signal) } else { self.add(signal) }
        }
        Ok(())
    }

    /// A signal that was handled goes or is due again.
    fn finish(&mut self, transaction: &Transaction, signal: &Arc<Signal>, done: Done) {
        let changes = &transaction.signals;
        let is_replaced =
            signal.is_timer && (changes.clears_timers || changes.timers.contains_key(&signal.name));
        match done.again.filter(|_| !is_replaced) {
            Some(again) => {
                let next =
                    Signal { scheduled: again, due: again, attempt: 0, ..Signal::clone(signal) };
                if signal.is_timer {
                    self.set_timer(&next);
                }
                self.changed = Some(Arc::new(next));
            }
            None => self.remove(signal, false),
        }
    }

    fn fail<S: StoredSignals>(
        &mut self,
        stored: &S,
        id: u64,
        outcome: FailedSignal,
        last_id: &mut u64,
    ) -> Result<(), CommitStateError> {
        self.ended = Some(id);
        self.is_forced = true;
        // It may have been cancelled or replaced after its event.
        let Some((signal, taken_at)) = stored.taken(id)? else { return Ok(()) };
        self.at = taken_at;
        let attempt = signal.attempt.saturating_add(1);
        let FailedSignal::Retry { due } = outcome else {
            for oldest in stored.displace_parked(&signal.room)? {
                self.remove(&oldest, true);
            }
            if signal.is_sent() {
                self.charge(signal.payer(), Charge { sent: -1, ..Charge::default() });
            }
            if let (Some(sender), Some(name)) = (&signal.sender, &signal.on_fail) {
                *last_id += 1;
                self.add(Signal {
                    id: *last_id,
                    room: Arc::clone(sender),
                    sender: Some(Arc::clone(&signal.room)),
                    name: name.clone(),
                    is_timer: false,
                    cron: None,
                    scheduled: taken_at,
                    due: taken_at,
                    period: None,
                    attempt: 0,
                    // By this its sender knows which of its signals has failed.
                    data: signal.data.clone(),
                    on_fail: None,
                });
            }
            // A schedule goes on: this run alone is parked.
            let cron = signal.cron.as_ref().map(|_| Box::default());
            self.parked = Some(Arc::new(Signal { attempt, cron, ..Signal::clone(&signal) }));
            return Ok(());
        };
        self.changed = Some(Arc::new(Signal { due, attempt, ..Signal::clone(&signal) }));
        Ok(())
    }

    /// Gives new signals other numbers than those that follow the last one: `number_of` returns that of one, and nothing
    /// for one that was stored before.
    #[cfg(feature = "cluster")]
    pub(crate) fn number(&mut self, number_of: impl Fn(u64) -> Option<u64>) {
        for signal in self.added.iter_mut().chain(&mut self.added_parked) {
            if let Some(id) = number_of(signal.id) {
                Arc::make_mut(signal).id = id;
            }
        }
        for timer in self.timers.iter_mut().filter_map(|change| change.timer.as_mut()) {
            timer.id = number_of(timer.id).unwrap_or(timer.id);
        }
    }

    fn remove(&mut self, signal: &Signal, is_parked: bool) {
        if signal.is_timer {
            self.remove_timer(&signal.room, signal.name.clone(), signal.timer());
        } else {
            self.removed.push((signal.id, Arc::clone(&signal.room)));
            let charge = if is_parked { Charge::of_parked } else { Charge::of };
            self.charge(signal.payer(), charge(signal, -1));
        }
    }

    fn remove_timer(&mut self, room: &Arc<str>, name: Box<str>, timer: Timer) {
        self.removed.push((timer.id, Arc::clone(room)));
        self.charge(room, Charge::of_timer(timer, -1));
        self.timers.push(TimerChange { room: Arc::clone(room), name, timer: None });
    }

    fn set_timer(&mut self, signal: &Signal) {
        let (room, name) = (Arc::clone(&signal.room), signal.name.clone());
        self.timers.push(TimerChange { room, name, timer: Some(signal.timer()) });
    }

    fn add(&mut self, signal: Signal) {
        self.charge(signal.payer(), Charge::of(&signal, 1));
        if signal.is_timer {
            self.set_timer(&signal);
        }
        self.added.push(Arc::new(signal));
    }

    fn add_parked(&mut self, signal: Signal) {
        self.charge(signal.payer(), Charge::of_parked(&signal, 1));
        if signal.is_timer {
            self.set_timer(&signal);
        }
        self.added_parked.push(Arc::new(signal));
    }

    fn charge(&mut self, room: &Arc<str>, charge: Charge) {
        match self.charges.iter_mut().find(|(other, _)| other == room) {
            Some((_, sum)) => sum.add(charge),
            None => self.charges.push((Arc::clone(room), charge)),
        }
    }
}

fn new_timer(id: u64, room: &Arc<str>, name: &str, timer: &NewTimer) -> Signal {
    Signal {
        id,
        room: Arc::clone(room),
        sender: None,
        name: name.into(),
        is_timer: true,
        cron: None,
        scheduled: timer.at,
        due: timer.at,
        period: timer.period,
        attempt: 0,
        data: timer.data.clone(),
        on_fail: None,
    }
}
