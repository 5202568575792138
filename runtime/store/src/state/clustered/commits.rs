//! Commits: one script for each.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::Cmd;
use tokio::time::Instant;
use zigttp_abi::state::KeyRange;

use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::link::{Link, Live};
use crate::cluster::node::{Node, Place};
use crate::cluster::packed::pack;
use crate::cluster::record::{Logged, Record};
use crate::cluster::scripts;
use crate::state::clustered::replica::{Position, Replica};
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::transaction::{StateReads, Transaction};

/// Records that a room's log keeps at most, and the bytes that decide it when they are large.
const MOST_RECORDS: usize = 1024;
const FEWEST_RECORDS: usize = 16;
const LOG_BYTES: usize = 1 << 20;

/// How long an answer is waited for after the time at which the script would refuse.
const GRACE: Duration = Duration::from_secs(2);

/// Commits the events of this node.
pub(crate) struct Commits {
    pub(crate) link: Arc<Link>,
    pub(crate) node: Node,
    pub(crate) limits: StateLimits,
    /// The number of this node's last commit, over all rooms.
    last: AtomicU64,
}

/// What has come of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The copy here has it.
    Here,
    /// The copy here is to catch up: other nodes' commits came before it.
    Behind,
}

impl Commits {
    pub(crate) fn new(link: Arc<Link>, node: Node, limits: StateLimits) -> Commits {
        Commits { link, node, limits, last: AtomicU64::new(0) }
    }

    /// Commits a transaction of a room whose copy is here, all of it or nothing.
    ///
    /// # Errors
    /// When it is not committed; or when the server was lost before it had answered, and it may be.
    pub(crate) async fn commit(
        &self,
        replica: &Replica,
        transaction: &Transaction,
    ) -> Result<Committed, CommitStateError> {
        // Repetitions are found as long as no other commit of this node and room comes between.
        let _committing = replica.committing.lock().await;
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let now = Instant::now();
        let until = now + self.link.options().commit_timeout;
        let before = replica.position();
        let record = Record { changes: transaction.changes.clone() }.encode();
        let request = Request {
            commits: self,
            replica,
            transaction,
            place: self.node.place(),
            number,
            too_late: self.node.redis_time(until),
            before: &before,
            is_empty: replica.usage().keys == 0,
            record: &record,
        };
        let only_deletes = transaction.changes.entries.values().all(Option::is_none);
        let script = if only_deletes { &scripts::COMMIT_DELETIONS } else { &scripts::COMMIT };
        let answer = self
            .link
            .call(script, until + GRACE, |command, live| request.write(command, live))
            .await?;
        let answer = answer::words(answer)?;
        let word = |place: usize| answer.get(place).map_or(&b""[..], |word| word);
        let room = || Arc::clone(&replica.room);
        match word(0) {
            b"ok" => {
                let seq = answer::number(word(1))?;
                let id = request.id();
                // It may have come on the channel already.
                replica.take(Logged { seq, after: None, id: id.into(), record: record.into() });
                let is_here = replica.position().seq >= seq;
                Ok(if is_here { Committed::Here } else { Committed::Behind })
            }
            b"conflict" | b"reload" => Err(CommitStateError::Conflict),
            b"room full" => {
                let (bytes, most) = (answer::number(word(1))?, self.limits.room_bytes);
                Err(CommitStateError::RoomFull { room: room(), bytes, most })
            }
            b"full" => {
                let (bytes, most) = (answer::number(word(1))?, self.limits.all_bytes);
                Err(CommitStateError::Full { bytes, most })
            }
            b"late" => {
                let after = self.link.options().commit_timeout;
                Err(ClusterError::Unreachable { after, last: None }.into())
            }
            b"fenced" => {
                self.node.fence();
                Err(ClusterError::Fenced.into())
            }
            b"epoch" | b"lost" => Err(ClusterError::Lost.into()),
            other => {
                Err(ClusterError::Nonsense(String::from_utf8_lossy(other).into_owned()).into())
            }
        }
    }
}

/// What a commit asks of the server.
struct Request<'a> {
    commits: &'a Commits,
    replica: &'a Replica,
    transaction: &'a Transaction,
    place: Place,
    number: u64,
    /// When the server is to refuse it, in its own time.
    too_late: u64,
    before: &'a Position,
    /// Whether the room has nothing, as far as is known here.
    is_empty: bool,
    record: &'a [u8],
}

impl Request<'_> {
    /// As the script names it.
    fn id(&self) -> String {
        format!("{}:{}:{}", self.place.number, self.place.token, self.number)
    }

    fn write(&self, command: &mut Cmd, live: &Live) {
        let Request {
            commits,
            replica,
            transaction,
            place,
            number,
            too_late,
            before,
            is_empty,
            record,
        } = self;
        let keys = commits.link.keys();
        let of_room = [&replica.keys.room, &replica.keys.state, &replica.keys.log];
        let others = [&keys.epoch, &keys.nodes, &keys.rooms, &keys.totals, &keys.expiry];
        command.arg(of_room.len() + others.len()).arg(&of_room).arg(&others);
        let nothing = StateReads { since: before.seq, ..StateReads::default() };
        let reads = transaction.reads.as_deref().unwrap_or(&nothing);
        let id = if reads.since == before.seq { &*before.id } else { "" };
        let records = (LOG_BYTES / record.len().max(1)).clamp(FEWEST_RECORDS, MOST_RECORDS);
        command.arg(&*live.epoch).arg(place.number).arg(&*place.token).arg(number).arg(too_late);
        command.arg(reads.since).arg(id).arg(u8::from(*is_empty)).arg(*record).arg(&*replica.room);
        command.arg(commits.limits.room_bytes).arg(commits.limits.all_bytes).arg(records);
        command.arg(reads.keys.len());
        for key in &reads.keys {
            command.arg(format!("s{key}"));
        }
        command.arg(reads.ranges.len());
        for range in &reads.ranges {
            write_range(command, range);
        }
        let changes = &transaction.changes;
        command.arg(u8::from(changes.clears)).arg(changes.entries.len());
        for (key, entry) in &changes.entries {
            command.arg(&**key);
            match entry {
                Some(entry) => {
                    match entry.expires {
                        Some(expires) => command.arg(expires),
                        None => command.arg(""),
                    };
                    command.arg(pack(entry));
                }
                None => {
                    command.arg("").arg("");
                }
            }
        }
    }
}

/// Kind and key of the start and of the end.
fn write_range(command: &mut Cmd, range: &KeyRange) {
    for bound in [&range.start, &range.end] {
        let (kind, key) = match bound {
            Bound::Unbounded => ("-", ""),
            Bound::Included(key) => ("[", &**key),
            Bound::Excluded(key) => ("(", &**key),
        };
        command.arg(kind).arg(key);
    }
}
