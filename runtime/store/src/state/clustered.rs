//! The states of rooms that several nodes share, in Redis.
//!
//! A node has copies of the rooms whose events it runs, and reads those alone. A commit is one script, which compares what
//! its event has read with the log of the room: if another node has changed any of it, nothing is committed, and the
//! event is to run again. The copies follow the logs. Signals and streams are not shared.

mod commits;
mod replica;
mod replicas;

use std::collections::BTreeMap;
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
use crate::cluster::scripts;
use crate::cluster::server_info::ServerInfo;
use crate::state::clustered::commits::{Commits, Committed};
use crate::state::clustered::replicas::Replicas;
use crate::state::error::{CommitStateError, ReadError};
use crate::state::limits::StateLimits;
use crate::state::room_contents::{ContentsQuery, RoomContents, SignalList};
use crate::state::room_state::RoomState;
use crate::state::signal_queue::SignalQueue;
use crate::state::stream_index::StreamIndex;
use crate::state::totals::Totals;
use crate::state::transaction::{StateReads, Transaction};

/// How long a read waits for the server.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Expired entries that one sweep removes.
const EXPIRED_AT_ONCE: usize = 100;

/// The states of rooms that several nodes share.
pub(crate) struct Clustered {
    shared: Arc<Shared>,
    reading_behind: JoinHandle<()>,
    sweeping: Arc<tokio::sync::Mutex<()>>,
    queue: SignalQueue,
    streams: StreamIndex,
}

struct Shared {
    replicas: Arc<Replicas>,
    commits: Commits,
    counts: Counts,
    /// All rooms' sizes, as of the last sweep.
    all: Mutex<(u64, u64)>,
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
        let commits = Commits::new(link, node, limits);
        let shared = Shared { replicas, commits, counts: Counts::default(), all: Mutex::default() };
        Ok(Clustered {
            shared: Arc::new(shared),
            reading_behind,
            sweeping: Arc::default(),
            queue: SignalQueue::of_memory(),
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
        let (table, _position) = self.shared.replicas.read(room, read_until()).await?;
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
        Ok(RoomContents {
            usage: table.usage(),
            entries: table.list(&query.keys, |_| false, query.limits, now),
            timers: SignalList::default(),
            waiting: SignalList::default(),
            parked: SignalList::default(),
            is_complete: true,
            taken: None,
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
        &self.queue
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
        let Commits { node, link, .. } = &self.shared.commits;
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
        let Shared { replicas, counts, all, .. } = &*self.shared;
        let (rooms, bytes) = *all.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.reading_behind.abort();
    }
}

impl Shared {
    async fn commit(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        if !transaction.signals.is_empty() || !transaction.streams.is_empty() {
            return Err(ClusterError::NotShared("signals and streams").into());
        }
        let Some(room) = transaction.changed_room() else { return Ok(()) };
        let until = Instant::now() + self.commits.link.options().commit_timeout;
        let replica = self.replicas.hold(room, until).await?;
        let result = self.commits.commit(&replica, transaction).await;
        let counted = match &result {
            Ok(_) => &self.counts.commits,
            Err(CommitStateError::Conflict) => &self.counts.conflicts,
            Err(_) => &self.counts.failures,
        };
        counted.fetch_add(1, Ordering::Relaxed);
        let is_behind = match &result {
            Ok(committed) => *committed == Committed::Behind,
            // What has changed comes on the channel before the answer; but the log may be longer than what came.
            Err(CommitStateError::Conflict) => true,
            Err(CommitStateError::Cluster(ClusterError::Lost)) => true,
            Err(_) => false,
        };
        if is_behind && let Err(error) = self.replicas.catch_up(&replica, until).await {
            // What was committed is committed: whoever reads next waits for it.
            replica.set_behind();
            tracing::warn!(room = &**room, error = %answer::chain(&error), "cannot read the log of a room");
        }
        result.map(|_| ())
    }

    async fn sweep(&self, expired_before: u64) -> Result<(), CommitStateError> {
        self.replicas.sweep().await;
        let link = &self.commits.link;
        let mut command = redis::cmd("HMGET");
        command.arg(&link.keys().totals).arg("rooms").arg("bytes");
        let all = answer::list(link.send(read_until(), command).await?)?;
        let number =
            |value: &redis::Value| answer::number(answer::text(value).as_bytes()).unwrap_or(0);
        if let [rooms, bytes] = &all[..] {
            *self.all.lock().unwrap_or_else(PoisonError::into_inner) =
                (number(rooms), number(bytes));
        }
        self.remove_expired(expired_before).await
    }

    /// Removes entries whose time is over, from whichever room.
    async fn remove_expired(&self, expired_before: u64) -> Result<(), CommitStateError> {
        let mut seen_to: Vec<(String, String)> = Vec::new();
        loop {
            let link = &self.commits.link;
            let answer = link
                .call(&scripts::EXPIRED, read_until(), |command, _live| {
                    command
                        .arg(1)
                        .arg(&link.keys().expiry)
                        .arg(expired_before)
                        .arg(EXPIRED_AT_ONCE);
                    for (row, time) in &seen_to {
                        command.arg(row).arg(time);
                    }
                })
                .await?;
            seen_to.clear();
            let mut rooms: BTreeMap<Arc<str>, Vec<(Box<str>, String)>> = BTreeMap::new();
            let mut words = answer::words(flat(answer)?)?.into_iter();
            while let (Some(row), Some(time)) = (words.next(), words.next()) {
                let (row, time) = (answer::string(&row)?, answer::string(&time)?.into_string());
                match room_and_key(&row) {
                    Some((room, key)) => {
                        rooms.entry(room.into()).or_default().push((key.into(), time))
                    }
                    None => seen_to.push((row.into_string(), time)),
                }
            }
            if rooms.is_empty() && seen_to.is_empty() {
                return Ok(());
            }
            for (room, keys) in rooms {
                if self.remove_expired_of(&room, &keys, expired_before).await? {
                    seen_to.extend(keys.into_iter().map(|(key, time)| (row_of(&room, &key), time)));
                }
            }
            if seen_to.is_empty() {
                // Other nodes were faster, or events changed them: next time.
                return Ok(());
            }
        }
    }

    /// Removes those entries of a room that are there and whose time is over. Returns false if others have changed
    /// them.
    async fn remove_expired_of(
        &self,
        room: &Arc<str>,
        keys: &[(Box<str>, String)],
        expired_before: u64,
    ) -> Result<bool, CommitStateError> {
        let replica = self.replicas.hold(room, read_until()).await?;
        let table = replica.table().expect("it was read");
        let is_over = |key: &str| {
            let expires = table.get(key).and_then(|entry| entry.expires);
            expires.is_some_and(|expires| expires < expired_before)
        };
        let over: Vec<_> = keys.iter().filter(|(key, _)| is_over(key)).collect();
        if over.is_empty() {
            return Ok(true);
        }
        let mut transaction =
            Transaction { room: Some(Arc::clone(room)), ..Transaction::default() };
        for (key, _) in &over {
            transaction.changes.entries.insert(key.clone(), None);
        }
        let keys = over.iter().map(|(key, _)| key.clone()).collect();
        let reads = StateReads { since: table.seq(), keys, ..StateReads::default() };
        transaction.reads = Some(Box::new(reads));
        match self.commit(&transaction).await {
            Ok(()) => {
                self.counts.expired.fetch_add(over.len() as u64, Ordering::Relaxed);
                Ok(true)
            }
            Err(CommitStateError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The row of an entry among those that expire, as the script writes it.
fn row_of(room: &str, key: &str) -> String {
    format!("{}:{room}{key}", room.len())
}

fn room_and_key(row: &str) -> Option<(&str, &str)> {
    let (len, rest) = row.split_once(':')?;
    rest.split_at_checked(len.parse().ok()?)
}

/// Rows with their numbers come as pairs or one after the other.
fn flat(answer: redis::Value) -> Result<redis::Value, ClusterError> {
    let mut flat = Vec::new();
    for value in answer::list(answer)? {
        match value {
            redis::Value::Array(pair) => flat.extend(pair),
            other => flat.push(other),
        }
    }
    Ok(redis::Value::Array(flat))
}

fn read_until() -> Instant {
    Instant::now() + READ_TIMEOUT
}
