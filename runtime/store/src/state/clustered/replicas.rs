//! The rooms that this node holds copies of: those that had events here lately.
//!
//! A node listens to the channel of each such room. A copy from which something is missing, after a break of the
//! connection or a record that has not come, reads the room's log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use zigttp_abi::connection_id::ConnectionId;

use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::keys::room_of_channel;
use crate::cluster::link::{Feed, Link};
use crate::cluster::packed::{unpack, unpack_timer};
use crate::cluster::record::Logged;
use crate::cluster::scripts;
use crate::state::clustered::replica::{Listener, Members, Position, Replica};
use crate::state::signals::SignalUsage;
use crate::state::table::Table;

/// How long a copy stays that nobody uses, in sweeps. There is one a second.
const UNUSED_SWEEPS: u32 = 60;
/// Copies of which something is missing and that wait to be read.
const MOST_BEHIND: usize = 10_000;
/// Where a member is among the others: what it begins with in Redis.
const PLACE_DIGITS: usize = 18;
/// What an entry takes in memory besides what it counts, and a room without its entries.
const ENTRY_BYTES: u64 = 96;
const ROOM_BYTES: u64 = 640;

/// The copies that this node holds.
pub(crate) struct Replicas {
    link: OnceLock<Arc<Link>>,
    pub(crate) listener: Listener,
    held: Mutex<HashMap<Arc<str>, Arc<Replica>>>,
    /// Held while a channel is listened to or left.
    listening: tokio::sync::Mutex<()>,
    /// Those of which something is missing.
    behind: mpsc::Sender<Arc<Replica>>,
    most_bytes: u64,
    counts: Counts,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) loads: AtomicU64,
    pub(crate) evictions: AtomicU64,
    /// Copies of which something was missing.
    pub(crate) gaps: AtomicU64,
    /// Rooms of which the server has lost what was here.
    pub(crate) losses: AtomicU64,
}

/// What reading a room's log has brought.
enum Tail {
    Log(Vec<Logged>),
    /// It begins too late, or the room has nothing any more.
    Reload,
    Lost,
}

impl Replicas {
    /// No copies. What is behind is to be read by [`Replicas::read_behind`].
    pub(crate) fn new(most_bytes: u64) -> (Arc<Replicas>, mpsc::Receiver<Arc<Replica>>) {
        let (behind, receiver) = mpsc::channel(MOST_BEHIND);
        let replicas = Replicas {
            link: OnceLock::new(),
            listener: Listener::default(),
            held: Mutex::default(),
            listening: tokio::sync::Mutex::default(),
            behind,
            most_bytes,
            counts: Counts::default(),
        };
        (Arc::new(replicas), receiver)
    }

    /// To be called once, with the connection that feeds them.
    pub(crate) fn connect(&self, link: Arc<Link>) {
        let _ = self.link.set(link);
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many copies there are, and what they take.
    pub(crate) fn size(&self) -> (u64, u64) {
        let held = self.held();
        (held.len() as u64, held.values().map(|replica| bytes_of(replica)).sum())
    }

    /// The copy of a room, if there is one and it was read.
    pub(crate) fn get(&self, room: &str) -> Option<Arc<Replica>> {
        let replica = Arc::clone(self.held().get(room)?);
        replica.table().is_some().then_some(replica)
    }

    /// The copy of a room, which is read if it is not here.
    ///
    /// # Errors
    /// When the server does not answer in time.
    pub(crate) async fn hold(
        &self,
        room: &Arc<str>,
        until: Instant,
    ) -> Result<Arc<Replica>, ClusterError> {
        let replica = {
            let mut held = self.held();
            let new = || {
                let keys = self.link().keys().of_room(room);
                Arc::new(Replica::new(Arc::clone(room), keys, Arc::clone(&self.listener)))
            };
            Arc::clone(held.entry(Arc::clone(room)).or_insert_with(new))
        };
        if replica.table().is_none() {
            let _reading = replica.reading.lock().await;
            if replica.table().is_none() {
                {
                    let _listening = self.listening.lock().await;
                    self.link().listen(&replica.keys.room, true, until).await?;
                }
                self.load(&replica, until).await?;
            }
        }
        Ok(replica)
    }

    /// Reads what is missing from a copy.
    ///
    /// # Errors
    /// When the server does not answer in time.
    pub(crate) async fn catch_up(
        &self,
        replica: &Arc<Replica>,
        until: Instant,
    ) -> Result<(), ClusterError> {
        let _reading = replica.reading.lock().await;
        self.counts.gaps.fetch_add(1, Ordering::Relaxed);
        loop {
            replica.begin_reading();
            match self.tail(replica, until).await? {
                Tail::Log(records) => records.into_iter().for_each(|logged| replica.take(logged)),
                Tail::Reload => self.load(replica, until).await?,
                Tail::Lost => {
                    self.counts.losses.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(
                        room = &*replica.room,
                        "the cluster's Redis has lost what this node has seen of this room"
                    );
                    self.load(replica, until).await?;
                }
            }
            if !replica.is_behind() {
                return Ok(());
            }
        }
    }

    /// Reads a room as it is now, without holding a copy.
    ///
    /// # Errors
    /// When the server does not answer in time.
    pub(crate) async fn read(
        &self,
        room: &str,
        until: Instant,
    ) -> Result<(Table, Members, Position), ClusterError> {
        let keys = self.link().keys().of_room(room);
        let answer = self
            .link()
            .call(&scripts::LOAD, until, |command, _live| {
                command.arg(4).arg(&[&keys.room, &keys.state, &keys.timers, &keys.members]);
            })
            .await?;
        let damaged = || ClusterError::Nonsense(format!("a damaged row of room {room:?}"));
        let mut answer = answer::list(answer)?.into_iter();
        let mut next = || answer.next().unwrap_or(Value::Nil);
        let seq = answer::number(&answer::word(next())?)?;
        let id = answer::string(&answer::word(next())?)?;
        let mut entries = Vec::new();
        for (key, packed) in pairs(next())? {
            entries.push((answer::string(&key)?, unpack(packed).ok_or_else(damaged)?));
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut table = Table::default();
        for (key, entry) in entries {
            table.push(key, entry);
        }
        for (name, packed) in pairs(next())? {
            let timer = unpack_timer(packed).ok_or_else(damaged)?;
            table.set_timer(&answer::string(&name)?, Some(timer));
        }
        let mut count = || answer::number(&answer::word(next())?);
        let (timers, sent, bytes) = (count()?, count()?, count()?);
        table.set_signals(SignalUsage { timers, sent, bytes });
        table.set_seq(seq);
        // Each begins with its place, in digits.
        let mut members = pairs(next())?;
        members.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        let member = |(id, member): (Bytes, Bytes)| {
            let id = ConnectionId::from_number(answer::number(&id)?);
            if member.len() < PLACE_DIGITS {
                return Err(damaged());
            }
            Ok((id, member.slice(PLACE_DIGITS..)))
        };
        let members = members.into_iter().map(member).collect::<Result<_, _>>()?;
        Ok((table, members, Position { seq, id }))
    }

    async fn load(&self, replica: &Replica, until: Instant) -> Result<(), ClusterError> {
        let (table, members, position) = self.read(&replica.room, until).await?;
        self.counts.loads.fetch_add(1, Ordering::Relaxed);
        replica.set(table, members, position);
        Ok(())
    }

    async fn tail(&self, replica: &Replica, until: Instant) -> Result<Tail, ClusterError> {
        let Position { seq, id } = replica.position();
        let answer = self
            .link()
            .call(&scripts::TAIL, until, |command, _live| {
                command.arg(2).arg(&[&replica.keys.room, &replica.keys.log]).arg(seq).arg(&*id);
            })
            .await?;
        let mut answer = answer::list(answer)?.into_iter();
        match &*answer::word(answer.next().unwrap_or(Value::Nil))? {
            b"log" => {
                let entries = answer::list(answer.next().unwrap_or(Value::Nil))?;
                Ok(Tail::Log(entries.into_iter().map(logged).collect::<Result<_, _>>()?))
            }
            b"reload" | b"gone" => Ok(Tail::Reload),
            b"lost" => Ok(Tail::Lost),
            other => Err(ClusterError::Nonsense(String::from_utf8_lossy(other).into_owned())),
        }
    }

    /// Reads what is missing from copies, one after the other, until the future is dropped.
    pub(crate) async fn read_behind(self: Arc<Self>, mut behind: mpsc::Receiver<Arc<Replica>>) {
        while let Some(replica) = behind.recv().await {
            // An event may have been faster.
            while replica.is_behind() && replica.table().is_some() {
                let until = Instant::now() + Duration::from_secs(10);
                if let Err(error) = self.catch_up(&replica, until).await {
                    tracing::warn!(
                        room = &*replica.room,
                        error = %answer::chain(&error),
                        "cannot read the log of a room"
                    );
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Gives up copies that nobody uses, or the least used if they take too much.
    pub(crate) async fn sweep(&self) {
        let (mut bytes, mut old) = (0, Vec::new());
        for replica in self.held().values() {
            let unused = replica.sweep();
            let size = bytes_of(replica);
            bytes += size;
            old.push((unused, size, Arc::clone(replica)));
        }
        old.sort_unstable_by_key(|(unused, ..)| std::cmp::Reverse(*unused));
        for (unused, size, replica) in old {
            if unused < 2 || (unused < UNUSED_SWEEPS && bytes <= self.most_bytes) {
                return;
            }
            bytes = bytes.saturating_sub(size);
            self.let_go(&replica).await;
        }
    }

    async fn let_go(&self, replica: &Arc<Replica>) {
        // While nobody reads it, commits it or begins to listen.
        let _listening = self.listening.lock().await;
        let Ok(_reading) = replica.reading.try_lock() else { return };
        let Ok(_committing) = replica.committing.try_lock() else { return };
        {
            let mut held = self.held();
            // One is the map's, one is the caller's.
            if Arc::strong_count(replica) > 2 {
                return;
            }
            held.remove(&replica.room);
        }
        replica.leave();
        self.counts.evictions.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + Duration::from_secs(1);
        // If that fails the connection is broken, and the next one does not listen to it.
        let _ = self.link().listen(&replica.keys.room, false, until).await;
    }

    fn tell_behind(&self, replica: &Arc<Replica>) {
        // If too many wait, an event will find out.
        let _ = self.behind.try_send(Arc::clone(replica));
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        self.link.get().expect("it is connected before any room is used")
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Replica>>> {
        // Every change is a single insert or remove.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for Replicas {
    fn channels(&self) -> Vec<String> {
        self.held().values().map(|replica| replica.keys.room.clone()).collect()
    }

    fn reconnected(&self) {
        let held: Vec<_> = self.held().values().map(Arc::clone).collect();
        for replica in held {
            replica.set_behind();
            self.tell_behind(&replica);
        }
    }

    fn message(&self, channel: &[u8], message: Vec<u8>) {
        let Some(room) = room_of_channel(channel) else { return };
        let Some(replica) = self.held().get(&*room).map(Arc::clone) else { return };
        let Some(logged) = Logged::of_message(message) else { return };
        let was_behind = replica.is_behind();
        replica.take(logged);
        if !was_behind && replica.is_behind() {
            self.tell_behind(&replica);
        }
    }
}

/// The fields of a hash.
fn pairs(hash: Value) -> Result<Vec<(Bytes, Bytes)>, ClusterError> {
    let mut words = answer::words(hash)?.into_iter();
    let mut pairs = Vec::with_capacity(words.len() / 2);
    while let (Some(field), Some(value)) = (words.next(), words.next()) {
        pairs.push((field, value));
    }
    Ok(pairs)
}

/// What a copy takes in memory.
fn bytes_of(replica: &Replica) -> u64 {
    let usage = replica.usage();
    usage.bytes + usage.keys * ENTRY_BYTES + ROOM_BYTES
}

/// An entry of a room's log: its id, and its fields.
fn logged(entry: Value) -> Result<Logged, ClusterError> {
    let mut entry = answer::list(entry)?.into_iter();
    let mut next = || entry.next().unwrap_or(Value::Nil);
    let number = answer::word(next())?;
    let seq = answer::number(number.strip_suffix(b"-0").unwrap_or(&number))?;
    let fields = answer::words(next())?;
    let (mut id, mut record) = (None, None);
    for field in fields.chunks_exact(2) {
        match &*field[0] {
            b"i" => id = Some(answer::string(&field[1])?),
            b"r" => record = Some(field[1].clone()),
            _ => {}
        }
    }
    let damaged = || ClusterError::Nonsense("a damaged entry of a log".to_owned());
    Ok(Logged {
        seq,
        after: None,
        id: id.ok_or_else(damaged)?,
        record: record.ok_or_else(damaged)?,
    })
}
