//! This node among the others: its number, and the lease under which it holds it.
//!
//! A number is held for 15 s by the clock of Redis, and renewed every 5 s. Scripts refuse a node whose number another
//! has taken over: so one that was frozen, or cut off, changes nothing when it comes back. By its own clock a node counts
//! from before it has asked, so it thinks less of its lease than Redis does, never more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::cluster::answer;
use crate::cluster::error::ClusterError;
use crate::cluster::link::Link;
use crate::cluster::scripts;
use crate::cluster::token;
use crate::ids::NodeIds;

/// How long a number is held.
const LEASE: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Between attempts while there is no answer.
const RETRY: Duration = Duration::from_secs(1);
/// What a node's own clock may be slower than that of Redis over one lease.
const MARGIN: Duration = Duration::from_secs(1);
/// Numbers from 1; 0 is that of a server without a cluster.
const LAST_NUMBER: u64 = 4095;
/// A signal's number is a time in milliseconds, the node's number, and a count within that.
const SIGNAL_BITS: u32 = 20;
const SIGNALS_A_MS_BITS: u32 = 8;
/// Connection ids that are reserved at once.
const ID_BLOCK: u64 = 1 << 16;

/// This node among the others.
pub(crate) struct Node {
    shared: Arc<Shared>,
    heartbeat: JoinHandle<()>,
}

/// The place of a node: its number, and what tells it from others that had or get that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) token: Arc<str>,
}

/// How a node stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// No other node has it.
    pub number: u64,
    /// Until when nobody else can have taken its number.
    pub valid_until: Instant,
    /// Others have taken its number: it must end all that it has, and take another.
    pub is_fenced: bool,
    /// The numbers of nodes whose leases had ended at the last heartbeat.
    pub dead: Vec<u64>,
}

struct Shared {
    link: Arc<Link>,
    held: Mutex<Held>,
    ids: Arc<NodeIds>,
    is_fenced: watch::Sender<bool>,
}

struct Held {
    place: Place,
    /// Before the last renewal that has succeeded was sent.
    renewed: Instant,
    /// The time in Redis, in milliseconds since 1970, not later than at this moment.
    time: (Instant, u64),
    last_signal: u64,
    /// Nodes whose leases have ended.
    dead: Vec<u64>,
}

impl Node {
    /// Takes a number.
    ///
    /// # Errors
    /// When the server does not answer in time, or all numbers are taken.
    pub(crate) async fn join(link: Arc<Link>) -> Result<Node, ClusterError> {
        let token: Arc<str> = token::new()?.into();
        let asked = Instant::now();
        let until = asked + link.options().commit_timeout;
        let keys = link.keys();
        let answer = link
            .call(&scripts::TAKE_NUMBER, until, |command, live| {
                command.arg(5).arg(&[
                    &keys.epoch,
                    &keys.leases,
                    &keys.nodes,
                    &keys.names,
                    &keys.ids,
                ]);
                command.arg(&*live.epoch).arg(&*token).arg(&link.options().node_name);
                command.arg(LEASE.as_millis() as u64).arg(LAST_NUMBER).arg(ID_BLOCK);
            })
            .await?;
        let answer = answer::words(answer)?;
        let (held, end) = match answer.first().map(|word| &**word) {
            Some(b"ok") if answer.len() == 4 => {
                let place = Place { number: answer::number(&answer[1])?, token };
                let time = (Instant::now(), answer::number(&answer[3])?);
                let held = Held { place, renewed: asked, time, last_signal: 0, dead: Vec::new() };
                (held, answer::number(&answer[2])?)
            }
            Some(b"full") => return Err(ClusterError::TooManyNodes),
            _ => return Err(ClusterError::Nonsense(format!("{answer:?}"))),
        };
        let (is_fenced, _) = watch::channel(false);
        let reserved = end.saturating_sub(ID_BLOCK)..end;
        let ids = Arc::new(NodeIds::new(held.place.number, reserved));
        let shared = Arc::new(Shared { link, held: Mutex::new(held), ids, is_fenced });
        let heartbeat = tokio::spawn(Arc::clone(&shared).beat());
        Ok(Node { shared, heartbeat })
    }

    pub(crate) fn place(&self) -> Place {
        self.shared.held().place.clone()
    }

    /// The time in Redis at this moment, in milliseconds since 1970, or somewhat earlier.
    pub(crate) fn redis_time(&self, at: Instant) -> u64 {
        let (then, time) = self.shared.held().time;
        let since = at.saturating_duration_since(then).as_millis();
        time + u64::try_from(since).unwrap_or(u64::MAX / 2)
    }

    pub(crate) fn is_fenced(&self) -> bool {
        *self.shared.is_fenced.borrow()
    }

    /// A script has said that this node's number is another's.
    pub(crate) fn fence(&self) {
        self.shared.fence();
    }

    /// A number of a signal or stream, which no other node gives. Numbers of one node ascend, and those of several about
    /// as their times do.
    pub(crate) fn next_signal(&self) -> u64 {
        let time = self.redis_time(Instant::now());
        let mut held = self.shared.held();
        let first = time << SIGNAL_BITS | held.place.number << SIGNALS_A_MS_BITS;
        // The next millisecond begins when this one is used up.
        let mut next = held.last_signal + 1;
        if next & ((1 << SIGNALS_A_MS_BITS) - 1) == 0 {
            next += (1 << SIGNAL_BITS) - (1 << SIGNALS_A_MS_BITS);
        }
        held.last_signal = next.max(first);
        held.last_signal
    }

    /// The ids of connections that are reserved for it.
    pub(crate) fn ids(&self) -> Arc<NodeIds> {
        Arc::clone(&self.shared.ids)
    }

    pub(crate) fn status(&self) -> NodeStatus {
        let is_fenced = self.is_fenced();
        let held = self.shared.held();
        NodeStatus {
            number: held.place.number,
            valid_until: held.renewed + LEASE - MARGIN,
            is_fenced,
            dead: held.dead.clone(),
        }
    }

    /// Renews the lease now.
    #[cfg(test)]
    pub(crate) async fn renew(&self) -> Result<(), ClusterError> {
        self.shared.renew().await
    }

    /// Gives the number back, for the next to take. The node has no connections any more.
    ///
    /// # Errors
    /// When the server does not answer in time.
    pub(crate) async fn leave(&self, until: Instant) -> Result<(), ClusterError> {
        self.heartbeat.abort();
        let Place { number, token } = self.place();
        let link = &self.shared.link;
        let keys = link.keys();
        link.call(&scripts::GIVE_NUMBER_BACK, until, |command, _live| {
            command.arg(3).arg(&[&keys.leases, &keys.nodes, &keys.names]).arg(number).arg(&*token);
        })
        .await?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

impl Shared {
    async fn beat(self: Arc<Shared>) {
        let mut pause = HEARTBEAT;
        loop {
            sleep(pause).await;
            match self.renew().await {
                Ok(()) => pause = HEARTBEAT,
                Err(ClusterError::Fenced) => return self.fence(),
                // The link has told of it.
                Err(_) => pause = RETRY,
            }
        }
    }

    async fn renew(&self) -> Result<(), ClusterError> {
        let asked = Instant::now();
        let Place { number, token } = self.held().place.clone();
        let keys = self.link.keys();
        let answer = self
            .link
            .call(&scripts::RENEW, asked + HEARTBEAT, |command, _live| {
                command.arg(2).arg(&[&keys.leases, &keys.nodes]);
                command.arg(number).arg(&*token).arg(LEASE.as_millis() as u64);
            })
            .await?;
        let mut answer = answer::list(answer)?.into_iter();
        let mut next = || answer.next().unwrap_or(Value::Nil);
        match &*answer::word(next())? {
            b"ok" => {}
            b"fenced" => return Err(ClusterError::Fenced),
            other => {
                return Err(ClusterError::Nonsense(String::from_utf8_lossy(other).into_owned()));
            }
        }
        let time = answer::number(&answer::word(next())?)?;
        let dead = answer::words(next())?;
        let dead = dead.iter().map(|word| answer::number(word)).collect::<Result<_, _>>()?;
        if self.ids.left() < ID_BLOCK / 2 {
            let mut command = redis::cmd("HINCRBY");
            command.arg(&keys.ids).arg(number).arg(ID_BLOCK);
            let end = self.link.send(asked + HEARTBEAT, command).await?;
            self.ids.reserve(answer::number(&answer::word(end)?)?);
        }
        let mut held = self.held();
        // Another sending of the same may have renewed it later: that it was at `asked` stays true.
        (held.renewed, held.time, held.dead) = (asked, (Instant::now(), time), dead);
        Ok(())
    }

    fn fence(&self) {
        if !self.is_fenced.send_replace(true) {
            tracing::error!(
                "this node has lost its place in the cluster: others have taken it over"
            );
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // No change can panic in the middle.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
