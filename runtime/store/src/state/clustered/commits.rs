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
use crate::cluster::record::Logged;
use crate::cluster::scripts;
use crate::state::clustered::blocks::{Blocks, name_of};
use crate::state::clustered::replica::{Position, Replica};
use crate::state::error::CommitStateError;
use crate::state::limits::StateLimits;
use crate::state::transaction::StateReads;

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

/// What is to be committed.
pub(crate) struct Commit<'a> {
    /// The copy of the event's own room.
    pub(crate) replica: &'a Replica,
    pub(crate) blocks: &'a Blocks,
    /// What must not have changed since.
    pub(crate) reads: &'a StateReads,
    /// A signal that must be there, of the event's own room.
    pub(crate) needs: Option<u64>,
    /// Whether no limit holds.
    pub(crate) is_forced: bool,
}

/// What has come of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The copy here has it.
    Here,
    /// The copy here is to catch up: other nodes' commits came before it.
    Behind,
    /// The signal that it needs is not there any more: nothing was committed.
    Gone,
}

impl Commits {
    pub(crate) fn new(link: Arc<Link>, node: Node, limits: StateLimits) -> Commits {
        Commits { link, node, limits, last: AtomicU64::new(0) }
    }

    /// Commits all of it or nothing.
    ///
    /// # Errors
    /// When it is not committed; or when the server was lost before it had answered, and it may be.
    pub(crate) async fn commit(&self, commit: Commit<'_>) -> Result<Committed, CommitStateError> {
        let Commit { replica, blocks, .. } = commit;
        // Repetitions are found as long as no other commit of this node and room comes between.
        let _committing = replica.committing.lock().await;
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let until = Instant::now() + self.link.options().commit_timeout;
        let request = Request {
            commits: self,
            commit: &commit,
            place: self.node.place(),
            number,
            too_late: self.node.redis_time(until),
            before: &replica.position(),
            is_empty: replica.is_empty(),
        };
        let only_deletes = blocks.only_delete();
        let script = if only_deletes { &scripts::COMMIT_DELETIONS } else { &scripts::COMMIT };
        let answer = self
            .link
            .call(script, until + GRACE, |command, live| request.write(command, live))
            .await?;
        let answer = answer::words(answer)?;
        let word = |place: usize| answer.get(place).map_or(&b""[..], |word| word);
        let number = |place: usize| answer::number(word(place));
        let room = || -> Result<Arc<str>, ClusterError> {
            let place = usize::try_from(number(1)?).unwrap_or(0);
            let block = place.checked_sub(1).and_then(|place| blocks.rooms.get(place));
            Ok(block.map_or_else(|| Arc::clone(&replica.room), |block| Arc::clone(&block.room)))
        };
        match word(0) {
            b"ok" => {
                let (seq, id) = (number(1)?, request.id().into());
                let record = blocks.rooms[0].encoded.clone().into();
                // It may have come on the channel already.
                replica.take(Logged { seq, after: None, id, record });
                let is_here = replica.position().seq >= seq;
                Ok(if is_here { Committed::Here } else { Committed::Behind })
            }
            b"gone" => Ok(Committed::Gone),
            b"conflict" | b"reload" => Err(CommitStateError::Conflict),
            b"room full" => {
                let most = self.limits.room_bytes;
                Err(CommitStateError::RoomFull { room: room()?, bytes: number(2)?, most })
            }
            b"too many signals" => {
                let most = self.limits.room_signals;
                Err(CommitStateError::TooManySignals { room: room()?, signals: number(2)?, most })
            }
            b"full" => {
                let (bytes, most) = (number(1)?, self.limits.all_bytes);
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
    commit: &'a Commit<'a>,
    place: Place,
    number: u64,
    /// When the server is to refuse it, in its own time.
    too_late: u64,
    before: &'a Position,
    /// Whether the room has nothing, as far as is known here.
    is_empty: bool,
}

impl Request<'_> {
    /// As the script names it.
    fn id(&self) -> String {
        format!("{}:{}:{}", self.place.number, self.place.token, self.number)
    }

    fn write(&self, command: &mut Cmd, live: &Live) {
        let Request { commits, commit, place, number, too_late, before, is_empty } = self;
        let Commit { blocks, reads, needs, is_forced, .. } = commit;
        let keys = commits.link.keys();
        let fixed = [
            &keys.epoch,
            &keys.nodes,
            &keys.rooms,
            &keys.totals,
            &keys.expiry,
            &keys.due,
            &keys.leased,
            &keys.present,
            &keys.parked,
        ];
        command.arg(fixed.len() + blocks.key_count()).arg(&fixed);
        blocks.write_keys(command);
        let id = if reads.since == before.seq { &*before.id } else { "" };
        command.arg(&*live.epoch).arg(place.number).arg(&*place.token).arg(number).arg(too_late);
        command.arg(reads.since).arg(id).arg(u8::from(*is_empty));
        let limits = &commits.limits;
        command.arg(limits.room_bytes).arg(limits.all_bytes).arg(limits.room_signals);
        command.arg(u8::from(*is_forced));
        write_reads(command, reads);
        match needs {
            Some(id) => command.arg(1).arg(1).arg(name_of(*id)),
            None => command.arg(0),
        };
        blocks.write(command);
    }
}

/// The names that it has read, and the ranges.
fn write_reads(command: &mut Cmd, reads: &StateReads) {
    let StateReads { since: _, keys, ranges, timers, members, connections } = reads;
    let names = keys.len() + timers.len() + usize::from(*members) + connections.len();
    command.arg(names);
    for key in keys {
        command.arg(format!("s{key}"));
    }
    for timer in timers {
        command.arg(format!("t{timer}"));
    }
    if *members {
        command.arg("m");
    }
    for connection in connections {
        command.arg(format!("a{connection}"));
    }
    command.arg(ranges.len());
    for range in ranges {
        write_range(command, range);
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
