//! The states of all rooms.

use std::sync::Arc;

use zigttp_abi::connection_id::ConnectionId;
use zigttp_files::own_folder::OwnFolder;

use crate::attachment_files::{AttachmentFiles, Committed};
use crate::backup_error::BackupError;
#[cfg(feature = "cluster")]
use crate::cluster::{
    error::ClusterError, node::NodeStatus, options::ClusterOptions, server_info::ServerInfo,
};
use crate::fsync::Fsync;
#[cfg(feature = "cluster")]
use crate::ids::NodeIds;
#[cfg(feature = "cluster")]
use crate::state::clustered::{Clustered, Followed};
use crate::state::database::snapshot::StateSnapshot;
use crate::state::durable::Durable;
use crate::state::error::{CommitStateError, OpenStateError, ReadError};
use crate::state::in_memory::InMemory;
use crate::state::limits::{EXPIRED_MS, StateLimits};
use crate::state::room_contents::{ContentsQuery, RoomContents};
use crate::state::room_state::RoomState;
#[cfg(feature = "cluster")]
use crate::state::shared::RoomListener;
use crate::state::signal_queue::SignalQueue;
use crate::state::signals::{FailedSignal, PlannedSchedule, Signal, SignalChanges, SignalTotals};
use crate::state::stream_index::StreamIndex;
use crate::state::streams::{Stream, StreamChanges, StreamRequest, StreamState, TakenStream};
use crate::state::totals::{Compacted, Totals};
use crate::state::transaction::Transaction;

/// The states of all rooms: what live rooms have in memory, and where it is kept.
pub struct States(Kind);

enum Kind {
    InMemory(Box<InMemory>),
    Durable(Durable),
    #[cfg(feature = "cluster")]
    Clustered(Box<Clustered>),
}

/// How a commit ends.
enum Way<D, #[cfg(feature = "cluster")] C> {
    Done(Result<(), CommitStateError>),
    Durable(D),
    #[cfg(feature = "cluster")]
    Clustered(C),
}

impl States {
    /// The states of rooms of a server without a durable folder.
    pub fn in_memory(limits: StateLimits) -> States {
        States(Kind::InMemory(Box::new(InMemory::new(limits))))
    }

    /// Opens `<dir>/store/state.db`; makes it if it does not exist. Writes the attachments that were committed
    /// when the last server ended.
    ///
    /// # Errors
    /// See [`OpenStateError`].
    pub fn open(
        durable: &OwnFolder,
        fsync: Fsync,
        limits: StateLimits,
        files: &AttachmentFiles,
    ) -> Result<States, OpenStateError> {
        Durable::open(durable, fsync, limits, files).map(|durable| States(Kind::Durable(durable)))
    }

    /// The states of rooms that this node shares with others.
    ///
    /// # Errors
    /// See [`ClusterError`].
    #[cfg(feature = "cluster")]
    pub async fn connect(
        options: ClusterOptions,
        limits: StateLimits,
    ) -> Result<States, ClusterError> {
        let clustered = Clustered::connect(options, limits).await?;
        Ok(States(Kind::Clustered(Box::new(clustered))))
    }

    /// How this node stands among the others. `None` without a cluster.
    #[cfg(feature = "cluster")]
    pub fn cluster_node(&self) -> Option<NodeStatus> {
        match &self.0 {
            Kind::Clustered(clustered) => Some(clustered.node().status()),
            Kind::InMemory(_) | Kind::Durable(_) => None,
        }
    }

    /// The connection ids that are reserved for this node. `None` without a cluster.
    #[cfg(feature = "cluster")]
    pub fn cluster_ids(&self) -> Option<Arc<NodeIds>> {
        match &self.0 {
            Kind::Clustered(clustered) => Some(clustered.node().ids()),
            Kind::InMemory(_) | Kind::Durable(_) => None,
        }
    }

    /// Leaves the cluster, for the next node to take this one's number. Nothing can be committed any more.
    ///
    /// # Errors
    /// When the server does not answer in time: then the number is held until its lease ends.
    #[cfg(feature = "cluster")]
    pub async fn leave_cluster(&self) -> Result<(), ClusterError> {
        match &self.0 {
            Kind::Clustered(clustered) => clustered.leave().await,
            Kind::InMemory(_) | Kind::Durable(_) => Ok(()),
        }
    }

    #[cfg(all(test, feature = "cluster"))]
    pub(crate) fn in_cluster(&self) -> Option<&Clustered> {
        match &self.0 {
            Kind::Clustered(clustered) => Some(clustered),
            Kind::InMemory(_) | Kind::Durable(_) => None,
        }
    }

    #[cfg(all(test, feature = "cluster"))]
    pub(crate) fn clustered(&self) -> &Clustered {
        self.in_cluster().expect("the test has a cluster")
    }

    /// Whoever is to follow the rooms that nodes share: once, before any is used.
    #[cfg(feature = "cluster")]
    pub fn listen(&self, listener: Arc<dyn RoomListener>) {
        if let Kind::Clustered(clustered) = &self.0 {
            clustered.listen(listener);
        }
    }

    /// Follows a room for as long as what is returned is kept. `None` without a cluster.
    ///
    /// # Errors
    /// When the server does not answer in time.
    #[cfg(feature = "cluster")]
    pub async fn follow(&self, room: &Arc<str>) -> Result<Option<Followed>, ReadError> {
        match &self.0 {
            Kind::Clustered(clustered) => clustered.follow(room).await.map(Some),
            Kind::InMemory(_) | Kind::Durable(_) => Ok(None),
        }
    }

    /// What the cluster's server says about itself. `None` without a cluster.
    #[cfg(feature = "cluster")]
    pub fn cluster_server(&self) -> Option<Arc<ServerInfo>> {
        match &self.0 {
            Kind::Clustered(clustered) => Some(clustered.server()),
            Kind::InMemory(_) | Kind::Durable(_) => None,
        }
    }

    /// The state of a room whose turn it is, if it is in memory.
    pub fn cached(&self, room: &str) -> Option<RoomState> {
        match &self.0 {
            Kind::InMemory(rooms) => Some(RoomState::Whole(rooms.table(room))),
            Kind::Durable(durable) => durable.live(room),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.live(room),
        }
    }

    /// The state of a room whose turn it is. From then on it is in memory, unless it is large.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn load(&self, room: &str) -> Result<RoomState, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(RoomState::Whole(rooms.table(room))),
            Kind::Durable(durable) => match durable.live(room) {
                Some(state) => Ok(state),
                None => durable.load(room).await,
            },
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.load(room).await,
        }
    }

    /// One committed state of another room, which is read for this look alone.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn look(&self, room: &str) -> Result<RoomState, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(RoomState::Whole(rooms.table(room))),
            Kind::Durable(durable) => durable.look(room).await,
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.look(room).await,
        }
    }

    /// The names of rooms that have state, in the order of their bytes: those that begin with `prefix`, behind
    /// `after`, and at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn room_names(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Arc<str>>, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(rooms.names(prefix, after, most)),
            Kind::Durable(durable) => durable.room_names(prefix, after, most).await,
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.room_names(prefix, after, most).await,
        }
    }

    /// What a room has at this time, for an operator.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn contents(
        &self,
        room: &str,
        query: ContentsQuery,
        now: u64,
    ) -> Result<RoomContents, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(rooms.contents(room, &query, now)),
            Kind::Durable(durable) => durable.contents(room, query, now).await,
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.contents(room, &query, now).await,
        }
    }

    /// Commits one event, all of it or nothing, and then calls `then`. It is queued when this returns, and is
    /// finished, `then` included, even if the future is dropped. Transactions with files of one connection have effect
    /// in the order of these calls.
    pub fn commit<F: FnOnce(Committed) + Send + 'static>(
        &self,
        transaction: Transaction,
        then: F,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<F> {
        let way = match &self.0 {
            Kind::InMemory(rooms) => {
                let result = rooms.commit(&transaction);
                if result.is_ok() {
                    then(Committed::default());
                }
                Way::Done(result)
            }
            Kind::Durable(durable) => Way::Durable(durable.commit(transaction, then)),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => Way::Clustered(clustered.commit(transaction, then)),
        };
        async {
            match way {
                Way::Done(result) => result,
                Way::Durable(waiting) => waiting.await,
                #[cfg(feature = "cluster")]
                Way::Clustered(waiting) => waiting.await,
            }
        }
    }

    /// Whether there is room in memory for an event's changes.
    ///
    /// # Errors
    /// When a limit would be exceeded.
    pub fn check(&self, transaction: &Transaction) -> Result<(), CommitStateError> {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.check(transaction),
            Kind::Durable(_) => Ok(()),
            #[cfg(feature = "cluster")]
            Kind::Clustered(_) => Ok(()),
        }
    }

    /// Makes changes in memory that were checked.
    pub fn apply(&self, transaction: &Transaction) {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.apply(transaction),
            _ => unreachable!("only changes in memory are checked before"),
        }
    }

    /// The rooms in memory that no event has used since the last call.
    pub fn unused(&self) -> Vec<Arc<str>> {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.unused(),
            Kind::Durable(_) => Vec::new(),
            #[cfg(feature = "cluster")]
            Kind::Clustered(_) => Vec::new(),
        }
    }

    /// Waits until an attachment file can be read, or changed without a transaction. To be called when its connection
    /// has ended.
    pub async fn settle(&self, id: ConnectionId) {
        if let Kind::Durable(durable) = &self.0 {
            durable.settle(id).await;
        }
    }

    /// Removes what has expired more than a minute ago, and tries again what could not be written. To be called about
    /// every second with the present time.
    pub fn sweep(&self, now: u64) {
        let expired_before = now.saturating_sub(EXPIRED_MS);
        match &self.0 {
            Kind::InMemory(rooms) => rooms.sweep(expired_before),
            Kind::Durable(durable) => durable.sweep(now, expired_before),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.sweep(expired_before),
        }
    }

    /// Removes what has expired more than a minute ago, gives all free space of the file back, and empties the log: a
    /// step at a time, between which events are committed, until this is dropped. `None` without a durable folder.
    ///
    /// # Errors
    /// When the database cannot be written, or the server stops.
    pub async fn compact(&self, now: u64) -> Result<Option<Compacted>, CommitStateError> {
        match &self.0 {
            Kind::InMemory(_) => Ok(None),
            Kind::Durable(durable) => {
                durable.compact(now.saturating_sub(EXPIRED_MS)).await.map(Some)
            }
            #[cfg(feature = "cluster")]
            Kind::Clustered(_) => Ok(None),
        }
    }

    /// Keeps all of the durable folder as it is at one moment, for a backup. `None` without a durable folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn snapshot(&self) -> Result<Option<StateSnapshot>, BackupError> {
        match &self.0 {
            Kind::InMemory(_) => Ok(None),
            Kind::Durable(durable) => durable.snapshot().await.map(Some),
            #[cfg(feature = "cluster")]
            Kind::Clustered(_) => Ok(None),
        }
    }

    /// When the first signal is due of those that may be taken.
    pub fn next_due(&self) -> Option<u64> {
        self.queue().next_due()
    }

    /// Takes signals that are due: of each room of which none is taken the first one. The room that has waited
    /// longest comes first. One that is taken must be ended: by a transaction that it is `done` with, or by
    /// [`States::fail`], or [`States::give_back`], or [`States::is_current`] if that returns false.
    pub fn take_due(&self, now: u64, most: usize) -> Vec<Signal> {
        match &self.0 {
            Kind::InMemory(_) => {}
            Kind::Durable(durable) => durable.advance(now),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => return clustered.take_due(now, most),
        }
        self.queue().take(now, most)
    }

    /// Goes on in memory as after the end of a process and another's start: what was taken is there again, and streams
    /// whose request may have been made are interrupted. For tests; whoever has taken anything is gone.
    pub fn restart(&self) {
        if let Kind::InMemory(rooms) = &self.0 {
            rooms.queue().restart();
            rooms.streams().restart();
        }
    }

    /// Whether a signal that was taken is still to run. To be called in the turn of its room. If it was removed or
    /// replaced meanwhile, it is no longer taken.
    pub fn is_current(&self, signal: &Signal) -> bool {
        let is_current = self.queue().is_current(signal.id);
        #[cfg(feature = "cluster")]
        if let (false, Kind::Clustered(clustered)) = (is_current, &self.0) {
            clustered.signal_ended();
        }
        is_current
    }

    /// A signal that was taken waits for the outside: others of its room may be taken, but for those of its name.
    pub fn suspend(&self, id: u64) {
        self.queue().suspend(id);
    }

    /// Ends the taking of a signal that did not run. It and all others of its room wait until this time. That is not
    /// stored.
    pub fn give_back(&self, id: u64, due: u64) {
        self.queue().give_back(id, due);
    }

    /// Ends the taking of a signal whose event has failed. If it was removed or replaced meanwhile, nothing is stored.
    pub fn fail(
        &self,
        id: u64,
        outcome: FailedSignal,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<> {
        let signals = SignalChanges { failed: Some((id, outcome)), ..SignalChanges::default() };
        let transaction = Transaction { signals, ..Transaction::default() };
        self.commit(transaction, |_| {})
    }

    /// Makes these the schedules that there are: plans the first run of each that is new, and removes the runs of
    /// all others.
    pub fn plan(
        &self,
        schedules: Vec<PlannedSchedule>,
        now: u64,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<> {
        let signals = SignalChanges { schedules: Some(schedules), ..SignalChanges::default() };
        self.commit(Transaction { signals, now, ..Transaction::default() }, |_| {})
    }

    /// Makes all parked signals due once more, as if so many attempts had failed. It is not awaited.
    pub fn wake_parked(&self, attempts: u32) {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.wake_parked(attempts),
            Kind::Durable(durable) => durable.wake_parked(attempts),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.wake_parked(attempts),
        }
    }

    /// Waits until a signal is due earlier than [`States::next_due`] has said. For one that waits.
    pub async fn due_sooner(&self) {
        self.queue().sooner().await;
    }

    pub fn signal_totals(&self) -> SignalTotals {
        let (stored, parked) = match &self.0 {
            Kind::InMemory(rooms) => rooms.signal_counts(),
            Kind::Durable(durable) => durable.signal_counts(),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.signal_counts(),
        };
        let (taken, first_due) = (self.queue().taken_count(), self.next_due());
        SignalTotals { stored, taken, parked, first_due }
    }

    /// Takes the oldest stream that is not taken and follows none of its name: of two the end of the first comes
    /// before all of the second. It must be ended: by a transaction that it has `ended` with, or by
    /// [`States::end_stream`].
    pub fn take_stream(&self) -> Option<TakenStream> {
        self.streams().take()
    }

    /// Waits until there is a stream to take. For one that waits.
    pub async fn stream_added(&self) {
        self.streams().added().await;
    }

    /// The request of a stream that was taken, to be made at most once; `None` if it was cancelled meanwhile.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn stream_request(&self, id: u64) -> Result<Option<StreamRequest>, ReadError> {
        match &self.0 {
            Kind::InMemory(rooms) => Ok(rooms.streams().take_request(id)),
            Kind::Durable(durable) => durable.stream_request(id).await,
            #[cfg(feature = "cluster")]
            Kind::Clustered(_) => Ok(None),
        }
    }

    /// Whether a room has a stream of this name that is not cancelled.
    pub fn has_stream(&self, room: &str, name: &str) -> bool {
        self.streams().find(room, name).is_some()
    }

    /// How many streams a room has, and how many there are of all rooms: all that have not ended.
    pub fn stream_counts(&self, room: &str) -> (usize, usize) {
        self.streams().counts(room)
    }

    /// Ends a stream without an event.
    pub fn end_stream(
        &self,
        id: u64,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<> {
        let streams = StreamChanges { ended: Some(id), ..StreamChanges::default() };
        self.commit(Transaction { streams, ..Transaction::default() }, |_| {})
    }

    /// Cancels a stream for an operator. Its room is told.
    pub fn cancel_stream(
        &self,
        id: u64,
    ) -> impl Future<Output = Result<(), CommitStateError>> + use<> {
        let streams = StreamChanges { cancelled: Some(id), ..StreamChanges::default() };
        self.commit(Transaction { streams, ..Transaction::default() }, |_| {})
    }

    /// All streams, in the order in which they were made.
    pub fn list_streams(&self) -> Vec<(Arc<Stream>, StreamState)> {
        self.streams().list()
    }

    fn streams(&self) -> &StreamIndex {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.streams(),
            Kind::Durable(durable) => durable.streams(),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.streams(),
        }
    }

    fn queue(&self) -> &SignalQueue {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.queue(),
            Kind::Durable(durable) => durable.queue(),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.queue(),
        }
    }

    /// Why nothing can be stored in the durable folder, as one line; `None` while it can, and without a folder.
    pub fn problem(&self) -> Option<Arc<str>> {
        match &self.0 {
            Kind::InMemory(_) => None,
            Kind::Durable(durable) => durable.health().problem(),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.problem(),
        }
    }

    /// What the states take, and what was done with them.
    pub fn totals(&self) -> Totals {
        match &self.0 {
            Kind::InMemory(rooms) => rooms.totals(),
            Kind::Durable(durable) => durable.totals(),
            #[cfg(feature = "cluster")]
            Kind::Clustered(clustered) => clustered.totals(),
        }
    }
}
