//! The signals that are stored, as far as the plan of one transaction needs them: read before it is made.

use std::sync::Arc;

use bytes::Buf;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::link::Link;
use crate::cluster::packed::{get, unpack_signal};
use crate::state::clustered::blocks::name_of;
use crate::state::error::CommitStateError;
use crate::state::signal_plan::{MOST_PARKED, StoredSignals};
use crate::state::signal_queue::SignalQueue;
use crate::state::signals::{FailedSignal, Signal, StoredSignal, Timer};
use crate::state::stream_plan::StreamPlan;
use crate::state::table::Table;
use crate::state::transaction::Transaction;

/// What is known before a plan is made.
pub(crate) struct Known<'a> {
    /// The transaction's own room.
    pub(crate) table: &'a Table,
    pub(crate) queue: &'a SignalQueue,
    pub(crate) planned: Vec<Arc<Signal>>,
    of_room: Vec<StoredSignal>,
    /// The oldest parked ones of a room that has as many as it may.
    displaced: Vec<Arc<Signal>>,
}

impl Known<'_> {
    /// Reads what the plan of a transaction will ask for.
    pub(crate) async fn read<'a>(
        link: &Link,
        table: &'a Table,
        queue: &'a SignalQueue,
        transaction: &Transaction,
        until: Instant,
    ) -> Result<Known<'a>, ClusterError> {
        let mut known =
            Known { table, queue, planned: Vec::new(), of_room: Vec::new(), displaced: Vec::new() };
        let changes = &transaction.signals;
        if changes.schedules.is_some() {
            known.planned = planned(link, until).await?;
        }
        if let (Some(room), Some(_)) = (&transaction.room, &changes.restored) {
            known.of_room = of_room(link, room, until).await?;
            known.of_room.retain(|stored| !stored.signal.is_planned());
        }
        if let Some((id, FailedSignal::Park)) = changes.failed
            && let Some((signal, _at)) = queue.taken(id)
        {
            let all = of_room(link, &signal.room, until).await?;
            let parked: Vec<_> = all.into_iter().filter(|stored| stored.is_parked).collect();
            let too_many = (parked.len() + 1).saturating_sub(MOST_PARKED);
            let oldest = parked.into_iter().take(too_many);
            known.displaced = oldest.map(|stored| Arc::new(stored.signal)).collect();
        }
        Ok(known)
    }
}

impl StoredSignals for Known<'_> {
    fn timer(&self, _room: &Arc<str>, name: &str) -> Result<Option<Timer>, CommitStateError> {
        Ok(self.table.timer(name))
    }

    fn timers(&self, _room: &Arc<str>) -> Result<Vec<(Box<str>, Timer)>, CommitStateError> {
        Ok(self.table.timers().iter().map(|(name, timer)| (name.clone(), *timer)).collect())
    }

    fn taken(&self, id: u64) -> Result<Option<(Arc<Signal>, u64)>, CommitStateError> {
        Ok(self.queue.taken(id))
    }

    fn planned(&self) -> Result<Vec<Arc<Signal>>, CommitStateError> {
        Ok(self.planned.clone())
    }

    fn of_room(&self, _room: &Arc<str>) -> Result<Vec<StoredSignal>, CommitStateError> {
        Ok(self.of_room.clone())
    }

    fn streams(
        &self,
        _transaction: &Transaction,
        _last_id: &mut u64,
    ) -> Result<StreamPlan, CommitStateError> {
        Err(ClusterError::NotShared("streams").into())
    }

    fn displace_parked(&self, room: &str) -> Result<Vec<Arc<Signal>>, CommitStateError> {
        for signal in &self.displaced {
            tracing::error!(
                room,
                signal = &*signal.name,
                id = signal.id,
                "the room has more than {MOST_PARKED} parked signals: the oldest is removed"
            );
        }
        Ok(self.displaced.clone())
    }
}

/// All signals for a room: first those that wait, by when they are due, then those that are parked, the oldest first.
///
/// # Errors
/// When the server does not answer in time.
pub(crate) async fn of_room(
    link: &Link,
    room: &Arc<str>,
    until: Instant,
) -> Result<Vec<StoredSignal>, ClusterError> {
    let keys = link.keys().of_room(room);
    let mut pipe = redis::cmd("ZRANGE");
    pipe.arg(&keys.parked).arg(0).arg(-1);
    let parked = answer::words(link.send(until, pipe).await?)?;
    let mut command = redis::cmd("HGETALL");
    command.arg(&keys.signals);
    let mut words = answer::words(link.send(until, command).await?)?.into_iter();
    let mut signals = Vec::new();
    while let (Some(name), Some(packed)) = (words.next(), words.next()) {
        let damaged = || ClusterError::Nonsense(format!("a damaged signal of room {room:?}"));
        let id = answer::number(&name)?;
        let signal = unpack_signal(id, room, packed).ok_or_else(damaged)?;
        signals.push(StoredSignal { signal, is_parked: parked.contains(&name) });
    }
    signals.sort_unstable_by_key(|it| {
        (it.is_parked, if it.is_parked { 0 } else { it.signal.due }, it.signal.id)
    });
    Ok(signals)
}

/// The next runs of all schedules, of which no more than this is known: what they are, and their numbers.
async fn planned(link: &Link, until: Instant) -> Result<Vec<Arc<Signal>>, ClusterError> {
    let mut command = redis::cmd("HGETALL");
    command.arg(&link.keys().planned);
    let mut words = answer::words(link.send(until, command).await?)?.into_iter();
    let mut planned = Vec::new();
    while let (Some(mut field), Some(id)) = (words.next(), words.next()) {
        let mut text = || -> Option<String> {
            let text = get(&mut field)??;
            Some(std::str::from_utf8(text.chunk()).ok()?.to_owned())
        };
        let damaged = || ClusterError::Nonsense("a damaged schedule".to_owned());
        let mut text = || text().ok_or_else(damaged);
        let (room, name, cron) = (text()?, text()?, text()?);
        planned.push(Arc::new(Signal {
            id: answer::number(&id)?,
            room: room.into(),
            sender: None,
            name: name.into(),
            is_timer: false,
            cron: Some(cron.into()),
            scheduled: 0,
            due: 0,
            period: None,
            attempt: 0,
            data: None,
            on_fail: None,
        }));
    }
    Ok(planned)
}

/// The signals of one room that a script has answered, each with its number before it.
pub(crate) fn signals_of(
    room: &Arc<str>,
    words: impl Iterator<Item = bytes::Bytes>,
) -> Result<Vec<Signal>, ClusterError> {
    let mut words = words;
    let mut signals = Vec::new();
    while let (Some(id), Some(packed)) = (words.next(), words.next()) {
        let id = answer::number(&id)?;
        match unpack_signal(id, room, packed) {
            Some(signal) => signals.push(signal),
            None => tracing::error!(
                room = &**room,
                id = name_of(id),
                "a signal in the cluster is damaged"
            ),
        }
    }
    Ok(signals)
}

/// The number of the next run of a schedule. It is the same on all nodes, and beyond those of other signals.
pub(crate) fn number_of_planned(signal: &Signal) -> u64 {
    let mut hash = Sha256::new();
    let cron = signal.cron.as_deref().unwrap_or_default();
    for text in [&*signal.room, &*signal.name, cron] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    let number = u64::from_be_bytes(*digest.first_chunk().expect("SHA-256 has 32 bytes"));
    number >> 1 | 1 << 62
}
