//! Which signals this node has to run.
//!
//! The signals of a room are one node's at a time: it takes those that are due, runs them in their order, and takes what
//! has come meanwhile or gives the room back. It has the room under a lease, so those of a node that has died are
//! another's after that.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::node::Place;
use crate::cluster::scripts;
use crate::state::clustered::commits::Commits;
use crate::state::clustered::stored_signals::signals_of;
use crate::state::signal_queue::{SignalQueue, Step};
use crate::state::signals::Signal;

/// How long a node has a room's signals, unless it renews that.
const LEASE: Duration = Duration::from_secs(15);
const RENEWAL: Duration = Duration::from_secs(5);
/// Signals of a room that are taken at once, and rooms whose signals are.
const SIGNALS: usize = 64;
const ROOMS: usize = 64;
/// How long nothing is looked for at most: the first thing to be due may be another's, who has died.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How long the server asks for no more signals before none are taken for it: it has no handler for them, or stops.
const WANTED: Duration = Duration::from_secs(3);

/// Which signals this node has to run.
pub(crate) struct SignalFeed {
    pub(crate) queue: SignalQueue,
    /// The rooms whose signals this node has.
    rooms: Mutex<BTreeSet<Arc<str>>>,
    /// Something has ended, or something has come that may be due.
    changed: Notify,
    wanted: Mutex<Option<Instant>>,
    /// The time of the server's clock when it asked last.
    now: AtomicU64,
    /// Whether that is the time by which signals are due, in a test that makes its own.
    #[cfg(test)]
    pub(crate) is_simulated: std::sync::atomic::AtomicBool,
}

impl SignalFeed {
    pub(crate) fn new() -> SignalFeed {
        SignalFeed {
            queue: SignalQueue::of_memory(),
            rooms: Mutex::default(),
            changed: Notify::new(),
            wanted: Mutex::default(),
            now: AtomicU64::new(0),
            #[cfg(test)]
            is_simulated: false.into(),
        }
    }

    /// Something has ended, or has come that may be due.
    pub(crate) fn change(&self) {
        self.changed.notify_one();
    }

    /// Takes signals that are due and are this node's to run.
    pub(crate) fn take(&self, now: u64, most: usize) -> Vec<Signal> {
        self.now.store(now, Ordering::Relaxed);
        let before = lock(&self.wanted).replace(Instant::now() + WANTED);
        if before.is_none_or(|before| before < Instant::now()) {
            self.change();
        }
        self.queue.take(now, most)
    }

    /// Takes signals for this node and gives them back, until the future is dropped.
    pub(crate) async fn run(self: Arc<Self>, commits: Arc<Commits>) {
        let mut renewed = Instant::now();
        loop {
            let changed = self.changed.notified();
            #[cfg(test)]
            if self.is_simulated.load(Ordering::Relaxed) {
                // The test says when.
                return;
            }
            let renews = renewed.elapsed() > RENEWAL;
            if renews {
                renewed = Instant::now();
            }
            let sleeps = match self.round(&commits, renews).await {
                Ok(next) => next.min(LONGEST_SLEEP),
                Err(error) => {
                    // The link has told of it.
                    tracing::debug!(error = %answer::chain(&error), "cannot take signals");
                    LONGEST_SLEEP
                }
            };
            tokio::select! {
                () = changed => {}
                () = sleep(sleeps) => {}
            }
        }
    }

    /// Takes and gives back what there is now. Returns how long there is nothing to take.
    pub(crate) async fn round(
        &self,
        commits: &Commits,
        renews: bool,
    ) -> Result<Duration, ClusterError> {
        if renews {
            self.renew(commits).await?;
        }
        self.go_on(commits).await?;
        self.take_rooms(commits).await
    }

    /// How many signals of a room are taken at once. What comes later runs after them, whatever it is due at.
    fn most(&self) -> usize {
        #[cfg(test)]
        if self.is_simulated.load(Ordering::Relaxed) {
            return 1;
        }
        SIGNALS
    }

    /// The time by which signals are due: that of Redis, which all nodes share.
    fn time(&self, commits: &Commits) -> u64 {
        #[cfg(test)]
        if self.is_simulated.load(Ordering::Relaxed) {
            return self.now.load(Ordering::Relaxed);
        }
        commits.node.redis_time(Instant::now())
    }

    fn is_wanted(&self) -> bool {
        lock(&self.wanted).is_some_and(|until| Instant::now() < until)
    }

    /// Looks after the rooms of which all that was taken has run: takes what has come, or gives them back.
    async fn go_on(&self, commits: &Commits) -> Result<(), ClusterError> {
        let rooms: Vec<Arc<str>> = lock(&self.rooms).iter().cloned().collect();
        for room in rooms {
            if self.queue.is_idle(&room) {
                self.take_room(commits, &room).await?;
            }
        }
        Ok(())
    }

    /// Takes the signals of rooms that no node has. Returns how long there is nothing to take.
    async fn take_rooms(&self, commits: &Commits) -> Result<Duration, ClusterError> {
        if !self.is_wanted() {
            return Ok(LONGEST_SLEEP);
        }
        let keys = commits.link.keys();
        let now = self.time(commits);
        let mut rooms = Vec::new();
        for key in [&keys.due, &keys.leased] {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(key).arg("-inf").arg(now).arg("LIMIT").arg(0).arg(ROOMS);
            rooms.extend(answer::words(commits.link.send(self.until(), command).await?)?);
        }
        for room in &rooms {
            let room = Arc::from(&*answer::string(room)?);
            if !lock(&self.rooms).contains(&room) {
                self.take_room(commits, &room).await?;
            }
        }
        let mut command = redis::cmd("ZRANGE");
        command.arg(&keys.due).arg(0).arg(0).arg("WITHSCORES");
        let first = flat(commits.link.send(self.until(), command).await?)?;
        let due =
            first.get(1).and_then(|score| std::str::from_utf8(score).ok()?.parse::<f64>().ok());
        let Some(due) = due else { return Ok(LONGEST_SLEEP) };
        let now = self.time(commits);
        Ok(Duration::from_millis((due as u64).saturating_sub(now)))
    }

    /// Takes the signals of a room that are due; if none are, the room is nobody's.
    async fn take_room(&self, commits: &Commits, room: &Arc<str>) -> Result<(), ClusterError> {
        let Place { number, token } = commits.node.place();
        let keys = commits.link.keys();
        let of_room = keys.of_room(room);
        let most = if self.is_wanted() { self.most() } else { 0 };
        let now = self.time(commits);
        let answer = commits
            .link
            .call(&scripts::TAKE_SIGNALS, self.until(), |command, live| {
                let keys = [&keys.epoch, &keys.nodes, &keys.due, &keys.leased, &keys.holders];
                command.arg(7).arg(&keys).arg(&of_room.queue).arg(&of_room.signals);
                command.arg(&*live.epoch).arg(number).arg(&*token).arg(&**room).arg(now);
                command.arg(LEASE.as_millis() as u64).arg(most);
            })
            .await?;
        let mut words = answer::words(answer)?.into_iter();
        match words.next().as_deref() {
            Some(b"ok") => {
                let now = self.now.load(Ordering::Relaxed);
                let signals = signals_of(room, words)?;
                lock(&self.rooms).insert(Arc::clone(room));
                // They are due by the clock of Redis, whatever that of this server says.
                let step = |signal: Signal| {
                    let due = signal.due.min(now);
                    Step::Add(Arc::new(Signal { due, ..signal }))
                };
                self.queue.apply(signals.into_iter().map(step));
            }
            Some(b"none" | b"held") => {
                lock(&self.rooms).remove(room);
            }
            Some(b"fenced") => {
                commits.node.fence();
                return Err(ClusterError::Fenced);
            }
            // The link is about to find out.
            Some(b"epoch") => {}
            other => return Err(ClusterError::Nonsense(format!("{other:?}"))),
        }
        Ok(())
    }

    /// Keeps the rooms that this node has. One that was taken from it runs what it has begun, and commits nothing.
    async fn renew(&self, commits: &Commits) -> Result<(), ClusterError> {
        let rooms: Vec<Arc<str>> = lock(&self.rooms).iter().cloned().collect();
        if rooms.is_empty() {
            return Ok(());
        }
        let Place { number, token } = commits.node.place();
        let keys = commits.link.keys();
        let answer = commits
            .link
            .call(&scripts::RENEW_SIGNALS, self.until(), |command, _live| {
                command.arg(2).arg(&keys.leased).arg(&keys.holders).arg(number).arg(&*token);
                command.arg(LEASE.as_millis() as u64);
                for room in &rooms {
                    command.arg(&**room);
                }
            })
            .await?;
        for room in answer::words(answer)? {
            lock(&self.rooms).remove(&*answer::string(&room)?);
        }
        Ok(())
    }

    fn until(&self) -> Instant {
        Instant::now() + RENEWAL
    }
}

/// Rows with their scores come as pairs or one after the other.
pub(crate) fn flat(answer: Value) -> Result<Vec<bytes::Bytes>, ClusterError> {
    let mut flat = Vec::new();
    for value in answer::list(answer)? {
        match value {
            Value::Array(pair) => {
                for value in pair {
                    flat.push(answer::word(value)?);
                }
            }
            other => flat.push(answer::word(other)?),
        }
    }
    Ok(flat)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No change can panic in the middle.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
