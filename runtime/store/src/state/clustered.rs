//! The states of rooms that several nodes share, in Redis.
//!
//! A node has copies of the rooms whose events it runs, and reads those alone. A commit is one script, which compares what
//! its event has read with the log of the room: if another node has changed any of it, nothing is committed, and the
//! event is to run again. The copies follow the logs. Streams are not shared.

mod blocks;
mod commits;
mod expired;
mod planning;
mod replica;
mod replicas;
mod signal_feed;
mod stored_signals;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::attachment_files::Committed as CommittedFiles;
use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::link::Link;
use crate::cluster::node::Node;
use crate::cluster::options::ClusterOptions;
use crate::cluster::server_info::ServerInfo;
use crate::state::clustered::blocks::Blocks;
use crate::state::clustered::commits::{Commit, Commits, Committed};
use crate::state::clustered::replica::Replica;
use crate::state::clustered::replicas::Replicas;
use crate::state::clustered::signal_feed::SignalFeed;
use crate::state::error::{CommitStateError, ReadError};
use crate::state::limits::StateLimits;
use crate::state::room_contents::{ContentsQuery, RoomContents, SignalList};
use crate::state::room_state::RoomState;
use crate::state::shared::RoomListener;
use crate::state::signal_plan::Plan;
use crate::state::signal_queue::{SignalQueue, Step};
use crate::state::signals::{Signal, StoredSignal};
use crate::state::stream_index::StreamIndex;
use crate::state::table::Table;
use crate::state::totals::Totals;
use crate::state::transaction::{StateReads, Transaction};

/// A room that is followed as long as this is kept.
pub struct Followed {
    _replica: Arc<Replica>,
}

/// How long a read waits for the server.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The states of rooms that several nodes share.
pub(crate) struct Clustered {
    shared: Arc<Shared>,
    /// What runs beside events until it is dropped.
    tasks: [JoinHandle<()>; 2],
    sweeping: Arc<tokio::sync::Mutex<()>>,
    streams: StreamIndex,
}

struct Shared {
    replicas: Arc<Replicas>,
    commits: Arc<Commits>,
    signals: Arc<SignalFeed>,
    counts: Counts,
    /// As of the last sweep.
    all: Mutex<All>,
}

/// What all rooms take.
#[derive(Clone, Copy, Default)]
struct All {
    rooms: u64,
    bytes: u64,
    signals: u64,
    parked: u64,
}

#[derive(Default)]
struct Counts {
    commits: AtomicU64,
    conflicts: AtomicU64,
    failures: AtomicU64,
    expired: AtomicU64,
}

impl Clustered {
    /// Connects this node to the others.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub(crate) async fn connect(
        options: ClusterOptions,
        limits: StateLimits,
    ) -> Result<Clustered, ClusterError> {
        let (replicas, behind) = Replicas::new(limits.live_bytes);
        let link = Arc::new(Link::connect(options, Arc::downgrade(&replicas) as _).await?);
        replicas.connect(Arc::clone(&link));
        let node = Node::join(Arc::clone(&link)).await?;
        let reading_behind = tokio::spawn(Arc::clone(&replicas).read_behind(behind));
        let commits = Arc::new(Commits::new(link, node, limits));
        let signals = Arc::new(SignalFeed::new());
        let feeding = tokio::spawn(Arc::clone(&signals).run(Arc::clone(&commits)));
        let (counts, all) = (Counts::default(), Mutex::default());
        let shared = Shared { replicas, commits, signals, counts, all };
        Ok(Clustered {
            shared: Arc::new(shared),
            tasks: [reading_behind, feeding],
            sweeping: Arc::default(),
            streams: StreamIndex::new(Vec::new()),
        })
    }

    pub(crate) fn live(&self, room: &str) -> Option<RoomState> {
        self.shared.replicas.get(room)?.table().map(RoomState::Whole)
    }

    pub(crate) async fn load(&self, room: &str) -> Result<RoomState, ReadError> {
        let replica = self.shared.replicas.hold(&room.into(), read_until()).await?;
        Ok(RoomState::Whole(replica.table().expect("it was read")))
    }

    pub(crate) async fn look(&self, room: &str) -> Result<RoomState, ReadError> {
        if let Some(state) = self.live(room) {
            return Ok(state);
        }
        let (table, ..) = self.shared.replicas.read(room, read_until()).await?;
        Ok(RoomState::Whole(Arc::new(table)))
    }

    pub(crate) async fn room_names(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Arc<str>>, ReadError> {
        let link = &self.shared.commits.link;
        let start = match after.filter(|after| *after >= prefix) {
            Some(after) => format!("({after}"),
            None => format!("[{prefix}"),
        };
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(&link.keys().rooms).arg(&start).arg("+").arg("LIMIT").arg(0).arg(most);
        let names = answer::words(link.send(read_until(), command).await?)?;
        let names = names.iter().map(|name| answer::string(name).map(Arc::from));
        let names: Vec<Arc<str>> = names.collect::<Result<_, _>>()?;
        Ok(names.into_iter().take_while(|name| name.starts_with(prefix)).collect())
    }

    pub(crate) async fn contents(
        &self,
        room: &str,
        query: &ContentsQuery,
        now: u64,
    ) -> Result<RoomContents, ReadError> {
        let state = self.look(room).await?;
        let table = state.whole().expect("rooms are held whole");
        let link = &self.shared.commits.link;
        let signals = stored_signals::of_room(link, &room.into(), read_until()).await?;
        let list = |is_in: fn(&StoredSignal) -> bool| {
            let signals = signals.iter().filter(|it| is_in(it));
            SignalList::of(signals.map(|it| Arc::new(it.signal.clone())), query.signals)
        };
        Ok(RoomContents {
            usage: table.usage(),
            entries: table.list(&query.keys, |_| false, query.limits, now),
            timers: list(|it| it.signal.is_timer && !it.is_parked),
            waiting: list(|it| !it.signal.is_timer && !it.is_parked),
            parked: list(|it| it.is_parked),
            is_complete: true,
            taken: self.queue().taken_of(room),
        })
    }

    /// Commits in a task of its own, so that it is finished whoever waits for it.
    pub(crate) fn commit<F: FnOnce(CommittedFiles) + Send + 'static>(
        &self,
        transaction: Transaction,
        then: F,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<F> {
        let shared = Arc::clone(&self.shared);
        let committing = tokio::spawn(async move {
            let result = shared.commit(&transaction).await;
            if result.is_ok() {
                then(CommittedFiles::default());
            }
            result
        });
        async { committing.await.unwrap_or(Err(CommitStateError::Stopped)) }
    }

    pub(crate) fn queue(&self) -> &SignalQueue {
        &self.shared.signals.queue
    }

    pub(crate) fn take_due(&self, now: u64, most: usize) -> Vec<Signal> {
        self.shared.signals.take(now, most)
    }

    /// One that was taken has ended without a commit.
    pub(crate) fn signal_ended(&self) {
        self.shared.signals.change();
    }

    pub(crate) fn signal_counts(&self) -> (u64, u64) {
        let All { signals, parked, .. } = self.shared.all();
        (signals, parked)
    }

    /// Makes all parked signals due once more. It is not awaited.
    pub(crate) fn wake_parked(&self, attempts: u32) {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Err(error) = shared.wake_parked(attempts).await {
                tracing::error!(error = %answer::chain(&error), "cannot wake parked signals");
            }
        });
    }

    /// Whoever is to follow rooms: once, before any is used.
    pub(crate) fn listen(&self, listener: Arc<dyn RoomListener>) {
        let _ = self.shared.replicas.listener.set(listener);
    }

    /// Follows a room for as long as what is returned is kept.
    ///
    /// # Errors
    /// When the server does not answer in time.
    pub(crate) async fn follow(&self, room: &Arc<str>) -> Result<Followed, ReadError> {
        Ok(Followed { _replica: self.shared.replicas.hold(room, read_until()).await? })
    }

    pub(crate) fn streams(&self) -> &StreamIndex {
        &self.streams
    }

    /// Why nothing can be stored, as one line.
    pub(crate) fn problem(&self) -> Option<Arc<str>> {
        if self.shared.commits.node.is_fenced() {
            return Some(ClusterError::Fenced.to_string().into());
        }
        self.shared.commits.link.problem().map(|problem| answer::chain(&problem).into())
    }

    pub(crate) fn node(&self) -> &Node {
        &self.shared.commits.node
    }

    pub(crate) async fn leave(&self) -> Result<(), ClusterError> {
        let Commits { node, link, .. } = &*self.shared.commits;
        node.leave(Instant::now() + link.options().commit_timeout).await
    }

    pub(crate) fn server(&self) -> Arc<ServerInfo> {
        self.shared.commits.link.info()
    }

    /// Reads what other nodes have committed and what has not come here yet.
    #[cfg(test)]
    pub(crate) async fn catch_up(&self, room: &str) {
        let replica =
            self.shared.replicas.hold(&room.into(), read_until()).await.expect("it is readable");
        self.shared.replicas.catch_up(&replica, read_until()).await.expect("it is readable");
    }

    /// Rooms of which the server has lost what was here.
    #[cfg(test)]
    pub(crate) fn losses(&self) -> u64 {
        self.shared.replicas.counts().losses.load(Ordering::Relaxed)
    }

    /// Has the time of the test be that of Redis, for signals.
    #[cfg(test)]
    pub(crate) fn simulate(&self) {
        self.shared.signals.is_simulated.store(true, Ordering::Relaxed);
    }

    /// Takes the signals that there are now.
    #[cfg(test)]
    pub(crate) async fn feed_now(&self) {
        self.shared.signals.round(&self.shared.commits, true).await.expect("it answers");
    }

    #[cfg(test)]
    pub(crate) async fn wake_parked_now(&self, attempts: u32) {
        self.shared.wake_parked(attempts).await.expect("it answers");
    }

    /// A sweep that has ended when this returns.
    #[cfg(test)]
    pub(crate) async fn sweep_now(&self, expired_before: u64) {
        let _sweeping = self.sweeping.lock().await;
        self.shared.sweep(expired_before).await.expect("it can be written");
    }

    pub(crate) fn sweep(&self, expired_before: u64) {
        let (shared, sweeping) = (Arc::clone(&self.shared), Arc::clone(&self.sweeping));
        tokio::spawn(async move {
            // One after the other, and none that waits.
            if let Ok(_sweeping) = sweeping.try_lock()
                && let Err(error) = shared.sweep(expired_before).await
            {
                tracing::debug!(error = %answer::chain(&error), "cannot sweep");
            }
        });
    }

    pub(crate) fn totals(&self) -> Totals {
        let Shared { replicas, counts, .. } = &*self.shared;
        let All { rooms, bytes, .. } = self.shared.all();
        let (live_rooms, live_bytes) = replicas.size();
        let of_replicas = replicas.counts();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals {
            rooms,
            bytes,
            commits: count(&counts.commits),
            groups: count(&counts.commits),
            failures: count(&counts.failures),
            expired: count(&counts.expired),
            live_rooms,
            live_bytes,
            loads: count(&of_replicas.loads),
            evictions: count(&of_replicas.evictions),
            ..Totals::default()
        }
    }
}

impl Drop for Clustered {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    async fn commit(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        let result = self.try_commit(transaction).await;
        let counted = match &result {
            Ok(_) => &self.counts.commits,
            Err(CommitStateError::Conflict) => &self.counts.conflicts,
            Err(_) => &self.counts.failures,
        };
        counted.fetch_add(1, Ordering::Relaxed);
        result
    }

    async fn try_commit(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        let told = transaction.told.as_ref().is_some_and(|told| !told.is_empty());
        if !transaction.changes_state() && !told {
            return Ok(());
        }
        if !transaction.streams.is_empty() {
            return Err(ClusterError::NotShared("streams").into());
        }
        let until = Instant::now() + self.commits.link.options().commit_timeout;
        let queue = &self.signals.queue;
        let changes = &transaction.signals;
        // The signal that it ends, as this node has taken it.
        let ended = changes.done.map(|done| done.id).or(changes.failed.map(|(id, _)| id));
        let taken = ended.and_then(|id| queue.taken(id)).map(|(signal, _at)| signal);
        let own = transaction.room.clone().or(taken.as_ref().map(|it| Arc::clone(&it.room)));
        let mut replica = match &own {
            Some(own) => Some(self.replicas.hold(own, until).await?),
            None => None,
        };
        let table = replica.as_ref().and_then(|it| it.table()).unwrap_or_default();
        let plan = match changes.is_empty() {
            true => Plan::default(),
            false => self.plan(&table, transaction, taken.as_deref(), until).await?,
        };
        let keys = self.commits.link.keys();
        let mut blocks = Blocks::of(keys, own.as_ref(), transaction, &plan);
        let is_removed = |id: u64| plan.removed.iter().any(|(removed, _)| *removed == id);
        if let Some(taken) = taken.as_ref().filter(|it| it.is_planned() && is_removed(it.id)) {
            blocks.unplan(keys, taken);
        }
        for gone in &plan.unplanned {
            blocks.unplan(keys, gone);
        }
        if replica.is_none() {
            // Schedules, or a room that is told something by an event of none.
            let Some(first) = blocks.rooms.first() else {
                // The signal that has failed was removed meanwhile.
                queue.apply(ended.map(Step::End));
                self.signals.change();
                return Ok(());
            };
            replica = Some(self.replicas.hold(&first.room, until).await?);
        }
        let replica = replica.expect("there is a room");
        let reads = reads(transaction, &replica, &table);
        let commit = Commit {
            replica: &replica,
            blocks: &blocks,
            reads: &reads,
            needs: taken.as_ref().map(|taken| taken.id),
            is_forced: plan.is_forced,
        };
        let result = self.commits.commit(commit).await;
        let is_behind = match &result {
            Ok(committed) => *committed != Committed::Here,
            // What has changed comes on the channel before the answer; but the log may be longer than what came.
            Err(CommitStateError::Conflict) => true,
            Err(CommitStateError::Cluster(ClusterError::Lost)) => true,
            Err(_) => false,
        };
        if is_behind && let Err(error) = self.replicas.catch_up(&replica, until).await {
            // What was committed is committed: whoever reads next waits for it.
            replica.set_behind();
            let error = answer::chain(&error);
            tracing::warn!(room = &*replica.room, %error, "cannot read the log of a room");
        }
        if result? == Committed::Gone {
            // It was cancelled or replaced, or another node was faster.
            queue.apply(ended.map(Step::Remove));
            self.signals.change();
            return Err(CommitStateError::Conflict);
        }
        if !changes.is_empty() {
            // What waits again is taken again, by whichever node has the room then.
            let removed = plan.removed.iter().map(|(id, _room)| Step::Remove(*id));
            queue.apply(ended.map(Step::End).into_iter().chain(removed));
            self.signals.change();
        }
        Ok(())
    }

    fn all(&self) -> All {
        *self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sweep(&self, expired_before: u64) -> Result<(), CommitStateError> {
        self.replicas.sweep().await;
        let link = &self.commits.link;
        let mut command = redis::cmd("HMGET");
        command.arg(&link.keys().totals).arg(&["rooms", "bytes", "signals", "parked"]);
        let all = answer::list(link.send(read_until(), command).await?)?;
        let number =
            |value: &redis::Value| answer::number(answer::text(value).as_bytes()).unwrap_or(0);
        if let [rooms, bytes, signals, parked] = &all[..] {
            let all = All {
                rooms: number(rooms),
                bytes: number(bytes),
                signals: number(signals),
                parked: number(parked),
            };
            *self.all.lock().unwrap_or_else(PoisonError::into_inner) = all;
        }
        self.remove_expired(expired_before).await
    }
}

/// What must not have changed until the commit: what the event has read, and what its plan is made from.
fn reads(transaction: &Transaction, replica: &Replica, table: &Table) -> StateReads {
    let since = replica.position().seq;
    let mut reads = match transaction.reads.as_deref() {
        Some(reads) => reads.clone(),
        None => StateReads { since, ..StateReads::default() },
    };
    let changes = &transaction.signals;
    if !changes.timers.is_empty() || changes.clears_timers {
        reads.since = reads.since.min(table.seq());
        reads.timers.extend(changes.timers.keys().cloned());
    }
    if changes.clears_timers {
        reads.timers.push("*".into());
    }
    reads
}

fn read_until() -> Instant {
    Instant::now() + READ_TIMEOUT
}
